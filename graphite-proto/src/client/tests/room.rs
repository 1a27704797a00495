//! Many callers at one queue: who gets the room in it.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::time::Duration;

use futures::{Sink as _, SinkExt as _};

use super::MadeUp;
use super::desk::{Desk, Order, Tasks, small_queue};
use crate::client::error::{SendError, TryFeedError};
use crate::client::handle::Client;
use crate::config::{Config, Overflow};
use crate::event::Input;
use crate::metric::Metric;

/// Feeds for ever, and counts.
async fn feed_on(client: &Client<MadeUp>, fed: &AtomicUsize) {
    loop {
        client.feed(("some.metric", 1, 1_700_000_000)).await.unwrap();
        fed.fetch_add(1, SeqCst);
    }
}

/// However much room comes at a time. Where those run first who were woken last, shares are not
/// equal, but nobody starves.
#[test]
fn tasks_that_feed_without_a_pause_share_the_queue() {
    for (order, least) in [(Order::FirstWoken, 3000), (Order::LastWoken, 100)] {
        for frames in [1, 3, 1000] {
            let desk = Desk::up(small_queue());
            let fed: Vec<_> = (0..17).map(|_| AtomicUsize::new(0)).collect();
            let mut tasks = Tasks::new();
            for fed in &fed {
                tasks.spawn(feed_on(&desk.client, fed));
            }
            while fed.iter().map(|fed| fed.load(SeqCst)).sum::<usize>() < 85_000 {
                tasks.run(order);
                for _ in 0..frames {
                    desk.write();
                }
            }
            let fed: Vec<_> = fed.iter().map(|fed| fed.load(SeqCst)).collect();
            assert!(fed.iter().all(|&fed| fed > least), "{frames} frames at a time: {fed:?}");
        }
    }
}

#[test]
fn a_large_point_is_not_passed_by_small_ones() {
    let desk = Desk::up(small_queue());
    let (fed, path) = (AtomicUsize::new(0), "x".repeat(10_000));
    let mut tasks = Tasks::new();
    for _ in 0..16 {
        tasks.spawn(feed_on(&desk.client, &fed));
    }
    tasks.run(Order::FirstWoken);
    let large = tasks.spawn(async { desk.client.feed((&path, 1, 1)).await.unwrap() });
    tasks.run(Order::LastWoken);
    let before = fed.load(SeqCst);
    let mut frames = 0;
    while !tasks.is_done(large) {
        frames += 1;
        desk.write();
        tasks.run(Order::LastWoken);
        assert!(frames <= 8, "a queue of eight frames went out and there is no room yet");
    }
    let passed = fed.load(SeqCst) - before;
    // Those who asked before, and what fits beside it.
    assert!(passed <= 16 + 6000 / 27, "{passed} points were queued before it");
}

/// There is room for one at a time, and whoever was woken last runs first.
#[test]
fn room_is_given_in_the_order_of_asking() {
    let desk = Desk::up(Config::default().queue_bytes(4096));
    desk.fill();
    let mut tasks = Tasks::new();
    let client = &desk.client;
    for number in 0..30 {
        let path = format!("{number}.{}", "x".repeat(4000));
        tasks.spawn(async move {
            let metric = (path.as_str(), 1, 1);
            match number % 4 {
                0 => client.feed(metric).await.unwrap(),
                1 => client.send(metric).await.unwrap(),
                2 => client.send_multiple([metric]).await.unwrap(),
                _ => client.sink().send(Metric::from(metric).into_owned()).await.unwrap(),
            }
        });
        // Each asks before the next does.
        tasks.run(Order::LastWoken);
    }
    desk.write_all();
    let mut arrived = Vec::new();
    for _ in 0..30 {
        tasks.run(Order::LastWoken);
        assert_eq!(desk.queued(), 1);
        arrived.extend(desk.write_all().split('.').next().map(str::to_owned));
    }
    let asked: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    assert_eq!(arrived, asked);
    tasks.run(Order::LastWoken);
    assert!((0..30).all(|task| tasks.is_done(task)));
}

