//! A daemon that only talks: the watch stream with as many containers as wanted, figures of all of
//! them every second, a log and events as fast as wanted, and an answer to every other request. It keeps
//! a list of what it was asked.

use harness::sandbox::Sandbox;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_nanos()).expect("before 2262")
}

/// What the daemon's containers do; may change at any time.
#[derive(Debug, Default)]
pub struct Conduct {
    /// Lines that each followed log grows by in a second.
    pub lines: AtomicU32,
    /// Events in a second.
    pub events: AtomicU32,
}

/// The first lines of every log, in Docker's shape with times; the last is longer than any screen.
fn first_lines() -> String {
    let time = "2026-11-20T02:41:38.5Z";
    let long = "x".repeat(200);
    format!("{time} a line of the log\n{time} {long} end-of-line\n{time} and another one\n")
}

/// The daemon.
pub struct Fake {
    sandbox: Sandbox,
    asked: Arc<Mutex<Vec<String>>>,
    /// How busy it is.
    pub conduct: Arc<Conduct>,
    running: Option<Arc<AtomicBool>>,
    count: usize,
    starts: i64,
}

impl Fake {
    /// A daemon with so many containers.
    pub fn start(count: usize) -> Self {
        let sandbox = Sandbox::new("console");
        let (asked, conduct) = Default::default();
        let mut fake = Self { sandbox, asked, conduct, running: None, count, starts: 0 };
        fake.resume();
        fake
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.sandbox.join("d.sock")
    }

    /// As a value of `-H`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("the list").clone()
    }

    /// Dies: every connection breaks and nobody listens any more.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.store(false, Ordering::SeqCst);
            std::fs::remove_file(self.socket()).expect("remove the socket");
        }
    }

    /// Comes back, as another process.
    pub fn resume(&mut self) {
        self.starts += 1;
        let running = Arc::new(AtomicBool::new(true));
        let listener = UnixListener::bind(self.socket()).expect("bind");
        listener.set_nonblocking(true).expect("nonblocking");
        let (alive, asked, conduct) = (running.clone(), self.asked.clone(), self.conduct.clone());
        let (count, starts) = (self.count, self.starts);
        std::thread::spawn(move || {
            while alive.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).expect("blocking");
                        let (alive, asked, conduct) =
                            (alive.clone(), asked.clone(), conduct.clone());
                        std::thread::spawn(move || {
                            let daemon = Daemon { alive, asked, conduct, count, starts };
                            // A client that hangs up ends its thread.
                            let _ = daemon.serve(stream);
                        });
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        self.running = Some(running);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a connection is served with.
struct Daemon {
    alive: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    conduct: Arc<Conduct>,
    count: usize,
    starts: i64,
}

impl Daemon {
    fn serve(&self, mut out: UnixStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(out.try_clone()?);
        while let Some(request) = read_request(&mut reader)? {
            self.asked.lock().expect("the list").push(request.clone());
            let (method, path) = request.split_once(' ').unwrap_or(("", ""));
            let plain = path.split('?').next().unwrap_or(path);
            let answer = match (method, plain) {
                ("GET", "/coffer/v1/watch") => return self.watch(out),
                ("POST", p) if p.ends_with("/attach") || p.ends_with("/start") && is_exec(p) => {
                    return converse(out, reader, p);
                }
                ("GET", p) if p.ends_with("/logs") => return self.logs(out),
                ("POST", p) if p.ends_with("/exec") => json!({"Id": "e1"}).to_string(),
                // A wait that ends with the connection.
                ("POST", p) if p.ends_with("/wait") => return hold(out),
                ("GET", p) if p.starts_with("/exec/") => {
                    json!({"Running": false, "ExitCode": 0}).to_string()
                }
                ("GET", "/events") => String::new(),
                ("GET", p) if p.ends_with("/top") => {
                    json!({"Titles": ["PID", "CMD"], "Processes": [["4242", "serve --all"]]})
                        .to_string()
                }
                ("GET", "/containers/json") => listed(self.count).to_string(),
                ("GET", p) if p.ends_with("/json") => json!({
                    "Id": id(0), "Config": {"Tty": true, "OpenStdin": true}, "State": {"Running": true},
                })
                .to_string(),
                ("POST" | "PUT" | "DELETE", _) => {
                    write!(out, "HTTP/1.1 204 No Content\r\n\r\n")?;
                    continue;
                }
                _ => {
                    let body = json!({"message": "page not found"}).to_string();
                    let length = body.len();
                    write!(out, "HTTP/1.1 404 Not Found\r\ncontent-length: {length}\r\n\r\n{body}")?;
                    continue;
                }
            };
            write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())?;
        }
        Ok(())
    }

    /// A log that goes on until the client hangs up or the daemon dies.
    fn logs(&self, mut out: UnixStream) -> std::io::Result<()> {
        chunked(&mut out)?;
        chunk(&mut out, &first_lines())?;
        let mut number = 0;
        while self.alive.load(Ordering::SeqCst) {
            let mut text = String::new();
            for _ in 0..self.conduct.lines.load(Ordering::Relaxed).div_ceil(PIECES) {
                number += 1;
                text.push_str(&format!(
                    "2026-11-21T02:41:38.5Z line {number} of a storm of lines\n"
                ));
            }
            if !text.is_empty() {
                chunk(&mut out, &text)?;
            }
            std::thread::sleep(PIECE);
        }
        write!(out, "0\r\n\r\n")
    }

    fn watch(&self, mut out: UnixStream) -> std::io::Result<()> {
        let (count, starts) = (self.count, self.starts);
        chunked(&mut out)?;
        let hello = json!({"hello": {
            "id": "w1", "store": "store", "version": "9.9", "host": "testhost", "cpus": 4,
            "memory_bytes": 8u64 << 30, "started_at_nanos": starts, "adopted": count,
        }});
        line(&mut out, &hello)?;
        for from in (0..count).step_by(100) {
            let objects: Vec<Value> = (from..(from + 100).min(count)).map(container).collect();
            line(&mut out, &json!({"snapshot": objects}))?;
        }
        line(&mut out, &json!({"end": true, "seq": 10}))?;
        let mut seq = 10;
        let mut event = |out: &mut UnixStream| {
            seq += 1;
            line(out, &happened(seq, count))
        };
        (0..3).try_for_each(|_| event(&mut out))?;
        let mut seconds = 0;
        while self.alive.load(Ordering::SeqCst) {
            let samples: Vec<Value> = (0..count).map(|n| sample(n, seconds)).collect();
            line(&mut out, &json!({"sample": samples}))?;
            seconds += 1;
            for _ in 0..PIECES {
                if !self.alive.load(Ordering::SeqCst) {
                    break;
                }
                let now = self.conduct.events.load(Ordering::Relaxed).div_ceil(PIECES);
                (0..now).try_for_each(|_| event(&mut out))?;
                std::thread::sleep(PIECE);
            }
        }
        out.shutdown(std::net::Shutdown::Both)
    }
}

/// Method and path of the next request; its body is read and forgotten.
fn read_request(reader: &mut BufReader<UnixStream>) -> std::io::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(first.trim_end().trim_end_matches(" HTTP/1.1").to_string()))
}

