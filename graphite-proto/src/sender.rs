//! The sending machine: what it holds, and what it tells of itself.
//!
//! It holds what is queued and what is kept, and says what to do with a connection; it never does
//! it. How points come in stands in [`intake`], how callers wait for them in [`waiting`]; what
//! happens on a connection, the phases and their transition table, in [`connection`], what is on
//! offer to it in [`offering`], what its end means in [`ending`], how much is risked before a proof
//! in [`patience`], how long points wait for others in [`linger`], how a frame is written elsewhere
//! in [`lending`], and what is told of it all in [`news`]. The bytes stand in [`crate::queue`] and
//! [`crate::window`].

mod connection;
mod debug;
mod ending;
mod intake;
mod lending;
mod linger;
mod news;
mod offering;
mod patience;
mod waiting;

use std::collections::VecDeque;

use crate::admission::Admission;
use crate::backoff::Backoff;
use crate::config::{Config, Delivery, Overflow};
use crate::event::{Event, Failure};
use crate::instant::Instant;
use crate::open::Open;
use crate::pool::Pool;
use crate::protocol::Protocol;
use crate::queue::Queue;
use crate::stats::Stats;
use crate::ticket::Dropped;
use crate::window::Window;

use connection::{Link, Phase};
use linger::Linger;
use news::News;
use patience::Patience;

pub use lending::Lent;

/// How many events are kept until they are polled.
const EVENTS: usize = 16;

/// The sending machine: plain data in, plain data out, time as an argument.
///
/// A driver loops: ask [`poll_output`](Self::poll_output) what to do, do it, and tell what came of
/// it with [`handle_input`](Self::handle_input); wait no longer than
/// [`poll_timeout`](Self::poll_timeout). All answers are level-triggered: the same until the next
/// input or point, so there is no order of calls to learn, and a driver that was cancelled loses
/// nothing.
///
/// # Rules
///
/// 1. Every accepted point stands in exactly one frame; frames leave in order; the bytes of two
///    frames never mix on one connection.
/// 2. A new connection begins at the first byte of a frame.
/// 3. A frame is sealed at [`frame_bytes`](Config::frame_bytes) and never longer than its receiver
///    reads.
/// 4. Memory is bounded: queue, window and a frame. `accepted = queued + written + dropped`.
/// 5. `Idle` while something is queued implies a deadline.
/// 6. Failures in a row are connects that failed, time-outs, and connections that were of no use
///    or lived shorter than the delay before them (or than the first delay). *Of use* is a
///    connection that took a new frame which none before it took, or on which something was
///    proven; under [`Delivery::Confirmed`] only the latter. Repeats taken again and a long life
///    with nothing taken are none: a receiver, or a proxy without one, that accepts and never
///    reads would else be tried for ever without a word to its waiters. An end of file on a
///    connection that was given nothing is a failure while points wait. A connection of use that
///    lived longer resets the count, and so does a proof. All waiters get
///    an error at the first failure numbered [`max_attempts`](Config::max_attempts) or more that
///    happens while they wait; their points stay queued, and the reconnecting goes on. Connections
///    that are lost in a row and are no failures come with growing distances too.
/// 7. In the steady state nothing is allocated for a point.
/// 8. What goes out is what every receiver reads: one space, `\n`, integers in pickles
///    only from 0 to 2^31-1.
/// 9. An end of file proves only what stood before it. One that was not asked for by a half-close
///    does not end the writing: a receiver may close its side and read on. If it stands for
///    [`settle_timeout`](Config::settle_timeout) with no error behind it, or if a reset answers
///    what is written next, the receiver had closed for good after reading what came before.
/// 10. Under [`Delivery::Confirmed`] a proof that does not come in time lowers what the next
///     connection is given, and raises the time that it is waited for; every
///     [`close_timeout`](Config::close_timeout) that passes counts as a failure for the waiters.
/// 11. Under [`Overflow::DropOldest`] whole frames that were never on offer to a connection are
///     dropped, counted, and their waiters told; no point is refused for want of room, and no batch
///     that takes less than the whole queue.
/// 12. Points wait for others to fill their frame no longer than [`linger`](Config::linger) after
///     the frame before, and not at all if somebody waits for them, or for their room.
///
/// ```
/// use graphite_proto::{Config, Input, Instant, Metric, Output, Sender};
///
/// let now = Instant::START;
/// let mut sender = Sender::new(Config::default(), now);
/// sender.enqueue(&Metric::new("load", 0.5), 1_700_000_000, now)?;
/// assert_eq!(sender.poll_output(), Output::Connect);
///
/// sender.handle_input(Input::Connected, now);
/// assert_eq!(sender.poll_output(), Output::Transmit(b"load 0.5 1700000000\n"));
///
/// sender.handle_input(Input::Written(20), now);
/// assert_eq!(sender.poll_output(), Output::Idle);
/// assert_eq!(sender.stats().written, 1);
/// # Ok::<(), graphite_proto::EnqueueError>(())
/// ```
pub struct Sender {
    config: Config,
    now: Instant,
    queue: Queue,
    window: Window,
    pool: Pool,
    dropped: Dropped,
    admission: Admission,
    /// For a point that is written by itself.
    lone: Open,
    linger: Linger,
    /// The position up to which points do not wait for others.
    hurried: u64,

