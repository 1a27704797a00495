//! A handle for those who produce millions of points: it encodes them into a frame of its own.
//!
//! Not here: what happens to a frame that is handed over ([`super::queueing`]), and who takes one
//! that is left alone ([`super::slots`]).

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::batch::Batch;
use crate::client::error::{FlushError, SendError, TryFeedError};
use crate::client::handle::Client;
use crate::client::line::Place;
use crate::client::queueing::{Load, stamp};
use crate::client::runtime::Runtime;
use crate::client::shared::Machine;
use crate::client::slots::{Content, Slot};
use crate::error::{EnqueueError, MetricError};
use crate::instant::Instant;
use crate::metric::Metric;
use crate::sender::Sender;
use crate::ticket::Ticket;
use crate::value::Timestamp;

/// How often the slot is tried to be looked into; the client's task never stays long.
const PATIENCE: usize = 100;

/// Feeds points by the million: one of its own for each task or thread that produces them.
///
/// Points are encoded into a frame that is the feeder's (of 65,536 bytes, less with a small queue;
/// it has up to two buffers of that size), and take nothing that others share. The frame is handed
/// to the client's queue when it is full, by [`flush`](Self::flush), when it has been there for
/// about the [`linger`](super::Builder::linger) time, at most twice that, when the client is closed,
/// and when the feeder is dropped. Until then its points are the feeder's own:
/// [`pending`](Self::pending) tells how many, [`stats`](Client::stats) does not count them yet, and
/// [`Client::flush`] does not wait for them. Points of one feeder stay in order. **End a burst by
/// [`flush`](Self::flush)**, which also tells whether all is well.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// let client = Client::connect(graphite).await?;
/// let mut feeder = client.feeder(); // One for each task.
/// for value in 0..100_000 {
///     feeder.feed(("jobs.done", value)).await?;
/// }
/// feeder.flush().await?;
/// assert_eq!(client.stats().written, 100_000);
/// # Ok(()) });
/// ```
///
/// # Millions in a row
///
/// After 64 full frames in a row, 4 MiB, none of which took as long as the linger time, the next
/// ones are out of everybody's reach, and no lock is taken for a point any more. What has come since
/// the last full frame of such a burst waits for the feeder's next call, or its drop: without a
/// `flush` it is late. [`Client::close`] asks for it, and where no call of the feeder's comes it
/// counts those points as undelivered.
///
/// # When there is no room
///
/// What a feeder holds that is dropped while the queue is full goes there as soon as there is room.
/// If 64 frames wait for that already, or the client has been closed, its points count as rejected,
/// and [`Event::LeftBehind`](crate::Event::LeftBehind) tells how many, unless the client has ended.
pub struct Feeder<R: Runtime> {
    client: Client<R>,
    slot: Arc<Slot>,
    /// The frame, while it is kept out of the slot.
    own: Batch,
    keeps: bool,
    place: Place,
}

impl<R: Runtime> Client<R> {
    /// Returns a handle that costs a point next to nothing beyond its encoding; it shares this
    /// client's queue and connection.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// let mut feeder = client.feeder();
    /// feeder.feed(("jobs.done", 1)).await?;
    /// # Ok(()) });
    /// ```
    pub fn feeder(&self) -> Feeder<R> {
        let mut machine = self.shared().lock();
        let (slot, own) =
            (Slot::new(machine.sender.batch(), machine.closing), machine.sender.batch());
        machine.slots.add(slot.clone());
        drop(machine);
        Feeder { client: self.clone(), slot, own, keeps: false, place: Place::default() }
    }
}

/// What became of a point.
enum Push {
    Done,
    /// The frame has to be handed over first.
    Full,
    /// Somebody takes the frame just now.
    Busy,
    Closed,
    Invalid(MetricError),
}

