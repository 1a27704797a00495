//! What a client's clones and its driver share: the machine behind a lock, and who waits for it.
//!
//! A waker is a user's code: it is cloned, woken and dropped when the lock is free. Not here: what
//! callers see ([`super::handle`]), what happens on the connection ([`super::driver`],
//! [`super::direct`]), how points are queued ([`super::queueing`]), and how those who wait are found
//! ([`super::waiters`], [`super::line`]).

use std::fmt;
use std::future::poll_fn;
use std::hint;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};

use crate::batch::Batch;
use crate::client::direct::{Direct, Loan, Wrote};
use crate::client::line::Line;
use crate::client::runtime::Runtime;
use crate::client::slots::Slots;
use crate::client::waiters::{Key, Wait, Waiters};
use crate::config::Config;
use crate::event::{Failure, Output};
use crate::instant::Instant;
use crate::sender::Sender;

/// How many frames one caller writes in a row: it may be kept busy by others, but not for ever.
const IN_A_ROW: usize = 4;

/// How often whoever finds the lock taken looks again before it sleeps, and how many pauses of the
/// processor it makes before the first look; twice as many before each next one.
const SPINS: u32 = 4;
const PAUSES: u32 = 256;

/// How many batches are kept for those who come next.
const BATCHES: usize = 4;

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
    pub(crate) direct: Direct,
    pub(crate) slots: Slots,
    /// Empty ones.
    batches: Vec<Batch>,
    /// Nothing is queued any more.
    pub(crate) closing: bool,
    /// How many points feeders were left with when that began.
    pub(crate) left: u64,
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
    /// A caller writes to the connection; it will bring the frame back.
    Lent,
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
        let linger = config.linger;
        let sender = Sender::new(config, runtime.now());
        let machine = Machine {
            waiters: Waiters::new(sender.overflow()),
            sender,
            line: Line::default(),
            parked: None,
            answered: Vec::new(),
            direct: Direct::default(),
            slots: Slots::new(linger),
            batches: Vec::new(),
            closing: false,
            left: 0,
            driver_ended: false,
        };
        Arc::new(Self { machine: Mutex::new(machine), runtime, event_panics: AtomicU64::new(0) })
    }

    /// Returns the machine's time, which is the runtime's.
    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.try_lock().unwrap_or_else(|| self.wait_for_lock())
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Machine>> {
        match self.machine.try_lock() {
            Ok(machine) => Some(machine),
            // The machine is plain data; whoever panicked under the lock left it between two calls.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits for the lock, which is mostly held for as long as a point takes. So whoever finds it
    /// taken first leaves its cache line alone for the time of some points: the other goes on at
    /// full speed meanwhile, where each of them asleep in turn would cost a system call a point
    /// (`cargo xtask bench scaling`).
    #[cold]
    fn wait_for_lock(&self) -> MutexGuard<'_, Machine> {
        for round in 0..SPINS {
            (0..PAUSES << round).for_each(|_| hint::spin_loop());
            if let Some(machine) = self.try_lock() {
                return machine;
            }
        }
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether nobody holds the lock.
    #[cfg(test)]
    pub(crate) fn is_free(&self) -> bool {
        self.machine.try_lock().is_ok()
    }

    /// Does something to the machine, and what follows from it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.lock();
        let result = act(&mut machine);
        self.settle(machine);
        result
    }

    /// Writes what a caller may write, then lets go of the machine and wakes the driver if there is
    /// work for it, and those who are answered.
    pub(crate) fn settle<'a>(&'a self, machine: MutexGuard<'a, Machine>) {
        self.release(self.write(machine));
    }

    /// Lets go of the machine, of which nothing more is written now.
    pub(crate) fn release(&self, mut machine: MutexGuard<'_, Machine>) {
        let (driver, answered) = (machine.take_driver(), machine.take_told());
        drop(machine);
        if let Some(driver) = driver {
            driver.wake();
        }
        if !answered.is_empty() {
            answered.into_iter().for_each(Waker::wake);
        }
    }

    /// Writes frames that are on offer, with the lock let go of, while the driver sleeps and the
    /// kernel takes them at once.
    pub(crate) fn write<'a>(
        &'a self,
        mut machine: MutexGuard<'a, Machine>,
    ) -> MutexGuard<'a, Machine> {
        for _ in 0..IN_A_ROW {
            let Some(loan) = machine.lend(|| self.now()) else { break };
            drop(machine);
            let mut lender = Lender { shared: self, loan: Some(loan) };
            let wrote = lender.write();
            let (all, back) = lender.restore(wrote);
            machine = back;
            if !all || machine.sender.is_idle() {
                break;
            }
        }
        machine
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

    pub(crate) fn event_panics(&self) -> u64 {
        self.event_panics.load(Ordering::Relaxed)
    }

    pub(crate) fn count_event_panic(&self) {
        self.event_panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// Brings a frame back, also if the runtime's stream panics.
struct Lender<'a, R: Runtime> {
    shared: &'a Shared<R>,
    loan: Option<Loan>,
}

