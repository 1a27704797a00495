//! What a client's clones and its driver share: the machine behind a lock, and who waits for it.
//!
//! Not here: what callers see ([`crate::client`]) and what happens on the connection
//! ([`crate::driver`]).

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use slab::Slab;

use crate::proto::{
    Config, EnqueueError, Failure, Input, Instant, Metric, Output, Sender, Ticket, Timestamp,
};
use crate::runtime::{self, TcpStream};
use crate::socket;

#[derive(Debug)]
pub(crate) struct Shared {
    machine: Mutex<Machine>,
    start: runtime::Instant,
}

/// The machine and those who wait for it.
pub(crate) struct Machine {
    pub(crate) sender: Sender,
    waiters: Slab<Waiter>,
    /// Set while the driver sleeps: how to wake it, and what it knows already.
    parked: Option<Parked>,
    /// Waiters whose answer came from a caller, to be woken when the lock is free.
    answered: Vec<Waker>,
    /// The present connection, if callers may write to it while the driver sleeps.
    direct: Option<Arc<TcpStream>>,
    /// What a caller met when it wrote to the connection. The kernel tells an error once; the
    /// driver would then read an end of file and take it for a proof.
    broken: Option<io::Error>,
    /// The driver has ended, by itself or with its runtime.
    pub(crate) driver_ended: bool,
}

/// Answered waiters are woken and stay until they look.
struct Waiter {
    wait: Wait,
    waker: Option<Waker>,
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Ticket(Ticket),
    Closed,
}

/// What a sleeping driver is at, so that it is woken for something new only.
struct Parked {
    waker: Waker,
    demand: Demand,
    deadline: Option<Instant>,
}

/// The machine's outputs without their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    Connect,
    Transmit,
    Finish,
    Disconnect,
    Idle,
    Closed,
}

impl Demand {
    fn of(output: &Output<'_>) -> Self {
        match output {
            Output::Connect => Self::Connect,
            Output::Transmit(_) => Self::Transmit,
            Output::Finish => Self::Finish,
            Output::Disconnect => Self::Disconnect,
            Output::Closed => Self::Closed,
            // Outputs of later versions of the machine would come with code for them here.
            _ => Self::Idle,
        }
    }
}

impl Shared {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let machine = Machine {
            sender: Sender::new(config, Instant::START),
            waiters: Slab::new(),
            parked: None,
            answered: Vec::new(),
            direct: None,
            broken: None,
            driver_ended: false,
        };
        Arc::new(Self { machine: Mutex::new(machine), start: runtime::Instant::now() })
    }

    /// Returns the machine's time.
    pub(crate) fn now(&self) -> Instant {
        Instant::from_start(self.start.elapsed())
    }

    /// Returns the clock's time of a machine's moment; one too far to tell is a month away.
    pub(crate) fn clock_time(&self, at: Instant) -> runtime::Instant {
        const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
        self.start.checked_add(at.elapsed()).unwrap_or_else(|| runtime::Instant::now() + MONTH)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        // The machine is plain data; whoever panicked under the lock left it between two calls.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the machine and wakes the driver if that gave it work.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.lock();
        let result = act(&mut machine);
        let driver = machine.take_driver();
        let answered = std::mem::take(&mut machine.answered);
        drop(machine);
        driver.into_iter().chain(answered).for_each(Waker::wake);
        result
    }

    /// Queues a point, stamped with the moment of the call if it has no time of its own.
    pub(crate) fn enqueue(
        &self,
        machine: &mut Machine,
        metric: &Metric<'_>,
        stamp: &mut Stamp,
    ) -> Result<Ticket, EnqueueError> {
        let timestamp = match metric.timestamp() {
            Some(timestamp) => timestamp,
            None => stamp.get(),
        };
        // Time only matters to a machine that has nothing to do; going backwards is harmless.
        if machine.driver_ended {
            return Err(EnqueueError::Closed);
        }
        let now = if machine.sender.is_idle() { self.now() } else { Instant::START };
        if machine.waiters.is_empty() {
            return machine.sender.enqueue(metric, timestamp, now);
        }
        let dropped = machine.sender.stats().dropped;
        let result = machine.sender.enqueue(metric, timestamp, now);
        if machine.sender.stats().dropped > dropped {
            machine.note_answered();
        }
        result
    }

    /// Waits for an answer. Cancel safe: a wait that is dropped leaves nothing behind.
    pub(crate) async fn wait(&self, wait: Wait) -> Result<(), Failure> {
        let mut waiting = Waiting { shared: self, key: None };
        poll_fn(|cx| self.poll_wait(&mut waiting.key, wait, cx)).await
    }

    /// Looks whether a wait is answered and registers it under `key` if not.
    pub(crate) fn poll_wait(
        &self,
        key: &mut Option<usize>,
        wait: Wait,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        self.with(|machine| match machine.answer(wait) {
            Some(answer) => {
                machine.forget(key);
                Poll::Ready(answer)
            }
            None => {
                machine.register(key, wait, cx.waker());
                Poll::Pending
            }
        })
    }

    /// Takes a registered wait back.
    pub(crate) fn forget(&self, key: &mut Option<usize>) {
        if key.is_some() {
            self.lock().forget(key);
        }
    }

    /// Begins the end: what is queued still goes out, within the close time-out.
    pub(crate) fn close(&self) {
        let now = self.now();
        self.with(|machine| machine.sender.handle_input(Input::Close, now));
    }
}

/// A wait that is given up takes its registration along.
struct Waiting<'a> {
    shared: &'a Shared,
    key: Option<usize>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.forget(&mut self.key);
    }
}

