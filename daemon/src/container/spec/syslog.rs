//! Where and how a container's log is forwarded to syslog: the options of the `syslog` driver. Pure.

use shared::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a collector is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Datagrams to a unix socket; the host's own daemon is `/dev/log`.
    Datagram(PathBuf),
    /// A stream to a unix socket.
    Stream(PathBuf),
    /// UDP, host and port.
    Udp(String),
    /// TCP, host and port.
    Tcp(String),
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As programs of this host write to `/dev/log`: no host name.
    Local,
    /// RFC 3164.
    Rfc3164,
    /// RFC 5424, time in seconds.
    Rfc5424,
    /// RFC 5424, time in microseconds.
    Rfc5424Micro,
}

/// A collector and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where.
    pub address: Address,
    /// Facility number times eight.
    pub facility: u8,
    /// How.
    pub format: Format,
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

fn address(text: &str) -> Result<Address> {
    if text.is_empty() {
        return Ok(Address::Datagram("/dev/log".into()));
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(|| {
        Error::invalid(format!("syslog-address should be in form proto://address, got {text}"))
    })?;
    let with_port = |rest: &str| match rest.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => rest.to_owned(),
        _ => format!("{rest}:514"),
    };
    match scheme {
        "unix" => Ok(Address::Stream(rest.into())),
        "unixgram" => Ok(Address::Datagram(rest.into())),
        "udp" => Ok(Address::Udp(with_port(rest))),
        "tcp" => Ok(Address::Tcp(with_port(rest))),
        "tcp+tls" => Err(Error::unimplemented("syslog over TLS is not in this build: use tcp")),
        _ => Err(Error::invalid(format!("unsupported scheme: '{scheme}'"))),
    }
}

impl Target {
    /// From the driver's options.
    ///
    /// # Errors
    /// `Invalid`, in Docker's words.
    pub fn parse(options: &BTreeMap<String, String>) -> Result<Self> {
        let get = |key: &str| options.get(key).map(String::as_str).unwrap_or_default();
        let facility = match get("syslog-facility") {
            "" => 3,
            text => match text.parse::<usize>().ok().filter(|n| *n < FACILITIES.len()) {
                Some(number) => number,
                None => FACILITIES
                    .iter()
                    .position(|f| *f == text)
                    .ok_or_else(|| Error::invalid("invalid syslog facility"))?,
            },
        };
        let format = match get("syslog-format") {
            "" => Format::Local,
            "rfc3164" => Format::Rfc3164,
            "rfc5424" => Format::Rfc5424,
            "rfc5424micro" => Format::Rfc5424Micro,
            _ => return Err(Error::invalid("Invalid syslog format")),
        };
        Ok(Self {
            address: address(get("syslog-address"))?,
            facility: (facility as u8) << 3,
            format,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[(&str, &str)]) -> Result<Target> {
        Target::parse(&options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn options() {
        let plain = parse(&[]).unwrap();
        assert_eq!((plain.address, plain.facility), (Address::Datagram("/dev/log".into()), 24));
        let far = parse(&[
            ("syslog-address", "udp://10.0.0.1"),
            ("syslog-facility", "local7"),
            ("syslog-format", "rfc5424"),
        ]);
        let far = far.unwrap();
        assert_eq!(
            (far.address, far.facility, far.format),
            (Address::Udp("10.0.0.1:514".into()), 184, Format::Rfc5424)
        );
        for bad in [("syslog-facility", "x"), ("syslog-format", "x"), ("syslog-address", "ftp://x")]
        {
            assert!(parse(&[bad]).is_err(), "{bad:?}");
        }
    }
}
