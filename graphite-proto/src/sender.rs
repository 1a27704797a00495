//! The sending machine, seen by those who send: points in, tickets out.
//!
//! It holds what is queued and what is kept, and says what to do with a connection; it never does
//! it. What happens on a connection, the phases and their transition table, stands in
//! [`connection`], what its end means in [`ending`], how much is risked before a proof in
//! [`patience`], how long points wait for others in [`linger`], how a frame is written elsewhere in
//! [`lending`], and what is told of it all in [`news`]; the bytes stand in [`crate::queue`] and
//! [`crate::window`].

mod connection;
mod debug;
mod ending;
mod lending;
mod linger;
mod news;
mod patience;

use std::collections::VecDeque;

use crate::admission::Admission;
use crate::backoff::Backoff;
use crate::batch::Batch;
use crate::config::{Config, Delivery, Overflow};
use crate::error::{EnqueueError, MetricError};
use crate::event::{Event, Failure};
use crate::instant::Instant;
use crate::metric::{Metric, Point};
use crate::open::Open;
use crate::pool::Pool;
use crate::protocol::Protocol;
use crate::queue::Queue;
use crate::stats::Stats;
use crate::ticket::{Dropped, Progress, Ticket, Wait};
use crate::value::Timestamp;
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
///     dropped, counted, and their waiters told; no point is refused for want of room.
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

    /// Takes a point into the queue; a point without a timestamp gets `default_timestamp`.
    ///
    /// The ticket stands for this point. Under [`NonFinite::Skip`] a point that is not finite is
    /// counted and its ticket is answered at once.
    ///
    /// # Errors
    ///
    /// The point is not valid, the queue is full, or the sender is closing; nothing has changed
    /// but the count of rejected points.
    #[inline]
    pub fn enqueue(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: impl Into<Timestamp>,
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        self.advance_clock(now);
        let default_timestamp = default_timestamp.into();
        if let Some(point) = Point::usual(metric.path(), metric, default_timestamp) {
            // Nearly always all that is to be done for a point.
            if self.append(&point) {
                return Ok(self.ticket_of(self.stats.accepted - 1, self.stats.accepted));
            }
            if self.admission.takes_as_is() && self.admission.surely_fits(&point) {
                return self.begin(&point);
            }
        }
        // By a copy: what is passed by its address cannot stay in registers.
        self.accept(&Metric::from(metric), default_timestamp)
    }

    /// Takes a point, checked as far as its length goes, if all that has to be done for it is to
    /// append it to the open frame; `false` leaves everything as it is.
    ///
    /// The way that nearly every point goes: `cargo xtask budget` counts what it takes.
    #[inline]
    pub(crate) fn append(&mut self, point: &Point<'_>) -> bool {
        let appended =
            self.closing.is_none() && self.admission.takes_as_is() && self.queue.try_append(point);
        self.stats.accepted += u64::from(appended);
        appended
    }

    /// Takes a point that was admitted and needs no prefix: nearly always the first of a frame.
    fn begin(&mut self, point: &Point<'_>) -> Result<Ticket, EnqueueError> {
        let room = match self.closing {
            Some(_) => Err(EnqueueError::Closed),
            None => self.make_room(self.config.protocol.upper_bound(point)),
        };
        if let Err(error) = room {
            self.stats.rejected += 1;
            return Err(error);
        }
        self.queue.push(point, self.stats.accepted + 1, &mut self.pool);
        Ok(self.accepted(1))
    }

    /// Takes any other point, or refuses it.
    #[cold]
    fn accept(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<Ticket, EnqueueError> {
        let result = self.admit(metric, default_timestamp);
        if result.is_err() {
            self.stats.rejected += 1;
        }
        result
    }

    fn admit(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<Ticket, EnqueueError> {
        if self.closing.is_some() {
            return Err(EnqueueError::Closed);
        }
        let Some(point) = self.admission.admit(metric, default_timestamp)? else {
            self.stats.skipped += 1;
            return Ok(self.ticket_of(u64::MAX, 0));
        };
        if self.queue.try_append(&point) {
            self.stats.accepted += 1;
            return Ok(self.ticket_of(self.stats.accepted - 1, self.stats.accepted));
        }
        let bound = self.config.protocol.upper_bound(&point);
        self.make_room(bound)?;
        if let Some(point) = self.admission.admit(metric, default_timestamp)? {
            self.queue.push(&point, self.stats.accepted + 1, &mut self.pool);
        }
        Ok(self.accepted(1))
    }

    /// Points were queued, for which something may have to be done.
    fn accepted(&mut self, points: u64) -> Ticket {
        let before = self.stats.accepted;
        self.stats.accepted += points;
        self.settle();
        self.ticket_of(before, self.stats.accepted)
    }

    fn ticket_of(&self, from: u64, to: u64) -> Ticket {
        Ticket { wait: Wait::Points { from, to }, round: self.failed_rounds }
    }

    /// Has the queue take so many bytes, by dropping others if that is what is wanted.
    fn make_room(&mut self, bytes: usize) -> Result<(), EnqueueError> {
        if self.queue.has_room(bytes) {
            return Ok(());
        }
        // What waits for others goes on offer, and is not dropped where it could be sent.
        self.hurry();
        if self.config.overflow == Overflow::Reject {
            return Err(self.queue_full());
        }
        let points = self.drop_until_room(bytes);
        self.stats.dropped += points;
        if points > 0 && !self.dropping {
            self.dropping = true;
            tell(&mut self.events, Event::Dropping);
        }
        Ok(())
    }

    /// Drops the oldest frames that may be dropped until the bytes fit; returns how many points. The
    /// frame on offer may remain and leave too little room: then a point is taken beside it, as by
    /// an empty queue.
    fn drop_until_room(&mut self, bytes: usize) -> u64 {
        let mut points = 0;
        while !self.queue.has_room(bytes)
            && let Some((before, last)) = self.queue.drop_oldest(&mut self.pool)
        {
            points += last - before;
            self.dropped.add((before, last));
        }
        points
    }

    /// Makes an empty batch, for points that are to be encoded apart from the sender.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.admission.again(), self.queue.frame_bytes())
    }

    /// Takes all points of a batch into the queue, which stand in the order in which they came into
    /// the batch, next to each other; the batch is empty then. One without points gets a ticket
    /// that is answered at once.
    ///
    /// # Errors
    ///
    /// The queue is full, the sender is closing, or the batch was made by a sender with other
    /// settings; nothing has changed.
    pub fn enqueue_batch(
        &mut self,
        batch: &mut Batch,
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        self.advance_clock(now);
        if self.closing.is_some() {
            return Err(EnqueueError::Closed);
        }
        if !self.admission.is_like(&batch.admission) {
            return Err(EnqueueError::ForeignBatch);
        }
        let points = batch.points();
        if points > 0 {
            self.make_room(batch.bytes())?;
        }
        self.stats.skipped += std::mem::take(&mut batch.skipped);
        let full = std::mem::take(&mut batch.full);
        if points == 0 {
            return Ok(self.ticket_of(u64::MAX, 0));
        }
        let first = self.stats.accepted + 1;
        self.queue.push_frame(&mut batch.open, first, full, &mut self.pool);
        Ok(self.accepted(points))
    }

    /// Demands a connection even if there is nothing to send; the ticket is answered when there
    /// is one.
    pub fn connect(&mut self, now: Instant) -> Ticket {
        self.advance_clock(now);
        let up = matches!(self.phase, Phase::Up | Phase::Finishing { .. });
        self.connect_wanted = !up;
        self.settle();
        let wait = Wait::Connection(self.connections + u64::from(!up));
        Ticket { wait, round: self.failed_rounds }
    }

    /// Asks for a flush: the ticket stands for everything that is queued or unproven now.
    ///
    /// Under [`Delivery::Confirmed`] this makes the machine seek a proof as soon as the points are
    /// written, so a caller that waits for a point of its own takes one of these as well.
    pub fn ticket(&mut self) -> Ticket {
        let (done, to) = (self.done(), self.stats.accepted);
        let goal = self.proof_goal();
        self.proof_wanted = if goal > done { goal } else { to };
        self.proof_next = to;
        self.hurry();
        // What was dropped before is not this caller's business, nor what failed.
        let wait = Wait::Points { from: done.max(self.dropped.last()), to };
        Ticket { wait, round: self.failed_rounds }
    }

    /// Somebody waits for what is queued, or for its room: it does not wait for others.
    fn hurry(&mut self) {
        self.hurried = self.stats.accepted;
        // What is on offer already waits for nobody.
        if !self.queue.is_pinned() {
            self.settle();
        }
    }

    /// Checks a point as [`enqueue`](Self::enqueue) does, without taking it.
    ///
    /// # Errors
    ///
    /// The point is not valid.
    pub fn check(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: impl Into<Timestamp>,
    ) -> Result<(), MetricError> {
        self.admission.check(metric, default_timestamp.into()).map(drop)
    }

    /// Asks for room for a point: the ticket is answered when the queue can take it.
    pub fn room(&mut self, metric: &Metric<'_>) -> Ticket {
        self.room_of(self.room_for(metric))
    }

    /// Returns how many bytes of room a point needs at most, and some more.
    pub(crate) fn room_for(&self, metric: &Metric<'_>) -> usize {
        self.admission.prefix_bytes() + metric.path().len() + 64
    }

    /// Asks for room for so many bytes.
    pub fn room_of(&mut self, bytes: usize) -> Ticket {
        if !self.queue.has_room(bytes) {
            self.hurry();
        }
        Ticket { wait: Wait::Room(bytes), round: self.failed_rounds }
    }

    /// Returns whether the queue can take so many bytes beside others that are promised to
    /// somebody. With nothing queued or promised it takes a point of any size.
    #[must_use]
    #[inline]
    pub fn has_room(&self, bytes: usize, promised: usize) -> bool {
        let beside = || self.queue.bytes().saturating_add(promised).saturating_add(bytes);
        self.config.overflow == Overflow::DropOldest
            || (promised == 0 && self.queue.has_room(bytes))
            || beside() <= self.queue.limit()
    }

    /// Refuses a point as [`enqueue`](Self::enqueue) does when the queue is full, for a driver that
    /// has promised the room to others: it is counted as rejected.
    #[must_use]
    pub fn refuse(&mut self) -> EnqueueError {
        self.stats.rejected += 1;
        self.hurry();
        self.queue_full()
    }

    /// Counts points as rejected that a driver refused by itself.
    pub fn reject(&mut self, points: u64) {
        self.stats.rejected += points;
    }

    /// Counts points as rejected that a driver had taken and could not hand over, and tells so.
    pub fn abandon(&mut self, points: u64) {
        self.reject(points);
        tell(&mut self.events, Event::Abandoned { points });
    }

    /// Returns how many bytes may be queued.
    #[cfg(feature = "client")]
    pub(crate) fn queue_limit(&self) -> usize {
        self.queue.limit()
    }

    /// Does what a [`ticket`](Self::ticket) does, for whoever has one for its points.
    #[cfg(feature = "client")]
    pub(crate) fn want(&mut self) {
        if self.is_confirmed() {
            let _ = self.ticket();
        } else {
            self.hurry();
        }
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

    fn queue_full(&self) -> EnqueueError {
        EnqueueError::QueueFull { queued: self.queue.bytes(), limit: self.queue.limit() }
    }

    /// Returns how far the sender has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            done: self.done(),
            dropped: self.dropped.last(),
            connections: self.connections,
            failed_rounds: self.failed_rounds,
            closed: self.is_closed(),
        }
    }

    /// Answers a ticket: `None` as long as it is open.
    ///
    /// Points are answered when they are written (under [`Delivery::Confirmed`]: when they are
    /// proven to be read), with an error when they were dropped, when the sender closed without
    /// them, and at every failure numbered [`max_attempts`](Config::max_attempts) or more since
    /// the ticket was made. After such a failure the points are still queued: wait again with a
    /// new ticket, do not enqueue them again.
    #[must_use]
    pub fn outcome(&self, ticket: Ticket) -> Option<Result<(), Failure>> {
        let met = match ticket.wait {
            Wait::Points { from, to } => {
                if self.dropped.touches(from, to) {
                    let text = "dropped from a full queue before it was written";
                    return Some(Err(Failure::new(std::io::ErrorKind::StorageFull, text)));
                }
                self.done() >= to
            }
            Wait::Connection(number) => self.connections >= number,
            Wait::Room(bytes) => {
                self.config.overflow == Overflow::DropOldest || self.queue.has_room(bytes)
            }
        };
        if met {
            Some(Ok(()))
        } else if self.failed_rounds > ticket.round || self.is_closed() {
            // A failure that was overcome since is not why the sender closed without the points.
            let overcome = self.failed_rounds == ticket.round && self.failures == 0;
            let cause = self.last_failure.clone().filter(|_| !overcome);
            Some(Err(cause.unwrap_or_else(closed)))
        } else {
            None
        }
    }

    /// Returns the position up to which every point is written, or proven where that is what
    /// waiters want, or dropped.
    fn done(&self) -> u64 {
        let unproven = match self.config.delivery {
            Delivery::Confirmed { .. } => self.window.first(),
            Delivery::BestEffort | Delivery::Replay { .. } => None,
        };
        unproven.or_else(|| self.queue.first()).map_or(self.stats.accepted, |first| first - 1)
    }

    /// Returns the position up to which the next proof is wanted; one that is done is none.
    fn proof_goal(&self) -> u64 {
        if self.proof_wanted > self.done() { self.proof_wanted } else { self.proof_next }
    }

    /// Returns the position up to which every point is written or dropped.
    fn gone(&self) -> u64 {
        self.queue.first().map_or(self.stats.accepted, |first| first - 1)
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

fn closed() -> Failure {
    Failure::new(std::io::ErrorKind::NotConnected, "sender was closed before it was delivered")
}
