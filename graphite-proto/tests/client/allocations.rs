//! How often a client allocates a point, once it is warm: never, on any thread.
//!
//! The tests of each runtime include this in a binary of its own, with a `client` and a small
//! runtime `rt`, which knows what the runtime allocates by itself: the counts are the process's, so
//! that there is one test. Not here: how much memory is held, which the machine's own tests tell.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use crate::client::{Client, Delivery, Metric, Protocol};
use crate::rt;

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is; the counter does not touch memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(usize::from(!rt::is_own(layout)), Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A call that points are given to a client by.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// Every thousand points are flushed.
    Feed,
    Send,
    /// By a thousand points a call.
    SendMultiple,
    /// Through a feeder, which is flushed every thousand points.
    Feeder,
}

/// Each call by each protocol, and how many points it is measured by.
const ROWS: &[(Call, Protocol, usize)] = &[
    (Call::Feed, Protocol::Plaintext, 100_000),
    (Call::Feed, Protocol::Pickle, 100_000),
    (Call::Send, Protocol::Plaintext, 5_000),
    (Call::Send, Protocol::Pickle, 5_000),
    (Call::SendMultiple, Protocol::Plaintext, 100_000),
    (Call::SendMultiple, Protocol::Pickle, 100_000),
    (Call::Feeder, Protocol::Plaintext, 100_000),
    (Call::Feeder, Protocol::Pickle, 100_000),
];

/// How many allocations there may be, however many points are sent: when a thread is the first to
/// do something, and for a buffer that busy threads are the first to need beside the others, which
/// comes to its size by a dozen doublings. One for every thousand points is more.
const HANDFUL: usize = 64;

impl Call {
    /// Gives so many points to a client, and returns when they are written.
    async fn give(self, client: &Client, points: &[Metric<'_>], count: usize) {
        let mut feeder = client.feeder();
        for _ in 0..count / points.len() {
            match self {
                Self::Feed => {
                    for point in points {
                        client.feed(point).await.expect("fed");
                    }
                    client.flush().await.expect("flushed");
                }
                Self::Send => {
                    for point in points {
                        client.send(point).await.expect("sent");
                    }
                }
                Self::SendMultiple => client.send_multiple(points).await.expect("sent"),
                Self::Feeder => {
                    for point in points {
                        feeder.feed(point).await.expect("fed");
                    }
                    feeder.flush().await.expect("flushed");
                }
            }
        }
    }
}

/// Reads to the end of one connection, into a buffer that is always the same, and returns how much
/// that was.
fn receive() -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
    let address = listener.local_addr().expect("address");
    let receiver = thread::spawn(move || {
        let mut stream = listener.accept().expect("connection").0;
        let (mut buffer, mut bytes) = ([0; 65_536], 0);
        loop {
            match stream.read(&mut buffer).expect("bytes") {
                0 => return bytes,
                read => bytes += read,
            }
        }
    });
    (address, receiver)
}

/// Returns how often is allocated for so many points, and for twice as many.
async fn measure(call: Call, protocol: Protocol, count: usize) -> [usize; 2] {
    let names: Vec<_> =
        (0..1_000).map(|i| format!("servers.web{i:03}.cpu.core{}.user", i % 8)).collect();
    let point = |(i, name)| Metric::new(name, i as f64 * 0.37).at(1_700_000_000);
    let points: Vec<_> = names.iter().enumerate().map(point).collect();

    let (address, receiver) = receive();
    let builder = Client::builder().protocol(protocol);
    let client = builder.connect(address).await.expect("connection");
    let mut warm = 0;
    while client.stats().window_bytes + (64 << 10) < Delivery::DEFAULT_WINDOW {
        call.give(&client, &points, points.len()).await;
        warm += points.len();
        assert!(warm < 1_000_000, "the window is never full: {:?}", client.stats());
    }
    // Until it has been let go of, too.
    call.give(&client, &points, count).await;

    let mut calls = [0; 2];
    for (calls, count) in calls.iter_mut().zip([count, 2 * count]) {
        let before = CALLS.load(Relaxed);
        call.give(&client, &points, count).await;
        *calls = CALLS.load(Relaxed) - before;
    }

    let stats = client.stats();
    assert_eq!(stats.written, (warm + 4 * count) as u64, "{stats:?}");
    client.close().await.expect("everything is read");
    let read = receiver.join().expect("receiver");
    assert!(read > Delivery::DEFAULT_WINDOW, "{read} bytes read");
    calls
}

#[test]
fn nothing_is_allocated_a_point() {
    let mut failed = Vec::new();
    rt::on_each(async |runtime| {
        for &(call, protocol, count) in ROWS {
            let [once, twice] = measure(call, protocol, count).await;
            if once > HANDFUL || twice > HANDFUL {
                failed.push(format!(
                    "{runtime}, {call:?}, {protocol:?}: {once} allocations for {count} points, \
                     {twice} for twice as many"
                ));
            }
        }
    });
    assert!(failed.is_empty(), "more than {HANDFUL} allocations:\n{}", failed.join("\n"));
}
