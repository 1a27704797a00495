//! The sending machine, rule by rule, in scenes with a name.
//!
//! Here: failures in a row, overflow, closing. What holds for all sequences of inputs is shown by
//! `simulation.rs` and `properties.rs`.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

#[path = "sender/batch.rs"]
mod batch;
#[path = "sender/connection.rs"]
mod connection;
#[path = "sender/delivery.rs"]
mod delivery;
#[path = "sender/ends.rs"]
mod ends;
#[path = "sender/lending.rs"]
mod lending;
#[path = "sender/linger.rs"]
mod linger;
#[path = "sender/rig.rs"]
mod rig;
#[path = "sender/through.rs"]
mod through;

use std::io::ErrorKind;

use graphite_proto::{
    Config, Delivery, EnqueueError, Event, Failure, Input, Instant, Metric, NonFinite, Output,
    Overflow, Protocol,
};

use rig::{Rig, WINDOW, config, ms};

#[test]
fn delays_double_to_the_cap_and_only_close_cuts_one_short() {
    let mut rig = Rig::new(Config::default());
    rig.put("a");
    for failures in 0..12 {
        rig.refuse();
        rig.put("b");
        let at = rig.at();
        rig.sender.connect(at);
        assert_eq!(rig.sender.poll_output(), Output::Idle);
        let full = ms(50 * (1 << failures)).min(ms(10_000));
        let delay = rig.deadline();
        assert!(delay <= full && delay + ms(2) >= full * 3 / 4, "{failures}: {delay:?}");
    }
    rig.refuse().tell(Input::Close);
    assert_eq!(rig.sender.poll_output(), Output::Connect);
    // And the time that is left is not slept through.
    assert!(rig.refuse().deadline() <= ms(2_500));
}

#[test]
fn waiters_are_told_at_the_third_failure_and_at_each_after_it() {
    let mut rig = Rig::new(Config::default());
    let (point, flush) = (rig.put("a"), rig.sender.ticket());
    for _ in 0..2 {
        rig.refuse();
        assert_eq!((rig.kind(point), rig.kind(flush)), (None, None));
        rig.deadline();
    }
    rig.refuse();
    let refused = Some(Err(ErrorKind::ConnectionRefused));
    assert_eq!((rig.kind(point), rig.kind(flush)), (refused, refused));
    let later = rig.sender.ticket();
    assert_eq!(rig.kind(later), None);
    rig.deadline();
    rig.refuse();
    assert_eq!(rig.kind(later), refused);
    assert!(matches!(rig.events()[..], [Event::GaveUp { failures: 3, .. }]));
    // The point is still queued, and arrives.
    rig.deadline();
    assert_eq!(rig.tell(Input::Connected).write(), "a 1 9\n");
    assert_eq!((rig.kind(point), rig.kind(later)), (Some(Ok(())), Some(Ok(()))));
}

#[test]
fn a_life_longer_than_the_delay_before_it_resets_the_count() {
    let mut rig = Rig::up(config(Delivery::BestEffort).max_attempts(2));
    let mut waiting = rig.sender.room(&Metric::new("x".repeat(5 << 20), 1));
    for _ in 0..5 {
        rig.put("taken");
        rig.write();
        rig.put("waits");
        rig.later(300).reset();
        if rig.sender.poll_output() == Output::Idle {
            rig.deadline();
        }
        rig.tell(Input::Connected);
    }
    assert_eq!(rig.kind(waiting), None);
    // Shorter lives are failures, whatever they took.
    rig.write();
    rig.put("waits");
    rig.later(49).reset().deadline();
    rig.tell(Input::Connected).later(30).reset();
    assert_eq!(rig.kind(waiting), Some(Err(ErrorKind::ConnectionReset)));
    // And so is a long one in which nothing was taken.
    for _ in 0..2 {
        waiting = rig.sender.room(&Metric::new("x".repeat(5 << 20), 1));
        rig.deadline();
        rig.tell(Input::Connected).later(5_000).reset();
        assert_eq!(rig.kind(waiting), Some(Err(ErrorKind::ConnectionReset)));
    }
}

