//! How long points wait for others to fill their frame, and what ends the wait.

use graphite_proto::{Config, Delivery, EnqueueError, Input, Metric, Output, Overflow};

use crate::rig::{Rig, config, ms};

const LINGER: u64 = 20;

fn lingering() -> Config {
    config(Delivery::BestEffort).linger(ms(LINGER))
}

impl Rig {
    /// A machine whose next point waits for others: eight small frames have just left.
    fn busy(config: Config) -> Self {
        let mut rig = Self::up(config);
        rig.later(1_000);
        for _ in 0..8 {
            rig.put("a");
            assert_eq!(rig.write(), "a 1 9\n");
        }
        rig
    }

    /// The same, and the point is there.
    fn waiting(config: Config) -> Self {
        let mut rig = Self::busy(config);
        rig.put("waits");
        assert_eq!(rig.sender.poll_output(), Output::Idle);
        rig
    }

    fn offers(&self, text: &str) -> bool {
        self.sender.poll_output() == Output::Transmit(text.as_bytes())
    }
}

#[test]
fn a_lone_point_goes_straight_out() {
    let mut rig = Rig::up(lingering());
    for _ in 0..20 {
        rig.put("a");
        assert_eq!(rig.write(), "a 1 9\n");
        rig.later(LINGER);
    }
}

#[test]
fn the_ninth_small_frame_waits_for_others_and_leaves_with_them() {
    let mut rig = Rig::busy(lingering());
    rig.put("b");
    rig.put("c");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert!(rig.sender.lend().is_none(), "what waits is not lent");
    rig.later(LINGER - 1).put("d");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert_eq!(rig.deadline(), ms(1));
    assert_eq!(rig.write(), "b 1 9\nc 1 9\nd 1 9\n");
    // One a linger time from then on.
    rig.put("e");
    assert!(rig.deadline() >= ms(LINGER - 1));
    assert_eq!(rig.write(), "e 1 9\n");
}

#[test]
fn after_a_pause_the_first_small_frames_do_not_wait() {
    let mut rig = Rig::busy(lingering());
    rig.later(LINGER * 8);
    for _ in 0..8 {
        rig.put("a");
        assert_eq!(rig.write(), "a 1 9\n");
    }
    rig.put("a");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
}

#[test]
fn a_full_frame_does_not_wait_and_what_follows_it_does() {
    let mut rig = Rig::waiting(lingering().frame_bytes(100));
    let path = "x".repeat(60);
    rig.put("more");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    // This one finds no room in it.
    rig.put(&path);
    assert_eq!(rig.write(), "waits 1 9\nmore 1 9\n");
    assert_eq!(rig.deadline(), ms(LINGER));
    assert_eq!(rig.write(), format!("{path} 1 9\n"));
    // One full frame after a pause is enough to have the next points wait: they come fast.
    let mut rig = Rig::up(lingering().frame_bytes(100));
    rig.later(1_000).put(&path);
    assert_eq!(rig.write(), format!("{path} 1 9\n"));
    rig.put("waits");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert_eq!(rig.deadline(), ms(LINGER));
    assert_eq!(rig.write(), "waits 1 9\n");
}

#[test]
fn a_ticket_ends_the_wait_of_what_it_stands_for() {
    let mut rig = Rig::waiting(lingering());
    let flush = rig.sender.ticket();
    assert!(rig.offers("waits 1 9\n"));
    // What comes later waits as before.
    rig.put("b");
    assert_eq!((rig.write().as_str(), rig.kind(flush)), ("waits 1 9\n", Some(Ok(()))));
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert_eq!(rig.deadline(), ms(LINGER));
    assert_eq!(rig.write(), "b 1 9\n");
}

#[test]
fn a_close_ends_the_wait() {
    let mut rig = Rig::waiting(lingering());
    rig.tell(Input::Close);
    assert_eq!(rig.write(), "waits 1 9\n");
    rig.prove();
    assert_eq!(rig.sender.poll_output(), Output::Closed);
}

#[test]
fn a_point_that_is_refused_ends_the_wait() {
    let mut rig = Rig::waiting(lingering().queue_bytes(800));
    let (large, at) = (Metric::new("x".repeat(790), 1), rig.at());
    let refused = rig.sender.enqueue(&large, 9, at);
    assert_eq!(refused, Err(EnqueueError::QueueFull { queued: 10, limit: 800 }));
    assert!(rig.offers("waits 1 9\n"));
    // And so does one that is refused because the room is promised to others.
    let mut rig = Rig::waiting(lingering());
    let _ = rig.sender.refuse();
    assert!(rig.offers("waits 1 9\n"));
}

#[test]
fn a_point_that_waits_for_others_is_not_dropped_for_another() {
    let mut rig = Rig::waiting(lingering().queue_bytes(800).overflow(Overflow::DropOldest));
    let large = "x".repeat(790);
    rig.put(&large);
    assert_eq!(rig.write(), format!("waits 1 9\n{large} 1 9\n"));
    assert_eq!(rig.sender.stats().dropped, 0);
}

#[test]
fn a_queue_that_fills_ends_the_wait() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let mut rig = Rig::waiting(lingering().queue_bytes(800).overflow(overflow));
        let at = rig.at();
        for _ in 0..200 {
            let _ = rig.sender.enqueue(&Metric::new("b", 1), 9, at);
        }
        assert!(rig.write().starts_with("waits 1 9\nb 1 9\n"), "{overflow:?}");
    }
}

#[test]
fn who_needs_the_room_ends_the_wait_and_who_finds_some_does_not() {
    let mut rig = Rig::waiting(lingering().queue_bytes(800));
    let found = rig.sender.room(&Metric::new("b", 1));
    assert_eq!((rig.kind(found), rig.sender.poll_output()), (Some(Ok(())), Output::Idle));
    let missing = rig.sender.room_of(795);
    assert_eq!(rig.kind(missing), None);
    assert_eq!((rig.write().as_str(), rig.kind(missing)), ("waits 1 9\n", Some(Ok(()))));
}

/// Most points are taken without a look at the deadlines; one that has passed stands until then.
#[test]
fn a_deadline_that_passes_with_a_point_is_still_told() {
    let mut rig = Rig::waiting(lingering());
    rig.now += LINGER;
    rig.put("b");
    assert!(rig.sender.poll_timeout().unwrap() <= rig.at());
    assert_eq!(rig.tell(Input::Timeout).write(), "waits 1 9\nb 1 9\n");
}

#[test]
fn points_that_have_waited_leave_with_the_next_connection() {
    let mut rig = Rig::waiting(lingering());
    rig.reset();
    assert_eq!(rig.sender.poll_output(), Output::Connect);
    rig.later(LINGER).tell(Input::Connected);
    assert_eq!(rig.write(), "waits 1 9\n");
}
