//! What an end of file is worth, and peers whose ends are no progress: crash loops, receivers that
//! close their side and read on.

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{Config, Delivery, Event, Failure, Input, Instant, Metric, Output, Sender};

use crate::rig::{Rig, WINDOW, config, ms};

const LEVELS: [Delivery; 3] = [
    Delivery::BestEffort,
    Delivery::Replay { window: WINDOW },
    Delivery::Confirmed { window: WINDOW },
];

fn half_closed() -> Input {
    Input::PeerHalfClosed { reads_on: false }
}

#[test]
fn a_receiver_that_closes_its_side_at_accept_and_dies_has_proven_nothing() {
    for delivery in LEVELS {
        let mut rig = Rig::up(config(delivery).proofs(true));
        rig.tell(half_closed());
        for path in ["a", "b", "c", "d"] {
            rig.put(path);
        }
        rig.sender.ticket();
        assert_eq!(rig.write().lines().count(), 4);
        // What was acknowledged after the end of file is not proven by it, however long it stands.
        rig.later(60_000);
        assert_eq!((rig.sender.stats().confirmed, rig.sender.unproven()), (0, 4), "{delivery:?}");
        rig.later(1_500).reset();
        assert_eq!((rig.sender.stats().confirmed, rig.sender.unproven()), (0, 4), "{delivery:?}");
    }
}

#[test]
fn an_unasked_end_proves_what_came_before_it_if_no_error_follows() {
    for (death, confirmed) in [(Some(1_500), 0), (None, 1)] {
        let mut rig = Rig::up(config(Delivery::Replay { window: WINDOW }));
        rig.put("a");
        rig.write();
        rig.tell(half_closed());
        assert_eq!((rig.sender.stats().confirmed, rig.sender.poll_output()), (0, Output::Idle));
        if let Some(death) = death {
            rig.later(death).reset();
        } else {
            assert_eq!(rig.deadline(), ms(3_000));
            // It has closed for good, as far as anyone can tell: the connection is ended.
            assert_eq!(rig.sender.poll_output(), Output::Finish);
            rig.tell(Input::Finished).tell(Input::PeerFinished { proven: false });
            assert_eq!((rig.sender.poll_output(), rig.sender.poll_timeout()), (Output::Idle, None));
            assert!(matches!(&rig.events()[1..], [Event::Confirmed(1), Event::Lost(_)]));
        }
        assert_eq!(rig.sender.stats().confirmed, confirmed);
        rig.put("b");
        rig.tell(Input::Connected);
        assert_eq!(rig.write(), if death.is_some() { "a 1 9\nb 1 9\n" } else { "b 1 9\n" });
    }
}

/// Reports that come quicker than an end of file is believed: the first bytes after it find the
/// connection closed, and nothing is repeated.
#[test]
fn forty_reports_in_a_row_arrive_once_though_each_end_is_found_by_the_next() {
    for delivery in &LEVELS[..2] {
        let mut rig = Rig::new(config(*delivery).proofs(true));
        let mut lines = 0;
        for report in 0..40 {
            for i in 0..1_000 {
                rig.put(&format!("report{report}.point{i}"));
            }
            if report > 0 {
                // The driver writes, and a reset answers.
                assert!(matches!(rig.sender.poll_output(), Output::Transmit(_)));
                rig.later(1).tell(Input::PeerFinished { proven: true });
            }
            assert_eq!(rig.sender.poll_output(), Output::Connect);
            lines += rig.tell(Input::Connected).write().lines().count();
            rig.later(5).tell(half_closed());
        }
        rig.tell(Input::Close).deadline();
        rig.tell(Input::Finished).tell(Input::PeerFinished { proven: false });
        let stats = rig.sender.stats();
        assert_eq!((lines, stats.confirmed, stats.replayed), (40_000, 40_000, 0));
        assert_eq!((rig.sender.unproven(), rig.sender.is_closed()), (0, true));
    }
}