    phase: Phase,
    link: Link,
    backoff: Backoff,
    /// Failures in a row.
    failures: u32,
    /// Connections in a row that were lost and no failure.
    losses: u32,
    /// How many failures were numbered `max_attempts` or more.
    failed_rounds: u64,
    last_failure: Option<Failure>,
    connections: u64,
    connect_wanted: bool,
    /// The position up to which callers wait for the next proof, and for the one after it. Were
    /// there one goal that every caller moves on, a busy sender would never reach it.
    proof_wanted: u64,
    proof_next: u64,
    last_proof: Option<Instant>,
    patience: Patience,
    /// When closing has to be over.
    closing: Option<Instant>,

    stats: Stats,
    events: VecDeque<Event>,
    news: News,
    dropping: bool,
}

impl Sender {
    /// Makes a machine that holds nothing and is not connected; `now` is its first moment. For a
    /// setting outside its bounds ([`Config::check`]) the nearest bound is taken.
    pub fn new(config: Config, now: Instant) -> Self {
        let mut config = config.within_bounds();
        let age = match config.delivery {
            Delivery::Replay { window: 0 } => {
                config.delivery = Delivery::BestEffort;
                None
            }
            Delivery::Replay { .. } if !config.proofs => Some(config.replay_age),
            _ => None,
        };
        Self {
            now,
            queue: Queue::new(&config),
            window: Window::new(config.delivery.window(), age, config.sealed_at()),
            pool: Pool::new(config.sealed_at()),
            dropped: Dropped::default(),
            lone: Open::new(config.protocol, config.max_frame_bytes),
            admission: Admission::new(&config),
            linger: Linger::new(config.linger),
            hurried: 0,
            phase: Phase::Waiting { until: None },
            link: Link::default(),
            backoff: Backoff::new(config.backoff_initial, config.backoff_max, config.seed),
            failures: 0,
            losses: 0,
            failed_rounds: 0,
            last_failure: None,
            connections: 0,
            connect_wanted: false,
            proof_wanted: 0,
            proof_next: 0,
            last_proof: None,
            patience: Patience::new(config.delivery.window(), config.close_timeout),
            closing: None,
            stats: Stats::default(),
            events: VecDeque::with_capacity(EVENTS),
            news: News::default(),
            dropping: false,
            config,
        }
    }

    /// Returns how many bytes may be queued.
    #[cfg(feature = "client")]
    pub(crate) fn queue_limit(&self) -> usize {
        self.queue.limit()
    }

    /// Returns whether there is a connection like most, with nothing to be done and nothing to be
    /// told: the driver has only to wait.
    pub(crate) fn rests(&self) -> bool {
        matches!(self.phase, Phase::Up)
            && self.is_idle()
            && self.is_plain()
            && self.events.is_empty()
            && self.news_at().is_none()
    }

    /// Returns the latest moment that the machine was told.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Takes the oldest event that was not taken yet; only the latest 16 are kept.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Returns whether there is an event to take.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Returns what became of the points so far.
    pub fn stats(&self) -> Stats {
        Stats {
            queued: self.queue.points(),
            queued_bytes: self.queue.bytes(),
            window_bytes: self.window.bytes(),
            ..self.stats
        }
    }

    /// Returns how many points are not known to be delivered: queued, or kept because nothing
    /// proves yet that they were read; under [`Delivery::BestEffort`] also all that were written
    /// to a connection without proof. What `Replay` no longer keeps counts as delivered.
    pub fn unproven(&self) -> u64 {
        let unkept = match self.config.delivery {
            Delivery::BestEffort => self.stats.in_doubt + self.link.unkept,
            Delivery::Replay { .. } | Delivery::Confirmed { .. } => 0,
        };
        self.queue.points() + self.window.points() + unkept
    }

    /// Returns whether nothing waits to be written.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.window.is_replaying()
    }

    /// Returns whether the machine has ended, after [`Input::Close`](crate::Input::Close).
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Returns whether there is a connection to write to.
    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    /// Returns the protocol.
    pub fn protocol(&self) -> Protocol {
        self.config.protocol
    }

    /// Returns how long a close may take.
    #[cfg(feature = "client")]
    pub(crate) fn close_timeout(&self) -> std::time::Duration {
        self.config.close_timeout
    }

    /// Returns how long an end of file is watched.
    #[cfg(feature = "client")]
    pub(crate) fn settle_timeout(&self) -> std::time::Duration {
        self.config.settle_timeout
    }

    /// Returns what happens when the queue is full.
    pub fn overflow(&self) -> Overflow {
        self.config.overflow
    }

    /// Returns the failure that was counted last.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    #[inline]
    fn advance_clock(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}

/// Keeps an event, and only the latest ones.
fn tell(events: &mut VecDeque<Event>, event: Event) {
    if events.len() == EVENTS {
        events.pop_front();
    }
    events.push_back(event);
}
