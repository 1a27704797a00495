//! Sends the lines of its input, `path value [timestamp]`, and tells which are bad:
//! `... | cargo run -p graphite-client-tokio --features blocking --example stdin_to_graphite HOST`
//!
//! A line without a timestamp, or with `N` or -1 for one, is of now. Ends with 0 only if every line
//! was good and the receiver has read all of them. Not here: names made of other people's text, which
//! go through a `Scheme` first.

#![allow(clippy::print_stderr, reason = "an example has no log")]

use std::error::Error;
use std::io::{self, BufRead, Read as _};
use std::process::ExitCode;
use std::time::SystemTime;

use graphite_client_tokio::blocking::Client;
use graphite_client_tokio::proto::{DecodeError, MAX_LINE_BYTES, Receiver};
use graphite_client_tokio::{Metric, Protocol, SendError};

/// What became of the lines so far.
#[derive(Default)]
struct Lines {
    good: u64,
    bad: u64,
}

/// Takes the next line without its end, or the beginning of one that is too long: input may be
/// anything, and memory is not to grow with it. The last line needs no end.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    // One byte over the limit is enough to know.
    let most = MAX_LINE_BYTES as u64 + 1;
    if input.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > MAX_LINE_BYTES {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

/// Reads a line as a receiver would, and stamps it at once if it is to be of now: it may have to
/// wait for room.
fn read(line: &[u8]) -> Result<Metric<'static>, DecodeError> {
    let fields: Vec<&[u8]> =
        line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect();
    let mut whole = match fields[..] {
        // What is too long was cut, and is for the receiver to refuse.
        [path, value] | [path, value, b"N"] if line.len() <= MAX_LINE_BYTES => {
            [path, value, b"-1"].join(&b' ')
        }
        _ => line.to_vec(),
    };
    whole.push(b'\n');
    // One a line, since a line that is too long is the last that a receiver reads.
    let mut receiver = Receiver::new(Protocol::Plaintext);
    receiver.receive(&whole);
    let point = receiver.next_metric().expect("a line that has ended is a point or an error")?;
    Ok(match point.timestamp() {
        Some(_) => point,
        None => point.at(SystemTime::now()),
    })
}

/// Queues a point, and in an outage waits until there is room, however long that takes: nothing
/// more is read meanwhile, so that nothing is lost.
fn feed(client: &Client, point: &Metric<'_>) -> Result<(), SendError> {
    loop {
        match client.feed(point) {
            Err(error @ SendError::Full(_)) => eprintln!("graphite: {error}"),
            done => return done,
        }
    }
}

fn send(client: &Client, lines: &mut Lines) -> Result<(), Box<dyn Error>> {
    let (mut input, mut line) = (io::stdin().lock(), Vec::new());
    while next_line(&mut input, &mut line)? {
        let refused = match read(&line) {
            Err(error) => error.to_string(),
            Ok(point) => match feed(client, &point) {
                Ok(()) => {
                    lines.good += 1;
                    continue;
                }
                // Such as a name with a control character, which a receiver may take.
                Err(SendError::Metric(error)) => error.to_string(),
                Err(error) => return Err(error.into()),
            },
        };
        lines.bad += 1;
        eprintln!("line {}: {refused}", lines.good + lines.bad);
    }
    Ok(())
}

fn run(lines: &mut Lines) -> Result<(), Box<dyn Error>> {
    let graphite = std::env::args().nth(1).ok_or("which Graphite?")?;
    let client = Client::connect(graphite)?;
    // Whatever ends the input, what came before it goes out.
    let sent = send(&client, lines);
    let closed = client.close();
    sent?;
    Ok(closed?)
}

fn main() -> ExitCode {
    let mut lines = Lines::default();
    let ended = run(&mut lines);
    let Lines { good, bad } = lines;
    match ended {
        Ok(()) if bad == 0 => return ExitCode::SUCCESS,
        Ok(()) => eprintln!("graphite: lines: {good} sent, {bad} bad"),
        Err(error) => eprintln!("graphite: lines: {good} sent, {bad} bad; {error}"),
    }
    ExitCode::FAILURE
}