#[test]
fn a_receiver_that_dies_in_its_first_moments_is_not_stormed() {
    let mut rig = Rig::new(config(Delivery::BestEffort));
    rig.put("a");
    let mut connects = 0;
    while rig.now < 1_000 {
        if rig.sender.poll_output() == Output::Connect {
            connects += 1;
            rig.tell(Input::Connected).later(60).reset();
        } else {
            rig.deadline();
        }
    }
    assert!(connects <= 6, "{connects}");
}

#[test]
fn drop_oldest_drops_whole_frames_never_begun_and_tells_once() {
    let config = config(Delivery::BestEffort).overflow(Overflow::DropOldest).queue_bytes(240);
    let mut rig = Rig::up(config);
    let begun = rig.put("begun");
    rig.tell(Input::Written(3)).later(300).reset().deadline();
    rig.events();
    let tickets: Vec<_> = (0..60).map(|i| rig.put(&format!("p{i:02}"))).collect();
    let stats = rig.sender.stats();
    assert_eq!((stats.accepted, stats.queued + stats.dropped, stats.rejected), (61, 61, 0));
    assert!(stats.dropped > 20 && stats.queued_bytes <= 240, "{stats:?}");
    assert_eq!(rig.events(), [Event::Dropping]);
    // Who comes now waits for what is there.
    let flush = rig.sender.ticket();
    let dropped = stats.dropped as usize;
    for (i, &ticket) in tickets.iter().enumerate() {
        let told = (i < dropped).then_some(Err(ErrorKind::StorageFull));
        assert_eq!(rig.kind(ticket), told, "{i}");
    }
    let wire = rig.tell(Input::Connected).write();
    let first = format!("begun 1 9\np{dropped:02} 1 9\n");
    assert!(wire.starts_with(&first) && wire.ends_with("p59 1 9\n"), "{wire}");
    assert_eq!((rig.kind(begun), rig.kind(flush)), (Some(Ok(())), Some(Ok(()))));
}

#[test]
fn drop_oldest_takes_a_point_beside_a_huge_one_that_is_on_offer() {
    let config = config(Delivery::BestEffort).overflow(Overflow::DropOldest).queue_bytes(100);
    let mut rig = Rig::up(config);
    rig.put(&"x".repeat(500));
    let room = rig.sender.room(&Metric::new("a", 1));
    assert_eq!(rig.kind(room), Some(Ok(())));
    for path in ["a", "b"] {
        rig.put(path);
    }
    assert_eq!((rig.sender.stats().queued, rig.sender.stats().dropped), (2, 1));
}

#[test]
fn a_full_queue_refuses_and_tells_when_there_is_room() {
    let mut rig = Rig::new(Config::default().queue_bytes(100));
    // An empty queue takes what could never be sent else.
    let at = rig.at();
    let huge = "x".repeat(150);
    rig.put(&huge);
    let metric = Metric::new("a", 1);
    let error = rig.sender.enqueue(&metric, 9, at).unwrap_err();
    assert_eq!(error, EnqueueError::QueueFull { queued: 155, limit: 100 });
    let room = rig.sender.room(&metric);
    assert_eq!((rig.kind(room), rig.sender.stats().rejected), (None, 1));
    rig.tell(Input::Connected).write();
    assert_eq!(rig.kind(room), Some(Ok(())));
}

/// Room that was promised to somebody is not had by others, not even in an empty queue; and a point
/// that is refused for it is refused as by a full queue.
#[test]
fn promised_room_is_no_room_for_others() {
    let mut rig = Rig::new(Config::default().queue_bytes(100));
    let cases = [(101, 0, true), (100, 1, false), (60, 40, true), (60, 41, false), (1, 100, false)];
    for (bytes, promised, room) in cases {
        assert_eq!(rig.sender.has_room(bytes, promised), room, "{bytes} beside {promised}");
    }
    rig.put("x");
    for (bytes, promised, room) in [(94, 0, true), (95, 0, false), (54, 40, true), (55, 40, false)]
    {
        assert_eq!(rig.sender.has_room(bytes, promised), room, "{bytes} beside {promised} and 6");
    }
    assert_eq!(rig.sender.refuse(), EnqueueError::QueueFull { queued: 6, limit: 100 });
    assert_eq!(rig.sender.stats().rejected, 1);
    let dropping = Rig::new(Config::default().queue_bytes(100).overflow(Overflow::DropOldest));
    assert!(dropping.sender.has_room(1000, 1000), "nobody waits for room");
}

