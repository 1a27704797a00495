//! Reports at aligned times: the task that makes them, and what it shares with the reporter.
//!
//! A report covers an interval and carries its start, so that a store, which keeps one value for a
//! name and an interval, has a place for each. Not here: what callers hold ([`super::reporter`]),
//! and what the figures are ([`crate::metrics`], or a closure of the user's).

mod task;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::client::error::TryFeedError;
use crate::client::handle::Client;
use crate::client::runtime::Runtime;
#[cfg(feature = "metrics")]
use crate::client::self_metrics::SelfMetrics;
use crate::event::Failure;
use crate::metric::Metric;
#[cfg(feature = "metrics")]
use crate::metrics::Recorder;
use crate::value::Timestamp;

pub(crate) use task::Task;

/// The closure of a user who keeps figures of their own.
pub(crate) type Figures = Box<dyn FnMut(&mut Report<'_>, Timestamp) + Send>;

/// One report, to be filled by the closure of [`Reporter::every`](super::Reporter::every).
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use std::time::Duration; page::run(async |graphite| {
/// let client = Client::builder().connect_lazy(graphite)?;
/// let reporter = Reporter::every(client, Duration::from_secs(10), |report, start| {
///     assert_eq!(report.timestamp(), start);
///     let taken = report.push(("load", 0.42));
/// })?;
/// # Ok(()) });
/// ```
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

/// How many points of a recorder's report are queued before other tasks of the thread get their turn.
#[cfg(feature = "metrics")]
const POINTS: usize = 4096;

/// By how many intervals the time of day may be set back and is waited for to come again.
const SET_BACK: u32 = 10;

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
    /// Taken out while it is called.
    figures: Option<Figures>,
    #[cfg(feature = "metrics")]
    own: Option<SelfMetrics>,
    /// The time of day at which the interval that goes on has ended.
    next: Duration,
    /// What the last report was stamped with.
    last: Option<Timestamp>,
    /// Somebody is at it; whoever comes meanwhile leaves what is due to them.
    busy: bool,
    end: End,
    /// What kind of outage was told and goes on.
    told: Option<ErrorKind>,
    /// A report of which the queue had no room for all, with what was missed of it so far.
    unfinished: Option<Unfinished>,
    /// Points of the last report that found no room.
    left: VecDeque<Metric<'static>>,
    task: Option<Waker>,
    /// Those who wait for the last report to be made.
    closers: Vec<Waker>,
}

/// A report of which not all is queued, and what was missed of it so far.
struct Unfinished {
    missed: Missed,
    rest: Rest,
}

/// Why not all of a report is queued.
struct Rest {
    /// There was no room; else others were to have their turn.
    full: Option<TryFeedError>,
}

/// How the reports come to their end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// They go on.
    None,
    /// One more is to be made.
    Asked(Lack),
    /// It was made.
    Made,
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
    fn note(&mut self, points: u64, error: Option<&TryFeedError>) {
        self.points += points;
        let kind = match error {
            Some(TryFeedError::Metric(_)) => ErrorKind::InvalidInput,
            Some(TryFeedError::Full { .. }) => ErrorKind::QuotaExceeded,
            Some(TryFeedError::Closed) => ErrorKind::NotConnected,
            None => ErrorKind::TimedOut,
        };
        let late = "the next interval has ended before all was queued";
        let text = || error.map_or_else(|| late.to_owned(), ToString::to_string);
        self.cause.get_or_insert_with(|| Failure::new(kind, text()));
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
            busy: false,
            end: End::None,
            told: None,
            unfinished: None,
            left: VecDeque::new(),
            task: None,
            closers: Vec::new(),
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

    /// Makes the reports that are due, unless somebody is at it already, who then goes on with what has
    /// become due: the closure of the user's is called without the lock, and may end its reporter.
    pub(crate) fn work(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.busy, true) {
            return;
        }
        self.go_on(&mut state);
        while let Some((at, lack)) = self.due(&mut state) {
            state = self.report(state, at, lack);
        }
        state.busy = false;
        if state.end != End::Made {
            return;
        }
        // What a closure has caught is not kept until the last handle goes.
        let figures = state.figures.take();
        let mut wakers = std::mem::take(&mut state.closers);
        wakers.extend(state.task.take());
        drop(state);
        drop(figures);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns the start of the interval that is to be reported next, if one is. After a standstill it
    /// is one report, of the last one.
    fn due(&self, state: &mut State) -> Option<(Timestamp, Lack)> {
        if state.end == End::Made {
            return None;
        }
        let now = self.client.runtime().time_of_day();
        let next = end_of_interval(now, self.interval);
        if now >= state.next {
            state.next = next;
            let at = Timestamp::from((next - 2 * self.interval).as_secs());
            // Until the time of day is where it was it is waited for; the next report brings all.
            if !self.is_taken(state, at) {
                state.last = Some(at);
                return Some((at, Lack::Waits));
            }
        }
        // Sooner if the time of day was set back.
        state.next = state.next.min(next);
        let End::Asked(lack) = state.end else { return None };
        state.end = End::Made;
        let mut at = self.start_of_interval(now);
        if let Some(last) = state.last.filter(|_| self.is_taken(state, at)) {
            at = Timestamp::from(last.seconds() + i128::from(self.interval.as_secs()));
        }
        state.last = Some(at);
        Some((at, lack))
    }

    /// Returns whether the place of this interval in the store is taken, by one that was reported
    /// before the time of day was set back.
    fn is_taken(&self, state: &State, at: Timestamp) -> bool {
        let back = i128::from((self.interval * SET_BACK).as_secs());
        let behind = state.last.map(|last| last.seconds() - at.seconds());
        behind.is_some_and(|behind| (0..=back).contains(&behind))
    }

    /// Asks for the last report, once; what finds no room is kept if it is `waited` for.
    pub(crate) fn end(&self, waited: bool) {
        let mut state = self.lock();
        if state.end == End::None {
            state.end = End::Asked(if waited { Lack::Keeps } else { Lack::Misses });
        }
        drop(state);
        self.work();
    }

    /// Waits until the last report, which was asked for, is made: its closure may be running on
    /// another thread.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.end == End::Made && !state.busy {
            return Poll::Ready(());
        }
        state.closers.push(cx.waker().clone());
        Poll::Pending
    }

    /// Ends without a report.
    #[cfg(feature = "metrics")]
    pub(crate) fn discard(&self) {
        self.lock().end = End::Made;
        self.work();
    }

    fn start_of_interval(&self, now: Duration) -> Timestamp {
        Timestamp::from(now.as_secs()).align(self.interval)
    }

    fn report<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        at: Timestamp,
        lack: Lack,
    ) -> MutexGuard<'s, State> {
        self.give_up(&mut state, lack);
        let mut missed = Missed::default();
        #[cfg(feature = "metrics")]
        self.read(&state, at);
        let rest = self.give(&mut state.left, lack, &mut missed);
        if let Some(mut figures) = state.figures.take() {
            drop(state);
            let mut left = VecDeque::new();
            let mut take = |metric: Metric<'_>| self.take(&metric, lack, &mut missed, &mut left);
            let mut report = Report { at, take: &mut take };
            // A panic of the closure's is not the task's, which would never report again.
            if panic::catch_unwind(AssertUnwindSafe(|| figures(&mut report, at))).is_err() {
                let cause = Failure::new(ErrorKind::Other, "the closure that fills it panicked");
                missed.cause.get_or_insert(cause);
            }
            state = self.lock();
            state.figures = Some(figures);
            state.left.append(&mut left);
        }
        self.end_report(&mut state, missed, rest);
        state
    }

    fn end_report(&self, state: &mut State, missed: Missed, rest: Option<Rest>) {
        match rest {
            None => self.note(state, missed),
            Some(rest) => state.unfinished = Some(Unfinished { missed, rest }),
        }
    }

    /// Goes on with a report that the queue had no room for.
    fn go_on(&self, state: &mut State) {
        if let Some(Unfinished { mut missed, .. }) = state.unfinished.take() {
            let rest = self.give(&mut state.left, Lack::Waits, &mut missed);
            self.end_report(state, missed, rest);
        }
    }

    /// Comes to an end with it, since the next report is to be made.
    #[cfg_attr(
        not(feature = "metrics"),
        expect(unused_variables, reason = "a recorder's has a rest")
    )]
    fn give_up(&self, state: &mut State, lack: Lack) {
        let Some(Unfinished { mut missed, rest }) = state.unfinished.take() else { return };
        if lack != Lack::Waits {
            self.give(&mut state.left, lack, &mut missed);
        }
        #[cfg(feature = "metrics")]
        match self.recorder.give_up() as u64 {
            0 => {}
            points => missed.note(points, rest.full.as_ref()),
        }
        self.note(state, missed);
    }

    /// Queues what was read of the recorder; returns what is left of it, if something is.
    #[cfg(feature = "metrics")]
    fn give(
        &self,
        left: &mut VecDeque<Metric<'static>>,
        lack: Lack,
        missed: &mut Missed,
    ) -> Option<Rest> {
        if lack != Lack::Waits {
            self.recorder.give(false, &mut |metric| self.take(&metric, lack, missed, left));
            return None;
        }
        let (mut points, mut full) = (0, None);
        let all = self.recorder.give(true, &mut |metric| {
            points += 1;
            if points > POINTS {
                return false;
            }
            match self.client.try_feed(&metric) {
                Ok(()) => true,
                // It would not be taken later, either.
                Err(error @ TryFeedError::Metric(_)) => {
                    missed.note(1, Some(&error));
                    true
                }
                Err(error) => {
                    full = Some(error);
                    false
                }
            }
        });
        (!all).then_some(Rest { full })
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "with the recorder it is used")]
    fn give(&self, _: &mut VecDeque<Metric<'static>>, _: Lack, _: &mut Missed) -> Option<Rest> {
        None
    }

    /// Reads the recorder at the end of an interval.
    #[cfg(feature = "metrics")]
    fn read(&self, state: &State, at: Timestamp) {
        if let Some(own) = &state.own {
            own.update(&self.client.stats(), self.missed());
        }
        self.recorder.read(at);
    }

    /// Queues the state of the interval that goes on, all of which comes again when it has ended;
    /// returns what found no room.
    #[cfg(feature = "metrics")]
    pub(crate) fn look(&self) -> Vec<Metric<'static>> {
        self.work();
        let state = self.lock();
        let mut left = Vec::new();
        if state.end != End::None {
            return left;
        }
        if let Some(own) = &state.own {
            own.update(&self.client.stats(), self.missed());
        }
        let at = self.start_of_interval(self.client.runtime().time_of_day());
        if !self.is_taken(&state, at) {
            self.recorder.look(at, &mut |metric| {
                let fed = self.client.try_feed(&metric).is_ok();
                if !fed {
                    left.push(metric.into_owned());
                }
                fed
            });
        }
        left
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
                missed.note(1, Some(&error));
                false
            }
        }
    }

    /// Counts a report of which something was missed, and tells the first one of an outage, or of
    /// another cause.
    fn note(&self, state: &mut State, missed: Missed) {
        let Some(cause) = missed.cause else {
            state.told = None;
            return;
        };
        self.missed.fetch_add(1, Ordering::Relaxed);
        if state.told.replace(cause.kind) != Some(cause.kind) {
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
