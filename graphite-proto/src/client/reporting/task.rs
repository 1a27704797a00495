//! The task that makes reports when they are due.
//!
//! Not here: which are, and what becomes of them ([`super`]).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{End, Reporting};
use crate::client::runtime::{Runtime, Timer as _};

/// How long it is waited at most before it is looked whether the queue has room for more of a report,
/// and how often in an interval at least.
const PAUSE: Duration = Duration::from_secs(1);
const TRIES: u32 = 50;

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
        if reporting.client.shared().lock().closing {
            return Poll::Ready(());
        }
        reporting.work();
        let mut state = reporting.lock();
        if state.end == End::Made {
            return Poll::Ready(());
        }
        let task = state.task.get_or_insert_with(|| cx.waker().clone());
        task.clone_from(cx.waker());
        let mut wait = state.next.saturating_sub(runtime.time_of_day());
        match state.unfinished.as_ref().map(|unfinished| &unfinished.rest.full) {
            Some(None) => wait = Duration::ZERO,
            Some(Some(_)) => wait = wait.min(reporting.interval / TRIES).min(PAUSE),
            None => {}
        }
        drop(state);
        let timer = timer.get_or_insert_with(|| runtime.timer());
        ready!(timer.poll_until(runtime.now() + wait, cx));
        // Others get their turn, also where this clock and that of the day do not agree.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
