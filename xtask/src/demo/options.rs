//! What `cargo xtask demo` was asked for: its arguments, checked.

use graphite_proto::{Address, Protocol};

use crate::Result;

pub(super) const HELP: &str = "\
Usage: cargo xtask demo [--to HOST[:PORT]] [--protocol plaintext|pickle|both]
                        [--runtime tokio|async-std|both] [--seconds N]

Reads this machine's load, memory, network and processor figures and sends them in
Graphite's protocols: to a receiver in this program, which shows what arrives and counts
what is lost, or to a Graphite of yours.

  --to HOST[:PORT]   send to this Graphite instead (carbon, a relay, go-carbon, ...);
                     without a port: 2003 for plaintext, 2004 for pickle
  --protocol NAME    plaintext (lines of text), pickle (binary) or both; default both, to a
                     port of yours plaintext (to port 2004 pickle)
  --runtime NAME     the client to send with: tokio, async-std or both; default both
  --seconds N        how long, from 1 to 86400; default 10
  --help             this text

Ctrl-C ends it early and in good order; a second one ends it at once. The exit code is 0 if
every point was delivered, else 1.";

/// A client of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    Tokio,
    AsyncStd,
}

impl Runtime {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
        }
    }
}

/// What to do, for how long.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// An outside receiver; none means one in this process.
    pub(super) to: Option<Address>,
    pub(super) protocols: Vec<Protocol>,
    pub(super) runtimes: Vec<Runtime>,
    pub(super) seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            to: None,
            protocols: vec![Protocol::Plaintext, Protocol::Pickle],
            runtimes: vec![Runtime::Tokio, Runtime::AsyncStd],
            seconds: 10,
        }
    }
}

/// Reads the arguments; `None` when help is asked for.
pub(super) fn parse(arguments: &[String]) -> Result<Option<Options>> {
    let mut options = Options::default();
    let mut chosen = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let (name, joined) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        if matches!(name, "--help" | "-h") {
            return Ok(None);
        }
        if !matches!(name, "--to" | "--protocol" | "--runtime" | "--seconds") {
            return Err(format!(
                "argument {argument:?} is unknown; allowed are --to, --protocol, --runtime, \
                 --seconds and --help"
            )
            .into());
        }
        let value = joined.or_else(|| arguments.next().map(String::as_str));
        let value = value.ok_or_else(|| format!("{name} needs a value: see --help"))?;
        match name {
            "--to" => options.to = Some(value.try_into().map_err(|e| format!("--to: {e}"))?),
            "--protocol" => chosen = Some(protocols(value)?),
            "--runtime" => options.runtimes = runtimes(value)?,
            _ => options.seconds = seconds(value)?,
        }
    }
    // One port speaks one protocol: the one whose own port it is, or else plaintext.
    let port = options.to.as_ref().and_then(Address::port);
    options.protocols = match (chosen, port) {
        (Some(chosen), _) => chosen,
        (None, Some(2004)) => vec![Protocol::Pickle],
        (None, Some(_)) => vec![Protocol::Plaintext],
        (None, None) => options.protocols,
    };
    match &options.to {
        Some(to) if to.port().is_some() && options.protocols.len() > 1 => Err(format!(
            "--to {to}: one port speaks one protocol; add --protocol plaintext or --protocol \
             pickle, or leave the port out for both (2003 and 2004)"
        )
        .into()),
        _ => Ok(Some(options)),
    }
}

fn protocols(value: &str) -> Result<Vec<Protocol>> {
    match value {
        "plaintext" => Ok(vec![Protocol::Plaintext]),
        "pickle" => Ok(vec![Protocol::Pickle]),
        "both" => Ok(Options::default().protocols),
        _ => Err(format!("--protocol {value:?}: allowed are plaintext, pickle and both").into()),
    }
}

fn runtimes(value: &str) -> Result<Vec<Runtime>> {
    match value {
        "tokio" => Ok(vec![Runtime::Tokio]),
        "async-std" => Ok(vec![Runtime::AsyncStd]),
        "both" => Ok(Options::default().runtimes),
        _ => Err(format!("--runtime {value:?}: allowed are tokio, async-std and both").into()),
    }
}

fn seconds(value: &str) -> Result<u64> {
    match value.parse() {
        Ok(seconds @ 1..=86_400) => Ok(seconds),
        _ => Err(format!("--seconds {value:?}: allowed is a whole number from 1 to 86400").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_make_options() {
        let default = Options::default();
        assert_eq!(parsed("").unwrap(), Some(Options { ..default }));
        assert_eq!(parsed("--seconds 5 --help").unwrap(), None);
        let all = "--to graphite:2103 --protocol pickle --runtime=async-std --seconds=86400";
        let expected = Options {
            to: Some(Address::try_from("graphite:2103").unwrap()),
            protocols: vec![Protocol::Pickle],
            runtimes: vec![Runtime::AsyncStd],
            seconds: 86_400,
        };
        assert_eq!(parsed(all).unwrap(), Some(expected));
        let both = parsed("--to ::1 --protocol both").unwrap().unwrap();
        assert_eq!(both.protocols.len(), 2);
        for (line, protocol) in
            [("--to host:2103", Protocol::Plaintext), ("--to host:2004", Protocol::Pickle)]
        {
            assert_eq!(parsed(line).unwrap().unwrap().protocols, [protocol], "{line}");
        }
    }

    #[test]
    fn a_bad_argument_is_named_with_what_is_allowed() {
        for (line, named, allowed) in [
            ("--protocol udp", "\"udp\"", "plaintext, pickle and both"),
            ("--runtime smol", "\"smol\"", "tokio, async-std and both"),
            ("--seconds 0", "\"0\"", "from 1 to 86400"),
            ("--seconds 86401", "\"86401\"", "from 1 to 86400"),
            ("--seconds soon", "\"soon\"", "from 1 to 86400"),
            ("--seconds", "--seconds", "needs a value"),
            ("--to host:0", "\"host:0\"", "1 to 65535"),
            ("--to host:2003 --protocol both", "host:2003", "one port speaks one protocol"),
            ("--tp host", "\"--tp\"", "--to"),
            ("host", "\"host\"", "--to"),
        ] {
            let error = parsed(line).expect_err(line).to_string();
            assert!(error.contains(named) && error.contains(allowed), "{line}: {error}");
        }
    }
}
