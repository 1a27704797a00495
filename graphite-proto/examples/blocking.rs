//! A driver over `std::net` alone: the model for whoever has a transport of their own.
//!
//! `cargo run -p graphite-proto --example blocking [HOST:PORT]` sends five points to a Graphite's
//! plaintext port; without an address to a receiver of its own, and fails if a point is missing.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant as Clock, SystemTime};

use graphite_proto::{Config, Input, Instant, Metric, Output, Protocol, Receiver, Sender};

const POINTS: usize = 5;

fn main() -> io::Result<()> {
    let (address, receiver) = match std::env::args().nth(1) {
        Some(address) => (address, None),
        None => {
            let own = TcpListener::bind("127.0.0.1:0")?;
            (own.local_addr()?.to_string(), Some(std::thread::spawn(move || receive(&own))))
        }
    };
    let start = Clock::now();
    let now = || Instant::from_start(start.elapsed());
    let mut sender = Sender::new(Config::new(Protocol::Plaintext), now());
    for i in 0..POINTS {
        let metric = Metric::new(format!("example.blocking.point{i}"), i as f64 * 0.5);
        sender.enqueue(&metric, SystemTime::now(), now()).map_err(io::Error::other)?;
    }
    // Write all, half-close, wait for the receiver's end of file.
    sender.handle_input(Input::Close, now());
    let mut link = None;
    while !sender.is_closed() {
        let input = obey(&sender, &mut link, &address, now());
        sender.handle_input(input, now());
    }
    println!("sent {POINTS} points to {address}, {} of them unproven", sender.unproven());
    let arrived = receiver.map_or(Ok(POINTS), |thread| thread.join().expect("no panic"))?;
    let all = (arrived == POINTS && sender.unproven() == 0).then_some(());
    all.ok_or_else(|| io::Error::other("not all points arrived"))
}

/// A connection, and whether its writing side is closed.
type Link = Option<(TcpStream, bool)>;

/// Does what the machine demands, for no longer than it says; returns what came of it. The
/// time-outs, the back-off and the retries are in the machine; how long a connect takes is not.
fn obey(sender: &Sender, link: &mut Link, address: &str, now: Instant) -> Input {
    let left = sender.poll_timeout().map_or(Duration::from_secs(1), |at| at.since(now));
    let patience = Some(left.max(Duration::from_millis(1)));
    let done = match (sender.poll_output(), &mut *link) {
        (Output::Connect, link) => match TcpStream::connect(address) {
            Ok(stream) => Ok((*link = Some((stream, false)), Input::Connected).1),
            Err(error) => Ok(Input::ConnectFailed(error.into())),
        },
        (Output::Idle, None) => Ok((std::thread::sleep(left), Input::Timeout).1),
        (Output::Transmit(bytes), Some((stream, _))) => stream
            .set_write_timeout(patience)
            .and_then(|()| stream.write(bytes))
            .map(Input::Written),
        (Output::Finish, Some((stream, half_closed))) => {
            stream.shutdown(Shutdown::Write).map(|()| (*half_closed = true, Input::Finished).1)
        }
        // A receiver never speaks: one reads to see its end of file. After our half-close that
        // proves that it has read everything; before it, std cannot tell.
        (Output::Idle, Some((stream, half_closed))) => {
            stream.set_read_timeout(patience).and_then(|()| stream.read(&mut [0; 64])).map(|n| {
                if n > 0 { Input::PeerSpoke } else { Input::PeerFinished { proven: *half_closed } }
            })
        }
        // `Disconnect`: dropping the stream is as near to an abort as std comes.
        _ => Err(ErrorKind::ConnectionAborted.into()),
    };
    let input = match done {
        Ok(input) => input,
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Input::Timeout,
        Err(e) => Input::Disconnected(e.into()),
    };
    if matches!(input, Input::PeerFinished { .. } | Input::Disconnected(_)) {
        *link = None;
    }
    input
}

/// Reads one connection to its end and shows what arrives; returns how many points that was.
fn receive(listener: &TcpListener) -> io::Result<usize> {
    let (mut stream, _) = listener.accept()?;
    let (mut receiver, mut bytes, mut points) = (Receiver::new(Protocol::Plaintext), [0; 4096], 0);
    loop {
        match stream.read(&mut bytes)? {
            0 => return Ok(points),
            n => receiver.receive(&bytes[..n]),
        }
        while let Some(metric) = receiver.next_metric() {
            println!("arrived: {:?}", metric.map_err(io::Error::other)?);
            points += 1;
        }
    }
}
