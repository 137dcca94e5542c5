//! The sockets: made, accepted from, drained, closed.
//!
//! Sockets are bound when every part is up. An accept loop outlives a shortage of descriptors. On
//! stopping, what has queued up in the backlog is still accepted, then the sockets close, then
//! connections end when the request that they carry is answered.

use super::Api;
use crate::config::{Config, DEFAULT_GROUP, Host};
use crate::{limits, task};
use async_io::Async;
use futures_util::future::{Either, select};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{getsockopt, sockopt};
use shared::error::{Context, Error, Result};
use shared::kernel::memory;
use shared::net::conn::{Peer, serve};
use shared::net::stop::Stop;
use shared::net::stream::Stream;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A bound socket.
enum Listener {
    Unix(Async<UnixListener>),
    Tcp(Async<TcpListener>),
}

/// Every socket of the configuration, bound.
pub struct Listeners {
    sockets: Vec<Listener>,
    made: Vec<PathBuf>,
}

/// The running server.
pub struct Server {
    stop: Arc<Stop>,
    quit: task::channel::Sender<()>,
    loops: Vec<task::Task<()>>,
    made: Vec<PathBuf>,
}

/// Binds what the configuration names; blocks.
pub fn bind(config: &Config) -> Result<Listeners> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut listeners = Listeners { sockets: Vec::new(), made: Vec::new() };
    for host in config.listen()? {
        match &host {
            Host::Unix(path) => {
                listeners.sockets.push(Listener::Unix(bind_unix(path, &config.group)?));
                listeners.made.push(path.clone());
            }
            Host::Tcp(name, port) => {
                tracing::warn!(
                    "{host} has NO authentication: whoever reaches this address is root on this \
                     machine; prefer a unix socket or a tunnel"
                );
                let socket = TcpListener::bind((name.as_str(), *port))
                    .with_context(|| format!("listen on {host}"))?;
                let socket = Async::new(socket).with_context(|| format!("listen on {host}"))?;
                listeners.sockets.push(Listener::Tcp(socket));
            }
            Host::Descriptors(_) => listeners.sockets.append(&mut take(&mut handed)?),
        }
        tracing::info!(%host, "listening");
    }
    Ok(listeners)
}

/// Sockets that systemd (or anything that speaks its protocol) has opened for us.
fn take(handed: &mut listenfd::ListenFd) -> Result<Vec<Listener>> {
    if handed.len() == 0 {
        return Err(Error::invalid(
            "no sockets found via socket activation: LISTEN_FDS is not set",
        ));
    }
    let mut sockets = Vec::new();
    for index in 0..handed.len() {
        if let Ok(Some(socket)) = handed.take_unix_listener(index) {
            let socket = Async::new(socket).context("take over a socket")?;
            sockets.push(Listener::Unix(socket));
        } else if let Ok(Some(socket)) = handed.take_tcp_listener(index) {
            let socket = Async::new(socket).context("take over a socket")?;
            sockets.push(Listener::Tcp(socket));
        } else {
            return Err(Error::invalid("a socket handed over is neither unix nor tcp"));
        }
    }
    Ok(sockets)
}

/// A socket of mode 0660. One left behind is replaced, one that answers is not.
fn bind_unix(path: &Path, group: &str) -> Result<Async<UnixListener>> {
    let what = || format!("listen on unix://{}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(what)?;
    }
    if std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
        if UnixStream::connect(path).is_ok() {
            return Err(Error::conflict(format!(
                "another process listens on unix://{}",
                path.display()
            )));
        }
        std::fs::remove_file(path).with_context(what)?;
    }
    // Under another name first: nobody can connect before mode and group are set.
    let scratch = path.with_extension(format!("new{}", std::process::id()));
    let _ = std::fs::remove_file(&scratch);
    let socket = UnixListener::bind(&scratch).with_context(what)?;
    let settled =
        settle(&scratch, group).and_then(|()| std::fs::rename(&scratch, path).with_context(what));
    if let Err(error) = settled {
        let _ = std::fs::remove_file(&scratch);
        return Err(error);
    }
    Async::new(socket).with_context(what)
}

fn settle(path: &Path, group: &str) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .context("set the socket's mode")?;
    let name = if group.is_empty() { DEFAULT_GROUP } else { group };
    let found = match name.parse::<u32>() {
        Ok(number) => Some(number),
        Err(_) => match nix::unistd::Group::from_name(name) {
            Ok(group) => group.map(|group| group.gid.as_raw()),
            // getgrnam(3): so it is said where there is no database of groups at all.
            Err(Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM) => None,
            Err(error) => return Err(error).context(format!("look up group {name}")),
        },
    };
    match found {
        Some(number) => std::os::unix::fs::chown(path, None, Some(number))
            .with_context(|| format!("give the socket to group {name}")),
        None if group.is_empty() => {
            tracing::warn!("there is no group {name}: only root can use the socket");
            Ok(())
        }
        None => Err(Error::invalid(format!("group {name} not found"))),
    }
}

