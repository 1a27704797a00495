//! The examples that are services: told to end, they report all they counted, and say so if they
//! cannot.
//!
//! The receiver is one of this process that keeps one value for a name and a time, as a store does.
//! Not here: a real store, which is `cargo xtask interop services`.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test has no users, and may fail")]

mod common;
#[path = "../src/interop/visitors.rs"]
mod visitors;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::{PATIENCE, Service, nobody, run};
use graphite_proto::{Protocol, Receiver};
use visitors::{Answers, Visits};

/// The last value of each name and time.
type Store = HashMap<(String, i128), f64>;

/// Starts an example that serves HTTP and reports each second, and waits until it listens.
fn listening(example: &str, graphite: SocketAddr) -> (Service, SocketAddr) {
    Service::listening(run(example).args([&graphite.to_string(), "127.0.0.1:0", "1"]))
}

/// Starts a receiver of one connection; a message comes with the first of it, and then what it
/// brought at all.
fn receiver() -> (SocketAddr, mpsc::Receiver<()>, JoinHandle<Store>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (begun, begins) = mpsc::channel();
    let store = thread::spawn(move || {
        let mut connection = BufReader::new(listener.accept().unwrap().0);
        connection.fill_buf().unwrap();
        begun.send(()).unwrap();
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).unwrap();
        stored(&bytes)
    });
    (address, begins, store)
}

fn stored(bytes: &[u8]) -> Store {
    let mut store = Store::new();
    let mut receiver = Receiver::new(Protocol::Plaintext);
    receiver.receive(bytes);
    while let Some(point) = receiver.next_metric() {
        let point = point.unwrap();
        let time = point.timestamp().unwrap().seconds();
        store.insert((point.path().to_owned(), time), point.value().as_f64());
    }
    store
}

/// Visits a service, ends it amid that, and returns what was answered and what was reported.
fn visited(example: &str) -> (Answers, Store) {
    let (graphite, _begins, store) = receiver();
    let visits = Visits::default();
    let (service, address) = listening(example, graphite);
    let answers = thread::scope(|scope| {
        let visitors = scope.spawn(|| visits.run(address));
        while visits.answered() < 500 && !visitors.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        visits.tell();
        let (code, said) = service.end();
        assert_eq!(code, Some(0), "{example}: {said}");
        visitors.join().unwrap().unwrap()
    });
    assert!(visits.answered_late() > 0, "{example}: no request was in flight");
    (answers, store.join().unwrap())
}

/// Returns the values of the series that begin so and end so.
fn values(store: &Store, begin: &str, end: &str) -> Vec<f64> {
    let series =
        store.iter().filter(|((name, _), _)| name.starts_with(begin) && name.ends_with(end));
    series.map(|(_, value)| *value).collect()
}

#[test]
fn the_service_with_the_recorder_reports_every_answer() {
    let (answers, store) = visited("service_axum");
    for ((route, code), count) in answers {
        let tags = match route {
            "/" => "_2F",
            "/cart/{id}" => "_2Fcart_2F_7Bid_7D",
            other => other,
        };
        let begin = format!("shop.web01.http.requests.count;code={code}");
        let totals = values(&store, &begin, &format!(";route={tags}"));
        let total = totals.into_iter().fold(0.0, f64::max);
        assert_eq!(total, count as f64, "{route} {code}");
    }
    let latencies =
        values(&store, "shop.web01.http.latency.seconds.p99;", "route=_2Fcart_2F_7Bid_7D");
    // The handler waits for 20 ms, or refuses at once.
    assert!(latencies.iter().any(|seconds| (0.02..10.0).contains(seconds)), "{latencies:?}");
}

#[test]
fn the_service_with_figures_of_its_own_reports_every_answer() {
    let (answers, store) = visited("service_every");
    let counted: u64 = answers.values().sum();
    let timed: f64 = values(&store, "till.web01.http.latency.seconds.count;", "").iter().sum();
    assert_eq!(timed, counted as f64);
    for ((route, code), count) in answers {
        let begin = format!("till.web01.http.requests.count;code={code}");
        let total: f64 = values(&store, &begin, &format!(";route={route}")).iter().sum();
        assert_eq!(total, count as f64, "{route} {code}");
    }
}

/// Asks for the first page and reads the answer to its end.
fn visit(address: SocketAddr) {
    let mut visit = TcpStream::connect(address).unwrap();
    visit.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
    assert!(visit.read_to_end(&mut Vec::new()).unwrap() > 0);
}

#[test]
fn a_request_that_never_ends_does_not_keep_the_last_report() {
    let (graphite, _begins, store) = receiver();
    let (service, address) = listening("service_axum", graphite);
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    visit(address);
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
    let totals = values(&store.join().unwrap(), "shop.web01.http.requests.count;", "");
    assert!(!totals.is_empty() && totals.iter().all(|total| *total == 1.0), "{totals:?}");
    drop(half);
}

#[test]
fn a_service_whose_last_report_is_lost_says_so_and_fails() {
    let (_bound, nobody) = nobody();
    thread::scope(|scope| {
        for example in ["service_axum", "service_every"] {
            scope.spawn(move || {
                let (service, address) = listening(example, nobody);
                visit(address);
                let (code, said) = service.end();
                assert_eq!(code, Some(1), "{said}");
                assert!(said.contains("graphite: closed with"), "{said}");
            });
        }
    });
}

#[test]
fn the_reporters_report_all_they_counted() {
    for example in ["reporter_tokio", "reporter_async_std"] {
        let (graphite, begins, store) = receiver();
        let service = Service::start(run(example).args([&graphite.to_string(), "1"]));
        begins.recv_timeout(PATIENCE).unwrap();
        let (code, said) = service.end();
        assert_eq!(code, Some(0), "{example}: {said}");
        let totals = values(&store.join().unwrap(), "shop.web01.requests.count", "");
        let total = totals.into_iter().fold(0.0, f64::max);
        let counted = said.contains(&format!("reported {total} requests"));
        assert!(total > 0.0 && counted, "{example}: {total}: {said}");
    }
}