#[test]
fn a_ticket_tells_what_it_stands_for() {
    let mut rig = Rig::new(Config::default());
    let (first, second) = (rig.put("a"), rig.put("b"));
    let at = rig.at();
    let connection = rig.sender.connect(at);
    let room = rig.sender.room(&Metric::new("abc", 1));
    assert_eq!((first.points(), first.room()), (Some(0..1), None));
    assert_eq!(first.through(second).points(), Some(0..2));
    assert_eq!((connection.points(), connection.room()), (None, None));
    assert_eq!((room.points(), room.room()), (None, Some(67)));
}

/// What is asked for is about what the point takes: a caller neither waits for an empty queue nor
/// is told of room that there is not.
#[test]
fn room_is_asked_for_by_the_length_of_prefix_and_path() {
    let (prefix, path) = ("p".repeat(40), "x".repeat(60));
    let mut rig = Rig::new(Config::default().prefix(&prefix).queue_bytes(1000));
    let metric = Metric::new(&path, 1);
    let at = rig.at();
    loop {
        let room = rig.sender.room(&metric);
        let told = rig.kind(room).is_some();
        let queued = rig.sender.stats().queued_bytes;
        assert_eq!(told, queued == 0 || queued + 40 + 60 + 64 <= 1000, "{queued} bytes");
        if let Err(error) = rig.sender.enqueue(&metric, 9, at) {
            assert!(matches!(error, EnqueueError::QueueFull { .. }) && !told, "{error:?}");
            break;
        }
    }
    assert!(rig.sender.stats().queued > 5);
}

#[test]
fn a_check_refuses_what_enqueue_refuses() {
    let mut rig = Rig::new(Config::default().prefix("a prefix with spaces"));
    let at = rig.at();
    let mut plain = Rig::new(Config::default());
    let long = "x".repeat(20_000);
    for metric in [Metric::new("a b", 1), Metric::new("a", f64::INFINITY), Metric::new(&long, 1)] {
        let error = plain.sender.check(&metric, 9).unwrap_err();
        let same = EnqueueError::Metric(error);
        assert_eq!(plain.sender.enqueue(&metric, 9, at).unwrap_err(), same);
    }
    let good = Metric::new("a", 1);
    assert_eq!(plain.sender.check(&good, 9), Ok(()));
    rig.sender.check(&good, 9).unwrap_err();
}

#[test]
fn points_that_are_not_finite_are_skipped_or_refused() {
    let at = Instant::START;
    let nan = Metric::new("a", f64::NAN);
    let mut rig = Rig::new(Config::default().non_finite(NonFinite::Skip));
    let ticket = rig.sender.enqueue(&nan, 9, at).unwrap();
    assert_eq!((rig.kind(ticket), rig.sender.poll_output()), (Some(Ok(())), Output::Idle));
    assert_eq!((rig.sender.stats().skipped, rig.sender.stats().accepted), (1, 0));
    let mut rig = Rig::new(Config::default());
    assert!(matches!(rig.sender.enqueue(&nan, 9, at), Err(EnqueueError::Metric(_))));
    assert_eq!(rig.sender.stats().rejected, 1);
}

#[test]
fn a_ticket_through_another_stands_for_both() {
    let mut rig =
        Rig::up(config(Delivery::BestEffort).overflow(Overflow::DropOldest).queue_bytes(240));
    let tickets: Vec<_> = (0..60).map(|i| rig.put(&format!("p{i:02}"))).collect();
    let (first, middle, last) = (tickets[0], tickets[58], tickets[59]);
    assert_eq!((rig.kind(middle), rig.kind(middle.through(last))), (None, None));
    rig.write();
    assert_eq!((rig.kind(middle.through(last)), rig.kind(last)), (Some(Ok(())), Some(Ok(()))));
    let dropped = Some(Err(ErrorKind::StorageFull));
    assert_eq!((rig.kind(first.through(last)), rig.kind(last.through(first))), (dropped, dropped));
}

