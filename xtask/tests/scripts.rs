//! The example that is a script: its exit code says whether the receiver has read everything.
//!
//! Not here: services, which are told to end (`services.rs`).

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::thread;

use common::{Service, nobody, run};

/// Returns its exit code and what it said.
fn cron_job(arguments: &[&str]) -> (Option<i32>, String) {
    Service::start(run("cron_job").args(arguments)).ended()
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn what_was_read_ends_with_0() {
    let (listener, address) = listen();
    let receiver = thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    let ended = cron_job(&[&address, "backup.web01.bytes=17301504", "backup.web01.seconds=12.5"]);
    assert_eq!(ended, (Some(0), String::new()));
    let text = receiver.join().unwrap();
    let points: Vec<&str> = text.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(points, ["backup.web01.bytes 17301504.0", "backup.web01.seconds 12.5"]);
}

#[test]
fn without_a_receiver_it_ends_with_1_and_a_line() {
    let (_bound, address) = nobody();
    let address = address.to_string();
    let refused = format!("connect to {address}: connection refused");
    let said = format!("graphite: no connection came about: {refused}\n");
    assert_eq!(cron_job(&[&address, "a=1"]), (Some(1), said));
}

#[test]
fn what_was_taken_and_not_read_ends_with_1() {
    let (_bound, address) = nobody();
    let listener = TcpListener::bind(address).unwrap();
    let address = address.to_string();
    let receiver = thread::spawn(move || {
        // Dropped with what it has not read, which resets it, and so is the listener.
        let mut connection = BufReader::with_capacity(1, listener.accept().unwrap().0);
        connection.fill_buf().unwrap();
    });
    let (code, said) = cron_job(&[&address, "a=1", "b=2"]);
    receiver.join().unwrap();
    assert_eq!(code, Some(1), "{said}");
    let begin = "graphite: closed with 2 points not known to be delivered: ";
    assert!(said.starts_with(begin) && said.lines().count() == 1, "{said}");
}

#[test]
fn what_is_no_point_ends_with_1() {
    let (_listener, address) = listen();
    let said = "graphite: a point is NAME=VALUE\n".to_owned();
    assert_eq!(cron_job(&[&address, "a"]), (Some(1), said));
    assert_eq!(cron_job(&[]), (Some(1), "graphite: which Graphite?\n".to_owned()));
}
