//! A point that is written before anything else happens.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use graphite_proto::{
    Config, Delivery, Event, Failure, Input, Metric, Output, Protocol, Ticket, Value,
};

use crate::rig::{Rig, WINDOW, config, ms};

const KEPT: Delivery = Delivery::Replay { window: WINDOW };

impl Rig {
    /// A machine that is connected, has nothing to send and nothing to tell.
    fn at_rest(config: Config) -> Self {
        let mut rig = Self::up(config);
        rig.events();
        rig
    }

    /// Has a point written, up to so many bytes; returns its ticket and its frame.
    fn through(&mut self, metric: &Metric<'_>, most: usize) -> (Option<Ticket>, Option<Vec<u8>>) {
        let (mut frame, at) = (None, self.at());
        let ticket = self.sender.enqueue_through(metric, 9, at, |bytes| {
            frame = Some(bytes.to_vec());
            bytes.len().min(most)
        });
        (ticket, frame)
    }

    /// Has a point written that the machine takes.
    fn put_through(&mut self, path: &str, most: usize) -> Ticket {
        self.through(&Metric::new(path, 1), most).0.expect("nothing else to do")
    }

    /// Queues the point and writes so much of its frame, which is to be the same.
    fn put_and_write(&mut self, path: &str, most: usize) -> Ticket {
        let ticket = self.put(path);
        let Output::Transmit(offer) = self.sender.poll_output() else { panic!("nothing on offer") };
        let count = offer.len().min(most);
        self.tell(Input::Written(count));
        ticket
    }

    /// Does as a driver does until the machine rests on a connection of which it has told.
    fn recover(&mut self) {
        for _ in 0..20 {
            let at = self.at();
            self.sender.connect(at);
            match self.sender.poll_output() {
                Output::Connect => self.tell(Input::Connected),
                Output::Transmit(bytes) => {
                    let count = bytes.len();
                    self.tell(Input::Written(count))
                }
                Output::Finish => {
                    self.tell(Input::Finished).tell(Input::PeerFinished { proven: true })
                }
                Output::Disconnect => self.reset(),
                _ => self.later(10_000),
            };
        }
        assert!(self.sender.is_connected() && self.sender.is_idle(), "{}", self.state());
    }

    /// All that can be seen of the machine.
    fn state(&self) -> String {
        let sender = &self.sender;
        let (unproven, told) = (sender.unproven(), (sender.has_events(), sender.now()));
        let (output, timeout) = (sender.poll_output(), sender.poll_timeout());
        let progress = sender.progress();
        format!("{output:?} {timeout:?} {unproven} {told:?} {progress:?} {sender:?}")
    }

    /// The machine takes the point only by `enqueue`.
    fn assert_refused(&mut self, metric: &Metric<'_>, what: &str) {
        let before = self.state();
        // Were it taken, the later moment would be told with it.
        self.now += 1;
        assert_eq!(self.through(metric, usize::MAX), (None, None), "{what}");
        assert_eq!(self.state(), before, "{what}");
    }
}

#[test]
fn what_is_not_written_is_on_offer() {
    for (most, rest) in [(usize::MAX, ""), (8, ""), (7, "\n"), (2, "c 1 9\n"), (0, "abc 1 9\n")] {
        let mut rig = Rig::at_rest(Config::default());
        rig.now += 5;
        let point = rig.put_through("abc", most);
        assert_eq!(rig.sender.now(), rig.at(), "the moment is told with it");
        let whole = rest.is_empty();
        assert_eq!(point.points(), Some(0..1));
        assert_eq!(rig.kind(point), whole.then_some(Ok(())), "{most}");
        let stats = rig.sender.stats();
        let counts = (stats.accepted, stats.queued, stats.written);
        assert_eq!(counts, (1, u64::from(!whole), u64::from(whole)), "{most}");
        let next = rig.put("d");
        assert_eq!(rig.write(), format!("{rest}d 1 9\n"));
        assert_eq!((rig.kind(point), rig.kind(next)), (Some(Ok(())), Some(Ok(()))));
    }
}

#[test]
fn the_rest_can_be_lent_and_the_next_point_goes_through_behind_it() {
    let mut rig = Rig::at_rest(Config::default());
    rig.put_through("abc", 3);
    rig.assert_refused(&Metric::new("d", 1), "a frame is begun");
    let (lent, at) = (rig.sender.lend().unwrap(), rig.at());
    assert_eq!(lent.bytes(), b" 1 9\n");
    rig.sender.restore(lent, 5, at);
    let point = rig.put_through("d", usize::MAX);
    assert_eq!((point.points(), rig.kind(point)), (Some(1..2), Some(Ok(()))));
}

#[test]
fn a_wrong_count_ends_the_connection() {
    for count in [7, usize::MAX] {
        let mut rig = Rig::at_rest(Config::default());
        let at = rig.at();
        let point = rig.sender.enqueue_through(&Metric::new("a", 1), 9, at, |_| count).unwrap();
        assert_eq!((rig.sender.poll_output(), rig.kind(point)), (Output::Disconnect, None));
        rig.reset().later(60_000).tell(Input::Connected);
        assert_eq!(rig.write(), "a 1 9\n");
    }
}