impl<R: Runtime> Feeder<R> {
    /// Takes a point into the frame. If that is full it is handed over first, which waits for room
    /// in the queue where there is none.
    ///
    /// A point without a timestamp gets the time of the call.
    ///
    /// # Errors
    ///
    /// The point cannot be sent; the queue is full and the receiver could not be reached within
    /// [`max_attempts`](super::Builder::max_attempts); or the client is closed. The point is not
    /// taken then, and those before it stay.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped before it is done has not taken the point.
    pub fn feed<'a>(
        &mut self,
        metric: impl Into<Metric<'a>>,
    ) -> impl Future<Output = Result<(), SendError>> {
        Fed { feeder: self, given: Some(metric), held: None }
    }

    /// Takes a point if the frame, or the queue, has room for it; never waits.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let mut feeder = Client::connect(graphite).await?.feeder();
    /// feeder.try_feed(("jobs.done", 1))?;
    /// println!("{} points are not yet handed over", feeder.pending());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, frame and queue are full, or the client is closed.
    pub fn try_feed<'a>(&mut self, metric: impl Into<Metric<'a>>) -> Result<(), TryFeedError> {
        let metric = metric.into();
        let timestamp = stamp(&metric, self.client.runtime());
        if self.push_usual(&metric, timestamp) {
            return Ok(());
        }
        loop {
            match self.push(&metric, timestamp) {
                Push::Done => return Ok(()),
                Push::Full => self.try_hand_over()?,
                Push::Busy => std::hint::spin_loop(),
                Push::Closed => {
                    self.reject();
                    return Err(TryFeedError::Closed);
                }
                Push::Invalid(error) => {
                    self.reject();
                    return Err(TryFeedError::Metric(error));
                }
            }
        }
    }

    /// Hands over what is here, and waits until all that is queued then is written; under
    /// [`Delivery::Confirmed`](crate::Delivery::Confirmed) until it is proven to be read.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let mut feeder = Client::connect(graphite).await?.feeder();
    /// feeder.feed(("jobs.done", 1)).await?;
    /// feeder.flush().await?;
    /// assert_eq!((feeder.pending(), feeder.client().stats().written), (0, 1));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The receiver could not be reached within [`max_attempts`](super::Builder::max_attempts):
    /// everything is still queued, or still here if there was no room in the queue. Or points were
    /// dropped from a full queue meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; what was handed over stays queued.
    pub async fn flush(&mut self) -> Result<(), FlushError> {
        poll_fn(|cx| {
            if self.give_back() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        let mut fed = Fed::<R, Metric<'_>> { feeder: self, given: None, held: None };
        poll_fn(|cx| fed.poll_hand_over(cx)).await.map_err(|error| match error {
            SendError::Full(failure) => FlushError::Full(failure),
            _ => FlushError::Closed,
        })?;
        drop(fed);
        self.client.flush().await
    }

    /// Returns how many points are in the frame, and not in the client's queue yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        if self.keeps {
            return self.own.points();
        }
        let open = (0..PATIENCE).find_map(|_| self.slot.open_soon());
        open.map_or(0, |open| open.batch.points())
    }

    /// Returns the client that the frames are handed to.
    #[must_use]
    pub fn client(&self) -> &Client<R> {
        &self.client
    }

    /// Takes a point as nearly all are, into a frame that was begun before.
    #[inline(always)]
    fn push_usual(&mut self, metric: &Metric<'_>, timestamp: Timestamp) -> bool {
        if self.keeps {
            let pushed = !self.slot.is_called() && self.own.push_usual(metric, timestamp);
            self.slot.note_kept(self.own.points());
            return pushed;
        }
        self.slot.open().is_some_and(|mut open| {
            open.watched && !self.slot.is_called() && open.batch.push_usual(metric, timestamp)
        })
    }

    /// Hands the frame over, if there is room for it now.
    fn try_hand_over(&mut self) -> Result<(), EnqueueError> {
        let Some(mut open) = self.slot.open_soon() else { return Ok(()) };
        let result = self.client.shared().try_feed(&mut *open);
        drop(open);
        self.keep();
        result
    }

    /// Takes any point.
    fn push(&mut self, metric: &Metric<'_>, timestamp: Timestamp) -> Push {
        if self.keeps && self.slot.is_called() && !self.give_back() {
            return Push::Busy;
        }
        if self.keeps {
            let pushed = self.own.push(metric, timestamp);
            self.slot.note_kept(self.own.points());
            match pushed {
                Ok(true) => return Push::Done,
                Ok(false) => return if self.give_back() { Push::Full } else { Push::Busy },
                Err(error) => return Push::Invalid(error),
            }
        }
        let Some(mut open) = self.slot.open() else { return Push::Busy };
        if self.slot.is_closed() {
            return Push::Closed;
        }
        match open.batch.push(metric, timestamp) {
            Ok(true) if open.watched => Push::Done,
            Ok(true) => {
                (open.watched, open.seen) = (true, true);
                drop(open);
                self.watch();
                Push::Done
            }
            Ok(false) => Push::Full,
            Err(error) => Push::Invalid(error),
        }
    }

    /// Keeps the next frame out of the slot, if enough were full in a row.
    fn keep(&mut self) {
        let Some(mut open) = self.slot.open().filter(|open| open.may_keep()) else { return };
        std::mem::swap(&mut self.own, &mut open.batch);
        (open.kept, open.seen) = (true, false);
        let watched = std::mem::replace(&mut open.watched, true);
        self.slot.ask(false);
        drop(open);
        self.keeps = true;
        if !watched {
            self.watch();
        }
    }

    /// Puts the frame back into the slot; `false` if somebody looks in just now.
    #[cold]
    fn give_back(&mut self) -> bool {
        if !self.keeps {
            return true;
        }
        let Some(mut open) = self.slot.open_soon() else { return false };
        std::mem::swap(&mut self.own, &mut open.batch);
        (open.kept, open.seen) = (false, true);
        let watched = std::mem::replace(&mut open.watched, true);
        self.slot.note_kept(0);
        self.slot.ask(false);
        drop(open);
        self.keeps = false;
        if !watched {
            self.watch();
        }
        true
    }

    /// Has the client's task take the frame if it is not full by then.
    #[cold]
    fn watch(&self) {
        let shared = self.client.shared();
        let now = shared.now();
        shared.with(|machine| machine.slots.watch(now));
    }

    /// Counts a point that is refused.
    #[cold]
    fn reject(&self) {
        self.client.shared().lock().sender.reject(1);
    }
}