#[test]
fn a_receiver_that_reads_on_gets_everything_once_over_one_connection() {
    for delivery in &LEVELS[..2] {
        let mut rig = Rig::up(config(*delivery).proofs(true));
        rig.tell(half_closed());
        let mut lines = 0;
        for i in 0..1_000 {
            let point = rig.put(&format!("p{i}"));
            lines += rig.write().lines().count();
            assert_eq!(rig.kind(point), Some(Ok(())));
            rig.later(1_000);
        }
        assert_eq!(rig.sender.poll_output(), Output::Idle);
        rig.tell(Input::Close);
        assert_eq!(rig.sender.poll_output(), Output::Finish);
        rig.tell(Input::Finished).tell(Input::PeerFinished { proven: false });
        // Nothing is sent again, and nothing is claimed.
        assert!(rig.sender.is_closed());
        assert_eq!((lines, rig.sender.unproven(), rig.sender.stats().confirmed), (1_000, 1_000, 0));
        let best_effort = *delivery == Delivery::BestEffort;
        assert_eq!(rig.sender.stats().in_doubt, if best_effort { 1_000 } else { 0 });
        let cause = rig.sender.last_failure().unwrap().text.clone();
        assert!(cause.starts_with("receiver closed its side of the connection first"), "{cause}");
    }
}

/// The first report goes out, and the peer ends each connection a while after it has taken all.
#[test]
fn a_peer_that_ends_idle_connections_is_no_failure_however_often_all_is_repeated() {
    for (proofs, proven) in [(false, Some(false)), (true, None)] {
        let config = config(Delivery::Replay { window: WINDOW }).replay_age(ms(3_600_000));
        let mut rig = Rig::up(config.proofs(proofs));
        rig.put("a");
        for _ in 0..20 {
            rig.write();
            rig.later(30_000);
            match proven {
                Some(proven) => drop(rig.tell(Input::PeerFinished { proven })),
                None => drop(rig.reset()),
            }
            while rig.sender.poll_output() != Output::Connect {
                assert!(rig.deadline() < ms(1_000));
            }
            rig.tell(Input::Connected);
        }
        let gave_up = |event: &Event| matches!(event, Event::GaveUp { .. });
        assert!(!rig.events().iter().any(gave_up));
    }
}

/// It was on its way before our half-close could be.
#[test]
fn under_confirmed_an_end_that_comes_before_our_half_close_is_done_proves_nothing() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }).proofs(true));
    rig.put("a");
    let ticket = rig.sender.ticket();
    rig.write();
    assert_eq!(rig.sender.poll_output(), Output::Finish);
    rig.later(300).tell(Input::PeerFinished { proven: true });
    let stats = rig.sender.stats();
    assert_eq!((stats.confirmed, rig.sender.unproven(), rig.sender.outcome(ticket)), (0, 1, None));
    while rig.sender.poll_output() != Output::Connect {
        rig.deadline();
    }
    assert_eq!(rig.tell(Input::Connected).write(), "a 1 9\n");
    assert_eq!(rig.sender.poll_output(), Output::Finish);
    rig.tell(Input::Finished).tell(Input::PeerFinished { proven: true });
    assert_eq!((rig.sender.stats().confirmed, rig.sender.unproven()), (1, 0));
}

#[test]
fn a_close_ends_a_half_closed_connection_in_good_order_in_its_own_time() {
    let mut rig = Rig::up(config(Delivery::default()).proofs(true).close_timeout(ms(1_000)));
    rig.put("a");
    rig.write();
    rig.tell(half_closed()).later(300).tell(Input::Close);
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert!(rig.deadline() < ms(1_000));
    assert_eq!(rig.sender.poll_output(), Output::Finish);
    rig.tell(Input::Finished).tell(Input::PeerFinished { proven: false });
    assert_eq!((rig.sender.is_closed(), rig.sender.unproven()), (true, 1));
}

#[test]
fn a_receiver_that_reads_on_is_kept_whatever_its_age() {
    let config = config(Delivery::default()).proofs(true);
    let mut rig = Rig::up(config.max_connection_age(Some(ms(60_000))));
    rig.tell(half_closed());
    let mut lines = 0;
    for i in 0..1_000 {
        rig.put(&format!("p{i}"));
        lines += rig.write().lines().count();
        rig.later(1_000);
    }
    assert_eq!((lines, rig.sender.stats().replayed), (1_000, 0));
    assert_eq!(rig.sender.poll_output(), Output::Idle);
}

