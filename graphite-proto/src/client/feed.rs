//! The future that queues one point.
//!
//! A type of its own, since an `async fn` that holds a point across its waits moves it about at
//! every call: a fifth of what a `feed` takes (`cargo xtask bench`). Not here: the queuing
//! ([`super::queueing`]).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::client::error::SendError;
use crate::client::line::Place;
use crate::client::queueing::{Queued, Single, stamp};
use crate::client::runtime::Runtime;
use crate::client::shared::Shared;
use crate::metric::Metric;
use crate::value::Timestamp;

/// Queues a point, as it was given.
pub(crate) struct Feed<'c, 'a, R: Runtime, M> {
    shared: &'c Shared<R>,
    /// Until it is polled.
    given: Option<M>,
    /// From when it had to wait.
    held: Option<Held<'c, 'a, R>>,
}

/// Nothing in it is ever pinned.
impl<R: Runtime, M> Unpin for Feed<'_, '_, R, M> {}

impl<'c, 'a, R: Runtime, M: Into<Metric<'a>>> Feed<'c, 'a, R, M> {
    pub(crate) fn new(shared: &'c Shared<R>, metric: M) -> Self {
        Self { shared, given: Some(metric), held: None }
    }
}

impl<'a, R: Runtime, M: Into<Metric<'a>>> Future for Feed<'_, 'a, R, M> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(given) = this.given.take() {
            let metric = given.into();
            let timestamp = stamp(&metric, &this.shared.runtime);
            if this.shared.feed_quickly(&metric, timestamp) {
                return Poll::Ready(Ok(()));
            }
            this.held = Some(Held::new(this.shared, metric, timestamp, false));
        }
        let Some(held) = &mut this.held else { panic!("feed was done before") };
        let queued = ready!(held.poll_queue(cx));
        this.held = None;
        Poll::Ready(queued.map(drop))
    }
}

/// A point that waits for room, with its place in line, which is left with it.
pub(crate) struct Held<'c, 'a, R: Runtime> {
    shared: &'c Shared<R>,
    metric: Metric<'a>,
    timestamp: Timestamp,
    wanted: bool,
    place: Place,
}

impl<'c, 'a, R: Runtime> Held<'c, 'a, R> {
    /// Holds a point; one that is `wanted` out is also written if that can be done at once.
    pub(crate) fn new(
        shared: &'c Shared<R>,
        metric: Metric<'a>,
        timestamp: Timestamp,
        wanted: bool,
    ) -> Self {
        Self { shared, metric, timestamp, wanted, place: Place::default() }
    }

    #[cold]
    pub(crate) fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<Queued, SendError>> {
        let mut load = Single::new(&self.metric, self.timestamp);
        self.shared.poll_queue(&mut load, &mut self.place, self.wanted, cx)
    }
}

impl<R: Runtime> Drop for Held<'_, '_, R> {
    fn drop(&mut self) {
        self.shared.leave(&mut self.place);
    }
}
