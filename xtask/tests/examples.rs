//! The examples that are each one thing to begin with: what they say they do, they do.
//!
//! Not here: the quick starts (`readme.rs`), the cron job (`scripts.rs`), services (`services.rs`)
//! and the relay (`relay.rs`).

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

mod common;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Service, nobody, receiver, run};

/// A point's name and value, and its time.
fn split(line: &str) -> (&str, u64) {
    let (point, time) = line.rsplit_once(' ').unwrap();
    (point, time.parse().unwrap())
}

fn points(text: &str) -> Vec<&str> {
    text.lines().map(|line| split(line).0).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Listens on a Unix socket in a folder of its own, which is there as long as its value.
fn unix() -> (tempfile::TempDir, String, UnixListener) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graphite.sock");
    let listener = UnixListener::bind(&path).unwrap();
    (folder, path.into_os_string().into_string().unwrap(), listener)
}

#[test]
fn a_unix_socket_gets_the_points() {
    for (given, expected) in [
        (&[][..], &["servers.web01.load 0.42"][..]),
        (&["disk.free=17.5", "disk.used=3"], &["disk.free 17.5", "disk.used 3.0"]),
    ] {
        let (_folder, path, listener) = unix();
        let receiver = thread::spawn(move || {
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            text
        });
        let ended = Service::start(run("unix_socket").arg(path).args(given)).ended();
        assert_eq!(ended, (Some(0), String::new()));
        assert_eq!(points(&receiver.join().unwrap()), expected);
    }
}

#[test]
fn a_unix_socket_whose_receiver_dies_is_connected_to_again() {
    let (_folder, path, listener) = unix();
    let receiver = thread::spawn(move || {
        // Dropped with something that it has not read.
        let mut first = BufReader::with_capacity(1, listener.accept().unwrap().0);
        first.fill_buf().unwrap();
        drop(first);
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    let ended = Service::start(run("unix_socket").args([&path, "a=1", "b=2", "c=3"])).ended();
    assert_eq!(ended, (Some(0), String::new()));
    assert_eq!(points(&receiver.join().unwrap()), ["a 1.0", "b 2.0", "c 3.0"]);
}

#[test]
fn a_unix_socket_that_nobody_reads_any_more_is_a_failure() {
    let (folder, path, listener) = unix();
    let receiver = thread::spawn(move || {
        let mut only = BufReader::with_capacity(1, listener.accept().unwrap().0);
        only.fill_buf().unwrap();
        // Before the connection ends, so that no other is made.
        drop(folder);
        drop(listener);
    });
    let (code, said) = Service::start(run("unix_socket").args([&path, "a=1"])).ended();
    receiver.join().unwrap();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("undelivered: 1,"), "{said}");
}

#[test]
fn a_stream_is_forwarded_in_order_without_what_cannot_be_sent() {
    let (address, receiver) = receiver();
    let (code, said) = Service::start(run("stream_into_sink").arg(address)).ended();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("only finite values can be sent").count(), 1, "{said}");
    let shares = (1..10_000).map(|done: u32| f64::from(done / 7) / f64::from(done));
    let text = receiver.join().unwrap();
    let values = points(&text).into_iter().map(|point| {
        let (name, value) = point.split_once(' ').unwrap();
        assert_eq!(name, "jobs.import.failed.share");
        value.parse::<f64>().unwrap()
    });
    assert!(values.eq(shares), "{} lines", text.lines().count());
}

fn file(input: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    file
}

fn stdin_to(graphite: &str, input: &[u8]) -> Service {
    Service::start(run("stdin_to_graphite").arg(graphite).stdin(file(input)))
}

#[test]
fn good_lines_arrive_as_they_were_read_and_end_with_0() {
    let (address, receiver) = receiver();
    let input =
        b"a.b 1 1700000000\nc -2.5 1700000001\r\n d\t3\n e 4 N\n f 5 -1\n\xC3\xA4;g=h 6 1700000002";
    let begun = now();
    let ended = stdin_to(&address, input).ended();
    let all_that_time = begun..=now();
    assert_eq!(ended, (Some(0), String::new()));
    let text = receiver.join().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let [a, c, d, e, f, g] = lines[..] else { panic!("{lines:?}") };
    assert_eq!([a, c, g], ["a.b 1 1700000000", "c -2.5 1700000001", "ä;g=h 6 1700000002"]);
    for (line, expected) in [(d, "d 3"), (e, "e 4"), (f, "f 5")] {
        let (point, time) = split(line);
        assert!(point == expected && all_that_time.contains(&time), "{line}");
    }
}

