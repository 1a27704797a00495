//! Feeders beside others who are at the same client.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::desk::{Desk, small_queue};
use crate::client::error::{SendError, TryFeedError};
use crate::config::{Config, Overflow};
use crate::event::Input;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Nothing else wakes it: the outage was told before.
#[test]
fn who_loses_a_point_to_a_dropped_feeder_is_woken() {
    let desk = Desk::new(small_queue().overflow(Overflow::DropOldest));
    let client = &desk.client;
    // Miri goes by the number of points: few long ones fill the same queue.
    let (fill, path, points) = match cfg!(miri) {
        true => ("x".repeat(500), "x".repeat(500), 3),
        false => ("fill".to_owned(), "a.point.of.a.feeder".to_owned(), 50),
    };
    while client.stats().dropped == 0 {
        client.try_feed((&fill, 1, 1)).unwrap();
    }
    let waiter = Arc::new(Woken::default());
    let waker = Waker::from(waiter.clone());
    let mut send = pin!(client.send(("mine", 1, 1)));
    assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mine = client.stats().accepted;
    desk.tell(Input::Finished);
    while client.shared().lock().sender.progress().dropped < mine {
        assert_eq!(waiter.0.load(SeqCst), 0);
        let mut feeder = client.feeder();
        for _ in 0..points {
            feeder.try_feed((&path, 1, 1)).unwrap();
        }
        drop(feeder);
    }
    assert_eq!(waiter.0.load(SeqCst), 1);
    let answer = send.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(answer, std::task::Poll::Ready(Err(SendError::Dropped)));
}

#[test]
fn a_feeder_counts_what_it_refuses_as_the_client_does() {
    let desk = Desk::up(small_queue());
    let mut feeder = desk.client.feeder();
    let path = "fill".repeat(if cfg!(miri) { 100 } else { 1 });
    while feeder.try_feed((&path, 1, 1)).is_ok() {}
    assert_eq!(desk.client.stats().rejected, 1);
    while desk.client.try_feed((&path, 1, 1)).is_ok() {}
    assert_eq!(desk.client.stats().rejected, 2);
    desk.client.shared().close();
    assert_eq!(feeder.try_feed(("late", 1, 1)), Err(TryFeedError::Closed));
    assert_eq!(desk.client.stats().rejected, 3);
    assert_eq!(desk.client.feeder().try_feed(("late", 1, 1)), Err(TryFeedError::Closed));
}

/// The client's task is to look after as long as points may wait, and no later.
#[test]
fn a_frame_that_is_not_full_is_taken_after_the_linger_time() {
    let linger = Duration::from_millis(1);
    let mut desk = Desk::up(Config::default().linger(linger));
    let mut feeder = desk.client.feeder();
    feeder.try_feed(("a", 1, 1)).unwrap();
    let machine = || desk.client.shared().lock();
    assert_eq!(machine().slots.deadline(), Some(desk.now + linger));
    machine().look_at_slots(desk.now);
    assert_eq!(feeder.pending(), 1, "too early");
    desk.now = desk.now + linger;
    desk.client.shared().lock().look_at_slots(desk.now);
    assert_eq!((feeder.pending(), desk.client.stats().accepted), (0, 1));
    assert_eq!(desk.client.shared().lock().slots.deadline(), None, "nothing is looked for");
}
