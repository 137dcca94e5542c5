//! Streams against a process that is this test itself.

use super::*;
use shared::frame::{HEADER, parse};
use std::fs::File;
use std::io::{Read, Write};

const ALL: Wanted = Wanted { stdin: true, stdout: true, stderr: true };

struct Side {
    stdin: File,
    stdout: Option<File>,
    stderr: Option<File>,
}

fn make(stdin: Stdin) -> (Side, Streams, Buffer) {
    let asked = Stdio { terminal: false, stdin, rows: 0, columns: 0 };
    let (io, streams) = Streams::make(asked).unwrap();
    let Io::Pipes { stdin, stdout, stderr } = io else { panic!() };
    let side =
        Side { stdin: stdin.into(), stdout: Some(stdout.into()), stderr: Some(stderr.into()) };
    (side, streams, Buffer::new().unwrap())
}

fn frames(mut bytes: &[u8]) -> Vec<(Stream, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() {
        let (stream, length) = parse(header).unwrap();
        all.push((stream, rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty());
    all
}

#[test]
fn two_clients_get_what_they_want_in_frames() {
    let (mut side, mut streams, mut buffer) = make(Stdin::Closed);
    let mut all = File::from(streams.attach(ALL).unwrap());
    let only = Wanted { stdin: false, stdout: false, stderr: true };
    let mut only = File::from(streams.attach(only).unwrap());
    side.stdout.as_mut().unwrap().write_all(b"out").unwrap();
    side.stderr.as_mut().unwrap().write_all(b"err").unwrap();
    assert_eq!(streams.drain(&mut buffer, None), Rest::Open);
    (side.stdout, side.stderr) = (None, None);
    assert_eq!(streams.drain(&mut buffer, None), Rest::End);
    streams.close(None);
    assert!(streams.finished());
    let mut bytes = Vec::new();
    all.read_to_end(&mut bytes).unwrap();
    let both = [(Stream::Stdout, b"out".to_vec()), (Stream::Stderr, b"err".to_vec())];
    assert_eq!(frames(&bytes), both);
    bytes.clear();
    only.read_to_end(&mut bytes).unwrap();
    assert_eq!(frames(&bytes), both[1..]);
}

#[test]
fn a_slow_client_holds_output_back_and_loses_nothing() {
    let (mut side, mut streams, mut buffer) = make(Stdin::Closed);
    let mut client = File::from(streams.attach(ALL).unwrap());
    let total = 4 << 20;
    let writer = std::thread::spawn(move || {
        let mut stdout = side.stdout.take().unwrap();
        let bytes: Vec<u8> = (0..total).map(|n| (n % 251) as u8).collect();
        stdout.write_all(&bytes).unwrap();
    });
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while streams.readable().next().is_some() && std::time::Instant::now() < deadline {
        streams.pump(0, &mut buffer, None);
    }
    assert!(streams.readers[0].blocked(), "the client did not read, so nothing is read for it");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        frames(&bytes).into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>()
    });
    while !streams.finished() {
        streams.readers.iter_mut().for_each(Reader::flush);
        if streams.readable().next().is_some() && streams.pump(0, &mut buffer, None).is_none() {
            while streams.readers[0].blocked() {
                streams.readers[0].flush();
            }
            streams.close(None);
        }
        assert!(std::time::Instant::now() < deadline, "no progress");
    }
    writer.join().unwrap();
    let bytes = reader.join().unwrap();
    assert_eq!(bytes.len(), total);
    assert!(bytes.iter().enumerate().all(|(n, byte)| *byte == (n % 251) as u8));
}

#[test]
fn a_client_that_closed_is_forgotten() {
    let (mut side, mut streams, mut buffer) = make(Stdin::Closed);
    drop(streams.attach(ALL).unwrap());
    side.stdout.as_mut().unwrap().write_all(b"x").unwrap();
    streams.drain(&mut buffer, None);
    streams.sweep();
    assert!(streams.readers.is_empty());
}

#[test]
fn input_is_held_and_its_end_comes_after_it() {
    let (side, mut streams, mut buffer) = make(Stdin::Once);
    let client = streams.attach(ALL).unwrap();
    let mut bytes = vec![b'i'; 200_000];
    let sender = std::thread::spawn({
        let (mut client, bytes) = (File::from(client.try_clone().unwrap()), bytes.clone());
        move || {
            client.write_all(&bytes).unwrap();
            nix::sys::socket::shutdown(
                std::os::fd::AsRawFd::as_raw_fd(&client),
                nix::sys::socket::Shutdown::Write,
            )
            .unwrap();
        }
    });
    let mut stdin = side.stdin;
    let process = std::thread::spawn(move || {
        let mut got = Vec::new();
        stdin.read_to_end(&mut got).unwrap();
        got
    });
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while streams.readers[0].listening || streams.input_waiting().is_some() {
        if streams.input_has_room() {
            streams.take_input(0, &mut buffer);
        }
        streams.input().flush();
        assert!(std::time::Instant::now() < deadline, "no progress");
    }
    sender.join().unwrap();
    let got = process.join().unwrap();
    assert_eq!(got.len(), bytes.len());
    bytes.clear();
    drop(client);
}

#[test]
fn an_open_input_outlives_its_clients() {
    let (side, mut streams, mut buffer) = make(Stdin::Open);
    drop(streams.attach(ALL).unwrap());
    streams.take_input(0, &mut buffer);
    streams.lose(0);
    streams.sweep();
    let mut second = File::from(streams.attach(ALL).unwrap());
    second.write_all(b"hello").unwrap();
    streams.take_input(0, &mut buffer);
    let (mut stdin, mut five) = (side.stdin, [0; 5]);
    stdin.read_exact(&mut five).unwrap();
    assert_eq!(&five, b"hello");
    streams.input().close();
    assert_eq!(stdin.read(&mut five).unwrap(), 0);
}