impl Machine {
    /// Returns whether the client has ended, in good order or with its runtime.
    pub(crate) fn is_over(&self) -> bool {
        self.driver_ended || self.sender.is_closed()
    }

    pub(crate) fn is_valid(&mut self, metric: &Metric<'_>, stamp: &mut Stamp) -> bool {
        self.sender.check(metric, stamp.get()).is_ok()
    }

    fn answer(&self, wait: Wait) -> Option<Result<(), Failure>> {
        let answer = match wait {
            Wait::Ticket(ticket) => self.sender.outcome(ticket),
            Wait::Closed => self.sender.is_closed().then_some(Ok(())),
        };
        let ended = || Failure::new(io::ErrorKind::BrokenPipe, "the client's driver has ended");
        answer.or_else(|| self.driver_ended.then(|| Err(ended())))
    }

    fn register(&mut self, key: &mut Option<usize>, wait: Wait, waker: &Waker) {
        match key.and_then(|key| self.waiters.get_mut(key)) {
            Some(waiter) => {
                waiter.wait = wait;
                match &mut waiter.waker {
                    Some(old) => old.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
            }
            None => *key = Some(self.waiters.insert(Waiter { wait, waker: Some(waker.clone()) })),
        }
    }

    fn forget(&mut self, key: &mut Option<usize>) {
        if let Some(key) = key.take() {
            self.waiters.try_remove(key);
        }
    }

    /// Takes the wakers of those whose answer has come.
    pub(crate) fn take_answered(&mut self, wakers: &mut Vec<Waker>) {
        let mut waiters = std::mem::take(&mut self.waiters);
        for (_, waiter) in &mut waiters {
            if waiter.waker.is_some() && self.answer(waiter.wait).is_some() {
                wakers.extend(waiter.waker.take());
            }
        }
        self.waiters = waiters;
    }

    /// Has those woken, as soon as the lock is free, whom a caller's act has answered.
    fn note_answered(&mut self) {
        if !self.waiters.is_empty() {
            let mut answered = std::mem::take(&mut self.answered);
            self.take_answered(&mut answered);
            self.answered = answered;
        }
    }

    /// Returns what the driver has to do.
    pub(crate) fn demand(&self) -> Demand {
        Demand::of(&self.sender.poll_output())
    }

    /// Puts the driver to sleep until there is something new for it.
    pub(crate) fn park(&mut self, waker: &Waker) {
        let (demand, deadline) = (self.demand(), self.sender.poll_timeout());
        self.parked = Some(Parked { waker: waker.clone(), demand, deadline });
    }

    pub(crate) fn unpark(&mut self) {
        self.parked = None;
    }

    /// Takes the sleeping driver's waker if there is something new for it.
    fn take_driver(&mut self) -> Option<Waker> {
        let parked = self.parked.as_ref()?;
        let earlier = || match (self.sender.poll_timeout(), parked.deadline) {
            (Some(now), Some(then)) => now < then,
            (now, _) => now.is_some(),
        };
        let told = self.broken.is_some() || self.sender.has_events();
        let news = self.demand() != parked.demand || told || earlier();
        if news { self.parked.take().map(|parked| parked.waker) } else { None }
    }

    /// Lets callers write to the connection, or no longer.
    pub(crate) fn set_direct(&mut self, direct: Option<Arc<TcpStream>>) {
        self.direct = direct;
        self.broken = None;
    }

    /// Takes the error that a caller met on the connection.
    pub(crate) fn take_broken(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// What was just queued is waited for: asks for a proof where that is what being out means,
    /// and writes what can be written at once.
    pub(crate) fn want(&mut self, now: impl FnOnce() -> Instant) {
        // The caller waits for points of its own, not for all that this ticket stands for.
        let _ = self.sender.ticket();
        self.write_directly(now);
    }

    /// Writes what is on offer from the caller's task, if the driver sleeps and the kernel takes
    /// it at once: a lone `send` then costs no change of task. What goes wrong here is left to the
    /// driver.
    fn write_directly(&mut self, now: impl FnOnce() -> Instant) {
        let idle = self.parked.as_ref().is_some_and(|parked| parked.demand == Demand::Idle);
        let Some(stream) = self.direct.as_ref().filter(|_| idle && self.broken.is_none()) else {
            return;
        };
        let Output::Transmit(bytes) = self.sender.poll_output() else { return };
        match socket::try_write(stream, bytes) {
            Ok(0) => {}
            Ok(written) => {
                self.sender.handle_input(Input::Written(written), now());
                self.note_answered();
            }
            Err(error) => {
                let harmless = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                self.broken = Some(error).filter(|error| !harmless.contains(&error.kind()));
            }
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("sender", &self.sender)
            .field("waiters", &self.waiters.len())
            .field("driver_ended", &self.driver_ended)
            .finish_non_exhaustive()
    }
}

/// The moment of a call, read from the clock when it is first needed and kept for the call.
#[derive(Debug, Default)]
pub(crate) struct Stamp(Option<Timestamp>);

impl Stamp {
    /// Reads the clock now, for a call that may wait before it queues.
    pub(crate) fn now() -> Self {
        Self(Some(SystemTime::now().into()))
    }

    /// The same for one point, unless it has a time of its own.
    pub(crate) fn now_for(metric: &Metric<'_>) -> Self {
        if metric.timestamp().is_some() { Self::default() } else { Self::now() }
    }

    fn get(&mut self) -> Timestamp {
        *self.0.get_or_insert_with(|| SystemTime::now().into())
    }
}
