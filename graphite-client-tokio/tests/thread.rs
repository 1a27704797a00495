//! The thread of a client whose calls block: it is there as long as the client.
//!
//! Alone in its process, since it counts threads. async-std's threads belong to nobody.

#![cfg(target_os = "linux")]

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use graphite_client_tokio::blocking::Client;

/// Returns how many threads of clients there are.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "graphite-client").count()
}

/// Waits until there are no more than so many: the kernel may show one for a moment that is over.
fn until_at_most(count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while threads() > count {
        assert!(Instant::now() < deadline, "{} threads are left", threads());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_client_has_one_thread_which_ends_with_the_last_clone() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = thread::spawn(move || {
        for _ in 0..2 {
            listener.accept().unwrap().0.read_to_end(&mut Vec::new()).unwrap();
        }
    });
    let closed = Client::connect(address).unwrap();
    let clone = closed.clone();
    assert_eq!(threads(), 1);
    closed.close().unwrap();
    let forgotten = Client::connect(address).unwrap();
    assert_eq!(threads(), 2);
    drop((closed, clone));
    until_at_most(1);
    forgotten.feed(("a", 1)).unwrap();
    drop(forgotten);
    until_at_most(0);
    receiver.join().unwrap();

    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Client::builder().max_attempts(1).connect(nobody).unwrap_err();
    until_at_most(0);
}
