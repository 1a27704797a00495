//! What one run is about: settings of the machine, of the wire and of those who send.

use std::time::Duration;

use graphite_proto::{Config, Delivery, Overflow, Protocol};

use crate::random::Random;

/// Something wrong on purpose, to show that the checks see it. Each distorts what goes into the
/// machine, or what comes out of it, as a fault inside it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every end of file counts as a proof.
    EveryEndProven,
    /// No end of file counts as a proof.
    NoEndProven,
    /// The window holds half of what was promised.
    HalvedWindow,
    /// Nothing is kept.
    NoWindow,
    /// A frame that was cut goes on in its middle on the next connection.
    ResumedFrame,
    /// A frame that was cut is left out on the next connection.
    LostFrame,
    /// More is reported as written than was.
    Overcounted,
    /// One waiter is never answered.
    LostWaiter,
    /// A waiter is answered before its time.
    EagerWaiter,
    /// No delay between two attempts.
    NoBackoff,
    /// Deadlines are not kept.
    NoDeadlines,
    /// The queue holds twice of what was promised.
    DoubledQueue,
    /// Waiters are told after one more failure.
    LateVerdict,
    /// A close takes twice the time.
    LateClose,
    /// An end of file that was not asked for is taken as a proof at once.
    EarlyEndProven,
    /// A receiver that closed its side and reads on is aborted.
    HalfOpenAborted,
    /// A connection that took nothing but repeats, or nothing at all, is no failure.
    RepeatsAreProgress,
    /// What is given before a proof is never lowered.
    AmountNeverLowered,
    /// The connection is ended in good order while a frame is lent.
    LentFinishedOver,
    /// What was written of a lent frame counts on the next connection.
    LentCountBelieved,
    /// A point that waits for others is not there when the machine closes.
    ForgottenAtClose,
    /// The wait for others has no end of its own.
    EndlessLinger,
    /// A point that goes through is told as written and never was.
    ThroughUnwritten,
    /// A point that went through is queued as well.
    ThroughTwice,
}

impl Fault {
    pub(crate) const ALL: [Self; 24] = [
        Self::EveryEndProven,
        Self::NoEndProven,
        Self::HalvedWindow,
        Self::NoWindow,
        Self::ResumedFrame,
        Self::LostFrame,
        Self::Overcounted,
        Self::LostWaiter,
        Self::EagerWaiter,
        Self::NoBackoff,
        Self::NoDeadlines,
        Self::DoubledQueue,
        Self::LateVerdict,
        Self::LateClose,
        Self::EarlyEndProven,
        Self::HalfOpenAborted,
        Self::RepeatsAreProgress,
        Self::AmountNeverLowered,
        Self::LentFinishedOver,
        Self::LentCountBelieved,
        Self::ForgottenAtClose,
        Self::EndlessLinger,
        Self::ThroughUnwritten,
        Self::ThroughTwice,
    ];
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) protocol: Protocol,
    pub(crate) delivery: Delivery,
    pub(crate) overflow: Overflow,
    pub(crate) queue_bytes: usize,
    pub(crate) frame_bytes: usize,
    /// The longest frame that can come about.
    pub(crate) frame: usize,
    /// The longest point.
    pub(crate) point: usize,
    /// The longest filling of a path.
    pub(crate) pad: usize,
    pub(crate) max_attempts: u32,
    pub(crate) backoff: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) settle_timeout: Duration,
    pub(crate) age: Option<Duration>,
    pub(crate) proofs: bool,
    pub(crate) spacing: Duration,
    pub(crate) interval: Duration,
    /// How many bytes the kernels and the network hold between the two.
    pub(crate) capacity: usize,
    /// The most that the receiver reads at a time.
    pub(crate) reads: usize,
    /// The most that the driver copies and writes at a time.
    pub(crate) writes: usize,
    pub(crate) latency: Duration,
    /// How many connections in a hundred come to a bad end, and how many connects are refused.
    pub(crate) trouble: usize,
    pub(crate) refused: usize,
    /// How late the driver's timer is.
    pub(crate) tardy: Duration,
    /// Whether the driver's clock sometimes runs backwards, and its counts are sometimes wrong.
    pub(crate) skewed: bool,
    pub(crate) lying: bool,
    /// How often those who send do something, the longest pause between, and how many points they
    /// send at a time.
    pub(crate) actions: usize,
    pub(crate) pause: Duration,
    pub(crate) burst: usize,
    /// Before which of the actions the machine is closed.
    pub(crate) close_at: Option<usize>,
    /// How long points wait for others.
    pub(crate) linger: Duration,
    /// How often in a hundred times a caller writes the frame instead of the driver, and how long
    /// it keeps the frame at most.
    pub(crate) lends: usize,
    pub(crate) holds: Duration,
    /// How many bursts in a hundred are encoded apart from the machine.
    pub(crate) batches: usize,
    /// How many of the other points in a hundred are to be written before anything else happens.
    pub(crate) through: usize,
}

