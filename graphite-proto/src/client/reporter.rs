//! The reporter that users hold: begun, flushed, closed.
//!
//! Not here: when is reported, and what ([`super::reporting`]).

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::lock::Mutex;

use crate::client::error::{CloseError, FlushError, SendError};
use crate::client::handle::Client;
use crate::client::reporting::{Figures, Report, Reporting, Task};
use crate::client::runtime::{Runtime, Timer as _};
use crate::config::ConfigError;
use crate::event::Failure;
#[cfg(feature = "metrics")]
use crate::metrics::Recorder;
use crate::value::Timestamp;

/// Reports at aligned times, by a task of its own: each interval when it has ended, stamped with its
/// start, and at a close what there is of the one that goes on.
///
/// Nothing that records ever waits. Reports go into the client's queue, as [`Client::try_feed`] does:
/// of a recorder's report that finds no room there the rest goes in as room comes, until the next
/// interval has ended. What has found none by then is missed, and so is at once what the closure of
/// [`every`](Self::every) pushes; [`missed`](Self::missed) counts such reports, and
/// [`Event::ReportMissed`](crate::Event::ReportMissed) tells the first one of an outage.
///
/// A reporter that is dropped reports once more and lets the client go on as its own drop does: what
/// is queued goes out as long as the runtime runs. At the end of `main` await
/// [`close`](Self::close).
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use std::sync::{Arc, atomic::{AtomicU64, Ordering::Relaxed}};
/// # use page::*; use std::time::Duration;
/// # page::run(async |graphite| {
/// let requests = Arc::new(AtomicU64::new(0)); // Counted wherever they come in.
/// let counted = requests.clone();
/// let client = Client::builder().prefix("shop.web01").connect_lazy(graphite)?;
/// let reporter = Reporter::every(client, Duration::from_secs(10), move |report, _start| {
///     report.push(("requests", counted.load(Relaxed)));
/// })?;
/// requests.fetch_add(1, Relaxed);
/// reporter.close().await?; // With the last interval.
/// # assert!(received().contains("shop.web01.requests 1 "));
/// # Ok(()) });
/// ```
pub struct Reporter<R: Runtime> {
    reporting: Arc<Reporting<R>>,
    /// Held by the close that hands over what the last report left.
    closing: Mutex<()>,
}

impl<R: Runtime> Reporter<R> {
    /// Begins to report figures that the caller keeps: at the end of each interval, a multiple of it
    /// since the epoch, `figures` is called with a report to fill and the timestamp to stamp, the
    /// interval's start; once more when the reporter is closed or dropped. The interval is of whole
    /// seconds, from 1 s to a day; it should be that of the store, which keeps one value for a name
    /// and an interval.
    ///
    /// The closure is called by the runtime's task, or by whoever closes, flushes or drops the
    /// reporter, one call at a time, and must not block. If it panics the report is missed from
    /// there on, and the next one comes nevertheless.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let (client, minute) = (Client::builder().connect_lazy(graphite)?, Duration::from_secs(60));
    /// let mut reports = 0;
    /// let reporter = Reporter::every(client, minute, move |report, _start| {
    ///     reports += 1;
    ///     report.push(("reports", reports));
    /// })?;
    /// reporter.close().await?;
    /// # assert!(received().starts_with("reports 1 "));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The interval is outside its bounds.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where there is nothing to run the task. On tokio in one that was
    /// built without `enable_time` it is that task that panics: only a close or a drop reports.
    #[track_caller]
    pub fn every(
        client: Client<R>,
        interval: Duration,
        figures: impl FnMut(&mut Report<'_>, Timestamp) + Send + 'static,
    ) -> Result<Self, ConfigError> {
        ConfigError::check_interval(interval)?;
        #[cfg(feature = "metrics")]
        let recorder = Recorder::builder().interval(interval).build();
        Ok(Self::begin(
            client,
            interval,
            #[cfg(feature = "metrics")]
            recorder,
            Some(Box::new(figures)),
        ))
    }

    #[track_caller]
    pub(crate) fn begin(
        client: Client<R>,
        interval: Duration,
        #[cfg(feature = "metrics")] recorder: Recorder,
        figures: Option<Figures>,
    ) -> Self {
        let runtime = client.runtime().clone();
        let reporting = Reporting::new(
            client,
            interval,
            #[cfg(feature = "metrics")]
            recorder,
            figures,
        );
        runtime.spawn(Task::new(reporting.clone()));
        Self { reporting, closing: Mutex::new(()) }
    }

    /// Begins to report for a recorder that is there already, as one that was set as the global
    /// recorder before there was a client.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let recorder = graphite_proto::metrics::Recorder::builder().build();
    /// metrics::with_local_recorder(&recorder, || metrics::counter!("jobs").increment(3));
    /// let reporter = Reporter::new(Client::builder().connect_lazy(graphite)?, recorder);
    /// reporter.close().await?;
    /// # assert!(received().contains("jobs.count 3 "));
    /// # Ok(()) });
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where there is nothing to run the task. On tokio in one that was
    /// built without `enable_time` it is that task that panics: only a close or a drop reports.
    #[cfg(feature = "metrics")]
    #[track_caller]
    pub fn new(client: Client<R>, recorder: Recorder) -> Self {
        Self::begin(client, recorder.interval(), recorder, None)
    }

    /// Ends without another report.
    #[cfg(feature = "metrics")]
    pub(crate) fn discard(&self) {
        self.reporting.discard();
    }

    /// Returns the recorder whose series are reported; that of [`every`](Self::every) is nobody's,
    /// but what is recorded there is reported too.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// let reporter = graphite_proto::metrics::Recorder::builder().start(client)?;
    /// metrics::with_local_recorder(reporter.recorder(), || metrics::counter!("jobs").increment(3));
    /// # Ok(()) });
    /// ```
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.reporting.recorder
    }

