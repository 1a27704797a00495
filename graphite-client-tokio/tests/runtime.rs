//! What a client needs of its runtime, and what is said where that is missing; and tokio's paused
//! clock.
//!
//! The end of a runtime stands in `shutdown.rs`. async-std's runtime is always there and whole.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use graphite_client_tokio::{Client, ConnectError, Reporter, SendError};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// A runtime with a thread of its own, and a client on it.
fn client(address: SocketAddr) -> (Runtime, Client) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("runtime");
    let builder = Client::builder().queue_bytes(100);
    let client = runtime.block_on(async { builder.connect_lazy(address).expect("address") });
    (runtime, client)
}

/// Reads one connection to its end.
fn receiver() -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("port");
    let read = move || io::read_to_string(listener.accept().expect("connection").0).expect("text");
    (address, thread::spawn(read))
}

/// Returns whether a future panics when it is polled for the first time.
fn panics_when_polled<T>(future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let poll = || drop(future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    panic::catch_unwind(AssertUnwindSafe(poll)).is_err()
}

async fn nowhere() -> io::Result<DuplexStream> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

/// Returns the file that a panic is blamed on. The hook is one for the whole process, so that this
/// is called by one test only, and listens to its thread only.
fn blamed(act: impl FnOnce()) -> Option<String> {
    let file = Arc::new(Mutex::new(None));
    let (noted, own) = (file.clone(), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == own {
            *noted.lock().expect("file") =
                info.location().map(|location| location.file().to_owned());
        }
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(act));
    drop(panic::take_hook());
    assert!(result.is_err(), "it panics");
    file.lock().expect("file").take()
}

#[test]
fn who_begins_without_a_runtime_or_its_timer_is_told_the_line_of_the_call() {
    let lazy = || drop(Client::builder().connect_lazy("127.0.0.1:1"));
    let lazy_with = || drop(Client::builder().connect_with_lazy(nowhere));
    let here = Some(file!());
    assert_eq!(blamed(lazy).as_deref(), here);
    assert_eq!(blamed(lazy_with).as_deref(), here);

    let (_runtime, client) = client(([127, 0, 0, 1], 1).into());
    let report = || drop(Reporter::every(client.clone(), SECOND, |_, _| {}));
    assert_eq!(blamed(report).as_deref(), here);

    let timeless = Builder::new_current_thread().enable_io().build().unwrap();
    let _guard = timeless.enter();
    assert_eq!(blamed(lazy).as_deref(), here);
    assert_eq!(blamed(lazy_with).as_deref(), here);
}

#[test]
fn without_io_the_client_ends_and_its_calls_say_so() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let result = runtime.block_on(async {
        let client = Client::builder().connect_lazy("127.0.0.1:1").unwrap();
        client.send(("a", 1)).await
    });
    assert_eq!(result, Err(SendError::Closed));
    let error = runtime.block_on(Client::connect("127.0.0.1:1")).unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error}");
}

#[test]
fn who_awaits_a_connection_without_a_runtime_or_its_timer_panics() {
    assert!(panics_when_polled(Client::connect("127.0.0.1:1")));
    assert!(panics_when_polled(Client::builder().connect("127.0.0.1:1")));
    assert!(panics_when_polled(Client::builder().connect_with(nowhere)));
    let timeless = Builder::new_current_thread().enable_io().build().unwrap();
    let _guard = timeless.enter();
    assert!(panics_when_polled(Client::connect("127.0.0.1:1")));
    assert!(panics_when_polled(Client::builder().connect_with(nowhere)));
}

/// Only a client that is there already gets that far: it lives on another runtime.
#[test]
fn a_reporter_without_a_timer_reports_nothing_but_the_last_interval() {
    let (address, received) = receiver();
    let (runtime, client) = client(address);
    let timeless = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let guard = timeless.enter();
    let reporter = Reporter::every(client, DAY, |report, _| {
        report.push(("last", 7, 8));
    });
    drop(guard);
    let deadline = Instant::now() + 20 * SECOND;
    while timeless.metrics().num_alive_tasks() > 0 {
        assert!(Instant::now() < deadline, "the reporter's task panics");
        thread::sleep(Duration::from_millis(1));
    }
    runtime.block_on(reporter.unwrap().close()).unwrap();
    assert_eq!(received.join().unwrap(), "last 7 8\n");
}

#[test]
fn calls_of_a_client_that_is_there_need_no_runtime_but_a_reporters_close_at_a_full_queue() {
    let (runtime, client) = client(([127, 0, 0, 1], 1).into());
    while client.try_feed(("a", 1)).is_ok() {}
    assert!(!panics_when_polled(client.feed(("a", 1))));
    assert!(!panics_when_polled(client.send(("a", 1))));
    assert!(!panics_when_polled(client.flush()));
    let reporter = {
        let _guard = runtime.enter();
        Reporter::every(client.clone(), DAY, |report, _| {
            report.push(("last", 7));
        })
    };
    assert!(panics_when_polled(reporter.unwrap().close()));
}

/// An outage of hours, told and overcome, in no time.
#[test]
fn a_paused_clock_suits_a_receiver_in_the_same_runtime() {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (attempts, received) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counter, read) = (attempts.clone(), received.clone());
        let connector = move || {
            let (attempt, read) = (counter.fetch_add(1, Ordering::SeqCst), read.clone());
            async move {
                if attempt < 20 {
                    return nowhere().await;
                }
                let (ours, mut theirs) = tokio::io::duplex(1024);
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    theirs.read_to_end(&mut bytes).await.unwrap();
                    read.lock().unwrap().extend(bytes);
                });
                Ok(ours)
            }
        };
        let hour = Duration::from_secs(3600);
        let builder = Client::builder().backoff(hour / 10, hour);
        let client = builder.connect_with_lazy(connector).unwrap();
        let error = client.send(("a", 1, 2)).await.unwrap_err();
        assert!(matches!(error, SendError::Queued(_)), "{error}");
        assert_eq!(attempts.load(Ordering::SeqCst), 3);
        tokio::time::sleep(24 * hour).await;
        client.flush().await.unwrap();
        client.close().await.unwrap();
        assert_eq!(attempts.load(Ordering::SeqCst), 21);
        assert_eq!(*received.lock().unwrap(), b"a 1 2\n");
    });
}