impl<R: Runtime> Drop for Feeder<R> {
    fn drop(&mut self) {
        let given_back = self.give_back();
        let shared = self.client.shared();
        let mut open = self.slot.open_soon();
        shared.with(|machine| {
            let now = shared.now();
            if !given_back && !machine.take(&mut self.own, now) {
                machine.sender.abandon(self.own.points());
            }
            if open.is_none() {
                // The client's task looks in just now, and takes what is there.
                return;
            }
            let held = open.as_mut().filter(|open| !open.batch.is_empty());
            let kept = held.is_some_and(|open| machine.take_over(open, now));
            if !kept {
                machine.slots.remove(&self.slot);
            }
        });
    }
}

impl<R: Runtime> fmt::Debug for Feeder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feeder")
            .field("client", &self.client)
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}

impl Machine {
    /// Takes what a feeder holds that is gone, now or when there is room, or counts it as rejected
    /// and tells so; returns whether it waits for room.
    fn take_over(&mut self, open: &mut Content, now: Instant) -> bool {
        if self.take(open, now) {
            return false;
        }
        let adopted = !self.closing && !self.is_over() && self.slots.adopt(open);
        if !adopted {
            self.sender.abandon(open.batch.points());
        }
        adopted
    }
}

/// A frame is handed over whole.
impl Load for Content {
    fn points(&self) -> usize {
        Load::points(&self.batch)
    }

    fn room(&self, sender: &Sender) -> usize {
        self.batch.room(sender)
    }

    fn is_too_much(&self, sender: &Sender) -> bool {
        !sender.has_room(self.batch.bytes(), 0)
    }

    fn is_valid(&self, sender: &mut Sender) -> bool {
        self.batch.is_valid(sender)
    }

    fn enqueue(&mut self, sender: &mut Sender, now: Instant) -> Result<Ticket, EnqueueError> {
        self.hand_over(sender, now)
    }
}

/// The future that takes one point, a type of its own as that of the client is. A place in line is
/// left with it.
struct Fed<'f, 'a, R: Runtime, M> {
    feeder: &'f mut Feeder<R>,
    given: Option<M>,
    held: Option<(Metric<'a>, Timestamp)>,
}

/// Nothing in it is ever pinned.
impl<R: Runtime, M> Unpin for Fed<'_, '_, R, M> {}

impl<R: Runtime, M> Fed<'_, '_, R, M> {
    /// Hands the frame over, as soon as there is room.
    #[cold]
    fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Feeder { client, slot, place, .. } = &mut *self.feeder;
        let Some(mut open) = slot.open() else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        if open.batch.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let queued = ready!(client.shared().poll_queue(&mut *open, place, false, cx));
        drop(open);
        self.feeder.keep();
        Poll::Ready(queued.map(drop))
    }
}

impl<'a, R: Runtime, M: Into<Metric<'a>>> Future for Fed<'_, 'a, R, M> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(given) = this.given.take() {
            let metric = given.into();
            let timestamp = stamp(&metric, this.feeder.client.runtime());
            if this.feeder.push_usual(&metric, timestamp) {
                return Poll::Ready(Ok(()));
            }
            this.held = Some((metric, timestamp));
        }
        let taken = ready!(this.poll_held(cx));
        this.held = None;
        Poll::Ready(taken)
    }
}

impl<R: Runtime, M> Fed<'_, '_, R, M> {
    #[cold]
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        loop {
            let Some((metric, timestamp)) = &self.held else { panic!("feed was done before") };
            match self.feeder.push(metric, *timestamp) {
                Push::Done => return Poll::Ready(Ok(())),
                Push::Full => ready!(self.poll_hand_over(cx))?,
                Push::Busy => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Push::Closed => {
                    self.feeder.reject();
                    return Poll::Ready(Err(SendError::Closed));
                }
                Push::Invalid(error) => {
                    self.feeder.reject();
                    return Poll::Ready(Err(SendError::Metric(error)));
                }
            }
        }
    }
}

impl<R: Runtime, M> Drop for Fed<'_, '_, R, M> {
    fn drop(&mut self) {
        let Feeder { client, place, .. } = &mut *self.feeder;
        client.shared().leave(place);
    }
}
