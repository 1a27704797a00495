//! A frame that is written while others use the machine.

use std::io::ErrorKind;

use graphite_proto::{Config, Delivery, Input, Lent, Metric, Output, Overflow};

use crate::rig::{Rig, WINDOW, config, ms};

impl Rig {
    fn lend(&mut self) -> Lent {
        self.sender.lend().unwrap()
    }

    fn restore(&mut self, lent: Lent, written: usize) -> &mut Self {
        let at = self.at();
        self.sender.restore(lent, written, at);
        self
    }
}

#[test]
fn while_a_frame_is_lent_nothing_is_on_offer() {
    // Every point is a frame.
    let mut rig = Rig::up(Config::default().frame_bytes(1));
    assert!(rig.sender.lend().is_none(), "there is nothing to lend");
    let first = rig.put("a");
    let lent = rig.lend();
    let second = rig.put("b");
    assert_eq!((lent.bytes(), rig.sender.is_lent()), (&b"a 1 9\n"[..], true));
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert!(rig.sender.lend().is_none(), "it is lent once");
    assert!(!rig.sender.is_idle() && rig.sender.stats().queued_bytes == 12);
    rig.restore(lent, 6);
    assert_eq!((rig.kind(first), rig.kind(second)), (Some(Ok(())), None));
    assert_eq!((rig.sender.is_lent(), rig.write().as_str()), (false, "b 1 9\n"));
}

#[test]
fn what_was_not_written_of_a_lent_frame_is_on_offer_again() {
    let mut rig = Rig::up(Config::default());
    rig.put("abc");
    let lent = rig.lend();
    rig.restore(lent, 0);
    assert_eq!(rig.sender.poll_output(), Output::Transmit(b"abc 1 9\n"));
    let lent = rig.lend();
    rig.restore(lent, 3);
    assert_eq!(rig.sender.poll_output(), Output::Transmit(b" 1 9\n"));
    // The rest can be lent as well as written.
    let lent = rig.lend();
    assert_eq!(lent.bytes(), b" 1 9\n");
    rig.restore(lent, 1);
    assert_eq!((rig.write().as_str(), rig.sender.stats().written), ("1 9\n", 1));
}

#[test]
fn a_wrong_count_of_a_lent_frame_ends_the_connection() {
    for count in [7, usize::MAX] {
        let mut rig = Rig::up(Config::default());
        rig.put("a");
        let lent = rig.lend();
        rig.restore(lent, count);
        assert_eq!((rig.sender.poll_output(), rig.sender.stats().written), (Output::Disconnect, 0));
    }
}

#[test]
fn what_was_written_to_a_connection_that_is_over_does_not_count() {
    for delivery in [
        Delivery::BestEffort,
        Delivery::Replay { window: WINDOW },
        Delivery::Confirmed { window: WINDOW },
    ] {
        for written in [0, 3, 6] {
            for up_again in [false, true] {
                let mut rig = Rig::up(config(delivery));
                let point = rig.put("a");
                let lent = rig.lend();
                rig.later(10_000).reset();
                rig.put("b");
                rig.later(60_000);
                assert_eq!(rig.sender.poll_output(), Output::Connect);
                assert!(rig.sender.lend().is_none(), "there is no connection to lend it for");
                if up_again {
                    // Its connection is another one, and the frame is not there to be written.
                    rig.tell(Input::Connected);
                    assert_eq!(rig.sender.poll_output(), Output::Idle);
                    rig.restore(lent, written);
                } else {
                    rig.restore(lent, written).tell(Input::Connected);
                }
                let what = format!("{delivery:?}, {written} bytes, up again: {up_again}");
                assert_eq!((rig.kind(point), rig.sender.stats().written), (None, 0), "{what}");
                assert_eq!(rig.write(), "a 1 9\nb 1 9\n", "{what}");
            }
        }
    }
}

#[test]
fn a_frame_that_was_begun_is_begun_anew_if_its_rest_was_lent_over_the_end() {
    let mut rig = Rig::up(Config::default());
    rig.put("abc");
    rig.tell(Input::Written(2));
    let lent = rig.lend();
    rig.later(10_000).reset().later(60_000).tell(Input::Connected).restore(lent, 6);
    assert_eq!(rig.write(), "abc 1 9\n");
}

#[test]
fn repeats_are_written_while_a_frame_is_lent_and_are_never_lent() {
    let mut rig = Rig::up(config(Delivery::Replay { window: WINDOW }));
    rig.put("a");
    rig.write();
    rig.put("b");
    for _ in 0..2 {
        rig.later(10_000).reset().later(60_000).tell(Input::Connected);
        assert!(rig.sender.lend().is_none(), "what is next is a repeat");
    }
    rig.write();
    rig.put("c");
    let lent = rig.lend();
    rig.later(10_000).reset().later(60_000).tell(Input::Connected);
    assert_eq!(rig.write(), "a 1 9\nb 1 9\n");
    assert_eq!((rig.sender.poll_output(), rig.sender.stats().replayed), (Output::Idle, 3));
    assert_eq!(rig.restore(lent, 6).write(), "c 1 9\n");
}

#[test]
fn a_close_does_not_finish_over_a_lent_frame() {
    let mut rig = Rig::up(Config::default().proofs(true));
    let point = rig.put("a");
    let lent = rig.lend();
    rig.tell(Input::Close);
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    rig.later(100).restore(lent, 2);
    // And not over the rest of it.
    assert_eq!(rig.sender.poll_output(), Output::Transmit(b"1 9\n"));
    rig.write();
    rig.prove();
    assert_eq!((rig.kind(point), rig.sender.poll_output()), (Some(Ok(())), Output::Closed));
}