/// A driver that panics is in the wrong, and the machine goes on without the point.
#[test]
fn a_write_that_panics_takes_no_point() {
    let mut rig = Rig::at_rest(Config::default());
    let (before, at) = (rig.state(), rig.at());
    let wrote = catch_unwind(AssertUnwindSafe(|| {
        rig.sender.enqueue_through(&Metric::new("a", 1), 9, at, |_| resume_unwind(Box::new(())))
    }));
    assert!(wrote.is_err());
    assert_eq!(rig.state(), before);
    rig.put_through("b", 0);
    assert_eq!(rig.write(), "b 1 9\n");
}

#[test]
fn both_protocols_have_it_as_if_it_were_queued() {
    let values = [Value::F64(0.1), Value::F64(-1e300), Value::I64(i64::MIN), Value::I64(0)];
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        // One after the other: nothing of a point is in the next.
        let mut rig = Rig::at_rest(Config::new(protocol));
        for path in ["a", "a.name.of.usual.length;and=a.tag", &"x".repeat(300), "b"] {
            for value in values {
                for metric in [Metric::new(path, value), Metric::new(path, value).at(1_700_000_000)]
                {
                    let mut other = Rig::up(Config::new(protocol));
                    let at = other.at();
                    other.sender.enqueue(&metric, 9, at).unwrap();
                    let Output::Transmit(queued) = other.sender.poll_output() else { panic!() };
                    let (_, frame) = rig.through(&metric, usize::MAX);
                    assert_eq!(frame.as_deref(), Some(queued), "{protocol}, {metric:?}");
                }
            }
        }
    }
}

#[test]
fn points_that_are_not_as_most_are_left_to_enqueue() {
    let mut rig = Rig::at_rest(Config::default());
    let long = "x".repeat(20_000);
    for metric in [
        Metric::new("a b", 1),
        Metric::new("", 1),
        Metric::new("a\n", 1),
        Metric::new("größe", 1),
        Metric::new(&long, 1),
        Metric::new("a", f64::NAN),
        Metric::new("a", 1).at(u64::MAX),
    ] {
        rig.assert_refused(&metric, &format!("{metric:.40?}"));
    }
    rig.put_through("a", usize::MAX);
}

#[test]
fn nothing_goes_through_under_settings_that_ask_for_more() {
    for config in [
        config(Delivery::Confirmed { window: WINDOW }),
        Config::default().prefix("p"),
        Config::default().max_connection_age(Some(ms(60_000))),
    ] {
        let mut rig = Rig::at_rest(config.clone());
        rig.assert_refused(&Metric::new("a", 1), &format!("{config:?}"));
    }
}

