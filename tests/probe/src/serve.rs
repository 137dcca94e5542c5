//! A web server small enough to read: every connection gets one answer.

use crate::{Outcome, number, say};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

/// `http PORT [TEXT]`
pub fn http(arguments: &[String]) -> Outcome {
    let port: u16 = number(arguments, 0, None)?;
    let text = arguments.get(1).cloned().unwrap_or_else(|| "hello from probe".into());
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let listener = TcpListener::bind(any)
        .or_else(|_| TcpListener::bind(("0.0.0.0", port)))
        .map_err(|e| format!("port {port}: {e}"))?;
    say(&format!("listening on {}", listener.local_addr().map_err(|e| e.to_string())?));
    for stream in listener.incoming() {
        let stream = stream.map_err(|e| e.to_string())?;
        let text = text.clone();
        std::thread::spawn(move || {
            if let Err(error) = answer(&stream, &text) {
                crate::complain(&format!("http: {error}"));
            }
        });
    }
    Ok(0)
}

fn answer(stream: &TcpStream, text: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    let mut head = BufReader::new(stream);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    say(first.trim_end());
    let mut out = stream;
    let length = text.len() + 1;
    write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}\n")
}
