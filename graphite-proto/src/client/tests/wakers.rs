//! Wakers are a user's code, and called when the lock is free.

#![allow(clippy::disallowed_methods, reason = "a test may wait for a thread")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::MadeUp;
use super::desk::{Desk, small_queue};
use crate::client::handle::Client;

/// A waker whose every part asks the client something, as those of other executors may.
struct Curious(Client<MadeUp>);

impl Curious {
    fn ask(&self) {
        let _ = self.0.stats();
        let _ = self.0.try_feed(("", 1));
    }
}

impl Wake for Curious {
    fn wake(self: Arc<Self>) {
        self.ask();
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        self.ask();
    }
}

/// Polls with a waker that nobody else has, so that it is dropped by whoever is given it.
fn poll_curious<T>(client: &Client<MadeUp>, future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    let waker = Waker::from(Arc::new(Curious(client.clone())));
    future.poll(&mut Context::from_waker(&waker))
}

/// A waker may do anything when it is woken or dropped, and so ask the client something: the lock
/// must be free then. If it is not, the thread that asks waits for itself.
#[test]
fn wakers_are_woken_and_dropped_when_the_lock_is_free() {
    let (done, end) = mpsc::channel();
    std::thread::spawn(move || {
        let desk = Desk::up(small_queue().max_attempts(1));
        let client = &desk.client;
        client.try_feed(("a", 1)).unwrap();
        {
            // Replaced, then given up.
            let (mut flush, mut send) = (Box::pin(client.flush()), Box::pin(client.send(("b", 1))));
            for _ in 0..3 {
                assert!(poll_curious(client, flush.as_mut()).is_pending());
                assert!(poll_curious(client, send.as_mut()).is_pending());
            }
        }
        done.send("given up").unwrap();
        let mut flush = Box::pin(client.flush());
        assert!(poll_curious(client, flush.as_mut()).is_pending());
        desk.write_all();
        assert!(poll_curious(client, flush.as_mut()).is_ready());
        done.send("answered").unwrap();
        desk.fill();
        let path = "x".repeat(16_000);
        {
            let mut feed = Box::pin(client.feed((&path, 1)));
            for _ in 0..3 {
                assert!(poll_curious(client, feed.as_mut()).is_pending());
            }
        }
        done.send("out of the line").unwrap();
        let mut feed = Box::pin(client.feed((&path, 1)));
        assert!(poll_curious(client, feed.as_mut()).is_pending());
        desk.write_all();
        assert!(poll_curious(client, feed.as_mut()).is_ready());
        done.send("had room").unwrap();
        let mut close = Box::pin(client.close());
        for _ in 0..3 {
            assert!(poll_curious(client, close.as_mut()).is_pending());
        }
        drop(close);
        done.send("closed").unwrap();
    });
    let limit = Duration::from_secs(20);
    for step in ["given up", "answered", "out of the line", "had room", "closed"] {
        assert_eq!(end.recv_timeout(limit), Ok(step), "the thread waits for its own lock");
    }
}
