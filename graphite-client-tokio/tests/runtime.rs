//! What a client needs of its runtime, and what is said where that is missing; and tokio's paused
//! clock.
//!
//! The end of a runtime stands in `shutdown.rs`. async-std's runtime is always there and whole.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use graphite_client_tokio::{Client, SendError};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::runtime::Builder;

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