/// A skipped point in a batch has no part in what became of points long before it.
#[test]
fn a_skipped_point_is_not_dropped() {
    let config = config(Delivery::BestEffort).overflow(Overflow::DropOldest).queue_bytes(240);
    let mut rig = Rig::up(config.non_finite(NonFinite::Skip));
    for i in 0..60 {
        rig.put(&format!("p{i:02}"));
    }
    assert!(rig.sender.stats().dropped > 0);
    rig.write();
    let at = rig.at();
    let skipped = rig.sender.enqueue(&Metric::new("a", f64::NAN), 9, at).unwrap();
    let good = rig.put("b");
    rig.write();
    for ticket in [skipped, skipped.through(skipped), skipped.through(good), good.through(skipped)]
    {
        assert_eq!(rig.kind(ticket), Some(Ok(())));
    }
}

#[test]
fn a_prefix_stands_before_every_path_with_one_dot() {
    for (prefix, line) in [("", "a 1 9\n"), ("x.y", "x.y.a 1 9\n"), ("x.", "x.a 1 9\n")] {
        let mut rig = Rig::up(Config::default().prefix(prefix));
        rig.put("a");
        assert_eq!(rig.write(), line);
    }
}

#[test]
fn frames_are_sealed_at_their_size_and_a_batch_of_any_size_is_cut() {
    let mut rig = Rig::new(Config::new(Protocol::Pickle).frame_bytes(1_000));
    for i in 0..1_000 {
        rig.put(&format!("point{i}"));
    }
    rig.tell(Input::Connected);
    let mut frames = 0;
    while let Output::Transmit(bytes) = rig.sender.poll_output() {
        let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        assert!(bytes.len() == 4 + length && bytes.len() <= 1_000, "{length}");
        let count = bytes.len();
        rig.tell(Input::Written(count));
        frames += 1;
    }
    assert!(frames > 20 && rig.sender.stats().written == 1_000);
}

#[test]
fn a_close_with_nothing_unproven_connects_nowhere() {
    let mut rig = Rig::new(Config::default());
    rig.tell(Input::Close);
    assert!(rig.sender.is_closed() && rig.sender.unproven() == 0);
    let mut rig = Rig::up(Config::default());
    rig.put("a");
    rig.write();
    rig.later(1_000).tell(Input::PeerFinished { proven: true }).tell(Input::Close);
    assert!(rig.sender.is_closed() && rig.sender.unproven() == 0);
    let late = rig.sender.enqueue(&Metric::new("b", 1), 9, Instant::START);
    assert_eq!(late, Err(EnqueueError::Closed));
}

#[test]
fn a_close_writes_finishes_and_knows_what_was_read() {
    for (proven, unproven) in [(true, 0), (false, 2)] {
        let mut rig = Rig::up(Config::default());
        rig.put("a");
        let last = rig.put("b");
        rig.tell(Input::Close);
        assert_eq!(rig.write(), "a 1 9\nb 1 9\n");
        assert_eq!(rig.sender.poll_output(), Output::Finish);
        rig.tell(Input::Finished).tell(Input::PeerFinished { proven });
        rig.later(20_000);
        assert_eq!((rig.sender.poll_output(), rig.sender.unproven()), (Output::Closed, unproven));
        assert_eq!(rig.kind(last), Some(Ok(())));
    }
}

/// With nothing to keep there is nothing to repeat, and what was in flight is known as lost.
#[test]
fn a_window_of_nothing_is_best_effort() {
    let mut rig = Rig::up(config(Delivery::Replay { window: 0 }).proofs(true));
    rig.put("a");
    rig.write();
    rig.tell(Input::Close).tell(Input::Finished).reset();
    assert_eq!((rig.sender.poll_output(), rig.sender.unproven()), (Output::Closed, 1));
}

