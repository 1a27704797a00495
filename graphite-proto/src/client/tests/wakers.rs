//! Wakers are a user's code, and called when the lock is free.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::MadeUp;
use super::desk::{Desk, small_queue};
use crate::client::handle::Client;

/// A waker whose every part asks the client something, as those of other executors may.
struct Curious(Client<MadeUp>);

impl Curious {
    fn ask(&self) {
        assert!(self.0.shared().is_free(), "a waker is called under the lock");
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
/// must be free then. If it were not, the thread that asks would wait for itself.
#[test]
fn wakers_are_woken_and_dropped_when_the_lock_is_free() {
    let desk = Desk::up(small_queue().max_attempts(1));
    let client = &desk.client;
    let guard = client.shared().lock();
    assert!(!client.shared().is_free());
    drop(guard);
    client.try_feed(("a", 1)).unwrap();
    {
        // Replaced, then given up.
        let (mut flush, mut send) = (Box::pin(client.flush()), Box::pin(client.send(("b", 1))));
        for _ in 0..3 {
            assert!(poll_curious(client, flush.as_mut()).is_pending());
            assert!(poll_curious(client, send.as_mut()).is_pending());
        }
    }
    // Answered.
    let mut flush = Box::pin(client.flush());
    assert!(poll_curious(client, flush.as_mut()).is_pending());
    desk.write_all();
    assert!(poll_curious(client, flush.as_mut()).is_ready());
    desk.fill();
    let path = "x".repeat(16_000);
    {
        // Out of the line.
        let mut feed = Box::pin(client.feed((&path, 1)));
        for _ in 0..3 {
            assert!(poll_curious(client, feed.as_mut()).is_pending());
        }
    }
    // Given room.
    let mut feed = Box::pin(client.feed((&path, 1)));
    assert!(poll_curious(client, feed.as_mut()).is_pending());
    desk.write_all();
    assert!(poll_curious(client, feed.as_mut()).is_ready());
    // Waits for the end, and gives up.
    let mut close = Box::pin(client.close());
    for _ in 0..3 {
        assert!(poll_curious(client, close.as_mut()).is_pending());
    }
}