#[test]
fn nobody_who_comes_later_overtakes() {
    let desk = Desk::up(small_queue());
    desk.fill();
    let path = "x".repeat(4000);
    let mut tasks = Tasks::new();
    let large = tasks.spawn(async { desk.client.feed((&path, 1, 1)).await.unwrap() });
    tasks.run(Order::FirstWoken);
    // There is room for many a small point, but not for the large one.
    desk.write();
    let (accepted, rejected) = (desk.client.stats().accepted, desk.client.stats().rejected);
    let client = &desk.client;
    tasks.spawn(async { client.feed(("late", 1, 1)).await.unwrap() });
    tasks.spawn(async { client.send(("late", 1, 1)).await.unwrap() });
    tasks.spawn(async { client.send_multiple([("late", 1, 1); 200]).await.unwrap() });
    tasks.spawn(async { client.sink().send(Metric::new("late", 1)).await.unwrap() });
    tasks.run(Order::FirstWoken);
    let full = client.try_feed(("late", 1, 1)).unwrap_err();
    assert!(matches!(full, TryFeedError::Full { limit: 16_384, .. }), "{full:?}");
    // What can never be sent is told at once all the same.
    assert!(matches!(client.try_feed(("", 1)), Err(TryFeedError::Metric(_))));
    let stats = client.stats();
    assert_eq!((stats.accepted, stats.rejected), (accepted, rejected + 2));
    while !tasks.is_done(large) {
        assert_eq!(client.stats().accepted, accepted);
        desk.write();
        tasks.run(Order::FirstWoken);
    }
    for _ in 0..3 {
        desk.write_all();
        tasks.run(Order::FirstWoken);
    }
    assert!((0..5).all(|task| tasks.is_done(task)));
    assert_eq!(client.stats().accepted, accepted + 1 + 1 + 1 + 200 + 1);
}

#[test]
fn batches_take_turns_with_each_other_and_with_points() {
    let desk = Desk::up(small_queue());
    let fed = AtomicUsize::new(0);
    let client = &desk.client;
    let mut tasks = Tasks::new();
    let mut batches = Vec::new();
    for name in ["a", "b", "c"] {
        let points = (0..20_000).map(move |i| (name, i, 1));
        batches.push(tasks.spawn(async move { client.send_multiple(points).await.unwrap() }));
    }
    tasks.spawn(feed_on(client, &fed));
    let mut text = String::new();
    while !batches.iter().any(|&batch| tasks.is_done(batch)) {
        tasks.run(Order::FirstWoken);
        text += &desk.write();
    }
    let count = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    let counts = ["a ", "b ", "c ", "some."].map(count);
    assert!(counts.iter().all(|&count| count > 12_000), "{counts:?}");
}

#[test]
fn who_gives_up_passes_its_turn_on() {
    let desk = Desk::up(small_queue());
    desk.fill();
    let (client, path) = (&desk.client, "x".repeat(15_000));
    let mut tasks = Tasks::new();
    let large = tasks.spawn(async { client.feed((&path, 1, 1)).await.unwrap() });
    let small = tasks.spawn(async { client.feed(("a", 1, 1)).await.unwrap() });
    tasks.run(Order::FirstWoken);
    // Before it was told: there is room for the next already.
    desk.write();
    assert_eq!(tasks.are_ready(), 0);
    tasks.tasks[large] = None;
    tasks.run(Order::FirstWoken);
    assert!(tasks.is_done(small));

    desk.fill();
    let large = tasks.spawn(async { client.feed((&path, 1, 1)).await.unwrap() });
    let small = tasks.spawn(async { client.feed((&path, 2, 1)).await.unwrap() });
    tasks.run(Order::FirstWoken);
    // After it was told, and before it came.
    desk.write_all();
    assert_eq!(tasks.next(Order::FirstWoken), Some(large));
    assert_eq!(tasks.are_ready(), 0, "the room is promised to the first");
    tasks.tasks[large] = None;
    tasks.run(Order::FirstWoken);
    assert!(tasks.is_done(small));
    assert_eq!(desk.queued(), 1);
}

/// Everybody gives up at some moment or another; whoever stays gets room.
#[test]
fn no_turn_is_lost_whoever_gives_up() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut below = |limit: u64| random.u64(..limit);
    for _ in 0..300 {
        let desk = Desk::up(small_queue());
        desk.fill();
        let client = &desk.client;
        let mut tasks = Tasks::new();
        let mut staying = Vec::new();
        for _ in 0..40 {
            let path = "x".repeat(1 + below(7000) as usize);
            let task = tasks.spawn(async move { client.feed((&path, 1, 1)).await.unwrap() });
            match below(3) {
                0 => staying.push(task),
                _ => tasks.run(Order::FirstWoken),
            }
            if below(4) == 0 {
                desk.write();
            }
            let gone = below(tasks.tasks.len() as u64) as usize;
            if !staying.contains(&gone) {
                tasks.tasks[gone] = None;
            }
        }
        for _ in 0..100 {
            tasks.run(Order::LastWoken);
            desk.write();
        }
        assert!(staying.iter().all(|&task| tasks.is_done(task)));
        // Nobody stands in the way of who comes next.
        for gone in &mut tasks.tasks {
            *gone = None;
        }
        desk.write_all();
        client.try_feed(("x".repeat(16_000), 1)).unwrap();
    }
}