fn is_exec(path: &str) -> bool {
    path.starts_with("/exec/")
}

/// Takes the connection over: says who it is and echoes what is typed until `exit` or the detach keys.
fn converse(
    mut out: UnixStream,
    mut reader: BufReader<UnixStream>,
    path: &str,
) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n")?;
    let what = if is_exec(path) { "a shell" } else { "the main process" };
    write!(out, "this is {what}\r\n")?;
    let (mut typed, mut byte) = (Vec::new(), [0]);
    while reader.read(&mut byte)? == 1 {
        out.write_all(&byte)?;
        typed.push(byte[0]);
        if typed.ends_with(b"exit\r") || typed.ends_with(&[16, 17]) {
            break;
        }
    }
    out.shutdown(std::net::Shutdown::Both)
}

fn hold(mut out: UnixStream) -> std::io::Result<()> {
    chunked(&mut out)?;
    // Ends when the client hangs up.
    out.read(&mut [0]).map(|_| ())
}

/// A second is served in so many pieces.
const PIECES: u32 = 100;
const PIECE: Duration = Duration::from_millis(10);

fn chunked(out: &mut UnixStream) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
}

fn chunk(out: &mut UnixStream, text: &str) -> std::io::Result<()> {
    write!(out, "{:x}\r\n{text}\r\n", text.len())
}

/// The fact of a number: its containers come and go.
fn happened(seq: usize, count: usize) -> Value {
    let n = seq % count.max(1);
    let action = ["start", "die", "create"][seq % 3];
    json!({"seq": seq, "event": {
        "seq": seq, "time_nanos": now(), "type": "container", "action": action, "id": id(n),
        "attributes": {"name": format!("svc-{n:04}"), "image": "app:1", "exitCode": "0"},
    }})
}

/// Id of a container.
pub fn id(number: usize) -> String {
    format!("{number:064x}")
}

fn listed(count: usize) -> Value {
    (0..count)
        .map(|n| json!({"Id": id(n), "Names": [format!("/svc-{n:04}")], "Image": "app:1", "Command": "serve", "Created": 0, "State": "running", "Status": "Up 2 minutes"}))
        .collect()
}

fn line(out: &mut UnixStream, value: &Value) -> std::io::Result<()> {
    chunk(out, &format!("{value}\n"))
}

fn container(n: usize) -> Value {
    json!({
        "type": "container", "id": id(n), "name": format!("svc-{n:04}"), "image": "registry.local/team/app:1.2",
        "command": ["serve"], "state": "running", "pid": 1000 + n, "created_at_nanos": now() - 9_000_000_000_000i64,
        "started_at_nanos": now() - 8_000_000_000_000i64, "restart_policy": "always",
        "memory_limit_bytes": 256u64 << 20, "terminal": true,
    })
}

fn sample(n: usize, second: usize) -> Value {
    json!({
        "id": id(n), "time_nanos": now(), "cpu_percent": ((n * 31 + second * 17) % 1000) as f64 / 10.0,
        "working_set_bytes": (20 + (n * 7 + second) % 200) << 20, "memory_bytes": 64 << 20,
        "memory_limit_bytes": 256 << 20, "pids": 3, "oom_score": 667, "oom_score_adj": 0,
    })
}
