//! Reports at aligned times: the task that makes them, and what it shares with the reporter.
//!
//! A report covers an interval and carries its start, so that a store, which keeps one value for a
//! name and an interval, has a place for each. Not here: what callers hold ([`super::reporter`]),
//! and what the figures are ([`crate::metrics`], or a closure of the user's).

use std::collections::VecDeque;
use std::future::Future;
use std::io::ErrorKind;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use crate::client::error::TryFeedError;
use crate::client::handle::Client;
use crate::client::runtime::{Runtime, Timer as _};
#[cfg(feature = "metrics")]
use crate::client::self_metrics::SelfMetrics;
use crate::event::Failure;
use crate::metric::Metric;
#[cfg(feature = "metrics")]
use crate::metrics::Recorder;
use crate::value::Timestamp;

/// The closure of a user who keeps figures of their own.
pub(crate) type Figures = Box<dyn FnMut(&mut Report<'_>, Timestamp) + Send>;

/// One report, to be filled by the closure of [`Reporter::every`](super::Reporter::every).
pub struct Report<'r> {
    at: Timestamp,
    take: &'r mut dyn FnMut(Metric<'_>) -> bool,
}

impl Report<'_> {
    /// Adds a point; one without a timestamp gets that of the report. Returns whether it was taken:
    /// in an outage the queue may be full, and a point that is not valid is never taken.
    /// [`Event::ReportMissed`](crate::Event::ReportMissed) tells why. Whoever sends increases keeps
    /// those that were not taken for the next report; totals take care of themselves.
    pub fn push<'a>(&mut self, metric: impl Into<Metric<'a>>) -> bool {
        let metric = metric.into();
        let at = metric.timestamp().unwrap_or(self.at);
        (self.take)(metric.at(at))
    }

    /// Returns the start of the interval that is reported.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.at
    }
}

impl std::fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").field("at", &self.at).finish_non_exhaustive()
    }
}

/// How often in an interval it is looked whether the queue has room for more of a report.
const TRIES: u32 = 50;

/// What a reporter and its task share.
pub(crate) struct Reporting<R: Runtime> {
    pub(crate) client: Client<R>,
    interval: Duration,
    #[cfg(feature = "metrics")]
    pub(crate) recorder: Recorder,
    state: Mutex<State>,
    missed: AtomicU64,
}

struct State {
    figures: Option<Figures>,
    #[cfg(feature = "metrics")]
    own: Option<SelfMetrics>,
    /// The time of day at which the interval that goes on has ended.
    next: Duration,
    /// What the last whole interval's report was stamped with.
    last: Option<Timestamp>,
    ended: bool,
    /// An outage that was told goes on.
    told: bool,
    /// The report that goes on as soon as there is room, with what was missed of it so far.
    unfinished: Option<Unfinished>,
    /// Points of the last report that found no room.
    left: VecDeque<Metric<'static>>,
    waker: Option<Waker>,
}

/// A report of which the queue had room for a part only.
struct Unfinished {
    at: Timestamp,
    missed: Missed,
}

/// What is done about points that find no room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// The recorder's are offered again until the next interval has ended; others are missed.
    Waits,
    /// They are missed.
    Misses,
    /// They are kept: the report is the last one.
    Keeps,
}

/// What was not taken of a report.
#[derive(Debug, Default)]
struct Missed {
    points: u64,
    cause: Option<Failure>,
}

impl Missed {
    fn note(&mut self, error: &TryFeedError) {
        self.points += 1;
        let kind = match error {
            TryFeedError::Metric(_) => ErrorKind::InvalidInput,
            TryFeedError::Full { .. } => ErrorKind::QuotaExceeded,
            TryFeedError::Closed => ErrorKind::NotConnected,
        };
        self.cause.get_or_insert_with(|| Failure::new(kind, error.to_string()));
    }
}

