//! Each sender of `cargo xtask bench` sends the points that its rows claim, and the receiver counts
//! them: a figure of a sender that skips work would be worth nothing.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use graphite_proto::{Protocol, Receiver};

/// By which of the clients, and by how many tasks.
const SENDERS: [(&str, &str, u64); 16] = [
    ("raw", "tokio", 1),
    ("bare", "tokio", 1),
    ("feed", "tokio", 1),
    ("feed", "async-std", 1),
    ("clones", "tokio", 3),
    ("feeder", "tokio", 1),
    ("feeder", "async-std", 1),
    ("feeders", "tokio", 3),
    ("send-multiple", "tokio", 1),
    ("send-multiple", "async-std", 1),
    ("send", "tokio", 1),
    ("send", "async-std", 1),
    ("write-all", "tokio", 1),
    ("write-all", "async-std", 1),
    ("graphyne", "tokio", 1),
    ("graphyne-one", "tokio", 1),
];
const CYCLES: u64 = 3;

fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// Runs a sender; returns what it sent and what it told.
fn sent(sender: &str, runtime: &str, protocol: &str, tasks: u64) -> (Vec<u8>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut command = xtask();
    command.args(["bench-sender", sender, runtime, protocol]);
    command.args([tasks.to_string(), CYCLES.to_string(), address]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{sender}: {}", String::from_utf8_lossy(&output.stderr));
    (reading.join().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Returns a thousand lines, over and over, in an order of their own.
fn expected() -> Vec<String> {
    let line = |i: u32| {
        let value = f64::from(i) * 0.37;
        format!("servers.web{:03}.cpu.core{}.user {value:?} 1700000000", i / 8, i % 8)
    };
    let mut lines: Vec<String> = (0..CYCLES).flat_map(|_| (0..1000).map(line)).collect();
    lines.sort();
    lines
}

fn lines(protocol: Protocol, bytes: &[u8]) -> Vec<String> {
    let mut receiver = Receiver::new(protocol);
    receiver.receive(bytes);
    let mut lines = Vec::new();
    while let Some(point) = receiver.next_metric() {
        let point = point.unwrap();
        let (value, time) = (point.value().as_f64(), point.timestamp().unwrap());
        lines.push(format!("{} {value:?} {time}", point.path()));
    }
    lines.sort();
    lines
}

#[test]
fn a_sender_sends_every_point_of_every_cycle() {
    let expected = expected();
    for (sender, runtime, tasks) in SENDERS {
        let (bytes, told) = sent(sender, runtime, "plaintext", tasks);
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert!(lines == expected, "{sender}, {runtime}: {} lines", lines.len());
        let numbers = told.split_whitespace().filter(|word| word.parse::<u64>().is_ok());
        assert_eq!(numbers.count(), 4, "{sender}: {told}");
    }
    for (sender, runtime, tasks) in &SENDERS[..10] {
        let (bytes, _) = sent(sender, runtime, "pickle", *tasks);
        let lines = lines(Protocol::Pickle, &bytes);
        assert!(lines == expected, "{sender}, {runtime}: {} points", lines.len());
    }
}

#[test]
fn dipstick_sends_every_gauge_and_one_to_begin_with() {
    let (bytes, _) = sent("dipstick", "tokio", "plaintext", 1);
    let text = String::from_utf8(bytes).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names.len() as u64, 1000 * CYCLES + 1);
    assert_eq!(names[0], "servers.web000.cpu.core0.user");
}

#[test]
fn the_receiver_counts_what_it_reads() {
    let mut child =
        xtask().arg("bench-receiver").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Whose end would end it, and which waiting for it would close.
    let stdin = child.stdin.take();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = output.next().unwrap().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&[b'x'; 300_000]).unwrap();
    drop(stream);
    let told = output.next().unwrap().unwrap();
    assert!(told.starts_with("300000 "), "{told}");
    assert!(child.wait().unwrap().success());
    drop(stdin);
}
