//! What is repeated, what is proven and what is only hoped: the three levels.

use std::io::ErrorKind;

use graphite_proto::{Delivery, Event, Input, Output};

use crate::rig::{Rig, WINDOW, config, ms};

#[test]
fn forty_reports_to_a_receiver_that_closes_after_each_arrive_once() {
    for proofs in [true, false] {
        let mut rig = Rig::new(config(Delivery::Replay { window: WINDOW }).proofs(proofs));
        let mut lines = 0;
        for report in 0..40 {
            for i in 0..1_000 {
                rig.put(&format!("report{report}.point{i}"));
            }
            assert_eq!(rig.sender.poll_output(), Output::Connect);
            lines += rig.tell(Input::Connected).write().lines().count();
            rig.later(5).tell(Input::PeerFinished { proven: true });
            // A clean close of an idle connection is no failure and brings no reconnect.
            assert_eq!((rig.sender.poll_output(), rig.sender.poll_timeout()), (Output::Idle, None));
            rig.later(10_000);
        }
        let stats = rig.sender.stats();
        assert_eq!((lines, stats.confirmed, stats.replayed), (40_000, 40_000, 0));
        assert_eq!((rig.sender.unproven(), stats.reconnects), (0, 39));
    }
}

#[test]
fn replay_repeats_the_window_first_and_only_after_a_doubt() {
    let mut rig = Rig::up(config(Delivery::Replay { window: 12 }));
    for path in ["a", "b", "c"] {
        rig.put(path);
        rig.write();
    }
    rig.put("d");
    rig.tell(Input::Written(2)).later(300).reset();
    rig.put("e");
    assert_eq!(rig.tell(Input::Connected).write(), "b 1 9\nc 1 9\nd 1 9\ne 1 9\n");
    let stats = rig.sender.stats();
    assert_eq!((stats.replayed, stats.written, stats.confirmed), (2, 5, 0));
    let events = rig.events();
    assert!(matches!(events[1], Event::Lost(_)));
    assert_eq!(events[2..], [Event::Connected, Event::Replayed(2)]);
    // What the window let go of is read as well, as the proof says.
    rig.later(300).tell(Input::PeerFinished { proven: true });
    assert_eq!((rig.sender.stats().confirmed, rig.sender.stats().window_bytes), (4, 0));
}

/// A balancer that ends what is idle, without a proof: what it was given is repeated, but not for ever.
#[test]
fn what_stood_written_long_enough_is_not_repeated_at_every_end_of_an_idle_connection() {
    for proofs in [true, false] {
        // Within the age of a minute, and beyond it.
        for (idle, copies) in [(25_000, 3), (120_000, 1)] {
            let mut rig = Rig::new(config(Delivery::Replay { window: WINDOW }).proofs(proofs));
            rig.put("a");
            let mut sent = 0;
            for _ in 0..20 {
                if rig.sender.poll_output() != Output::Connect {
                    break;
                }
                sent += rig.tell(Input::Connected).write().lines().count();
                rig.later(idle).tell(Input::PeerFinished { proven: false });
                // However long nobody is there.
                rig.later(600_000);
            }
            assert_eq!((sent, rig.sender.unproven()), (copies, 0), "{proofs}, {idle} ms");
        }
    }
}

/// What dies with a receiver that was there for a moment only is repeated, however old it is.
#[test]
fn a_receiver_that_ends_again_and_again_in_its_first_moments_is_repeated_to() {
    let mut rig = Rig::new(config(Delivery::Replay { window: WINDOW }).proofs(true));
    rig.put("a");
    for _ in 0..20 {
        assert_eq!(rig.sender.poll_output(), Output::Connect);
        assert_eq!(rig.tell(Input::Connected).write(), "a 1 9\n");
        rig.later(200).tell(Input::PeerFinished { proven: false }).later(600_000);
    }
}

#[test]
fn without_proofs_the_window_forgets_what_is_old() {
    for (proofs, repeated) in [(false, "new 1 9\n"), (true, "old 1 9\nnew 1 9\n")] {
        let mut rig = Rig::up(config(Delivery::Replay { window: WINDOW }).proofs(proofs));
        rig.put("old");
        rig.write();
        rig.later(50_000);
        rig.put("new");
        rig.write();
        rig.later(10_000).tell(Input::PeerFinished { proven: false });
        assert_eq!(rig.tell(Input::Connected).write(), repeated);
    }
}

#[test]
fn best_effort_goes_on_with_the_frame_that_was_cut_and_counts_the_doubt() {
    let mut rig = Rig::up(config(Delivery::BestEffort));
    rig.put("a");
    rig.write();
    rig.put("b");
    rig.tell(Input::Written(1)).later(300).reset();
    assert_eq!(rig.tell(Input::Connected).write(), "b 1 9\n");
    assert_eq!((rig.sender.stats().in_doubt, rig.sender.unproven()), (1, 2));
    rig.tell(Input::Close).prove();
    assert_eq!((rig.sender.stats().confirmed, rig.sender.unproven()), (1, 1));
    assert!(rig.sender.is_closed());
}

