//! The example that sends datagrams: whole lines, none longer than what Ethernet carries.
//!
//! Not here: real receivers of datagrams, which are rows of `cargo xtask interop`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

mod common;

use std::net::UdpSocket;

use common::{Service, run};

/// Returns whether the example ended well and what it said.
fn datagrams(arguments: &[String]) -> (bool, String) {
    let (code, said) = Service::start(run("datagrams").args(arguments)).ended();
    (code == Some(0), said)
}

#[test]
fn the_example_sends_whole_lines_packed() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let names: Vec<String> = (0..100).map(|n| format!("servers.web01.disk{n:02}.used")).collect();
    let address = receiver.local_addr().unwrap().to_string();
    let points = names.iter().map(|name| format!("{name}=0.5"));
    let arguments: Vec<String> = [address].into_iter().chain(points).collect();
    assert_eq!(datagrams(&arguments), (true, String::new()));

    // On loopback a datagram is there when it is sent.
    receiver.set_nonblocking(true).unwrap();
    let (mut lines, mut buffer) = (Vec::new(), [0; 65_536]);
    while let Ok(bytes) = receiver.recv(&mut buffer) {
        let datagram = std::str::from_utf8(&buffer[..bytes]).unwrap();
        assert!(bytes <= 1432 && datagram.ends_with('\n'), "{datagram:?}");
        lines.push(datagram.lines().map(str::to_owned).collect::<Vec<_>>());
    }
    // Each line is of 41 bytes with its newline.
    assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [34, 34, 32]);
    let lines = lines.concat();
    let sent: Vec<_> = lines.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert!(sent.into_iter().eq(names.iter().map(|name| format!("{name} 0.5"))), "{lines:?}");
}

#[test]
fn a_line_that_no_datagram_holds_is_told() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, name) = (receiver.local_addr().unwrap().to_string(), "x".repeat(1500));
    let (ended_well, said) = datagrams(&[address, format!("{name}=1")]);
    assert!(
        !ended_well && said.contains("with its newline, limit of a datagram is 1432"),
        "{said}"
    );
}
