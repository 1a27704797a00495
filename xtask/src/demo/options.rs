//! What the demo is asked for, and which protocols that comes to.

use std::net::SocketAddr;

use clap::value_parser;
use graphite_proto::{Address, Protocol};

use crate::Result;
use crate::choice::{Protocols, Runtimes};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --to it sends to a receiver in this program, which shows what arrives \
        and counts what is lost. Ctrl-C ends it early and in good order; a second one ends it at \
        once. The exit code is 0 if every point was delivered, else 1."
)]
pub(crate) struct Args {
    /// A Graphite to send to (carbon, a relay, go-carbon, ...); without a port: 2003 for
    /// plaintext, 2004 for pickle.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = |text: &str| Address::try_from(text))]
    pub(super) to: Option<Address>,
    /// Plaintext (lines of text), pickle (binary), or both; by default both, but to a port of
    /// yours plaintext (to port 2004 pickle).
    #[arg(long, value_name = "NAME")]
    protocol: Option<Protocols>,
    /// The client to send with.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Runtimes::Both)]
    pub(super) runtime: Runtimes,
    /// How long, from 1 to 86400 seconds.
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = value_parser!(u64).range(1..=86_400))]
    pub(super) seconds: u64,
}

impl Args {
    /// What sends to an address, by tokio and in lines.
    pub(crate) fn to(address: SocketAddr, seconds: u64) -> Self {
        let protocol = Some(Protocols::Plaintext);
        Self { to: Some(address.into()), protocol, runtime: Runtimes::Tokio, seconds }
    }

    /// Returns what to send by. One port speaks one protocol: the one whose own port it is, or else
    /// plaintext.
    pub(super) fn protocols(&self) -> Result<&'static [Protocol]> {
        let port = self.to.as_ref().and_then(Address::port);
        let default = match port {
            None => Protocols::Both,
            Some(2004) => Protocols::Pickle,
            Some(_) => Protocols::Plaintext,
        };
        match (self.protocol.unwrap_or(default), &self.to) {
            (Protocols::Both, Some(to)) if port.is_some() => Err(format!(
                "--to {to}: one port speaks one protocol; add --protocol plaintext or --protocol \
                 pickle, or leave the port out for both (2003 and 2004)"
            )
            .into()),
            (protocols, _) => Ok(protocols.list()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocols(to: Option<&str>, protocol: Option<Protocols>) -> Result<&'static [Protocol]> {
        let to = to.map(|to| Address::try_from(to).unwrap());
        Args { to, protocol, runtime: Runtimes::Both, seconds: 1 }.protocols()
    }

    #[test]
    fn a_port_chooses_its_protocol() {
        for (to, protocol, expected) in [
            (None, None, Protocols::Both),
            (Some("host"), None, Protocols::Both),
            (Some("::1"), Some(Protocols::Both), Protocols::Both),
            (Some("host:2103"), None, Protocols::Plaintext),
            (Some("host:2004"), None, Protocols::Pickle),
            (Some("host:2004"), Some(Protocols::Plaintext), Protocols::Plaintext),
        ] {
            assert_eq!(protocols(to, protocol).unwrap(), expected.list(), "{to:?} {protocol:?}");
        }
    }

    #[test]
    fn one_port_does_not_speak_both() {
        let error = protocols(Some("host:2003"), Some(Protocols::Both)).unwrap_err().to_string();
        assert!(error.contains("host:2003: one port speaks one protocol"), "{error}");
    }
}