impl<R: Runtime> Reporting<R> {
    pub(crate) fn new(
        client: Client<R>,
        interval: Duration,
        #[cfg(feature = "metrics")] recorder: Recorder,
        figures: Option<Figures>,
    ) -> Arc<Self> {
        let next = end_of_interval(client.runtime().time_of_day(), interval);
        let state = State {
            figures,
            #[cfg(feature = "metrics")]
            own: recorder.self_metrics().then(|| SelfMetrics::register(&recorder)),
            next,
            last: None,
            ended: false,
            told: false,
            unfinished: None,
            left: VecDeque::new(),
            waker: None,
        };
        Arc::new(Self {
            client,
            interval,
            #[cfg(feature = "metrics")]
            recorder,
            state: Mutex::new(state),
            missed: AtomicU64::new(0),
        })
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the interval that has ended, if one has. After a standstill it is one report, of the
    /// last one.
    fn report_due(&self, state: &mut State, now: Duration) {
        let next = end_of_interval(now, self.interval);
        if now < state.next {
            // Sooner if the time of day was set back.
            state.next = state.next.min(next);
            self.go_on(state, Lack::Waits);
            return;
        }
        state.next = next;
        self.go_on(state, Lack::Misses);
        let at = Timestamp::from((next - 2 * self.interval).as_secs());
        // Its place is taken if the time of day was set back; the next report brings all.
        if state.last != Some(at) {
            state.last = Some(at);
            self.report(state, at, Lack::Waits);
        }
    }

    /// Reports the state of the interval that goes on; all of it comes again when it has ended.
    #[cfg(feature = "metrics")]
    pub(crate) fn report_interim(&self) {
        let now = self.client.runtime().time_of_day();
        let mut state = self.lock();
        if state.ended {
            return;
        }
        self.report_due(&mut state, now);
        self.update_own(&state);
        let (mut missed, mut left) = (Missed::default(), VecDeque::new());
        self.recorder.look(self.start_of_interval(now), &mut |metric| {
            self.take(&metric, Lack::Misses, &mut missed, &mut left)
        });
        self.note(&mut state, missed);
    }

    /// Makes the last report, once; what finds no room is kept if it is `waited` for.
    pub(crate) fn end(&self, waited: bool) {
        let now = self.client.runtime().time_of_day();
        let mut state = self.lock();
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        self.report_due(&mut state, now);
        let lack = if waited { Lack::Keeps } else { Lack::Misses };
        self.go_on(&mut state, lack);
        self.report(&mut state, self.start_of_interval(now), lack);
        // What a closure has caught is not kept until the last handle goes.
        let (figures, waker) = (state.figures.take(), state.waker.take());
        drop(state);
        drop(figures);
        waker.inspect(Waker::wake_by_ref);
    }

    fn start_of_interval(&self, now: Duration) -> Timestamp {
        Timestamp::from(now.as_secs()).align(self.interval)
    }

    fn report(&self, state: &mut State, at: Timestamp, lack: Lack) {
        let mut missed = Missed::default();
        #[cfg(feature = "metrics")]
        self.update_own(state);
        let all = self.collect(state, at, lack, &mut missed);
        let State { figures, left, .. } = state;
        if let Some(figures) = figures {
            let mut take = |metric: Metric<'_>| self.take(&metric, lack, &mut missed, left);
            let mut report = Report { at, take: &mut take };
            // A panic of the closure's is not the task's, which would never report again.
            if panic::catch_unwind(AssertUnwindSafe(|| figures(&mut report, at))).is_err() {
                let cause = Failure::new(ErrorKind::Other, "the closure that fills it panicked");
                missed.cause.get_or_insert(cause);
            }
        }
        self.end_report(state, Unfinished { at, missed }, all);
    }

    /// Goes on with a report that the queue had no room for.
    fn go_on(&self, state: &mut State, lack: Lack) {
        if let Some(Unfinished { at, mut missed }) = state.unfinished.take() {
            let all = self.collect(state, at, lack, &mut missed);
            self.end_report(state, Unfinished { at, missed }, all);
        }
    }

    fn end_report(&self, state: &mut State, report: Unfinished, all: bool) {
        match all {
            true => self.note(state, report.missed),
            false => state.unfinished = Some(report),
        }
    }

    /// Reports what is recorded; returns whether nothing waits for room.
    #[cfg(feature = "metrics")]
    fn collect(&self, state: &mut State, at: Timestamp, lack: Lack, missed: &mut Missed) -> bool {
        if lack == Lack::Waits {
            return self.recorder.collect_as_fits(at, &mut |metric| {
                match self.client.try_feed(&metric) {
                    Err(error @ TryFeedError::Metric(_)) => missed.note(&error),
                    fed => return fed.is_ok(),
                }
                // It would not be taken later, either.
                true
            });
        }
        let left = &mut state.left;
        self.recorder.try_collect(at, &mut |metric| self.take(&metric, lack, missed, left));
        true
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "with the recorder it is used")]
    fn collect(&self, _: &mut State, _: Timestamp, _: Lack, _: &mut Missed) -> bool {
        true
    }