#[test]
fn a_close_that_runs_out_of_time_does_not_wait_for_a_lent_frame() {
    let mut rig = Rig::up(Config::default());
    let point = rig.put("a");
    let lent = rig.lend();
    rig.tell(Input::Close);
    assert_eq!(rig.deadline(), ms(10_000));
    assert_eq!(rig.sender.poll_output(), Output::Disconnect);
    rig.reset();
    assert_eq!(rig.sender.poll_output(), Output::Closed);
    let before = rig.sender.stats();
    rig.restore(lent, 6);
    assert_eq!((rig.sender.stats(), rig.sender.poll_output()), (before, Output::Closed));
    assert_eq!(rig.kind(point), Some(Err(ErrorKind::TimedOut)));
}

#[test]
fn a_lent_frame_that_is_not_written_in_time_ends_the_connection() {
    let mut rig = Rig::up(Config::default().write_timeout(ms(500)));
    rig.later(1_000).put("a");
    let lent = rig.lend();
    assert_eq!(rig.deadline(), ms(500));
    assert_eq!(rig.sender.poll_output(), Output::Disconnect);
    // What is written now is written to a connection that is given up.
    rig.restore(lent, 6);
    assert_eq!((rig.sender.poll_output(), rig.sender.stats().written), (Output::Disconnect, 0));
    rig.reset().later(60_000).tell(Input::Connected);
    assert_eq!(rig.write(), "a 1 9\n");
}

#[test]
fn neither_age_nor_a_proof_ends_a_connection_while_a_frame_is_lent() {
    let age = Config::default().max_connection_age(Some(ms(100)));
    let proof = config(Delivery::Confirmed { window: WINDOW }).confirm_interval(ms(100));
    for config in [age, proof] {
        let mut rig = Rig::up(config.clone());
        rig.put("a");
        rig.write();
        rig.put("b");
        let lent = rig.lend();
        rig.sender.ticket();
        rig.later(200);
        assert_eq!(rig.sender.poll_output(), Output::Idle, "{config:?}");
        // Nor is the machine to be told of a time at which it can do nothing.
        assert!(rig.sender.poll_timeout().unwrap().elapsed() > ms(200), "{config:?}");
        rig.restore(lent, 6);
        assert_eq!(rig.sender.poll_output(), Output::Finish, "{config:?}");
    }
}

#[test]
fn an_end_of_file_that_stands_is_not_believed_while_a_frame_is_lent() {
    let mut rig = Rig::up(config(Delivery::Replay { window: WINDOW }).settle_timeout(ms(100)));
    rig.put("a");
    rig.write();
    rig.put("b");
    let lent = rig.lend();
    // Then what was written is to be acknowledged within that time.
    rig.tell(Input::PeerHalfClosed { reads_on: false });
    assert_eq!(rig.deadline(), ms(100));
    assert_eq!((rig.sender.poll_output(), rig.sender.stats().confirmed), (Output::Disconnect, 0));
    rig.reset().later(60_000).tell(Input::Connected).restore(lent, 6);
    assert_eq!(rig.write(), "a 1 9\nb 1 9\n");
}

#[test]
fn a_lent_frame_is_not_dropped() {
    let config = Config::default().overflow(Overflow::DropOldest).queue_bytes(240);
    let mut rig = Rig::up(config);
    let lent_point = rig.put("lent");
    let lent = rig.lend();
    for i in 0..60 {
        rig.put(&format!("p{i:02}"));
    }
    let stats = rig.sender.stats();
    assert!(stats.dropped > 20 && stats.queued_bytes <= 240, "{stats:?}");
    rig.restore(lent, 9);
    assert_eq!(rig.kind(lent_point), Some(Ok(())));
    assert!(rig.write().ends_with("p59 1 9\n"));
}

#[test]
fn a_frame_of_another_sender_is_ignored() {
    for (path, lent_too) in [("a", false), ("a", true), ("longer", false), ("longer", true)] {
        let (mut rig, mut other) = (Rig::up(Config::default()), Rig::up(Config::default()));
        rig.put("b");
        let own = lent_too.then(|| rig.lend());
        other.put(path);
        let foreign = other.lend();
        let written = foreign.bytes().len();
        rig.restore(foreign, written);
        assert_eq!((rig.sender.is_lent(), rig.sender.stats().written), (lent_too, 0));
        if let Some(own) = own {
            rig.restore(own, 2);
            assert_eq!(rig.write(), "1 9\n");
        } else {
            assert_eq!(rig.write(), "b 1 9\n");
        }
    }
}

#[test]
fn points_may_be_asked_about_while_a_frame_is_lent() {
    let mut rig = Rig::up(Config::default().queue_bytes(100));
    rig.put("a");
    let lent = rig.lend();
    let flush = rig.sender.ticket();
    // A lent frame takes its room.
    let room = rig.sender.room(&Metric::new("x".repeat(60), 1));
    assert_eq!((rig.kind(flush), rig.kind(room)), (None, None));
    rig.restore(lent, 6);
    assert_eq!((rig.kind(flush), rig.kind(room)), (Some(Ok(())), Some(Ok(()))));
}
