//! Where a receiver is: a host and a port, kept as a name so that it can be resolved anew at
//! every reconnect.
//!
//! Not here: resolving and connecting, which are the client's.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use crate::protocol::Protocol;

/// A receiver's host and, if it is not the protocol's own, its port.
///
/// ```
/// use graphite_proto::{Address, Protocol};
///
/// let port = |text: &str| Address::try_from(text).map(|a| a.port_for(Protocol::Plaintext));
/// assert_eq!(port("graphite.example.com"), Ok(2003));
/// assert_eq!(port("graphite.example.com:2103"), Ok(2103));
/// assert_eq!(port("::1"), Ok(2003));
/// assert_eq!(port("[::1]:2103"), Ok(2103));
/// assert!(port("graphite.example.com:port").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: Option<u16>,
}

impl Address {
    /// Returns the host: a name or an address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port that was given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns the port that was given, or else the protocol's own.
    pub fn port_for(&self, protocol: Protocol) -> u16 {
        self.port.unwrap_or_else(|| protocol.default_port())
    }

    /// Returns the same address with the port that a protocol's points go to.
    #[cfg(feature = "client")]
    pub(crate) fn with_port_for(&self, protocol: Protocol) -> Self {
        Self { host: self.host.clone(), port: Some(self.port_for(protocol)) }
    }

    /// Refuses a URL by what it is, before its colons are taken for something else.
    fn no_scheme(text: &str) -> Result<(), AddressError> {
        match text.contains("://") {
            true => Err(AddressError::Scheme { text: text.into() }),
            false => Ok(()),
        }
    }

    fn checked(text: &str, host: &str, port: Option<u16>) -> Result<Self, AddressError> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "[]/".contains(c);
        if host.is_empty() {
            return Err(AddressError::EmptyHost { text: text.into() });
        }
        if let Some(character) = host.chars().find(|&c| odd(c)) {
            return Err(AddressError::InvalidHost { text: text.into(), character });
        }
        // A colon belongs to an IPv6 address, with a zone perhaps, and to nothing else.
        let bare = host.split_once('%').map_or(host, |(address, _)| address);
        if bare.contains(':') && bare.parse::<Ipv6Addr>().is_err() {
            return Err(AddressError::InvalidHost { text: text.into(), character: ':' });
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// Reads `host`, `host:port`, a bare IPv6 address, `[address]` or `[address]:port`.
impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        Self::no_scheme(text)?;
        if let Some(rest) = text.strip_prefix('[') {
            let Some((host, rest)) = rest.split_once(']') else {
                return Err(AddressError::InvalidHost { text: text.into(), character: '[' });
            };
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(parse_port(text, port)?),
                None if rest.is_empty() => None,
                None => return Err(AddressError::InvalidPort { text: text.into() }),
            };
            return Self::checked(text, host, port);
        }
        match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => {
                Self::checked(text, host, Some(parse_port(text, port)?))
            }
            _ => Self::checked(text, text, None),
        }
    }
}

fn parse_port(text: &str, port: &str) -> Result<u16, AddressError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(AddressError::InvalidPort { text: text.into() }),
    }
}

impl TryFrom<&String> for Address {
    type Error = AddressError;

    fn try_from(text: &String) -> Result<Self, AddressError> {
        text.as_str().try_into()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.as_str().try_into()
    }
}

impl TryFrom<(&str, u16)> for Address {
    type Error = AddressError;

    fn try_from((host, port): (&str, u16)) -> Result<Self, AddressError> {
        Self::no_scheme(host)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if port == 0 {
            return Err(AddressError::InvalidPort { text: format!("{host}:{port}").into() });
        }
        Self::checked(host, bare, Some(port))
    }
}

impl TryFrom<(String, u16)> for Address {
    type Error = AddressError;