    /// Returns the client that reports go out by, for points beside them.
    #[must_use]
    pub fn client(&self) -> &Client<R> {
        &self.reporting.client
    }

    /// Returns how often is reported.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.reporting.interval()
    }

    /// Returns how many reports were missed, in part or as a whole.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// let reporter = Reporter::every(client, Duration::from_secs(10), |report, _start| {
    ///     report.push(("not a name", 1));
    /// })?;
    /// reporter.close().await?;
    /// assert!(reporter.missed() > 0);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.reporting.missed()
    }

    /// Reports what was recorded in the interval that goes on so far, and waits until everything that
    /// is queued is written; should the queue be full it waits for room. The interval's own report
    /// comes all the same when it has ended, and takes the place of this one in a store that keeps
    /// one value. The closure of [`every`](Self::every) is for whole intervals and not called.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// let reporter = Reporter::every(client, Duration::from_secs(60), |_report, _start| {})?;
    /// reporter.client().feed(("deployed", 1)).await?; // A point beside the reports.
    /// reporter.flush().await?;
    /// assert_eq!(reporter.client().stats().written, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::flush`]; with [`FlushError::Full`] a part was not queued, and comes when the
    /// interval has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: all of it comes when the interval has ended.
    pub async fn flush(&self) -> Result<(), FlushError> {
        #[cfg(feature = "metrics")]
        for metric in self.reporting.look() {
            self.client().feed(metric).await.map_err(|error| match error {
                SendError::Full(failure) => FlushError::Full(failure),
                SendError::Queued(failure) => FlushError::Queued(failure),
                SendError::Dropped => FlushError::Dropped,
                SendError::Closed | SendError::Metric(_) => FlushError::Closed,
            })?;
        }
        self.client().flush().await
    }

    /// Reports what there is of the interval that goes on, for the last time, and
    /// [closes](Client::close) the client: `Ok` means that the receiver has read everything. Should
    /// the queue be full it is waited for room, up to
    /// [`close_timeout`](super::Builder::close_timeout), before the close that takes as long at most.
    /// Further calls give the same result.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use std::time::Duration; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// let reporter = Reporter::every(client, Duration::from_secs(10), |report, _start| {
    ///     report.push(("load", 0.42));
    /// })?;
    /// reporter.close().await?;
    /// assert!(reporter.client().stats().confirmed > 0);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The number of points that are not known to be delivered, those of the last report that found
    /// no room among them. What of earlier reports was missed is not: see [`missed`](Self::missed).
    ///
    /// # Panics
    ///
    /// On tokio, if it waits for room in a full queue outside of a runtime, or in one that was built
    /// without `enable_time`.
    ///
    /// # Cancel safety
    ///
    /// The last report is made at the first poll. After that dropping the future loses nothing; call
    /// again to go on, and for the result.
    pub async fn close(&self) -> Result<(), CloseError> {
        self.reporting.end(true);
        poll_fn(|cx| self.reporting.poll_ended(cx)).await;
        let source = self.hand_over().await.err();
        let closed = self.client().close().await;
        match (self.reporting.left().1 as u64, closed) {
            (0, closed) => closed,
            (left, Ok(())) => Err(CloseError { undelivered: left, source }),
            (left, Err(error)) => Err(CloseError {
                undelivered: error.undelivered + left,
                source: error.source.or(source),
            }),
        }
    }

    /// Queues what the last report left, as far as there is room in time.
    async fn hand_over(&self) -> Result<(), Failure> {
        let _closing = self.closing.lock().await;
        let mut feeding = pin!(self.feed_left());
        let shared = self.client().shared();
        let (until, mut timer) = (shared.now() + shared.lock().sender.close_timeout(), None);
        let fed = poll_fn(|cx| {
            if let Poll::Ready(fed) = feeding.as_mut().poll(cx) {
                return Poll::Ready(Some(fed));
            }
            let timer = timer.get_or_insert_with(|| self.client().runtime().timer());
            timer.poll_until(until, cx).map(|()| None)
        })
        .await;
        fed.unwrap_or_else(|| {
            let text = "the queue was full for the time that a close may take";
            Err(Failure::new(ErrorKind::TimedOut, text))
        })
    }

    /// Goes on through failures of the connection: it may be back in time.
    async fn feed_left(&self) -> Result<(), Failure> {
        while let (Some(metric), _) = self.reporting.left() {
            match self.client().feed(metric).await {
                Ok(()) => self.reporting.hand_over(),
                Err(SendError::Full(_)) => {}
                Err(error) => {
                    return Err(Failure::new(ErrorKind::NotConnected, error.to_string()));
                }
            }
        }
        Ok(())
    }
}

impl<R: Runtime> Drop for Reporter<R> {
    fn drop(&mut self) {
        self.reporting.end(false);
    }
}

impl<R: Runtime> fmt::Debug for Reporter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("interval", &self.interval())
            .field("missed", &self.missed())
            .field("client", &self.reporting.client)
            .finish_non_exhaustive()
    }
}