/// How a machine comes to have something else to do.
type Scene = (&'static str, fn(&mut Rig));

#[test]
fn nothing_goes_through_while_something_else_is_to_be_done_or_told() {
    let scenes: [Scene; 12] = [
        ("not connected", |rig| {
            rig.reset();
        }),
        ("connecting", |rig| {
            rig.reset().later(60_000);
            let at = rig.at();
            rig.sender.connect(at);
            assert_eq!(rig.sender.poll_output(), Output::Connect);
        }),
        ("an event waits", |rig| {
            rig.reset().later(60_000);
            let at = rig.at();
            rig.sender.connect(at);
            rig.tell(Input::Connected).write();
            assert!(rig.sender.has_events() && rig.sender.is_idle());
        }),
        ("something is queued", |rig| {
            rig.put("b");
        }),
        ("something is lent", |rig| {
            rig.put("b");
            let lent = rig.sender.lend();
            assert!(lent.is_some(), "never brought back");
        }),
        ("replaying", |rig| {
            rig.put("b");
            rig.write();
            rig.later(1_000).reset().later(60_000).tell(Input::Connected);
            assert_eq!(rig.sender.stats().queued, 0);
        }),
        ("a connection is not told of", |rig| {
            for _ in 0..3 {
                rig.tell(Input::PeerSpoke).reset();
                let at = rig.at();
                rig.sender.connect(at);
                rig.deadline();
                rig.tell(Input::Connected).write();
            }
            assert!(rig.sender.is_connected() && rig.sender.is_idle());
        }),
        ("given up", |rig| {
            rig.tell(Input::PeerSpoke);
        }),
        ("closed by the receiver", |rig| {
            rig.tell(Input::PeerHalfClosed { reads_on: false });
            assert!(rig.sender.is_connected());
        }),
        ("its side is closed by the receiver", |rig| {
            rig.tell(Input::PeerHalfClosed { reads_on: true });
            assert!(rig.sender.is_connected());
        }),
        ("closing", |rig| {
            rig.put("b");
            rig.tell(Input::Close);
            rig.write();
            assert_eq!(rig.sender.poll_output(), Output::Finish);
        }),
        ("closed", |rig| {
            rig.tell(Input::Close);
            rig.prove();
            assert!(rig.sender.is_closed());
        }),
    ];
    for (what, scene) in scenes {
        let mut rig = Rig::at_rest(config(KEPT));
        rig.put_through("a", 0);
        rig.write();
        rig.put_through("a", usize::MAX);
        scene(&mut rig);
        if what != "an event waits" {
            rig.events();
        }
        rig.assert_refused(&Metric::new("a", 1), what);
    }
}

/// How a connection comes to its end.
type End = (&'static str, fn(&mut Rig));

/// Whatever happens then: the machine is the same as one that queued the point and was told of the
/// write.
#[test]
fn what_becomes_of_it_is_what_becomes_of_a_point_that_was_queued() {
    let ends: [End; 5] = [
        ("lost", |rig| {
            rig.later(5_000).reset();
        }),
        ("lost early, again and again", |rig| {
            rig.later(1).reset();
        }),
        ("read and closed", |rig| {
            rig.later(10).tell(Input::PeerFinished { proven: true });
        }),
        ("believed after a while", |rig| {
            rig.tell(Input::PeerHalfClosed { reads_on: false }).later(5_000);
        }),
        ("stuck", |rig| {
            rig.later(30_000);
        }),
    ];
    let deliveries = [Delivery::BestEffort, KEPT, Delivery::Replay { window: 30 }];
    for (delivery, proofs) in deliveries.into_iter().flat_map(|one| [(one, false), (one, true)]) {
        for most in [usize::MAX, 3, 0] {
            for (end, comes) in ends {
                let what = format!("{delivery:?}, proofs: {proofs}, {most} bytes, {end}");
                // Each waits for others when too many small ones have left.
                let settings = config(delivery).proofs(proofs).linger(ms(1_000));
                let run = |put: fn(&mut Rig, &str, usize) -> Ticket| {
                    let mut rig = Rig::at_rest(settings.clone());
                    let mut seen = Vec::new();
                    for _ in 0..4 {
                        let ticket = put(&mut rig, "a.point", usize::MAX);
                        seen.push(format!("{:?}", rig.kind(ticket)));
                        rig.later(7);
                        let ticket = put(&mut rig, "another.point", most);
                        seen.push(format!("{:?} {}", rig.kind(ticket), rig.state()));
                        comes(&mut rig);
                        seen.push(format!("{:?} {}", rig.events(), rig.state()));
                        rig.recover();
                        seen.push(format!("{:?} {}", rig.events(), rig.state()));
                    }
                    seen
                };
                let (through, queued) = (run(Rig::put_through), run(Rig::put_and_write));
                for (through, queued) in through.iter().zip(&queued) {
                    assert_eq!(through, queued, "{what}");
                }
            }
        }
    }
}

#[test]
fn it_is_sent_again_after_a_loss_if_it_was_kept() {
    for (delivery, again) in [(KEPT, "a 1 9\nb 1 9\n"), (Delivery::BestEffort, "")] {
        let mut rig = Rig::at_rest(config(delivery));
        rig.put_through("a", usize::MAX);
        rig.put_through("b", usize::MAX);
        assert_eq!(rig.sender.unproven(), 2);
        let at = rig.later(1_000).reset().at();
        rig.sender.connect(at);
        rig.later(60_000).tell(Input::Connected);
        assert_eq!(rig.write(), again, "{delivery:?}");
        let (lost, stats) = (u64::from(again.is_empty()) * 2, rig.sender.stats());
        assert_eq!((stats.replayed, stats.in_doubt), (2 - lost, lost), "{delivery:?}");
    }
}

/// Those that are not kept, or no longer, are known as read all the same.
#[test]
fn a_proof_is_a_proof_of_what_went_through() {
    for delivery in [Delivery::BestEffort, Delivery::Replay { window: 20 }, KEPT] {
        let mut rig = Rig::at_rest(config(delivery).proofs(true));
        for _ in 0..10 {
            rig.put_through("a", usize::MAX);
        }
        rig.later(1_000).tell(Input::PeerFinished { proven: true });
        let (stats, events) = (rig.sender.stats(), rig.events());
        assert_eq!((stats.confirmed, rig.sender.unproven()), (10, 0), "{delivery:?}");
        assert!(events.contains(&Event::Confirmed(10)), "{delivery:?}: {events:?}");
    }
}

#[test]
fn it_waits_for_no_others_and_others_wait_after_it() {
    let mut rig = Rig::at_rest(Config::default().linger(ms(1_000)));
    rig.later(60_000);
    for _ in 0..20 {
        rig.put_through("a", usize::MAX);
    }
    rig.put("b");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    assert_eq!(rig.deadline(), ms(1_000));
    assert_eq!(rig.write(), "b 1 9\n");
}

/// As any new frame does.
#[test]
fn it_shows_that_a_connection_is_of_use() {
    let mut rig = Rig::new(config(KEPT).max_attempts(3));
    let at = rig.at();
    rig.sender.connect(at);
    for _ in 0..2 {
        rig.refuse().deadline();
    }
    rig.tell(Input::Connected).later(60_000).events();
    rig.put_through("a", usize::MAX);
    let lost = Failure::new(ErrorKind::ConnectionReset, "reset");
    let flush = rig.put("b");
    rig.tell(Input::Disconnected(lost));
    assert_eq!(rig.kind(flush), None);
}