#[test]
fn a_close_ends_in_time_wherever_it_finds_the_machine() {
    for (scene, told) in [
        (0, Err(ErrorKind::NotConnected)),
        (1, Err(ErrorKind::ConnectionRefused)),
        (2, Err(ErrorKind::TimedOut)),
        (3, Ok(())),
    ] {
        let mut rig = Rig::new(Config::default());
        let point = rig.put("a");
        match scene {
            0 => {}
            1 => drop(rig.refuse()),
            2 => drop(rig.tell(Input::Connected)),
            _ => drop(rig.tell(Input::Connected).tell(Input::Written(6))),
        }
        rig.tell(Input::Close);
        if rig.sender.poll_output() == Output::Finish {
            rig.tell(Input::Finished);
        }
        let deadline = rig.sender.poll_timeout().unwrap();
        assert!(deadline <= Instant::from_start(ms(rig.now + 10_000)), "{scene}");
        rig.later(9_999);
        assert_eq!((rig.sender.is_closed(), rig.sender.unproven()), (false, 1), "{scene}");
        rig.later(1);
        if rig.sender.poll_output() == Output::Disconnect {
            rig.reset();
        }
        assert_eq!((rig.sender.poll_output(), rig.sender.unproven()), (Output::Closed, 1));
        assert_eq!(rig.kind(point), Some(told), "{scene}");
        assert_eq!(rig.sender.poll_timeout(), None);
    }
}

#[test]
fn events_are_lines_for_people() {
    let cause = Failure::new(ErrorKind::ConnectionRefused, "refused");
    for (event, line) in [
        (Event::Connected, "connected"),
        (Event::Lost(cause.clone()), "connection lost: refused"),
        (Event::GaveUp { failures: 3, cause }, "3 failures in a row; the last one: refused"),
        (Event::Replayed(1), "1 point sent again"),
        (Event::Replayed(2), "2 points sent again"),
        (Event::Confirmed(4), "4 points proven to be read"),
        (Event::Dropping, "queue is full, dropping the oldest points"),
        (
            Event::Abandoned { points: 298 },
            "client ended with 298 points not known to be delivered",
        ),
        (Event::LeftBehind { points: 2 }, "no room in the queue for 2 points that a feeder left"),
        (
            Event::ReportMissed {
                points: 1,
                cause: Failure::new(ErrorKind::QuotaExceeded, "queue is full"),
            },
            "1 point of a report missed: queue is full",
        ),
    ] {
        assert_eq!(event.to_string(), line);
    }
}

#[test]
fn a_sender_tells_what_it_is_at() {
    let mut rig = Rig::new(Config::new(Protocol::Pickle));
    assert_eq!((rig.sender.protocol(), rig.sender.is_connected()), (Protocol::Pickle, false));
    rig.put("a");
    rig.refuse().deadline();
    assert!(!rig.sender.is_connected());
    rig.tell(Input::Connected);
    let Output::Transmit(frame) = rig.sender.poll_output() else { panic!("a frame") };
    let bytes = frame.len();
    assert_eq!((rig.sender.stats().queued_bytes, rig.sender.stats().window_bytes), (bytes, 0));
    rig.tell(Input::Written(bytes));
    assert_eq!((rig.sender.stats().queued_bytes, rig.sender.stats().window_bytes), (0, bytes));
    assert!(rig.sender.is_connected());
    rig.reset();
    assert!(!rig.sender.is_connected());
}

/// But for `Confirmed`, where only a proof tells.
#[test]
fn a_new_frame_after_a_while_resets_the_count() {
    let kept = Delivery::Replay { window: WINDOW };
    for (delivery, resets) in [(kept, true), (Delivery::Confirmed { window: WINDOW }, false)] {
        let mut rig = Rig::new(config(delivery));
        rig.put("a");
        for _ in 0..2 {
            rig.refuse().deadline();
        }
        rig.tell(Input::Connected).later(1_000).write();
        let point = rig.put("b");
        rig.tell(Input::PeerSpoke).reset();
        let told = (!resets).then_some(Err(ErrorKind::InvalidData));
        assert_eq!(rig.kind(point), told, "{delivery:?}");
    }
}