const MS: Duration = Duration::from_millis(1);

impl Plan {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = Random::new(seed);
        let r = &mut random;
        let pad = r.pick(&[0, 10, 200, 1_500]);
        // Beside the filling: `p`, a number, a dot; 45 for all that stands around a path.
        let point = pad + 12 + 45;
        let actions = r.between(5, 40);
        let burst = r.pick(&[1, 3, 20, 60]).min(50_000 / actions / point).max(1);
        // About as many bytes will be sent; the rest is of that order, to end in few steps.
        let bytes = actions * burst * point / 4;
        let window = r.pick(&[0, 300, bytes / 10, bytes / 2, 200_000]);
        let delivery = match r.below(5) {
            0 => Delivery::BestEffort,
            1 | 2 => Delivery::Replay { window },
            _ => Delivery::Confirmed { window },
        };
        let queue_bytes = r.pick(&[600, 4_000, 40_000, 1 << 20]);
        let frame_bytes = r.pick(&[1, 100, 500, 4_096, 65_536]);
        // Most runs hold what the default window promises: it covers what can be in flight.
        let capacity = r.pick(&[bytes / 30, bytes / 10, bytes / 2, 100_000]);
        let covered = matches!(delivery, Delivery::Replay { .. }) && r.percent(70);
        let mut plan = Self {
            seed,
            fault,
            protocol: r.pick(&[Protocol::Plaintext, Protocol::Pickle]),
            delivery,
            overflow: r.pick(&[Overflow::Reject, Overflow::DropOldest]),
            queue_bytes,
            frame_bytes,
            frame: frame_bytes.min(queue_bytes / 8).max(point),
            point,
            pad,
            max_attempts: r.pick(&[1, 2, 3, 3, 5]),
            backoff: r.pick(&[MS, 50 * MS, 50 * MS, 700 * MS]),
            write_timeout: r.pick(&[100 * MS, 1_000 * MS, 30_000 * MS]),
            close_timeout: r.pick(&[50 * MS, 1_000 * MS, 10_000 * MS]),
            age: r.pick(&[None, None, None, Some(Duration::ZERO), Some(70 * MS), Some(2_000 * MS)]),
            proofs: r.percent(60),
            spacing: r.pick(&[Duration::ZERO, 10 * MS, 500 * MS]),
            interval: r.pick(&[100 * MS, 1_000 * MS, 10_000 * MS]),
            capacity: if covered { capacity.min(window) } else { capacity }.max(1),
            reads: r.pick(&[1, 50, 1_000, 100_000]).max(bytes / 300),
            writes: r.pick(&[7, 100, 1_000, 65_536]).max(bytes / 300),
            latency: r.pick(&[MS / 10, MS, 20 * MS, 300 * MS]),
            trouble: r.pick(&[0, 30, 70, 100]),
            refused: r.pick(&[0, 20, 60, 95]),
            tardy: r.pick(&[Duration::ZERO, Duration::ZERO, MS, 1_500 * MS]),
            skewed: r.percent(10),
            lying: r.percent(10),
            actions,
            pause: r.pick(&[MS, 100 * MS, 3_000 * MS, 20_000 * MS]),
            burst,
            close_at: r.percent(30).then(|| r.below(actions)),
            settle_timeout: r.pick(&[30 * MS, 500 * MS, 3_000 * MS]),
            linger: r.pick(&[
                Duration::ZERO,
                Duration::ZERO,
                Duration::ZERO,
                MS / 4,
                20 * MS,
                1_000 * MS,
            ]),
            lends: r.pick(&[0, 20, 100]),
            holds: r.pick(&[5 * MS, 1_000 * MS, 60_000 * MS]),
            batches: r.pick(&[0, 30, 100]),
            through: r.pick(&[0, 30, 100]),
        };
        if plan.through == 100 {
            // Nothing goes through on a connection that is to end at an age.
            plan.age = None;
        }
        plan
    }

    /// The machine's settings, with the fault that is in them.
    pub(crate) fn config(&self) -> Config {
        let delivery = match (self.delivery, self.fault) {
            (Delivery::Replay { window }, Some(Fault::HalvedWindow)) => {
                Delivery::Replay { window: window / 2 }
            }
            (_, Some(Fault::NoWindow)) => Delivery::BestEffort,
            (delivery, _) => delivery,
        };
        let is = |fault| self.fault == Some(fault);
        let backoff = if is(Fault::NoBackoff) { MS } else { self.backoff };
        let mut config = Config::new(self.protocol)
            .delivery(delivery)
            .overflow(self.overflow)
            .queue_bytes(self.queue_bytes * if is(Fault::DoubledQueue) { 2 } else { 1 })
            .frame_bytes(self.frame_bytes)
            .max_attempts(self.max_attempts + u32::from(is(Fault::LateVerdict)))
            .backoff(backoff, if is(Fault::NoBackoff) { MS } else { 10_000 * MS })
            .seed(self.seed)
            .write_timeout(self.write_timeout)
            .close_timeout(self.config_close_timeout())
            .settle_timeout(self.settle_timeout)
            .max_connection_age(self.age)
            .proofs(self.proofs)
            .confirm_spacing(self.spacing)
            .confirm_interval(self.interval)
            .linger(self.linger)
            // Longer than any run: what is forgotten by age may be lost, as documented.
            .replay_age(Duration::from_secs(1_000_000));
        if self.is_prefixed() {
            config = config.prefix("p");
        }
        config
    }

    /// Whether a prefix stands before every path.
    pub(crate) fn is_prefixed(&self) -> bool {
        self.seed.is_multiple_of(3)
    }

    /// The machine's time-out of a close, with the fault that is in it.
    pub(crate) fn config_close_timeout(&self) -> Duration {
        self.close_timeout * if self.fault == Some(Fault::LateClose) { 2 } else { 1 }
    }

    /// Good times: the receiver reads faster than the machine's time-outs.
    pub(crate) fn heal(&mut self) {
        self.reads = self.reads.max(self.capacity);
        self.latency = self.latency.min(self.write_timeout / 20).min(self.close_timeout / 20);
    }

    /// After how many bytes a receiver meets its fate, at most.
    pub(crate) fn fateful(&self, random: &mut Random) -> usize {
        random.pick(&[1, 100, 2_000, self.capacity * 4])
    }

    /// The most bytes that one connection may repeat after a doubt: the window in whole frames, of
    /// which small ones share a unit of 8 KiB, and the frame that was cut.
    pub(crate) fn repeatable(&self) -> usize {
        match self.delivery {
            Delivery::BestEffort => self.frame,
            delivery => delivery.window() + 2 * self.frame + self.unit(),
        }
    }

    /// How many bytes of neighbouring frames are kept and forgotten together.
    pub(crate) fn unit(&self) -> usize {
        8_192.min(self.delivery.window() / 16)
    }
}

/// What point number so-and-so is called on the wire.
pub(crate) fn path(seed: u64, number: u64, pad: usize) -> String {
    let mut path = given_path(seed, number, pad);
    if seed.is_multiple_of(3) {
        path.insert_str(0, "p.");
    }
    path
}

/// The same before the prefix is put before it.
pub(crate) fn given_path(seed: u64, number: u64, pad: usize) -> String {
    let pad = Random::new(seed.wrapping_add(number)).below(pad + 1);
    format!("p{number}.{}", "x".repeat(pad + 1))
}