    #[cfg(feature = "metrics")]
    fn update_own(&self, state: &State) {
        if let Some(own) = &state.own {
            own.update(&self.client.stats(), self.missed());
        }
    }

    /// Queues a point; returns whether it is in, or kept.
    fn take(
        &self,
        metric: &Metric<'_>,
        lack: Lack,
        missed: &mut Missed,
        left: &mut VecDeque<Metric<'static>>,
    ) -> bool {
        match self.client.try_feed(metric) {
            Ok(()) => true,
            Err(TryFeedError::Full { .. } | TryFeedError::Closed) if lack == Lack::Keeps => {
                left.push_back(metric.clone().into_owned());
                true
            }
            Err(error) => {
                missed.note(&error);
                false
            }
        }
    }

    /// Counts a report of which something was missed, and tells the first one of an outage.
    fn note(&self, state: &mut State, missed: Missed) {
        let Some(cause) = missed.cause else {
            state.told = false;
            return;
        };
        self.missed.fetch_add(1, Ordering::Relaxed);
        if !std::mem::replace(&mut state.told, true) {
            let shared = self.client.shared();
            shared.with(|machine| machine.sender.tell_missed(missed.points, cause));
        }
    }

    /// Returns the first of the points that the last report left, and how many there are.
    pub(crate) fn left(&self) -> (Option<Metric<'static>>, usize) {
        let state = self.lock();
        (state.left.front().cloned(), state.left.len())
    }

    /// The first of them is in.
    pub(crate) fn hand_over(&self) {
        self.lock().left.pop_front();
    }
}

/// Returns when the interval ends that a time of day lies in.
fn end_of_interval(now: Duration, interval: Duration) -> Duration {
    let seconds = now.as_secs();
    Duration::from_secs(seconds - seconds % interval.as_secs()) + interval
}

/// The task that reports each interval when it has ended.
pub(crate) struct Task<R: Runtime> {
    reporting: Arc<Reporting<R>>,
    timer: Option<R::Timer>,
}

impl<R: Runtime> Task<R> {
    pub(crate) fn new(reporting: Arc<Reporting<R>>) -> Self {
        Self { reporting, timer: None }
    }
}

impl<R: Runtime> Future for Task<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { reporting, timer } = &mut *self;
        let runtime = reporting.client.runtime();
        let mut state = reporting.lock();
        if state.ended || reporting.client.shared().lock().closing {
            return Poll::Ready(());
        }
        reporting.report_due(&mut state, runtime.time_of_day());
        let waker = state.waker.get_or_insert_with(|| cx.waker().clone());
        waker.clone_from(cx.waker());
        let mut wait = state.next.saturating_sub(runtime.time_of_day());
        if state.unfinished.is_some() {
            wait = wait.min(reporting.interval / TRIES);
        }
        drop(state);
        let timer = timer.get_or_insert_with(|| runtime.timer());
        ready!(timer.poll_until(runtime.now() + wait, cx));
        // Others get their turn, also where this clock and that of the day do not agree.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