    fn try_from((host, port): (String, u16)) -> Result<Self, AddressError> {
        (host.as_str(), port).try_into()
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(address) if address.scope_id() != 0 => {
                format!("{}%{}", address.ip(), address.scope_id())
            }
            _ => address.ip().to_string(),
        };
        Self { host, port: Some(address.port()) }
    }
}

impl From<(IpAddr, u16)> for Address {
    fn from((host, port): (IpAddr, u16)) -> Self {
        Self { host: host.to_string(), port: Some(port) }
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no host.
    EmptyHost {
        /// The text.
        text: Box<str>,
    },
    /// There is a scheme, such as `tcp://`, where the host begins.
    Scheme {
        /// The text.
        text: Box<str>,
    },
    /// The host holds a character that neither a name nor an address has there.
    InvalidHost {
        /// The text.
        text: Box<str>,
        /// The character.
        character: char,
    },
    /// The port is not a number from 1 to 65535.
    InvalidPort {
        /// The text.
        text: Box<str>,
    },
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyHost { text } => write!(f, "address {text:?} has no host"),
            Self::Scheme { text } => {
                write!(f, "address {text:?} has a scheme: write host or host:port, no scheme")
            }
            Self::InvalidHost { text, character } => {
                write!(f, "host of address {text:?} holds {character:?} where it cannot stand")?;
                match character {
                    ':' => f.write_str(": write host:port, or [address]:port of IPv6"),
                    _ => Ok(()),
                }
            }
            Self::InvalidPort { text } => {
                write!(f, "port of address {text:?} is not a number from 1 to 65535")
            }
        }
    }
}

impl Error for AddressError {}

/// What is an address already always makes one.
impl From<Infallible> for AddressError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_make_host_and_port() {
        for (text, host, port) in [
            ("graphite", "graphite", None),
            ("graphite:2103", "graphite", Some(2103)),
            ("10.0.0.1:65535", "10.0.0.1", Some(65535)),
            ("::1", "::1", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[::1]", "::1", None),
            ("[fe80::1%2]:2103", "fe80::1%2", Some(2103)),
        ] {
            let address = Address::try_from(text).unwrap();
            assert_eq!((address.host(), address.port()), (host, port), "{text}");
            assert_eq!(Address::try_from(address.to_string()), Ok(address), "{text}");
        }
    }

    #[test]
    fn a_bad_text_is_named() {
        for text in [
            "",
            ":2003",
            "[]:2003",
            "a b",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "[::1",
            "[::1]x",
            "a:b:c",
            "host/x:2003",
            "gra\nphite",
            "tcp://graphite:2003",
            "http://graphite",
        ] {
            let error = Address::try_from(text).expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
        for text in ["tcp://graphite:2003", "http://graphite", "udp://[::1]:2003"] {
            let error = Address::try_from(text).expect_err(text).to_string();
            let why = "has a scheme: write host or host:port, no scheme";
            assert_eq!(error, format!("address {text:?} {why}"));
        }
        assert_eq!(
            Address::try_from(("tcp://graphite", 2003)).unwrap_err().to_string(),
            "address \"tcp://graphite\" has a scheme: write host or host:port, no scheme"
        );
        assert_eq!(
            Address::try_from("10.0.0.1:2004:a").unwrap_err().to_string(),
            "host of address \"10.0.0.1:2004:a\" holds ':' where it cannot stand: \
             write host:port, or [address]:port of IPv6"
        );
        assert!(Address::try_from(("", 2003)).is_err());
        assert!(Address::try_from(("host", 0)).is_err());
    }

    #[test]
    fn addresses_keep_their_port_and_zone() {
        let v6: SocketAddr = "[::1]:2103".parse().unwrap();
        assert_eq!(Address::from(v6).to_string(), "[::1]:2103");
        assert_eq!(Address::try_from(("::1", 2003)).unwrap().host(), "::1");
        assert_eq!(Address::try_from(("[::1]", 2003)).unwrap().host(), "::1");
    }
}
