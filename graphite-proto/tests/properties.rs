//! Any inputs in any order, sensible or not: what must hold all the same.
//!
//! `simulation.rs` plays a driver that does what it is told; here nobody does.

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{
    Config, Delivery, EnqueueError, Failure, Input, Instant, Metric, NonFinite, Output, Overflow,
    Protocol, Receiver, Sender, Ticket,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

#[derive(Clone, Debug)]
enum Op {
    Enqueue {
        path: usize,
        value: f64,
    },
    Flush,
    Connect,
    Tell(Input),
    /// A count of what is on offer, in 256ths of it.
    Write(u8),
    /// Does what is demanded.
    Obey,
    /// Goes to the deadline, or past it.
    Deadline(u16),
    Later(i32),
}

fn failure() -> Failure {
    Failure::new(ErrorKind::ConnectionReset, "reset")
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Connected),
        Just(Input::ConnectFailed(failure())),
        prop_oneof![Just(0), Just(1), 0..5_000usize, Just(usize::MAX)].prop_map(Input::Written),
        Just(Input::Finished),
        any::<bool>().prop_map(|proven| Input::PeerFinished { proven }),
        any::<bool>().prop_map(|reads_on| Input::PeerHalfClosed { reads_on }),
        Just(Input::PeerSpoke),
        Just(Input::Disconnected(failure())),
        Just(Input::Timeout),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![9 => any::<i32>().prop_map(f64::from), 1 => Just(f64::NAN)];
    prop_oneof![
        8 => (prop_oneof![1..40usize, 1..2_000usize], value)
            .prop_map(|(path, value)| Op::Enqueue { path, value }),
        1 => Just(Op::Flush),
        1 => Just(Op::Connect),
        4 => input().prop_map(Op::Tell),
        6 => any::<u8>().prop_map(Op::Write),
        6 => Just(Op::Obey),
        4 => (0..2_000u16).prop_map(Op::Deadline),
        2 => (-5_000..40_000i32).prop_map(Op::Later),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let bytes = prop_oneof![Just(0usize), 1..3_000usize, Just(1 << 20)];
    let delivery = (0..3, bytes.clone()).prop_map(|(level, window)| match level {
        0 => Delivery::BestEffort,
        1 => Delivery::Replay { window },
        _ => Delivery::Confirmed { window },
    });
    let time = || prop_oneof![Just(0), 0..200u64, Just(10_000), Just(u64::MAX / 1_000_000)];
    let time = move || time().prop_map(Duration::from_millis);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let times = (time(), time(), time(), time(), time(), proptest::option::of(time()));
    (delivery, bytes.clone(), bytes, 0..5u32, flags, times).prop_map(
        |(delivery, queue, frame, attempts, (pickle, oldest, skip, proofs), times)| {
            Config::new(if pickle { Protocol::Pickle } else { Protocol::Plaintext })
                .delivery(delivery)
                .queue_bytes(queue)
                .frame_bytes(frame)
                .max_attempts(attempts)
                .overflow(if oldest { Overflow::DropOldest } else { Overflow::Reject })
                .non_finite(if skip { NonFinite::Skip } else { NonFinite::Refuse })
                .proofs(proofs)
                .backoff(times.0, times.1)
                .write_timeout(times.2)
                .close_timeout(times.3)
                .confirm_interval(times.4)
                .confirm_spacing(times.4 / 10)
                .replay_age(times.0)
                .max_connection_age(times.5)
        },
    )
}

struct World {
    sender: Sender,
    config: Config,
    now: Duration,
    tickets: Vec<Ticket>,
    /// What the present connection was given, read as a receiver reads it.
    receiver: Receiver,
    received: u64,
}

impl World {
    fn new(config: &Config) -> Self {
        Self {
            sender: Sender::new(config.clone(), Instant::START),
            config: config.clone(),
            now: Duration::ZERO,
            tickets: Vec::new(),
            receiver: Receiver::new(config.protocol()),
            received: 0,
        }
    }

    fn at(&self) -> Instant {
        Instant::from_start(self.now)
    }

    fn tell(&mut self, input: Input) {
        if input == Input::Connected && self.sender.poll_output() == Output::Connect {
            self.receiver = Receiver::new(self.config.protocol());
        }
        // A count may still come when the end has begun, for bytes that were copied before; which
        // they were is known in `simulation.rs` alone.
        if matches!(input, Input::Written(_)) && self.sender.poll_output() == Output::Finish {
            return;
        }
        if let (Input::Written(count), Output::Transmit(offer)) =
            (&input, self.sender.poll_output())
        {
            self.receiver.receive(offer.get(..*count).unwrap_or(&[]));
        }
        let at = self.at();
        self.sender.handle_input(input, at);
    }

    fn act(&mut self, op: Op) {
        match op {
            Op::Enqueue { path, value } => {
                let metric = Metric::new("x".repeat(path), value);
                let (before, at) = (self.sender.stats(), self.at());
                match self.sender.enqueue(&metric, 1, at) {
                    Ok(ticket) => self.tickets.push(ticket),
                    Err(error) => {
                        let full = matches!(error, EnqueueError::QueueFull { .. });
                        let stats = self.sender.stats();
                        assert_eq!(
                            (stats.accepted, stats.dropped),
                            (before.accepted, before.dropped)
                        );
                        assert_eq!(stats.rejected, before.rejected + 1);
                        assert!(!full || stats.dropped == 0, "refused though it may drop");
                    }
                }
            }
            Op::Flush => {
                let ticket = self.sender.ticket();
                self.tickets.push(ticket);
            }
            Op::Connect => {
                let at = self.at();
                let ticket = self.sender.connect(at);
                self.tickets.push(ticket);
            }
            Op::Tell(input) => self.tell(input),
            Op::Write(part) => {
                if let Output::Transmit(offer) = self.sender.poll_output() {
                    let count = (offer.len() * usize::from(part)).div_ceil(255);
                    self.tell(Input::Written(count));
                }
            }
            Op::Obey => self.obey(),
            Op::Deadline(late) => {
                if let Some(deadline) = self.sender.poll_timeout() {
                    let late = Duration::from_millis(late.saturating_sub(1_500).into());
                    self.now = self.now.max(deadline.elapsed().saturating_add(late));
                    self.tell(Input::Timeout);
                }
            }
            Op::Later(ms) => {
                let by = Duration::from_millis(ms.unsigned_abs().into());
                self.now =
                    if ms < 0 { self.now.saturating_sub(by) } else { self.now.saturating_add(by) };
            }
        }
    }

    fn obey(&mut self) {
        match self.sender.poll_output() {
            Output::Connect => self.tell(Input::Connected),
            Output::Transmit(offer) => {
                let count = offer.len();
                self.tell(Input::Written(count));
            }
            Output::Finish => self.tell(Input::Finished),
            Output::Disconnect => self.tell(Input::Disconnected(failure())),
            _ => {}
        }
    }

    fn check(&mut self) {
        let stats = self.sender.stats();
        assert_eq!(stats.accepted, stats.queued + stats.written + stats.dropped, "{stats:?}");
        assert!(stats.confirmed <= stats.written, "{stats:?}");
        // The longest point here is 2,000 bytes and what stands around it.
        let debug = format!("{:?}", self.config);
        let queue = number(&debug, "queue_bytes: ").max(2_100) + 2_100;
        assert!(stats.queued_bytes <= queue, "{queue}: {stats:?}");
        let window = number(&debug, "window: ") + queue + 8_192;
        assert!(stats.window_bytes <= window, "{window}: {stats:?}");
        if self.sender.poll_output() == Output::Idle && stats.queued > 0 {
            assert!(self.sender.poll_timeout().is_some(), "idle without a deadline: {stats:?}");
        }
        assert_eq!(self.sender.is_closed(), self.sender.poll_output() == Output::Closed);
        while let Some(metric) = self.receiver.next_metric() {
            let metric = metric.expect("whole frames only");
            assert!(metric.path().bytes().all(|byte| byte == b'x'), "{}", metric.path());
            self.received += 1;
        }
        assert!(stats.written <= self.received, "{} arrived: {stats:?}", self.received);
        let answers = self.tickets.iter().filter(|ticket| self.sender.outcome(**ticket).is_some());
        assert!(!self.sender.is_closed() || answers.count() == self.tickets.len());
    }
}

/// The number behind a name in a debug text; 0 if it is not there.
fn number(debug: &str, name: &str) -> usize {
    let rest = debug.split(name).nth(1).unwrap_or("");
    rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_comes_the_rules_hold(
        config in config(),
        ops in proptest::collection::vec(op(), 1..120),
        close in proptest::option::of(0..120usize),
    ) {
        let mut world = World::new(&config);
        for (index, op) in ops.into_iter().enumerate() {
            if close == Some(index) {
                world.tell(Input::Close);
            }
            world.act(op);
            world.check();
        }
        // And a driver that does its part brings it to an end.
        world.tell(Input::Close);
        let closed = (0..10_000).any(|_| {
            world.obey();
            world.check();
            if world.sender.poll_output() == Output::Idle {
                world.act(Op::Deadline(0));
                // Some time-outs are of centuries, some delays of a millisecond.
                world.now = world.now.saturating_add(world.now / 100);
            }
            world.sender.is_closed()
        });
        assert!(closed, "it does not close: {:?}", world.sender);
    }
}