#[test]
fn confirmed_answers_a_flush_by_a_proof_that_all_share() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }));
    let first = rig.put("a");
    let flush = rig.sender.ticket();
    rig.write();
    assert_eq!((rig.kind(first), rig.sender.poll_output()), (None, Output::Finish));
    // These come during the cycle and share the next.
    let others: Vec<_> = (0..5).map(|i| (rig.put(&format!("p{i}")), rig.sender.ticket())).collect();
    rig.prove();
    assert_eq!((rig.kind(first), rig.kind(flush)), (Some(Ok(())), Some(Ok(()))));
    rig.tell(Input::Connected).write();
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    let space = rig.deadline();
    assert!(space >= ms(9) && space < ms(100), "two cycles are {space:?} apart");
    assert_eq!(rig.kind(others[0].0), None);
    rig.prove();
    for (point, flush) in others {
        assert_eq!((rig.kind(point), rig.kind(flush)), (Some(Ok(())), Some(Ok(()))));
    }
    assert_eq!((rig.sender.unproven(), rig.sender.poll_timeout()), (0, None));
}

#[test]
fn confirmed_seeks_no_proof_before_what_is_waited_for_is_written() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }));
    rig.put("a");
    rig.write();
    let second = rig.put("b");
    rig.sender.ticket();
    assert_eq!(rig.later(20).sender.poll_output(), Output::Transmit(b"b 1 9\n"));
    rig.write();
    rig.prove();
    assert_eq!(rig.kind(second), Some(Ok(())));
}

#[test]
fn confirmed_callers_who_keep_coming_do_not_put_off_the_proof() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }).queue_bytes(1_000));
    let first = rig.put("a");
    rig.sender.ticket();
    for i in 0..20 {
        rig.later(20);
        rig.put(&format!("p{i}"));
        rig.sender.ticket();
        // The driver is always one frame behind.
        if let Output::Transmit(bytes) = rig.sender.poll_output() {
            let count = bytes.len();
            rig.tell(Input::Written(count));
        } else {
            break;
        }
    }
    rig.prove();
    assert_eq!(rig.kind(first), Some(Ok(())));
}

#[test]
fn confirmed_proves_in_time_and_when_the_window_is_full() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: 12 }));
    rig.put("a");
    rig.write();
    assert_eq!(rig.deadline(), ms(10_000));
    rig.prove();
    for path in ["b", "c", "d"] {
        rig.put(path);
    }
    assert_eq!(rig.tell(Input::Connected).later(20).write(), "b 1 9\nc 1 9\nd 1 9\n");
    assert_eq!(rig.sender.poll_output(), Output::Finish);
    rig.put("e");
    // Without the proof everything is sent again.
    rig.tell(Input::Finished).tell(Input::PeerFinished { proven: false }).deadline();
    assert_eq!(rig.tell(Input::Connected).write(), "b 1 9\nc 1 9\nd 1 9\n");
    assert_eq!((rig.sender.stats().written, rig.sender.stats().queued), (4, 1));
}

#[test]
fn confirmed_counts_an_end_that_is_not_answered_as_a_failure() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }));
    rig.put("a");
    let flush = rig.sender.ticket();
    for round in 0..3 {
        assert_eq!(rig.kind(flush), None, "{round}");
        // However long the writing took.
        rig.later(1_000).write();
        rig.tell(Input::Finished);
        assert_eq!(rig.deadline(), ms(10_000));
        assert_eq!(rig.sender.poll_output(), Output::Disconnect);
        rig.reset().deadline();
        rig.tell(Input::Connected);
    }
    assert_eq!(rig.kind(flush), Some(Err(ErrorKind::TimedOut)));
}

/// A call that looks at the deadlines may find one that had passed before it came.
#[test]
fn a_wait_is_not_answered_by_a_failure_that_was_due_before_it_began() {
    for wants_room in [false, true] {
        let config = config(Delivery::Confirmed { window: WINDOW }).max_attempts(1);
        let mut rig = Rig::up(config.queue_bytes(800));
        rig.put("abc");
        let early = rig.sender.ticket();
        // As long as the writing took, the proof is waited for longer than for a failure.
        rig.tell(Input::Written(2)).later(5_000).write();
        assert_eq!(rig.sender.poll_output(), Output::Finish);
        rig.tell(Input::Finished).put("b");
        rig.now += 10_000;
        rig.put("c");
        assert_eq!(rig.kind(early), None);
        let late = if wants_room { rig.sender.room_of(795) } else { rig.sender.ticket() };
        assert_eq!(rig.kind(early), Some(Err(ErrorKind::TimedOut)));
        assert_eq!(rig.kind(late), None);
    }
}
