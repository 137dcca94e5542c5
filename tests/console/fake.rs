//! A daemon that only talks: the watch stream with as many containers as wanted, figures of all of
//! them every second, and an answer to every other request. It keeps a list of what it was asked.

use harness::sandbox::Sandbox;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_nanos()).expect("before 2262")
}

/// The daemon.
pub struct Fake {
    sandbox: Sandbox,
    asked: Arc<Mutex<Vec<String>>>,
    running: Option<Arc<AtomicBool>>,
    count: usize,
    starts: i64,
}

impl Fake {
    /// A daemon with so many containers.
    pub fn start(count: usize) -> Self {
        let sandbox = Sandbox::new("console");
        let mut fake = Self { sandbox, asked: Arc::default(), running: None, count, starts: 0 };
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
        let (alive, asked, count, starts) =
            (running.clone(), self.asked.clone(), self.count, self.starts);
        std::thread::spawn(move || {
            while alive.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).expect("blocking");
                        let (alive, asked) = (alive.clone(), asked.clone());
                        std::thread::spawn(move || {
                            // A client that hangs up ends its thread.
                            let _ = serve(stream, &alive, &asked, count, starts);
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

fn serve(
    stream: UnixStream,
    alive: &AtomicBool,
    asked: &Mutex<Vec<String>>,
    count: usize,
    starts: i64,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
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
        let request = first.trim_end().trim_end_matches(" HTTP/1.1").to_string();
        asked.lock().expect("the list").push(request.clone());
        let (method, path) = request.split_once(' ').unwrap_or(("", ""));
        if path.starts_with("/coffer/v1/watch?") {
            return watch(out, alive, count, starts);
        }
        let answer = match (method, path.split('?').next().unwrap_or(path)) {
            ("GET", "/events") => Some(String::new()),
            ("GET", p) if p.ends_with("/logs") => {
                Some("a line of the log\nand another one\n".into())
            }
            ("GET", p) if p.ends_with("/top") => Some(
                json!({"Titles": ["PID", "CMD"], "Processes": [["4242", "serve --all"]]})
                    .to_string(),
            ),
            ("GET", "/containers/json") => Some(listed(count).to_string()),
            ("GET", p) if p.ends_with("/json") => {
                Some(json!({"Id": "x", "Config": {"Tty": true}}).to_string())
            }
            ("POST" | "PUT" | "DELETE", _) => None,
            _ => {
                let body = json!({"message": "page not found"}).to_string();
                write!(
                    out,
                    "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )?;
                continue;
            }
        };
        match answer {
            Some(body) => {
                write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())?
            }
            None => write!(out, "HTTP/1.1 204 No Content\r\n\r\n")?,
        }
    }
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

fn watch(
    mut out: UnixStream,
    alive: &AtomicBool,
    count: usize,
    starts: i64,
) -> std::io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
    )?;
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
    let mut seconds = 0;
    while alive.load(Ordering::SeqCst) {
        let samples: Vec<Value> = (0..count).map(|n| sample(n, seconds)).collect();
        line(&mut out, &json!({"sample": samples}))?;
        seconds += 1;
        for _ in 0..100 {
            if !alive.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    out.shutdown(std::net::Shutdown::Both)
}

fn line(out: &mut UnixStream, value: &Value) -> std::io::Result<()> {
    let text = format!("{value}\n");
    write!(out, "{:x}\r\n{text}\r\n", text.len())
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
