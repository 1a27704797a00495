//! The client on a runtime that is made up: its clock, its tasks and its names are the test's.

mod blocking;
mod desk;
mod direct;
mod feeders;
mod names;
mod reports;
mod room;
#[cfg(feature = "tracing")]
mod telling;
mod wakers;

use core::net::SocketAddr;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::channel::oneshot;

use crate::client::runtime::{Runtime, Tcp, TcpOptions, Timer};
use crate::instant::Instant;
use crate::value::Timestamp;

type Addresses = io::Result<Vec<SocketAddr>>;
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A runtime that does nothing by itself.
#[derive(Clone, Default)]
struct MadeUp(Arc<State>);

#[derive(Default)]
struct State {
    now: Mutex<Instant>,
    /// The time of day, in seconds.
    day: Mutex<u64>,
    tasks: Mutex<Vec<Task>>,
    /// The lookups that began, in their order, for the test to answer.
    lookups: Mutex<VecDeque<oneshot::Sender<Addresses>>>,
}

impl MadeUp {
    /// Sets the clock.
    fn set(&self, now: Instant) {
        *self.0.now.lock().unwrap() = now;
    }

    /// Polls every task once.
    fn run(&self) {
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap());
        for mut task in tasks {
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.0.tasks.lock().unwrap().push(task);
            }
        }
    }

    /// Drops the tasks that are left, as a runtime does at its end; they hold it as long.
    fn end(&self) {
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap());
        drop(tasks);
    }

    /// Returns the earliest lookup that was not answered yet.
    fn lookup(&self) -> Option<oneshot::Sender<Addresses>> {
        self.run();
        self.0.lookups.lock().unwrap().pop_front()
    }
}

impl Runtime for MadeUp {
    type Tcp = Nothing;
    type Timer = Look;

    fn now(&self) -> Instant {
        *self.0.now.lock().unwrap()
    }

    fn timestamp(&self) -> Timestamp {
        1_700_000_000.into()
    }

    fn time_of_day(&self) -> Duration {
        Duration::from_secs(*self.0.day.lock().unwrap())
    }

    fn seed(&self) -> u64 {
        7
    }

    fn timer(&self) -> Look {
        Look(self.clone())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.lock().unwrap().push(Box::pin(task));
    }

    async fn resolve(&self, _host: &str, _port: u16) -> Addresses {
        let (tell, told) = oneshot::channel();
        self.0.lookups.lock().unwrap().push_back(tell);
        told.await.unwrap_or_else(|_| Err(io::ErrorKind::NotFound.into()))
    }

    async fn connect(&self, _address: SocketAddr, _options: TcpOptions) -> io::Result<Nothing> {
        unreachable!("no test connects")
    }
}

/// A timer that wakes nobody: the test polls.
struct Look(MadeUp);

impl Timer for Look {
    fn poll_until(&mut self, deadline: Instant, _cx: &mut Context<'_>) -> Poll<()> {
        if self.0.now() < deadline { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// There is none.
enum Nothing {}

impl Tcp for Nothing {
    fn poll_read(&self, _cx: &mut Context<'_>, _bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_write(&self, _cx: &mut Context<'_>, _bytes: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn finish(&self) -> io::Result<()> {
        match *self {}
    }

    fn abort(&self) {
        match *self {}
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match *self {}
    }
}