/// What was overcome long ago is not why the end came.
#[test]
fn a_close_does_not_blame_a_failure_that_was_overcome() {
    let mut rig = Rig::new(config(Delivery::BestEffort));
    rig.put("a");
    rig.refuse().deadline();
    rig.tell(Input::Connected).write();
    rig.later(60_000).tell(Input::PeerFinished { proven: true });
    let point = rig.put("b");
    assert_eq!(rig.later(100).sender.poll_output(), Output::Connect);
    rig.tell(Input::Close).later(10_000);
    assert_eq!(rig.sender.poll_output(), Output::Closed);
    assert_eq!(rig.kind(point), Some(Err(ErrorKind::NotConnected)));
    assert_eq!(rig.sender.last_failure().map(|old| old.kind), Some(ErrorKind::ConnectionRefused));
}

#[test]
fn a_receiver_that_makes_no_progress_is_given_up() {
    let mut rig = Rig::up(Config::default());
    rig.put("abc");
    rig.later(29_999).tell(Input::Written(1)).later(29_998).tell(Input::Written(0)).later(1);
    assert_eq!(rig.sender.poll_output(), Output::Transmit(b"bc 1 9\n"));
    assert_eq!(rig.deadline(), ms(1));
    assert_eq!((rig.sender.poll_output(), rig.sender.poll_timeout()), (Output::Disconnect, None));
    rig.reset();
    assert!(matches!(&rig.events()[1], Event::Lost(cause) if cause.kind == ErrorKind::TimedOut));
}

#[test]
fn waiters_hear_of_a_receiver_that_takes_repeats_and_never_reads() {
    for (delivery, kind) in [
        (Delivery::Replay { window: WINDOW }, ErrorKind::TimedOut),
        (Delivery::Confirmed { window: WINDOW }, ErrorKind::TimedOut),
    ] {
        let mut rig = Rig::up(config(delivery));
        for i in 0..100 {
            rig.put(&format!("long-enough-for-a-slow-connection.{i}"));
            rig.tell(Input::Written(500));
        }
        rig.write();
        rig.later(1_000);
        rig.put("waiting");
        let flush = rig.sender.ticket();
        for round in 1..=3 {
            assert_eq!(rig.kind(flush), None, "{delivery:?}, round {round}");
            // The kernel takes bytes for longer than any delay so far, then no more.
            for _ in 0..5 {
                rig.later(300).tell(Input::Written(1));
            }
            if rig.sender.poll_output() == Output::Finish {
                rig.tell(Input::Finished);
            }
            while rig.sender.poll_output() != Output::Disconnect {
                rig.deadline();
            }
            rig.reset().deadline();
            rig.tell(Input::Connected);
        }
        assert_eq!(rig.kind(flush), Some(Err(kind)), "{delivery:?}");
    }
}

#[test]
fn a_full_sender_shows_itself_in_less_than_a_kilobyte() {
    let prefix = "p".repeat(10_000);
    let settings = config(Delivery::default()).queue_bytes(1 << 20).prefix(prefix);
    let mut rig = Rig::new(settings);
    while rig.sender.enqueue(&Metric::new("x".repeat(1000), 1), 9, rig.at()).is_ok() {}
    let text = format!("it failed {}", "ü".repeat(5000));
    rig.sender.connect(rig.at());
    rig.tell(Input::ConnectFailed(Failure::new(ErrorKind::Other, &text)));
    let shown = format!("{:?}", rig.sender);
    assert!(shown.len() < 1_000, "{}", shown.len());
    for part in ["phase: Waiting", "failures: 1", "it failed", "accepted: 9", "window: 8388608"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(format!("{:#?}", rig.sender).len() < 1_000);
    rig.later(100).tell(Input::Connected).tell(Input::PeerSpoke);
    assert_eq!(rig.phase(), "Aborting");
}
