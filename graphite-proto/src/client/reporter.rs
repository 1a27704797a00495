//! The reporter that users hold: begun, flushed, closed.
//!
//! Not here: when is reported, and what ([`super::reporting`]).

use std::fmt;
use std::future::{Future as _, poll_fn};
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
    /// The closure runs on a thread of the runtime and must not block. If it panics the report is
    /// missed from there on, and the next one comes nevertheless.
    ///
    /// # Errors
    ///
    /// The interval is outside its bounds.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where there is nothing to run the task.
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

    /// Returns the recorder whose series are reported; that of [`every`](Self::every) is nobody's,
    /// but what is recorded there is reported too.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.reporting.recorder
    }

    /// Returns how often is reported.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.reporting.interval()
    }

    /// Returns how many reports were missed, in part or as a whole.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.reporting.missed()
    }

    /// Reports what was recorded in the interval that goes on so far, and waits until everything that
    /// is queued is written. The interval's own report comes all the same when it has ended, and
    /// takes the place of this one in a store that keeps one value. The closure of
    /// [`every`](Self::every) is not called.
    ///
    /// # Errors
    ///
    /// As [`Client::flush`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn flush(&self) -> Result<(), FlushError> {
        #[cfg(feature = "metrics")]
        self.reporting.report_interim();
        self.reporting.client.flush().await
    }

    /// Reports what there is of the interval that goes on, for the last time, and
    /// [closes](Client::close) the client: `Ok` means that the receiver has read everything. Should
    /// the queue be full it is waited for room, up to
    /// [`close_timeout`](super::Builder::close_timeout), before the close that takes as long at most.
    /// Further calls give the same result.
    ///
    /// # Errors
    ///
    /// The number of points that are not known to be delivered, those of the last report that found
    /// no room among them. What of earlier reports was missed is not: see [`missed`](Self::missed).
    ///
    /// # Cancel safety
    ///
    /// After the last report was made, which is at the first poll, dropping the future loses
    /// nothing; call again to go on, and for the result.
    pub async fn close(&self) -> Result<(), CloseError> {
        self.reporting.end(true);
        let source = self.hand_over().await.err();
        let closed = self.reporting.client.close().await;
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
        let reporting = &*self.reporting;
        let client = &reporting.client;
        let _closing = self.closing.lock().await;
        let mut feeding = pin!(async {
            while let (Some(metric), _) = reporting.left() {
                client.feed(metric).await?;
                reporting.hand_over();
            }
            Ok::<(), SendError>(())
        });
        let mut timer = None;
        let until = client.shared().now() + client.shared().lock().sender.close_timeout();
        poll_fn(|cx| {
            if let Poll::Ready(fed) = feeding.as_mut().poll(cx) {
                return Poll::Ready(fed.map_err(|error| match error {
                    SendError::Full(failure) => failure,
                    error => Failure::new(std::io::ErrorKind::NotConnected, error.to_string()),
                }));
            }
            let timer = timer.get_or_insert_with(|| client.runtime().timer());
            timer.poll_until(until, cx).map(|()| {
                let text = "the queue was full for the time that a close may take";
                Err(Failure::new(std::io::ErrorKind::TimedOut, text))
            })
        })
        .await
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
