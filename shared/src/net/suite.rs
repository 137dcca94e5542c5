//! The server half and the client against each other over a unix socket.

use super::body::{Payload, RequestBody};
use super::conn::{Answer, App, Peer, serve};
use super::stop::{Request as Counted, Stop};
use super::stream::Stream;
use super::upgrade::{Hijack, RAW};
use crate::client::{Client, Content, Endpoint, Method};
use crate::error::Kind;
use async_io::Async;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use futures_util::stream::{self, StreamExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
struct Echo;

impl App for Echo {
    fn answer(
        &self,
        mut request: http::Request<RequestBody>,
        counted: Counted,
    ) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let _counted = counted;
            let mut body = Vec::new();
            request.body_mut().read_to_end(&mut body).await.unwrap();
            let ok = http::Response::builder();
            match request.uri().path() {
                "/echo" => Answer::Reply(ok.body(Payload::Whole(body.into())).unwrap()),
                "/slow" => {
                    async_io::Timer::after(Duration::from_millis(300)).await;
                    Answer::Reply(ok.body(Payload::Whole("\"late\"".into())).unwrap())
                }
                "/lines" => {
                    let lines =
                        stream::iter(["1\n2", "\n\n", "3"].map(|text| Ok(Bytes::from(text))));
                    Answer::Reply(ok.body(Payload::finite(lines)).unwrap())
                }
                "/endless" => {
                    let lines =
                        stream::once(async { Ok(Bytes::from("1\n")) }).chain(stream::pending());
                    Answer::Reply(ok.body(Payload::endless(lines)).unwrap())
                }
                "/attach" => {
                    let hijack = Hijack::new(RAW, |mut upgraded| async move {
                        let mut input = Vec::new();
                        upgraded.reader.read_to_end(&mut input).await.unwrap();
                        input.reverse();
                        upgraded.writer.write_all(&input).await.unwrap();
                        upgraded.writer.close().await.unwrap();
                    });
                    Answer::Hijack(ok.body(()).unwrap(), Arc::new(hijack))
                }
                _ => {
                    let text = r#"{"message":"No such container: x"}"#;
                    Answer::Reply(ok.status(404).body(Payload::Whole(text.into())).unwrap())
                }
            }
        })
    }
}

struct Server {
    socket: PathBuf,
    stop: Arc<Stop>,
}

impl Server {
    fn start(name: &str) -> Self {
        let socket =
            std::env::temp_dir().join(format!("coffer-net-{name}-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let listener = Async::new(UnixListener::bind(&socket).unwrap()).unwrap();
        let stop = Arc::new(Stop::new());
        let server = Self { socket, stop: stop.clone() };
        async_std::task::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let stream = Stream::Unix(Arc::new(socket));
                let guard = stop.connection();
                async_std::task::spawn(async move {
                    let _ = serve(Echo, stream, Peer::Unix { uid: 0, pid: 0 }, guard).await;
                });
            }
        });
        server
    }

    fn client(&self) -> Client {
        Client::new(Endpoint::Unix(self.socket.clone()))
    }

    fn raw(&self, text: &str) -> UnixStream {
        let mut socket = UnixStream::connect(&self.socket).unwrap();
        std::io::Write::write_all(&mut socket, text.as_bytes()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(Path::new(&self.socket));
    }
}

fn rest(mut socket: UnixStream) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut socket, &mut text).unwrap();
    text
}

#[test]
fn values_errors_and_lines() {
    let server = Server::start("values");
    async_io::block_on(async {
        let client = server.client();
        for round in 0..3u32 {
            assert_eq!(client.post::<u32>("/echo", &round).await.unwrap(), round);
        }
        assert_eq!(server.stop.connections(), 1, "the connection is used again");
        let error = client.get::<u32>("/nope").await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::NotFound, "No such container: x"));
        let lines = client.lines::<u32>(Method::GET, "/lines", Content::Nothing).await.unwrap();
        let lines: Vec<u32> = lines.map(Result::unwrap).collect().await;
        assert_eq!(lines, [1, 2, 3]);
        let parts = stream::iter([Ok(Bytes::from("4")), Ok(Bytes::from("2"))]);
        let mut answer = client.upload(Method::POST, "/echo", parts).await.unwrap();
        assert_eq!(answer.next().await.unwrap().unwrap(), "42");
    });
}

#[test]
fn a_takeover_half_closes() {
    let server = Server::start("takeover");
    async_io::block_on(async {
        let (mut reader, mut writer) =
            server.client().hijack("/attach", Content::Nothing).await.unwrap();
        writer.write_all(b"abc").await.unwrap();
        writer.close().await.unwrap();
        let mut output = String::new();
        reader.read_to_string(&mut output).await.unwrap();
        assert_eq!(output, "cba");
    });
}

#[test]
fn an_old_client_is_taken_over_without_an_upgrade() {
    let server = Server::start("old");
    let socket = server.raw("POST /attach HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\n\r\nearly");
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let text = rest(socket);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nylrae"), "{text}");
}

#[test]
fn a_half_closing_client_is_answered_and_endless_bodies_end() {
    let server = Server::start("half");
    let socket = server.raw("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(rest(socket).ends_with("\"late\""));
    let socket = server.raw("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(rest(socket).ends_with("2\r\n1\n\r\n0\r\n\r\n"));
}

#[test]
fn stopping_answers_what_was_accepted() {
    let server = Server::start("stop");
    let slow = server.raw("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    let endless = server.raw("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    let idle = server.raw("");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while server.stop.requests() < 1 || server.stop.connections() < 3 {
        assert!(std::time::Instant::now() < deadline, "the requests never arrived");
        std::thread::yield_now();
    }
    server.stop.stop();
    assert!(rest(slow).ends_with("\"late\""));
    assert!(rest(endless).ends_with("0\r\n\r\n"));
    assert_eq!(rest(idle), "");
    async_io::block_on(server.stop.drained());
}
