//! Log lines as syslog messages (RFC 3164, RFC 5424), and the socket that they go through. Blocking.

use crate::container::spec::syslog::{Address, Format, Target};
use shared::error::{Context, Error, Result};
use shared::frame::Stream;
use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;
use time::OffsetDateTime;

/// How long one connect or one write may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Severities: standard output is "informational", standard error is "error", as in Docker.
const SEVERITY: [u8; 2] = [6, 3];

/// One line to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where the process wrote it.
    pub stream: Stream,
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
    /// Without its line feed.
    pub text: Vec<u8>,
}

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Name of the host.
    pub host: String,
    /// Docker's tag: the container's short id unless asked otherwise.
    pub tag: String,
    /// Process id of the daemon, as Docker writes it.
    pub pid: u32,
}

/// The message on the wire; on a stream it ends with a line feed.
pub fn encode(target: &Target, sender: &Sender, message: &Message) -> Vec<u8> {
    let severity = SEVERITY[usize::from(message.stream == Stream::Stderr)];
    let priority = target.facility | severity;
    let at = OffsetDateTime::from_unix_timestamp_nanos(message.at_nanos.into());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let Sender { host, tag, pid } = sender;
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let old = format!("{} {:>2} {clock}", &at.month().to_string()[..3], at.day());
    let day = format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day());
    let head = match target.format {
        Format::Local => format!("<{priority}>{old} {tag}[{pid}]: "),
        Format::Rfc3164 => format!("<{priority}>{old} {host} {tag}[{pid}]: "),
        Format::Rfc5424 => format!("<{priority}>1 {day}T{clock}Z {host} {tag} {pid} {tag} - "),
        Format::Rfc5424Micro => {
            let micros = at.microsecond();
            format!("<{priority}>1 {day}T{clock}.{micros:06}Z {host} {tag} {pid} {tag} - ")
        }
    };
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&message.text);
    if matches!(target.address, Address::Stream(_) | Address::Tcp(_)) {
        bytes.push(b'\n');
    }
    bytes
}

/// A collector that can be written to.
#[derive(Debug)]
pub enum Collector {
    /// Datagrams to a unix socket.
    Datagram(UnixDatagram),
    /// A unix stream.
    Stream(UnixStream),
    /// UDP.
    Udp(UdpSocket),
    /// TCP.
    Tcp(TcpStream),
}

impl Collector {
    /// Reaches the collector.
    pub fn connect(address: &Address) -> Result<Self> {
        let patience = Some(PATIENCE);
        match address {
            Address::Datagram(path) => {
                let socket = UnixDatagram::unbound().context("open a datagram socket")?;
                socket.connect(path).with_context(|| format!("reach {}", path.display()))?;
                socket.set_write_timeout(patience).context("bound writes to a collector")?;
                Ok(Self::Datagram(socket))
            }
            Address::Stream(path) => {
                let socket = UnixStream::connect(path)
                    .with_context(|| format!("reach {}", path.display()))?;
                socket.set_write_timeout(patience).context("bound writes to a collector")?;
                Ok(Self::Stream(socket))
            }
            Address::Udp(place) => {
                let socket = UdpSocket::bind("[::]:0").or_else(|_| UdpSocket::bind("0.0.0.0:0"));
                let socket = socket.context("open a UDP socket")?;
                socket.connect(place.as_str()).with_context(|| format!("reach {place}"))?;
                Ok(Self::Udp(socket))
            }
            Address::Tcp(place) => {
                let found = place.to_socket_addrs().with_context(|| format!("look {place} up"))?;
                let mut last = Error::unavailable(format!("{place} has no address"));
                for address in found {
                    match TcpStream::connect_timeout(&address, PATIENCE)
                        .with_context(|| format!("reach {place}"))
                    {
                        Ok(socket) => {
                            socket
                                .set_write_timeout(patience)
                                .context("bound writes to a collector")?;
                            return Ok(Self::Tcp(socket));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    /// Sends one message.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = match self {
            Self::Datagram(socket) => socket.send(bytes).map(drop),
            Self::Udp(socket) => socket.send(bytes).map(drop),
            Self::Stream(socket) => socket.write_all(bytes),
            Self::Tcp(socket) => socket.write_all(bytes),
        };
        sent.context("send to a syslog collector")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_as_the_standards_write_them() {
        let message = Message {
            stream: Stream::Stderr,
            at_nanos: 1_700_000_000_120_000_000,
            text: b"hello".to_vec(),
        };
        let sender = Sender { host: "box".into(), tag: "web".into(), pid: 7 };
        let rows = [
            (Format::Local, "<27>Nov 14 22:13:20 web[7]: hello"),
            (Format::Rfc3164, "<27>Nov 14 22:13:20 box web[7]: hello"),
            (Format::Rfc5424, "<27>1 2023-11-14T22:13:20Z box web 7 web - hello"),
            (Format::Rfc5424Micro, "<27>1 2023-11-14T22:13:20.120000Z box web 7 web - hello"),
        ];
        for (format, want) in rows {
            let target = Target { address: Address::Udp(String::new()), facility: 24, format };
            assert_eq!(String::from_utf8(encode(&target, &sender, &message)).unwrap(), want);
        }
    }
}
