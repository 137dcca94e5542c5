//! A plain HTTP/1.1 client over a unix socket, from the standard library alone: what it sends is
//! exactly what a test says, and the daemon's own client crate is not tested with itself.

use serde_json::Value;
use shared::frame::{self, Stream};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    prefix: String,
}

/// A head, and a body that is read on demand.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    body: Body,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Decoded from chunks.
    pub bytes: Vec<u8>,
}

/// A body as it comes.
pub struct Body {
    from: BufReader<UnixStream>,
    left: Left,
}

enum Left {
    Bytes(u64),
    /// Bytes left of the current chunk.
    Chunk(u64),
    Close,
    Nothing,
}

impl Client {
    /// For a socket; paths are sent as given.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), prefix: String::new() }
    }

    /// The same with `/v1.41` or such before every path.
    pub fn version(&self, version: &str) -> Self {
        Self { socket: self.socket.clone(), prefix: format!("/v{version}") }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A connection with a time limit on each read and write.
    pub fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_write_timeout(Some(Duration::from_secs(60)))?;
        Ok(stream)
    }

    /// Sends a request, returns once the head of the answer is there.
    pub fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut stream = self.connect()?;
        let mut head = format!("{method} {}{path} HTTP/1.1\r\nHost: test\r\n", self.prefix);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" || method == "PUT" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        // The daemon may answer, and close, before it has read a body that it refuses.
        if let Err(error) = stream.write_all(body)
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error);
        }
        Answer::read(stream)
    }

    /// A whole exchange with a JSON body, or none.
    pub fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Whole> {
        let json = [("Content-Type", "application/json")];
        let bytes = body.map(|b| b.to_string()).unwrap_or_default();
        let headers = if body.is_some() { &json[..] } else { &[] };
        self.open(method, path, headers, bytes.as_bytes())?.whole()
    }

    /// [`Client::try_call`], where a broken connection fails the test.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Whole {
        self.try_call(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Whole {
        self.call("GET", path, None)
    }

    /// `POST` without a body.
    pub fn post(&self, path: &str) -> Whole {
        self.call("POST", path, None)
    }

    /// `POST` of JSON.
    pub fn post_json(&self, path: &str, body: &Value) -> Whole {
        self.call("POST", path, Some(body))
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Whole {
        self.call("DELETE", path, None)
    }

    /// A tar archive as body.
    pub fn upload(&self, method: &str, path: &str, bytes: &[u8]) -> Whole {
        let headers = [("Content-Type", "application/x-tar")];
        let answer = self.open(method, path, &headers, bytes).and_then(Answer::whole);
        answer.unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// An upgraded connection: what follows the head of the answer, in both directions.
    pub fn hijack(
        &self,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<(u16, BufReader<UnixStream>)> {
        let upgrade =
            [("Connection", "Upgrade"), ("Upgrade", "tcp"), ("Content-Type", "application/json")];
        let bytes = body.map(|b| b.to_string()).unwrap_or_default();
        let answer = self.open("POST", path, &upgrade, bytes.as_bytes())?;
        Ok((answer.status, answer.body.from))
    }
}

impl Answer {
    fn read(stream: UnixStream) -> io::Result<Self> {
        let mut from = BufReader::new(stream);
        loop {
            let (status, headers) = head(&mut from)?;
            if status == 100 {
                continue;
            }
            let find =
                |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            let left = if matches!(status, 204 | 304) {
                Left::Nothing
            } else if status == 101 {
                Left::Close
            } else if find("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
                Left::Chunk(0)
            } else if let Some(length) = find("content-length") {
                Left::Bytes(length.parse().map_err(|_| bad("content-length"))?)
            } else {
                Left::Close
            };
            return Ok(Self { status, headers, body: Body { from, left } });
        }
    }

    /// Reads the body to its end.
    pub fn whole(mut self) -> io::Result<Whole> {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes)?;
        Ok(Whole { status: self.status, headers: self.headers, bytes })
    }

    /// The body as a reader.
    pub fn body(self) -> Body {
        self.body
    }
}

impl Body {
    /// The next line of an NDJSON stream; `None` at its end. A read that takes longer than the
    /// connection's limit is an error.
    pub fn line(&mut self) -> io::Result<Option<Value>> {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.read(&mut byte)? == 1 {
            match byte[0] {
                b'\n' if line.iter().all(u8::is_ascii_whitespace) => line.clear(),
                b'\n' => break,
                other => line.push(other),
            }
        }
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(io::Error::other)
    }

    /// Sets how long one read may take.
    pub fn limit(&self, limit: Duration) -> io::Result<()> {
        self.from.get_ref().set_read_timeout(Some(limit))
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Left::Chunk(0) = self.left {
            let mut line = String::new();
            self.from.read_line(&mut line)?;
            let digits = line.trim().split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(digits, 16).map_err(|_| bad("size of a chunk"))?;
            self.left = if size == 0 { Left::Nothing } else { Left::Chunk(size) };
            if size == 0 {
                self.from.read_line(&mut line)?;
            }
        }
        let most = match self.left {
            Left::Nothing => return Ok(0),
            Left::Close => return self.from.read(buffer),
            Left::Bytes(left) | Left::Chunk(left) => buffer.len().min(left as usize),
        };
        if most == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body is cut off"));
        }
        match &mut self.left {
            Left::Bytes(left) => *left -= read as u64,
            Left::Chunk(left) => {
                *left -= read as u64;
                if *left == 0 {
                    let mut end = [0; 2];
                    self.from.read_exact(&mut end)?;
                }
            }
            Left::Close | Left::Nothing => {}
        }
        Ok(read)
    }
}

impl Whole {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|e| panic!("status {}, no JSON ({e}): {}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// `message` of an error; the text itself where a takeover was refused without JSON, as dockerd does.
    pub fn message(&self) -> String {
        let json = serde_json::from_slice::<Value>(&self.bytes).unwrap_or_default();
        json["message"].as_str().map_or(self.text(), str::to_owned).trim().to_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Fails the test unless the status is `wanted`; returns itself.
    #[track_caller]
    pub fn expect(self, wanted: u16) -> Self {
        assert_eq!(self.status, wanted, "status; the body is {}", self.text());
        self
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("bad {what}"))
}

type Head = (u16, Vec<(String, String)>);

fn head(from: &mut BufReader<UnixStream>) -> io::Result<Head> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer"));
    }
    let status = line.split(' ').nth(1).and_then(|s| s.trim().parse().ok());
    let status = status.ok_or_else(|| bad("status line"))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        from.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => return Ok((status, headers)),
        }
    }
}

/// Takes Docker's frames apart: standard output and standard error.
///
/// # Panics
/// When the bytes are no frames.
pub fn demultiplex(mut bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some((header, rest)) = bytes.split_first_chunk::<{ frame::HEADER }>() {
        let (stream, length) = frame::parse(header).expect("a frame's header");
        let (payload, rest) = rest.split_at(length);
        match stream {
            Stream::Stdout => out.extend_from_slice(payload),
            Stream::Stderr => err.extend_from_slice(payload),
        }
        bytes = rest;
    }
    assert!(bytes.is_empty(), "{} bytes after the last frame", bytes.len());
    (out, err)
}

/// Percent-encodes a query value.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(byte as char);
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}