impl Listeners {
    /// Begins to accept.
    pub fn serve(self, api: &Api) -> Server {
        let stop = Arc::new(Stop::new());
        let (quit, quitting) = task::channel::bounded::<()>(1);
        let crowd = Arc::new(Crowd::new());
        let loops = self
            .sockets
            .into_iter()
            .map(|socket| {
                let (api, stop, quitting) = (api.clone(), stop.clone(), quitting.clone());
                let crowd = crowd.clone();
                task::spawn("accept", async move {
                    accept(socket, api, stop, quitting, crowd).await;
                })
            })
            .collect();
        Server { stop, quit, loops, made: self.made }
    }
}

async fn accept(
    socket: Listener,
    api: Api,
    stop: Arc<Stop>,
    quitting: task::channel::Receiver<()>,
    crowd: Arc<Crowd>,
) {
    loop {
        let next = match select(pin!(socket.next()), pin!(quitting.recv())).await {
            Either::Left((next, _)) => next,
            Either::Right(_) => break,
        };
        match next {
            Ok((stream, peer)) => begin(stream, peer, &api, &stop, &crowd),
            Err(error) => {
                // EMFILE and ENFILE pass when connections end; a reset connection concerns nobody.
                tracing::warn!(%error, "cannot accept a connection");
                task::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
    // Clients whose connect has succeeded are served, although nobody had accepted them yet.
    while let Ok(Some((stream, peer))) = socket.waiting() {
        begin(stream, peer, &api, &stop, &crowd);
    }
}

fn begin(stream: Stream, peer: Peer, api: &Api, stop: &Arc<Stop>, crowd: &Arc<Crowd>) {
    if !crowd.admits(stop.connections()) {
        return;
    }
    let (api, guard) = (api.clone(), stop.connection());
    let (stop, crowd) = (stop.clone(), crowd.clone());
    task::spawn("connection", async move {
        if let Err(error) = serve(api, stream, peer, guard).await {
            tracing::debug!(%error, "a connection broke");
        }
        if crowd.has_gone(stop.connections()) {
            // The last of them are still going.
            task::sleep(limits::CONNECTIONS_GOING).await;
            task::blocking("give memory back", memory::trim).await;
        }
    })
    .detach();
}

/// How many clients there are, and have been.
#[derive(Debug)]
struct Crowd {
    /// Most connections at the same time.
    limit: usize,
    /// Most connections since memory was given back.
    most: AtomicUsize,
    /// It was said that there are too many.
    told: AtomicBool,
}

impl Crowd {
    /// At most half of this process's descriptors are for clients.
    fn new() -> Self {
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, 0));
        let half = usize::try_from(soft / 2).unwrap_or(usize::MAX);
        let limit = limits::CONNECTIONS.min(half);
        Self { limit, most: AtomicUsize::new(0), told: AtomicBool::new(false) }
    }

    /// Whether one more may come where there are `open` ones.
    fn admits(&self, open: usize) -> bool {
        self.most.fetch_max(open + 1, Ordering::Relaxed);
        let admitted = open < self.limit;
        if !admitted && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(open, "too many connections: further ones are closed at once");
        } else if open < self.limit / 2 {
            self.told.store(false, Ordering::Relaxed);
        }
        admitted
    }

    /// Whether a crowd has gone, told once.
    fn has_gone(&self, open: usize) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        if most < open + limits::CONNECTIONS_EBB || open > most / 8 {
            return false;
        }
        self.most.compare_exchange(most, open, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Listener {
    async fn next(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Listener::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                let peer = unix_peer(stream.get_ref())?;
                Ok((Stream::Unix(Arc::new(stream)), peer))
            }
            Listener::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                stream.get_ref().set_nodelay(true)?;
                Ok((Stream::Tcp(Arc::new(stream)), Peer::Tcp(address)))
            }
        }
    }

    /// One more of the backlog, without waiting.
    fn waiting(&self) -> io::Result<Option<(Stream, Peer)>> {
        let accepted = match self {
            Listener::Unix(socket) => socket.get_ref().accept().and_then(|(stream, _)| {
                let peer = unix_peer(&stream)?;
                Ok((Stream::unix(stream)?, peer))
            }),
            Listener::Tcp(socket) => socket
                .get_ref()
                .accept()
                .and_then(|(stream, address)| Ok((Stream::tcp(stream)?, Peer::Tcp(address)))),
        };
        match accepted {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn unix_peer(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = getsockopt(stream, sockopt::PeerCredentials)?;
    Ok(Peer::Unix { uid: credentials.uid(), pid: credentials.pid() })
}

impl Server {
    /// Stops accepting, lets what was accepted end within `limit`, or longer where a
    /// request has declared so (at most [`limits::SHUTDOWN_MAX`]), removes the sockets.
    pub async fn close(self, limit: Duration) {
        // The receivers live in the loops.
        self.quit.close();
        for accepting in self.loops {
            if let Err(error) = accepting.await {
                tracing::error!(%error, "an accept loop failed");
            }
        }
        for path in &self.made {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "cannot remove a socket");
            }
        }
        self.stop.stop();
        let declared = self.stop.declared();
        let limit = match declared.is_zero() {
            true => limit,
            false => limit.max(declared + limits::DECLARED_SLACK),
        };
        let limit = limit.min(limits::SHUTDOWN_MAX);
        if task::timeout(limit, "requests to end", self.stop.drained()).await.is_err() {
            let (requests, connections) = (self.stop.requests(), self.stop.connections());
            tracing::warn!(requests, connections, "stopping although requests are being answered");
        }
    }
}
