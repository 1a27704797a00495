//! The relay: what senders bring as lines arrives as pickles, once and in the order of each.
//!
//! Not here: the other examples (`examples.rs`).

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{PATIENCE, Service, nobody, run};
use graphite_proto::{Metric, Protocol, Receiver};

type Points = mpsc::Receiver<Metric<'static>>;

/// Unpickles a connection of one that comes to a listener, and gives the points as they come.
fn receive(listener: TcpListener) -> Points {
    let (give, points) = mpsc::channel();
    thread::spawn(move || {
        let mut connection = listener.accept().unwrap().0;
        let (mut receiver, mut bytes) = (Receiver::new(Protocol::Pickle), vec![0; 65_536]);
        loop {
            let count = connection.read(&mut bytes).unwrap();
            if count == 0 {
                assert_eq!(receiver.pending_bytes(), 0);
                return;
            }
            receiver.receive(&bytes[..count]);
            while let Some(point) = receiver.next_metric() {
                give.send(point.unwrap()).unwrap();
            }
        }
    });
    points
}

fn relay(graphite: SocketAddr) -> (Service, SocketAddr) {
    Service::listening(run("relay").args([&graphite.to_string(), "127.0.0.1:0"]))
}

fn line(name: &str, value: u32) -> String {
    format!("{name} {value} {}\n", 1_700_000_000 + value)
}

fn point(name: &'static str, value: u32) -> Metric<'static> {
    // As it is read from a pickle.
    Metric::new(name, i64::from(value)).at(1_700_000_000 + value)
}

/// Ends the writing side, and waits until the relay answers that it has read all.
fn end(mut sender: TcpStream) {
    sender.shutdown(Shutdown::Write).unwrap();
    assert_eq!(sender.read(&mut [0]).unwrap(), 0);
}

/// Writes lines at once, but for the second, which is cut until it is told to go on, and a bad one.
fn send_cut(address: SocketAddr, go_on: mpsc::Receiver<()>) -> JoinHandle<SocketAddr> {
    thread::spawn(move || {
        let mut sender = TcpStream::connect(address).unwrap();
        let peer = sender.local_addr().unwrap();
        let second = line("cut", 1);
        let (begin, rest) = second.split_at(9);
        sender.write_all((line("cut", 0) + begin).as_bytes()).unwrap();
        go_on.recv_timeout(PATIENCE).unwrap();
        let lines: String = (2..1000).map(|value| line("cut", value)).collect();
        sender.write_all(format!("{rest}nonsense\n{lines}").as_bytes()).unwrap();
        end(sender);
        peer
    })
}

#[test]
fn every_point_arrives_once_and_in_the_order_of_its_sender() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let graphite = listener.local_addr().unwrap();
    let points = receive(listener);
    let (relay, address) = relay(graphite);

    let (go_on, told) = mpsc::channel();
    let cut = send_cut(address, told);
    let whole = thread::spawn(move || {
        let mut sender = TcpStream::connect(address).unwrap();
        for value in 0..2000 {
            sender.write_all(line("whole", value).as_bytes()).unwrap();
        }
        end(sender);
    });
    let mut arrived = Vec::new();
    // What came along with it has been read, too.
    while !arrived.contains(&point("cut", 0)) {
        arrived.push(points.recv_timeout(PATIENCE).unwrap());
    }
    go_on.send(()).unwrap();
    let peer = cut.join().unwrap();
    whole.join().unwrap();

    let (code, said) = relay.end();
    assert_eq!(code, Some(0), "{said}");
    arrived.extend(points);
    let of = |name| arrived.iter().filter(move |point| point.path() == name).cloned();
    assert!(of("cut").eq((0..1000).map(|value| point("cut", value))), "{arrived:?}");
    assert!(of("whole").eq((0..2000).map(|value| point("whole", value))), "{arrived:?}");
    assert_eq!(arrived.len(), 3000);
    let told: Vec<&str> = said.lines().filter(|line| !line.starts_with("graphite: ")).collect();
    let bad = format!("{peer}: line \"nonsense\" has 1 fields, not path, value and timestamp");
    assert_eq!(told, [bad]);
}

#[test]
fn a_connection_that_stays_does_not_keep_it_and_what_it_cannot_use_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let graphite = listener.local_addr().unwrap();
    let points = receive(listener);
    let (relay, address) = relay(graphite);

    let mut long = TcpStream::connect(address).unwrap();
    long.write_all(&[b'x'; 20_000]).unwrap();
    // It is ended, by a reset if anything was left unread.
    let ended = long
        .read(&mut [0])
        .map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |count| count == 0);
    assert!(ended);

    let mut stays = TcpStream::connect(address).unwrap();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let begun = now();
    stays.write_all(b"x\x01y 1 1700000000\nstays 1 -1\nstays 2").unwrap();
    let stamped = points.recv_timeout(PATIENCE).unwrap();
    let time = u64::try_from(stamped.timestamp().unwrap().seconds()).unwrap();
    assert!((begun..=now()).contains(&time) && stamped == Metric::new("stays", 1).at(time));

    let (code, said) = relay.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(points.iter().next(), None);
    let (long, stays) = (long.local_addr().unwrap(), stays.local_addr().unwrap());
    let told: Vec<&str> = said.lines().filter(|line| !line.starts_with("graphite: ")).collect();
    let [too_long, control, torn] = told[..] else { panic!("{told:?}") };
    assert!(too_long.starts_with(&format!("{long}: line \"xxx")), "{too_long}");
    let begin = format!("{stays}: metric path \"x\\u{{1}}y\" holds a control character");
    assert!(control.starts_with(&begin), "{control}");
    assert_eq!(torn, format!("{stays}: ended within a line, of which 7 bytes are dropped"));
}

#[test]
fn without_its_receiver_it_says_what_is_lost_and_fails() {
    let (_bound, graphite) = nobody();
    let (relay, address) = relay(graphite);
    let mut sender = TcpStream::connect(address).unwrap();
    sender.write_all(b"a 1 1700000000\nb 2 1700000000\n").unwrap();
    end(sender);
    let (code, said) = relay.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("graphite: closed with 2 points not known to be delivered"), "{said}");
}

/// Writes until nothing is taken, or more than any buffers hold; returns how much was.
fn write_until_it_is_full(sender: &mut TcpStream, bytes: &[u8]) -> usize {
    sender.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut written = 0;
    while written < bytes.len() {
        match sender.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    written
}

#[test]
fn senders_are_held_up_while_the_receiver_reads_nothing_and_lose_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let graphite = listener.local_addr().unwrap();
    let (relay, address) = relay(graphite);
    let name = "x".repeat(10_000);
    let lines: String = (0..6400).map(|value| line(&name, value)).collect();
    let mut sender = TcpStream::connect(address).unwrap();
    let written = write_until_it_is_full(&mut sender, lines.as_bytes());
    assert!(written < lines.len(), "{written} bytes are held in the relay");

    let points = receive(listener);
    sender.set_write_timeout(None).unwrap();
    sender.write_all(&lines.as_bytes()[written..]).unwrap();
    end(sender);
    let (code, said) = relay.end();
    assert_eq!(code, Some(0), "{said}");
    let values: Vec<f64> = points.iter().map(|point| point.value().as_f64()).collect();
    assert!(values.into_iter().eq((0..6400).map(f64::from)));
}
