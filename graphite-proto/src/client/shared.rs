//! What a client's clones and its driver share: the machine behind a lock, and who waits for it.
//!
//! A waker is a user's code: it is cloned, woken and dropped when the lock is free. Not here: what
//! callers see ([`super::handle`]), what happens on the connection ([`super::driver`]), how points
//! are queued ([`super::queueing`]), and how those who wait are found ([`super::waiters`],
//! [`super::line`]).

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::client::line::Line;
use crate::client::runtime::{Runtime, Tcp};
use crate::client::waiters::{Key, Wait, Waiters};
use crate::config::Config;
use crate::event::{Failure, Input, Output};
use crate::instant::Instant;
use crate::sender::Sender;

pub(crate) struct Shared<R> {
    machine: Mutex<Machine>,
    pub(crate) runtime: R,
    /// How often `on_event` panicked.
    event_panics: AtomicU64,
}

/// The machine and those who wait for it.
pub(crate) struct Machine {
    pub(crate) sender: Sender,
    pub(crate) waiters: Waiters,
    pub(crate) line: Line,
    /// Set while the driver sleeps: how to wake it, and what it knows already.
    parked: Option<Parked>,
    /// Waiters whose answer came from a caller, to be woken when the lock is free.
    pub(crate) answered: Vec<Waker>,
    /// The present connection, if callers may write to it while the driver sleeps.
    direct: Option<Arc<dyn Tcp>>,
    /// What a caller met when it wrote to the connection. The kernel tells an error once; the
    /// driver would then read an end of file and take it for a proof.
    broken: Option<io::Error>,
    /// Nothing is queued any more.
    pub(crate) closing: bool,
    /// The driver has ended, by itself or with its runtime.
    pub(crate) driver_ended: bool,
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

impl<R: Runtime> Shared<R> {
    pub(crate) fn new(runtime: R, config: Config) -> Arc<Self> {
        let sender = Sender::new(config, runtime.now());
        let machine = Machine {
            waiters: Waiters::new(sender.overflow()),
            sender,
            line: Line::default(),
            parked: None,
            answered: Vec::new(),
            direct: None,
            broken: None,
            closing: false,
            driver_ended: false,
        };
        Arc::new(Self { machine: Mutex::new(machine), runtime, event_panics: AtomicU64::new(0) })
    }

    /// Returns the machine's time, which is the runtime's.
    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        // The machine is plain data; whoever panicked under the lock left it between two calls.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether nobody holds the lock.
    #[cfg(test)]
    pub(crate) fn is_free(&self) -> bool {
        self.machine.try_lock().is_ok()
    }

    /// Does something to the machine and wakes the driver if that gave it work.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.lock();
        let result = act(&mut machine);
        let driver = machine.take_driver();
        let answered = std::mem::take(&mut machine.answered);
        drop(machine);
        if let Some(driver) = driver {
            driver.wake();
        }
        if !answered.is_empty() {
            answered.into_iter().for_each(Waker::wake);
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
        key: &mut Option<Key>,
        wait: Wait,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        let answer = self.lock().answer(wait);
        if let Some(answer) = answer {
            self.forget(key);
            return Poll::Ready(answer);
        }
        let mut waker = Some(cx.waker().clone());
        let answer = {
            let mut machine = self.lock();
            let answer = machine.answer(wait);
            if answer.is_none() {
                let Machine { waiters, sender, .. } = &mut *machine;
                waiters.register(key, wait, &mut waker, sender);
            }
            answer
        };
        drop(waker);
        let Some(answer) = answer else { return Poll::Pending };
        self.forget(key);
        Poll::Ready(answer)
    }

    /// Takes a registered wait back.
    pub(crate) fn forget(&self, key: &mut Option<Key>) {
        if key.is_some() {
            let waker = self.lock().waiters.forget(key);
            drop(waker);
        }
    }

    /// Begins the end: what is queued still goes out, within the close time-out.
    pub(crate) fn close(&self) {
        let now = self.now();
        self.with(|machine| {
            machine.sender.handle_input(Input::Close, now);
            machine.closing = true;
            machine.line.dismiss(&mut machine.answered);
            machine.note_answered();
        });
    }

    pub(crate) fn event_panics(&self) -> u64 {
        self.event_panics.load(Ordering::Relaxed)
    }

    pub(crate) fn count_event_panic(&self) {
        self.event_panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// A wait that is given up takes its registration along.
struct Waiting<'a, R: Runtime> {
    shared: &'a Shared<R>,
    key: Option<Key>,
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        self.shared.forget(&mut self.key);
    }
}

impl Machine {
    /// Returns whether the client has ended, in good order or with its runtime.
    pub(crate) fn is_over(&self) -> bool {
        self.driver_ended || self.sender.is_closed()
    }

    fn answer(&self, wait: Wait) -> Option<Result<(), Failure>> {
        let answer = match wait {
            Wait::Ticket(ticket) => self.sender.outcome(ticket),
            Wait::Closed => self.sender.is_closed().then_some(Ok(())),
        };
        let ended = || Failure::new(io::ErrorKind::BrokenPipe, "the client's driver has ended");
        answer.or_else(|| self.driver_ended.then(|| Err(ended())))
    }

    /// Takes the wakers of those whose answer may have come, or room.
    pub(crate) fn take_answered(&mut self, wakers: &mut Vec<Waker>) {
        if self.driver_ended {
            self.waiters.take_all(wakers);
            self.line.dismiss(wakers);
        }
        self.waiters.take_answered(&self.sender, wakers);
        self.line.tell(&self.sender, wakers);
    }

    /// Has those woken, as soon as the lock is free, whom a caller's act has answered.
    pub(crate) fn note_answered(&mut self) {
        if !self.waiters.is_empty() || self.line.is_waited_in() {
            let mut answered = std::mem::take(&mut self.answered);
            self.take_answered(&mut answered);
            self.answered = answered;
        }
    }

    /// Returns what the driver has to do.
    pub(crate) fn demand(&self) -> Demand {
        Demand::of(&self.sender.poll_output())
    }

    /// Puts the driver to sleep until there is something new for it, or until the deadline that
    /// is returned.
    pub(crate) fn park(&mut self, waker: Waker, now: impl FnOnce() -> Instant) -> Option<Instant> {
        let (line, machine) = (self.line.deadline(&self.sender, now), self.sender.poll_timeout());
        let deadline = line.into_iter().chain(machine).min();
        self.parked = Some(Parked { waker, demand: self.demand(), deadline });
        deadline
    }

    /// Has the driver awake; what it was to be woken by is returned.
    pub(crate) fn unpark(&mut self) -> Option<Waker> {
        self.parked.take().map(|parked| parked.waker)
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
        if news || self.line.is_newly_stuck(&self.sender) { self.unpark() } else { None }
    }

    /// Takes room back that was promised to those who do not come, if it is time.
    pub(crate) fn lapse(&mut self, now: Instant) {
        self.line.lapse(&self.sender, now);
    }

    /// Lets callers write to the connection, or no longer.
    pub(crate) fn set_direct(&mut self, direct: Option<Arc<dyn Tcp>>) {
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
        match stream.try_write(bytes) {
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
            .field("line", &self.line.len())
            .field("driver_ended", &self.driver_ended)
            .finish_non_exhaustive()
    }
}