impl<'a, R: Runtime> Lender<'a, R> {
    fn write(&self) -> Wrote {
        self.loan.as_ref().map_or(Ok(0), Loan::write)
    }

    /// Returns whether all was written, and the machine.
    fn restore(&mut self, wrote: Wrote) -> (bool, MutexGuard<'a, Machine>) {
        let shared = self.shared;
        let late = self.loan.as_ref().filter(|loan| loan.takes_time()).map(|_| shared.now());
        let mut machine = shared.lock();
        let Some(loan) = self.loan.take() else { return (false, machine) };
        let now = late.unwrap_or_else(|| machine.sender.now());
        let Machine { direct, sender, .. } = &mut *machine;
        let all = direct.restore(loan, wrote, now, sender);
        machine.note_answered();
        (all, machine)
    }
}

impl<R: Runtime> Drop for Lender<'_, R> {
    fn drop(&mut self) {
        if self.loan.is_some() {
            let (_, machine) = self.restore(Err(io::Error::other("a write panicked")));
            self.shared.settle(machine);
        }
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

    pub(crate) fn answer(&self, wait: Wait) -> Option<Result<(), Failure>> {
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

    /// Returns whether the driver has something to tell, or those to wake who waited for that.
    pub(crate) fn has_news(&self) -> bool {
        self.sender.has_events() || !self.answered.is_empty()
    }

    /// Takes an empty batch, for points that are encoded without the lock.
    pub(crate) fn take_batch(&mut self) -> Batch {
        self.batches.pop().unwrap_or_else(|| self.sender.batch())
    }

    /// Keeps a batch for the next one who needs one; points that are in it were given up.
    pub(crate) fn keep_batch(&mut self, mut batch: Batch) {
        if self.batches.len() < BATCHES {
            batch.clear();
            self.batches.push(batch);
        }
    }

    /// Takes the wakers of those who are answered, unless there is something to be told first: then
    /// they are left to the driver, which tells.
    fn take_told(&mut self) -> Vec<Waker> {
        if self.sender.has_events() && !self.driver_ended {
            return Vec::new();
        }
        std::mem::take(&mut self.answered)
    }

    /// Returns what the driver has to do.
    pub(crate) fn demand(&self) -> Demand {
        if self.sender.is_lent() {
            return Demand::Lent;
        }
        Demand::of(&self.sender.poll_output())
    }

    /// Returns when the driver has something to do, if nothing else happens.
    fn deadline(&self) -> Option<Instant> {
        self.sender.poll_timeout().into_iter().chain(self.slots.deadline()).min()
    }

    /// Puts the driver to sleep until there is something new for it, or until the deadline that
    /// is returned.
    pub(crate) fn park(&mut self, waker: Waker, now: impl FnOnce() -> Instant) -> Option<Instant> {
        let line = self.line.deadline(&self.sender, now);
        let deadline = line.into_iter().chain(self.deadline()).min();
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
        // Whoever brings a lent frame back looks again.
        if self.sender.is_lent() {
            return None;
        }
        // As after a lone point that its caller has written.
        let idle = parked.demand == Demand::Idle && self.line.is_empty();
        if idle && self.sender.rests() && self.slots.deadline().is_none() {
            return if self.direct.is_broken() { self.unpark() } else { None };
        }
        let earlier = || match (self.deadline(), parked.deadline) {
            (Some(now), Some(then)) => now < then,
            (now, _) => now.is_some(),
        };
        let told = self.direct.is_broken() || self.sender.has_events();
        let news = self.demand() != parked.demand || told || earlier();
        if news || self.line.is_newly_stuck(&self.sender) { self.unpark() } else { None }
    }

    /// Lends the frame on offer to a caller, if the driver has nothing to do with the connection.
    fn lend(&mut self, now: impl FnOnce() -> Instant) -> Option<Loan> {
        if self.is_idle() { self.direct.lend(now, &mut self.sender) } else { None }
    }

    /// Returns whether the driver sleeps, with nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.parked.as_ref().is_some_and(|parked| parked.demand == Demand::Idle)
    }

    /// Takes room back that was promised to those who do not come, if it is time.
    pub(crate) fn lapse(&mut self, now: Instant) {
        self.line.lapse(&self.sender, now);
    }

    /// Takes the points of feeders that were left alone, if it is time.
    pub(crate) fn look_at_slots(&mut self, now: Instant) {
        self.slots.look(&self.line, &mut self.sender, now);
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