#[test]
fn bad_lines_are_told_by_number_and_cost_only_themselves() {
    let (address, receiver) = receiver();
    let long = format!("{} 1 1700000000", "x".repeat(20_000));
    // What a line is cut to may look whole.
    let padded = format!("x 1{}1700000000", " ".repeat(20_000));
    let lines: [(&[u8], &str); 12] = [
        (b"one", "line \"one\" has 1 fields, not path, value and timestamp"),
        (b"x 1 2 3", "line \"x 1 2 3\" has 4 fields, not path, value and timestamp"),
        (b"", "line \"\" has 0 fields, not path, value and timestamp"),
        (b"x one 1700000000", "value \"one\" of metric \"x\" is not a finite number"),
        (b"x nan", "value \"nan\" of metric \"x\" is not a finite number"),
        (b"x 1 today", "timestamp \"today\" of metric \"x\" is not in 0 to "),
        (b"x 1 1700000000000", "timestamp \"1700000000000\" of metric \"x\" is not in 0 to "),
        (b"x\x01y 1", "metric path \"x\\u{1}y\" holds a control character (U+0001) at byte 1"),
        (b"x\xC2\xA0y 1 N", "line \"x\\u{a0}y 1 -1\" has 4 fields, "),
        (b"x\xFFy 1 1700000000", "line \"x\u{FFFD}y 1 1700000000\" is not UTF-8 at byte 1"),
        (long.as_bytes(), "line \"xxx"),
        (padded.as_bytes(), "line \"x 1   "),
    ];
    let mut input = b"first 1 1700000000\n".to_vec();
    for (line, _) in lines {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    input.extend_from_slice(b"last 2 1700000001\n");
    let (code, said) = stdin_to(&address, &input).ended();
    assert_eq!(code, Some(1), "{said}");
    let text = receiver.join().unwrap();
    assert_eq!(text, "first 1 1700000000\nlast 2 1700000001\n");
    let told: Vec<&str> = said.lines().collect();
    let (closing, told) = told.split_last().unwrap();
    assert_eq!(*closing, "graphite: lines: 2 sent, 12 bad");
    assert_eq!(told.len(), lines.len(), "{said}");
    for (index, (told, (_, reason))) in told.iter().zip(lines).enumerate() {
        let begin = format!("line {}: {reason}", index + 2);
        assert!(told.starts_with(&begin), "{told:?} does not begin with {begin:?}");
    }
    let limit = "is longer than the limit of 16384 bytes";
    assert!(told[10..].iter().all(|told| told.ends_with(limit)), "{said}");
}

#[test]
fn no_lines_end_with_0() {
    let (address, receiver) = receiver();
    assert_eq!(stdin_to(&address, b"").ended(), (Some(0), String::new()));
    assert_eq!(receiver.join().unwrap(), "");
}

#[test]
fn lines_that_nobody_has_read_end_with_1() {
    let (_bound, address) = nobody();
    let listener = TcpListener::bind(address).unwrap();
    let receiver = thread::spawn(move || {
        // Dropped with what it has not read, which resets it, and so is the listener.
        let mut connection = BufReader::with_capacity(1, listener.accept().unwrap().0);
        connection.fill_buf().unwrap();
    });
    let (code, said) = stdin_to(&address.to_string(), b"a 1\nb 2\n").ended();
    receiver.join().unwrap();
    assert_eq!(code, Some(1), "{said}");
    let begin = "graphite: lines: 2 sent, 0 bad; closed with 2 points not known to be delivered: ";
    assert!(said.starts_with(begin) && said.lines().count() == 1, "{said}");

    let refused = format!("no connection came about: connect to {address}: connection refused");
    let said = format!("graphite: lines: 0 sent, 0 bad; {refused}\n");
    assert_eq!(stdin_to(&address.to_string(), b"a 1\n").ended(), (Some(1), said));
}

#[test]
fn an_outage_with_a_full_queue_loses_no_line() {
    let (_bound, address) = nobody();
    let listener = TcpListener::bind(address).unwrap();
    // Twice what the queue holds, and no more than the window that is sent again.
    let name = "x".repeat(1000);
    let line = |value: u32| format!("{name}.y {value} 1700000000\n");
    let input: String = (0..8000).map(line).collect();
    let mut service = stdin_to(&address.to_string(), input.as_bytes());
    let mut first = BufReader::with_capacity(1, listener.accept().unwrap().0);
    first.fill_buf().unwrap();
    drop((listener, first));
    let mut said = BufReader::new(service.child().stderr.as_mut().unwrap());
    let mut told = String::new();
    while !told.contains("queue is full and the receiver cannot be reached") {
        assert!(said.read_line(&mut told).unwrap() > 0, "{told}");
    }
    let listener = TcpListener::bind(address).unwrap();
    let mut text = String::new();
    listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
    let (code, said) = service.ended();
    assert_eq!(code, Some(0), "{told}{said}");
    assert!(text == input, "{} of {} bytes", text.len(), input.len());
}
