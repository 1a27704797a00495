//! The arguments of the task.

use std::str::FromStr;

use graphite_proto::{Delivery, Protocol};

use super::load::Runtime;

pub(crate) const USAGE: &str = "[--kills N] [--runtime tokio|async-std|both] \
    [--protocol plaintext|pickle|both]\n           \
    [--delivery best-effort|replay|confirmed|all] [--seed S]\n           \
    [--window BYTES] [--receive-buffer BYTES] [--life MS]";

/// More kills than this would take days.
const MOST_KILLS: u32 = 1_000_000;

pub(super) struct Args {
    /// Of each delivery level, divided between its runs.
    pub(super) kills: u32,
    pub(super) runtimes: Vec<Runtime>,
    pub(super) protocols: Vec<Protocol>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) seed: u64,
    /// The receiver's `SO_RCVBUF`.
    pub(super) buffer: Option<usize>,
    /// How long at most a receiver lives after its first connection, in milliseconds.
    pub(super) life: u64,
}

impl Args {
    pub(super) fn parse(args: &[String]) -> crate::Result<Self> {
        let mut parsed = Self {
            kills: 100,
            runtimes: vec![Runtime::Tokio, Runtime::AsyncStd],
            protocols: vec![Protocol::Plaintext, Protocol::Pickle],
            deliveries: Vec::new(),
            seed: fastrand::u64(..1_000_000),
            buffer: None,
            life: 400,
        };
        let (mut levels, mut window) = ("replay".to_owned(), Delivery::DEFAULT_WINDOW);
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = || args.clone().next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--kills" => parsed.kills = number(name, value()?, 1, MOST_KILLS)?,
                "--runtime" => parsed.runtimes = choose(name, value()?, &RUNTIMES)?,
                "--protocol" => parsed.protocols = choose(name, value()?, &PROTOCOLS)?,
                "--delivery" => levels.clone_from(value()?),
                "--seed" => parsed.seed = number(name, value()?, 0, u64::MAX)?,
                "--window" => window = number(name, value()?, 1, 1 << 30)?,
                "--receive-buffer" => {
                    parsed.buffer = Some(number(name, value()?, 4096, 1 << 30)?);
                }
                "--life" => parsed.life = number(name, value()?, 1, 10_000)?,
                _ => return Err(format!("there is no argument {name:?}: {USAGE}").into()),
            }
            args.next();
        }
        let best_effort = Delivery::BestEffort;
        let (replay, confirmed) = (Delivery::Replay { window }, Delivery::Confirmed { window });
        let deliveries = [
            ("best-effort", &[best_effort][..]),
            ("replay", &[replay]),
            ("confirmed", &[confirmed]),
            ("all", &[best_effort, replay, confirmed]),
        ];
        parsed.deliveries = choose("--delivery", &levels, &deliveries)?;
        Ok(parsed)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (Runtime, Protocol)> {
        let with = |&runtime| self.protocols.iter().map(move |&protocol| (runtime, protocol));
        self.runtimes.iter().flat_map(with)
    }
}

const RUNTIMES: [(&str, &[Runtime]); 3] = [
    ("tokio", &[Runtime::Tokio]),
    ("async-std", &[Runtime::AsyncStd]),
    ("both", &[Runtime::Tokio, Runtime::AsyncStd]),
];

const PROTOCOLS: [(&str, &[Protocol]); 3] = [
    ("plaintext", &[Protocol::Plaintext]),
    ("pickle", &[Protocol::Pickle]),
    ("both", &[Protocol::Plaintext, Protocol::Pickle]),
];

/// Reads the arguments that a receiver is started with.
pub(super) fn receiver(args: &[String]) -> crate::Result<(Protocol, u16, Option<usize>)> {
    let [protocol, port, buffer @ ..] = args else {
        return Err("a receiver needs a protocol and a port".into());
    };
    let protocols = choose("a receiver's protocol", protocol, &PROTOCOLS)?;
    let port = number("a receiver's port", port, 1, u16::MAX)?;
    let buffer = buffer.first().map(|bytes| number("a receive buffer", bytes, 1, 1 << 30));
    Ok((protocols[0], port, buffer.transpose()?))
}

fn choose<T: Clone>(name: &str, word: &str, choices: &[(&str, &[T])]) -> crate::Result<Vec<T>> {
    match choices.iter().find(|(choice, _)| *choice == word) {
        Some((_, items)) => Ok(items.to_vec()),
        None => {
            let words: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            Err(format!("{name} is one of {}, not {word:?}", words.join(", ")).into())
        }
    }
}

fn number<T>(name: &str, text: &str, least: T, most: T) -> crate::Result<T>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("{name} is a number from {least} to {most}, not {text:?}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> crate::Result<Args> {
        Args::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_argument_is_read() {
        let args = parse("--kills 7 --runtime tokio --protocol both --seed 9 --life 50").unwrap();
        assert_eq!((args.kills, args.seed, args.life, args.pairs().count()), (7, 9, 50, 2));
        assert_eq!(args.deliveries, [Delivery::default()]);
        let args = parse("--delivery all --window 4096 --receive-buffer 8192").unwrap();
        assert_eq!(args.deliveries[2], Delivery::Confirmed { window: 4096 });
        assert_eq!(args.buffer, Some(8192));
    }

    #[test]
    fn errors_name_the_input_and_what_is_allowed() {
        for (line, text) in [
            ("--kills 0", "--kills is a number from 1 to 1000000, not \"0\""),
            ("--kills", "--kills needs a value"),
            ("--runtime smol", "--runtime is one of tokio, async-std, both, not \"smol\""),
            ("--delivery x", "--delivery is one of best-effort, replay, confirmed, all, not \"x\""),
        ] {
            assert_eq!(parse(line).err().unwrap().to_string(), text);
        }
    }
}