#[test]
fn confirmed_says_that_a_receiver_which_closed_its_side_first_proves_nothing() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }));
    let mut flush = None;
    for round in 0..3 {
        rig.tell(half_closed());
        if round == 0 {
            rig.put("a");
            flush = Some(rig.sender.ticket());
        }
        assert_eq!(rig.write(), "a 1 9\n");
        if rig.sender.poll_output() == Output::Idle {
            rig.deadline();
        }
        // Ended in good order, so that it keeps what it took.
        assert_eq!(rig.sender.poll_output(), Output::Finish);
        rig.tell(Input::Finished).tell(Input::PeerFinished { proven: true });
        if round < 2 {
            assert_eq!(rig.kind(flush.unwrap()), None);
        }
        rig.deadline();
        rig.tell(Input::Connected);
    }
    assert_eq!(rig.kind(flush.unwrap()), Some(Err(ErrorKind::UnexpectedEof)));
    assert_eq!((rig.sender.stats().confirmed, rig.sender.unproven()), (0, 1));
}

#[test]
fn confirmed_takes_no_unasked_end_for_a_proof() {
    let mut rig = Rig::up(config(Delivery::Confirmed { window: WINDOW }));
    rig.put("a");
    rig.write();
    rig.later(300).tell(Input::PeerFinished { proven: true });
    assert_eq!((rig.sender.stats().confirmed, rig.sender.unproven()), (0, 1));
    // The end that came while the half-close was on its way is none either.
    rig.deadline();
    rig.tell(Input::Connected).write();
    rig.sender.ticket();
    rig.later(20);
    assert_eq!(rig.sender.poll_output(), Output::Finish);
    rig.tell(half_closed());
    rig.deadline();
    rig.tell(Input::Finished).tell(Input::PeerFinished { proven: true });
    assert_eq!(rig.sender.stats().confirmed, 0);
}

#[test]
fn what_is_written_after_an_end_is_given_up_sooner_than_a_receiver_that_pauses() {
    let mut rig = Rig::up(config(Delivery::Replay { window: WINDOW }));
    rig.put("a");
    rig.write();
    rig.tell(half_closed());
    rig.put("b");
    let mut passed = Duration::ZERO;
    while rig.sender.poll_output() != Output::Disconnect {
        passed += rig.deadline();
    }
    assert!(passed <= ms(3_100), "{passed:?}");
    // One that reads on may pause as any other.
    rig.reset().deadline();
    rig.tell(Input::Connected).write();
    rig.tell(Input::PeerHalfClosed { reads_on: true });
    rig.put("c");
    assert_eq!(rig.deadline(), ms(30_000));
}

/// A peer that accepts, takes some bytes, reads nothing and resets after a while, for an hour.
struct CrashLoop {
    takes: usize,
    lives: u64,
    connections: u32,
    gave_up: u32,
}

impl CrashLoop {
    fn run(&mut self, sender: &mut Sender, hour: u64) {
        let (mut now, mut taken, mut since) = (0, 0, 0);
        while now < hour {
            let at = Instant::from_start(ms(now));
            let room = self.takes - taken;
            match sender.poll_output() {
                Output::Connect => {
                    self.connections += 1;
                    (taken, since) = (0, now);
                    sender.handle_input(Input::Connected, at);
                }
                Output::Transmit(bytes) if room > 0 => {
                    let count = bytes.len().min(room);
                    taken += count;
                    sender.handle_input(Input::Written(count), at);
                }
                Output::Disconnect => {
                    let gone = Failure::new(ErrorKind::NotConnected, "given up");
                    sender.handle_input(Input::Disconnected(gone), at);
                }
                _ if sender.is_connected() && now >= since + self.lives => {
                    let reset = Failure::new(ErrorKind::ConnectionReset, "reset");
                    sender.handle_input(Input::Disconnected(reset), at);
                }
                _ => {
                    now += 1;
                    sender.handle_input(Input::Timeout, Instant::from_start(ms(now)));
                }
            }
            while let Some(event) = sender.poll_event() {
                self.gave_up += u32::from(matches!(event, Event::GaveUp { .. }));
            }
        }
    }
}