/// A future that was told and is not run holds back the room for its own point.
#[test]
fn who_does_not_come_holds_up_nobody_else() {
    let desk = Desk::up(small_queue());
    desk.fill();
    let (client, fed) = (&desk.client, AtomicUsize::new(0));
    let mut tasks = Tasks::new();
    let idle = tasks.spawn(async { client.feed(("idle", 1, 1)).await.unwrap() });
    tasks.run(Order::FirstWoken);
    desk.write_all();
    assert_eq!(tasks.next(Order::FirstWoken), Some(idle));
    tasks.spawn(feed_on(client, &fed));
    for _ in 0..100 {
        tasks.run(Order::FirstWoken);
        desk.write_all();
    }
    assert!(fed.load(SeqCst) > 10_000);
    let waker = Waker::noop();
    let task = tasks.tasks[idle].as_mut().unwrap();
    assert!(task.as_mut().poll(&mut Context::from_waker(waker)).is_ready());
    assert!(desk.write_all().ends_with("idle 1 1\n"));
}

#[test]
fn who_is_told_of_a_failure_leaves_the_line() {
    let mut desk = Desk::new(small_queue());
    desk.fill();
    let client = &desk.client.clone();
    let (path, full) = ("x".repeat(15_000), Mutex::new(0));
    let mut tasks = Tasks::new();
    for _ in 0..5 {
        tasks.spawn(async {
            let error = client.feed((&path, 1, 1)).await.unwrap_err();
            assert!(matches!(error, SendError::Full(_)), "{error:?}");
            *full.lock().unwrap() += 1;
        });
    }
    tasks.run(Order::FirstWoken);
    desk.fail();
    assert_eq!(tasks.are_ready(), 5);
    // One of them is gone before it can be told.
    tasks.tasks[2] = None;
    tasks.run(Order::FirstWoken);
    assert_eq!(*full.lock().unwrap(), 4);
    // They stand in nobody's way.
    desk.now = desk.now + Duration::from_secs(60);
    desk.tell(Input::Timeout);
    desk.tell(Input::Connected);
    desk.write();
    client.try_feed(("next", 1)).unwrap();
}

#[test]
fn a_close_sends_those_in_line_away() {
    let desk = Desk::new(small_queue());
    desk.fill();
    let client = &desk.client;
    let mut tasks = Tasks::new();
    let feeding = tasks.spawn(async {
        assert_eq!(client.feed(("late", 1, 1)).await, Err(SendError::Closed));
    });
    tasks.run(Order::FirstWoken);
    client.shared().close();
    tasks.run(Order::FirstWoken);
    assert!(tasks.is_done(feeding));
}

#[test]
fn nobody_waits_for_room_where_the_oldest_are_dropped() {
    let desk = Desk::new(small_queue().overflow(Overflow::DropOldest));
    let client = &desk.client;
    let mut tasks = Tasks::new();
    let feeding = tasks.spawn(async {
        for i in 0..10_000 {
            client
                .feed((if i % 100 == 0 { "x".repeat(9000) } else { "x".into() }, i))
                .await
                .unwrap();
            client.try_feed(("y", i)).unwrap();
        }
    });
    tasks.run(Order::FirstWoken);
    assert!(tasks.is_done(feeding));
    assert_eq!(client.stats().accepted, 20_000);
}

/// A point that a sink holds stands in line from when the sink is asked again.
#[test]
fn a_sink_that_is_left_alone_holds_up_nobody() {
    let desk = Desk::up(small_queue());
    desk.fill();
    let mut sink = desk.client.sink();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut sink).poll_ready(&mut cx).is_ready());
    Pin::new(&mut sink).start_send(Metric::new("held", 1).at(1)).unwrap();
    desk.write();
    desk.client.try_feed(("other", 1)).unwrap();
    desk.fill();
    assert!(Pin::new(&mut sink).poll_ready(&mut cx).is_pending());
    desk.write_all();
    assert!(Pin::new(&mut sink).poll_ready(&mut cx).is_ready());
    assert_eq!(desk.write_all(), "held 1 1\n");
}
