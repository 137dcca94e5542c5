//! Files as the shim writes them, rotations in between, and what clients get.

use super::reader::{Chunk, Reader};
use super::*;
use futures_util::StreamExt;
use shared::frame::{self, Stream};
use shared::logline::{Encoder, Ending};
use shared::rotation::{self, Form};
use std::fs::{self, File};
use std::io::{Read, Write};

const SECOND: i64 = 1_000_000_000;

struct Log {
    place: Place,
    encoder: Encoder,
    file: File,
    lines: i64,
}

impl Log {
    fn new(name: &str, format: LogFormat) -> Self {
        let folder =
            std::env::temp_dir().join(format!("coffer-logs-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        let file = File::create(&path).unwrap();
        let encoder = Encoder::new(format, Some(r#"{"b":"x y","a":"1"}"#));
        Self { place: Place { path, format, files: 3 }, encoder, file, lines: 0 }
    }

    fn write(&mut self, stream: Stream, text: &str, ends: Ending) {
        let mut out = Vec::new();
        self.lines += 1;
        self.encoder.append(stream, self.lines * SECOND, text.as_bytes(), ends, &mut out);
        self.file.write_all(&out).unwrap();
    }

    fn line(&mut self, text: &str) {
        self.write(Stream::Stdout, text, Ending::Line);
    }

    fn rotate(&mut self) {
        for (number, form) in [(1, Form::Plain), (1, Form::Packed), (0, Form::Plain)] {
            let name = |number| rotation::name(&self.place.path, number, form);
            if name(number).exists() {
                fs::rename(name(number), name(number + 1)).unwrap();
            }
        }
        self.file = File::create(&self.place.path).unwrap();
    }

    /// As the daemon and the shim compress a rotated file between them.
    fn pack(&self) {
        let rotated = rotation::unpacked(&self.place.path, self.place.files).unwrap();
        let temporary = self.place.path.with_extension("packing");
        let packed = pack(&rotated, temporary, &|| false).unwrap().unwrap();
        let (files, original) = (self.place.files, packed.origin.original);
        rotation::replace(&self.place.path, files, original, &packed.temporary).unwrap();
    }

    fn read(&self, change: impl Fn(&mut Options)) -> String {
        let mut options = Options::new(Shape::Raw);
        change(&mut options);
        let mut reader = Reader::open(self.place.clone(), options).unwrap();
        let mut all = Vec::new();
        while let Chunk::Bytes(bytes) = reader.next().unwrap() {
            all.extend(bytes);
        }
        String::from_utf8(all).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        fs::remove_dir_all(self.place.path.parent().unwrap()).unwrap();
    }
}

const FORMATS: [LogFormat; 2] = [LogFormat::JsonFile, LogFormat::Local];

#[test]
fn files_are_read_in_their_order() {
    for format in FORMATS {
        let mut log = Log::new("order", format);
        for part in ["a", "b", "c"] {
            log.line(part);
            log.rotate();
        }
        log.line("d");
        assert_eq!(log.read(|_| ()), "b\nc\nd\n", "of three files the oldest is gone");
        for (lines, want) in [(0, ""), (1, "d\n"), (2, "c\nd\n"), (9, "b\nc\nd\n")] {
            assert_eq!(log.read(|o| o.tail = Tail::Last(lines)), want, "{lines} {format:?}");
        }
    }
}

#[test]
fn times_streams_and_decorations() {
    let mut log = Log::new("filters", LogFormat::JsonFile);
    log.line("one");
    log.write(Stream::Stderr, "two", Ending::Line);
    log.write(Stream::Stdout, "thr", Ending::Piece);
    log.write(Stream::Stdout, "ee", Ending::Line);
    assert_eq!(log.read(|o| o.stderr = false), "one\nthree\n");
    assert_eq!(log.read(|o| o.since_nanos = Some(3 * SECOND)), "three\n");
    assert_eq!(log.read(|o| o.until_nanos = Some(2 * SECOND)), "one\ntwo\n");
    assert_eq!(
        log.read(|o| (o.timestamps, o.stderr) = (true, false)),
        "1970-01-01T00:00:01.000000000Z one\n1970-01-01T00:00:03.000000000Z three\n"
    );
    assert_eq!(
        log.read(|o| (o.details, o.tail) = (true, Tail::Last(4))).lines().next(),
        Some("a=1,b=x+y one")
    );
}

#[test]
fn frames_carry_the_stream() {
    let mut log = Log::new("frames", LogFormat::Local);
    log.write(Stream::Stderr, "no", Ending::Line);
    let mut reader = Reader::open(log.place.clone(), Options::new(Shape::Framed)).unwrap();
    let Chunk::Bytes(bytes) = reader.next().unwrap() else { panic!("nothing was read") };
    assert_eq!(bytes, [&frame::header(Stream::Stderr, 3)[..], b"no\n"].concat());
    assert_eq!(reader.next().unwrap(), Chunk::End);
}

#[test]
fn history_ends_at_the_given_byte() {
    let mut log = Log::new("byte", LogFormat::JsonFile);
    log.line("old");
    let bytes = log.file.metadata().unwrap().len();
    log.line("new");
    assert_eq!(log.read(|o| o.until = Until::Byte(bytes)), "old\n");
    log.rotate();
    log.line("x");
    assert_eq!(log.read(|o| o.until = Until::Byte(bytes)), "old\n", "also when rotated since");
    assert_eq!(log.read(|o| (o.until, o.tail) = (Until::Byte(bytes), Tail::Last(5))), "old\n");
}

#[test]
fn a_follower_survives_rotation_and_ends_with_the_container() {
    let mut log = Log::new("follow", LogFormat::JsonFile);
    log.line("first");
    let (keeper, ended) = crate::task::channel::bounded::<()>(1);
    let mut options = Options::new(Shape::Raw);
    options.until = Until::Ended;
    let place = log.place.clone();
    let reader = std::thread::spawn(move || {
        crate::task::block_on(async {
            let stream = stream(place, options, ended).await.unwrap();
            stream.map(|chunk| chunk.unwrap().to_vec()).concat().await
        })
    });
    let mut want = "first\n".to_owned();
    for number in 0..200 {
        log.line(&format!("line {number}"));
        want += &format!("line {number}\n");
        if number == 100 {
            log.rotate();
        }
    }
    drop(keeper);
    assert_eq!(String::from_utf8(reader.join().unwrap()).unwrap(), want);
}

#[test]
fn an_empty_or_missing_log_is_no_error() {
    let log = Log::new("empty", LogFormat::JsonFile);
    assert_eq!(log.read(|o| o.tail = Tail::Last(3)), "");
    fs::remove_file(&log.place.path).unwrap();
    assert_eq!(log.read(|_| ()), "");
}

#[test]
fn reading_is_fast_enough() {
    let mut log = Log::new("speed", LogFormat::JsonFile);
    let text = "x".repeat(99);
    let mut out = Vec::new();
    for _ in 0..50_000 {
        log.encoder.append(Stream::Stdout, SECOND, text.as_bytes(), Ending::Line, &mut out);
    }
    log.file.write_all(&out).unwrap();
    let started = std::time::Instant::now();
    assert_eq!(log.read(|_| ()).len(), 5_000_000);
    let speed = 5.0 / started.elapsed().as_secs_f64();
    eprintln!("{speed:.0} MB/s in this build");
    assert!(speed > 5.0, "{speed} MB/s: something is quadratic");
}

#[test]
fn compressed_files_are_read_like_plain_ones() {
    for format in FORMATS {
        let mut log = Log::new("packed", format);
        for part in ["a", "b"] {
            log.line(part);
            log.rotate();
            log.pack();
        }
        log.line("c");
        assert!(rotation::name(&log.place.path, 2, Form::Packed).exists());
        assert_eq!(rotation::unpacked(&log.place.path, 3), None);
        assert_eq!(log.read(|_| ()), "a\nb\nc\n");
        for (lines, want) in [(1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n")] {
            assert_eq!(log.read(|o| o.tail = Tail::Last(lines)), want, "{lines} {format:?}");
        }
        assert_eq!(log.read(|o| o.since_nanos = Some(2 * SECOND)), "b\nc\n");
        // Whoever compressed it died before the original was removed: it is not read twice.
        let second = |form| rotation::name(&log.place.path, 2, form);
        let mut plain = Vec::new();
        let packed = File::open(second(Form::Packed)).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
        fs::write(second(Form::Plain), plain).unwrap();
        assert_eq!(log.read(|_| ()), "a\nb\nc\n");
        fs::remove_file(second(Form::Plain)).unwrap();
        fs::write(second(Form::Packed), b"no gzip at all").unwrap();
        assert!(Reader::open(log.place.clone(), Options::new(Shape::Raw)).unwrap().next().is_err());
    }
}

#[test]
fn a_reader_goes_on_when_its_file_is_compressed() {
    for format in FORMATS {
        let mut log = Log::new("under", format);
        log.line("a");
        let mut options = Options::new(Shape::Raw);
        options.until = Until::Ended;
        let mut reader = Reader::open(log.place.clone(), options).unwrap();
        let mut next = || match reader.next().unwrap() {
            Chunk::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            other => format!("{other:?}"),
        };
        assert_eq!(next(), "a\n");
        log.line("b");
        log.rotate();
        log.pack();
        log.line("c");
        assert_eq!(next() + &next(), "b\nc\nWaiting", "{format:?}");
        log.rotate();
        log.pack();
        log.rotate();
        log.line("d");
        assert_eq!(next(), "d\n");
    }
}

#[test]
fn a_reader_stops_where_it_was_told_in_a_file_that_is_compressed_now() {
    for format in FORMATS {
        let mut log = Log::new("stop", format);
        for part in ["a", "b"] {
            log.line(part);
            log.rotate();
            log.pack();
        }
        log.line("c");
        let mut reader = Reader::open(log.place.clone(), Options::new(Shape::Raw)).unwrap();
        log.rotate();
        log.pack();
        log.line("later");
        let mut text = Vec::new();
        while let Chunk::Bytes(bytes) = reader.next().unwrap() {
            text.extend(bytes);
        }
        assert_eq!(String::from_utf8(text).unwrap(), "a\nb\nc\n", "{format:?}");
    }
}

#[test]
fn a_compressed_file_that_is_dropped_is_not_taken_for_another() {
    let mut log = Log::new("reused", LogFormat::Local);
    log.place.files = 4;
    let name = |log: &Log, number| rotation::name(&log.place.path, number, Form::Packed);
    for (number, part) in [(3, "a"), (2, "b"), (1, "c")] {
        log.line(part);
        log.rotate();
        log.pack();
        fs::rename(name(&log, 1), name(&log, number)).unwrap();
    }
    log.line("d");
    // The inode of what became "c" is that of the file which holds "a" now.
    let of_a = rotation::identity(&name(&log, 3).metadata().unwrap());
    let mut plain = Vec::new();
    let packed = File::open(name(&log, 1)).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    let comment = serde_json::json!({ "original": of_a, "bytes": plain.len() }).to_string();
    let to = File::create(name(&log, 1)).unwrap();
    let mut encoder =
        flate2::GzBuilder::new().comment(comment).write(to, flate2::Compression::default());
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap();
    let mut options = Options::new(Shape::Raw);
    options.until = Until::Ended;
    let mut reader = Reader::open(log.place.clone(), options).unwrap();
    fs::remove_file(name(&log, 3)).unwrap();
    let mut all = Vec::new();
    while let Chunk::Bytes(bytes) = reader.next().unwrap() {
        all.extend(bytes);
    }
    assert_eq!(String::from_utf8(all).unwrap(), "a\nb\nc\nd\n");
}