#[test]
fn no_wait_is_endless_with_a_peer_that_takes_much_and_reads_nothing() {
    let million = 1_000_000;
    for (delivery, takes) in [
        (Delivery::default(), million),
        (Delivery::BestEffort, 30_000),
        (Delivery::Confirmed { window: Delivery::DEFAULT_WINDOW }, million),
    ] {
        for lives in [60, 2_000] {
            let mut sender = Sender::new(Config::default().delivery(delivery), Instant::START);
            let path = "x".repeat(180);
            let room = loop {
                let metric = Metric::new(&*path, 1).at(1);
                if sender.enqueue(&metric, 1, Instant::START).is_err() {
                    break sender.room(&metric);
                }
            };
            let (last, flush) = (sender.ticket(), sender.ticket());
            let mut peer = CrashLoop { takes, lives, connections: 0, gave_up: 0 };
            peer.run(&mut sender, 600_000);
            let told = |ticket| matches!(sender.outcome(ticket), Some(Err(_)));
            assert!(told(last) && told(flush), "{delivery:?}, {lives} ms");
            // Room may have come by what it took before.
            assert!(sender.outcome(room).is_some(), "{delivery:?}, {lives} ms");
            assert!(peer.gave_up >= 1, "{delivery:?}, {lives} ms");
            assert!(peer.connections < 120, "{} connections, {lives} ms", peer.connections);
        }
    }
}

/// Accepts and closes; the end of file is there before the driver comes to write.
#[test]
fn an_end_of_file_before_the_first_byte_is_a_failure_while_points_wait() {
    for delivery in LEVELS {
        for supported in [true, false] {
            let mut rig = Rig::new(config(delivery));
            let send = rig.put("a");
            let mut connections = 0;
            while rig.now < 3_600_000 {
                if rig.sender.poll_output() == Output::Connect {
                    connections += 1;
                    rig.tell(Input::Connected);
                    if supported {
                        rig.tell(half_closed());
                    }
                    rig.later(1).tell(Input::PeerFinished { proven: true });
                } else {
                    rig.deadline();
                }
            }
            assert!(matches!(rig.kind(send), Some(Err(ErrorKind::UnexpectedEof))), "{delivery:?}");
            assert!(connections < 500, "{connections} connections an hour, {delivery:?}");
        }
    }
}

#[test]
fn an_idle_connection_that_was_closed_unused_is_no_failure_when_a_point_finds_it_so() {
    let mut rig = Rig::up(config(Delivery::default()).max_attempts(1));
    rig.later(1_000).tell(half_closed());
    let point = rig.put("a");
    assert!(matches!(rig.sender.poll_output(), Output::Transmit(_)));
    rig.tell(Input::PeerFinished { proven: true });
    assert_eq!((rig.kind(point), rig.sender.poll_output()), (None, Output::Connect));
}

#[test]
fn a_receiver_that_ends_every_connection_at_once_is_asked_about_its_protocol_once() {
    let mut rig = Rig::new(config(Delivery::default()));
    let mut asked = Vec::new();
    for report in 0..20 {
        rig.put(&format!("p{report}"));
        if rig.sender.poll_output() == Output::Idle {
            rig.deadline();
        }
        rig.tell(Input::Connected).write();
        rig.later(5).tell(Input::PeerFinished { proven: true });
        rig.later(10_000);
        let doubts = |event: &Event| matches!(event, Event::ProtocolInDoubt { .. });
        asked.extend(rig.events().into_iter().filter(doubts).map(|event| (report, event)));
    }
    let [(2, event)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(
        event.to_string(),
        "receiver ends every connection right after its first bytes: does it read plaintext, as \
         receivers do on port 2003?"
    );
}

/// A web server answers every connection: that is one outage, not one a connection.
#[test]
fn a_peer_that_speaks_on_every_connection_is_told_once() {
    for answers_after in [1, 2_500] {
        let mut rig = Rig::new(config(Delivery::default()));
        for i in 0..200 {
            rig.put(&format!("p{i}"));
            while rig.sender.poll_output() != Output::Connect {
                rig.deadline();
            }
            rig.tell(Input::Connected).write();
            rig.later(answers_after).tell(Input::PeerSpoke).reset();
        }
        let events = rig.events();
        let count = |which: fn(&Event) -> bool| events.iter().filter(|event| which(event)).count();
        assert_eq!(count(|event| *event == Event::Connected), 1, "{events:?}");
        assert_eq!(count(|event| matches!(event, Event::Lost(_))), 1, "{events:?}");
        assert!(events.len() <= 4, "{events:?}");
    }
}
