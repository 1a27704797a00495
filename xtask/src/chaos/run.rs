//! One run: a client under load, and its receiver lost in one way after another.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use graphite_proto::{Delivery, Protocol};

use super::load::{self, Outcome, Reins, Target};
use super::loss::{Loss, Mark, losses};
use super::order::Order;
use super::point::FIRST;
use super::process::{Board, Process, Setup};
use super::watch::Watch;
use super::way::{Deck, Way};
use crate::choice::Runtime;
use crate::port::Port;

/// Whatever is waited for comes in this time, or the run has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// What was flushed while the receiver lives and reads arrives in this time, back-off included.
const ARRIVAL: Duration = Duration::from_secs(20);
/// A receiver that reads hears of all that is under way in this time.
const QUIET: Duration = Duration::from_millis(250);

/// What a run is made of.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) runtime: Runtime,
    pub(super) protocol: Protocol,
    pub(super) delivery: Delivery,
    /// The receiver's `SO_RCVBUF`, else the system's own.
    pub(super) buffer: Option<usize>,
    pub(super) kills: u32,
    /// How long at most a receiver lives after its first connection, in milliseconds.
    pub(super) life: u64,
}

/// What came of it.
pub(super) struct Report {
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
    pub(super) distinct: u64,
    pub(super) repeated: u64,
    pub(super) repeated_most: u64,
    /// Repeats after a receiver had read everything and closed an idle connection.
    pub(super) repeated_idle: u64,
    /// How often the client left a half-open receiver that lived and read.
    pub(super) left_half_open: u64,
    /// Points that were flushed, and had not arrived when nothing came any more.
    pub(super) missing: u64,
    pub(super) connections: u64,
    pub(super) corrupt: u64,
    pub(super) disordered: u64,
    pub(super) torn_records: u64,
    /// What never arrived, by the kill that it was lost in.
    pub(super) losses: Vec<Loss>,
    /// The most that a receiver's end swallowed, in bytes.
    pub(super) swallowed_most: u64,
    pub(super) silence: Duration,
    pub(super) time: Duration,
    pub(super) ways: BTreeMap<Way, u32>,
}

/// Carries a plan out.
pub(super) fn run(
    plan: Plan,
    deck: &mut Deck,
    random: &mut Rng,
    watch: &Watch,
) -> crate::Result<Report> {
    let start = Instant::now();
    let port = Port::new()?;
    let address = port.address();
    let (board, reins) = (Board::new(), Arc::new(Reins::default()));
    let Plan { runtime, protocol, delivery, buffer, .. } = plan;
    let setup = Setup { protocol, port: address.port(), buffer, board: board.clone() };
    let target = Target { address, protocol, delivery, seed: random.u64(..) };
    let loaded = reins.clone();
    let load = thread::spawn(move || load::run(runtime, target, &loaded));
    let mut stage = Stage {
        plan,
        reins: reins.clone(),
        process: Process::start(&setup)?,
        setup,
        connections: 0,
        calm: None,
        repeated_idle: 0,
        left_half_open: 0,
        missing: 0,
        marks: Vec::new(),
    };
    for kill in 1..=plan.kills {
        watch.beat(|| format!("kill {kill} of {}", plan.kills));
        if let Err(error) = stage.lose(deck.deal(random), random) {
            // A load that failed says more than whoever waits for it in vain.
            reins.stop.store(true, Ordering::Release);
            reins.pause.store(false, Ordering::Release);
            if load.is_finished() {
                load.join().map_err(|_| "the load panicked")??;
            }
            return Err(format!("kill {kill}: {error}").into());
        }
    }
    watch.beat(|| "the close".to_owned());
    stage.connected()?;
    thread::sleep(Duration::from_millis(plan.life));
    reins.stop.store(true, Ordering::Release);
    let outcome = load.join().map_err(|_| "the load panicked")??;
    stage.calmed();
    stage.process.kill()?;

    let tally = board.tally();
    let mut ways = BTreeMap::new();
    stage.marks.iter().for_each(|mark| *ways.entry(mark.way).or_default() += 1);
    let swallowed = stage.marks.iter().flat_map(|mark| &mark.swallowed);
    let gaps = tally.gaps(FIRST + outcome.fed);
    Ok(Report {
        plan,
        outcome,
        distinct: tally.distinct,
        repeated: tally.repeated,
        repeated_most: tally.repeated_most,
        repeated_idle: stage.repeated_idle,
        left_half_open: stage.left_half_open,
        missing: stage.missing,
        connections: tally.connections,
        corrupt: tally.corrupt,
        disordered: tally.disordered,
        torn_records: tally.torn_records,
        losses: losses(&stage.marks, &gaps),
        swallowed_most: swallowed.copied().max().unwrap_or(0),
        silence: tally.silence,
        time: start.elapsed(),
        ways,
    })
}

struct Stage {
    plan: Plan,
    reins: Arc<Reins>,
    setup: Setup,
    process: Process,
    /// How many connections there were before those that count now.
    connections: u64,
    /// How many repeats there were when an idle connection was closed: it is to cause none.
    calm: Option<u64>,
    repeated_idle: u64,
    left_half_open: u64,
    missing: u64,
    marks: Vec<Mark>,
}

impl Stage {
    fn wait(&self, what: &str, wanted: impl Fn(&super::tally::Tally) -> bool) -> crate::Result {
        if self.setup.board.wait(PATIENCE, wanted) {
            return Ok(());
        }
        Err(format!("no {what} within {} s", PATIENCE.as_secs()).into())
    }

    fn connected(&self) -> crate::Result {
        self.wait("connection", |tally| tally.connections > self.connections)
    }

    fn calmed(&mut self) {
        if let Some(before) = self.calm.take() {
            self.repeated_idle += self.setup.board.tally().repeated - before;
        }
    }

    /// Lets the receiver live for a while, loses it, and has it back.
    fn lose(&mut self, way: Way, random: &mut Rng) -> crate::Result {
        self.connected()?;
        self.reins.one_by_one.store(random.u8(..3) == 0, Ordering::Relaxed);
        thread::sleep(millis(random, 0..self.plan.life));
        self.calmed();
        match way {
            Way::Kill | Way::Down => {}
            Way::Close => self.end(Order::Close)?,
            Way::CloseInFrame => self.end(Order::CloseInFrame)?,
            Way::CloseIdle => self.close_idle()?,
            Way::CloseAndGoOn => self.done(Order::CloseAndGoOn)?,
            Way::Refuse => self.done(Order::Refuse(random.u32(1..4)))?,
            Way::ShutDown => self.done(Order::ShutDown(random.u32(2..6)))?,
            Way::HalfOpen => self.half_open(random)?,
            Way::Pause => {
                self.done(Order::Pause(millis(random, 100..1000)))?;
                let arrived = self.setup.board.tally().distinct;
                self.wait("new point", |tally| tally.distinct > arrived)?;
                thread::sleep(Duration::from_millis(100));
            }
            Way::Slow => {
                self.process.order(Order::ReadSlowly(PATIENCE))?;
                thread::sleep(millis(random, 50..400));
            }
            Way::Stall => {
                self.process.order(Order::Pause(PATIENCE))?;
                thread::sleep(millis(random, 100..1000));
            }
        }
        let lives = matches!(way, Way::CloseAndGoOn | Way::Refuse | Way::ShutDown | Way::Pause);
        let unread = if lives { None } else { Some(self.process.kill()?) };
        let mut tally = self.setup.board.tally();
        let mut swallowed = std::mem::take(&mut tally.left);
        swallowed.extend(unread);
        self.marks.push(Mark { next: tally.next, way, swallowed });
        let connections = tally.connections;
        drop(tally);
        if way == Way::HalfOpen {
            self.left_half_open += connections - self.connections - 1;
        }
        if !lives {
            self.connections = connections;
            let down = if way == Way::Down { millis(random, 50..600) } else { Duration::ZERO };
            thread::sleep(down);
            self.process = Process::start(&self.setup)?;
        }
        self.reins.pause.store(false, Ordering::Release);
        Ok(())
    }

    /// Gives an order and waits until it is carried out; the receiver lives on.
    fn done(&mut self, order: Order) -> crate::Result {
        let before = self.setup.board.tally().done;
        self.process.order(order)?;
        self.wait("answer to an order", |tally| tally.done > before)?;
        if !matches!(order, Order::Pause(_)) {
            self.connections = self.setup.board.tally().done_connections;
        }
        Ok(())
    }

    /// Gives an order that ends the receiver, and waits for its end.
    fn end(&mut self, order: Order) -> crate::Result {
        self.process.order(order)?;
        if self.process.ended(PATIENCE)? {
            return Ok(());
        }
        Err(format!("receiver did not end by {order}").into())
    }

    /// Has the receiver close and be half-open from then on, and points arrive over such a
    /// connection for a while.
    fn half_open(&mut self, random: &mut Rng) -> crate::Result {
        self.done(Order::HalfOpen)?;
        self.connected()?;
        let arrived = |tally: &super::tally::Tally| tally.distinct + tally.repeated;
        let before = arrived(&self.setup.board.tally());
        self.wait("point over a half-open connection", |tally| arrived(tally) > before)?;
        thread::sleep(millis(random, 50..400));
        Ok(())
    }

    /// Waits until nothing arrives any more, of a replay either.
    fn quiet(&self) {
        let board = &self.setup.board;
        let arrived = || {
            let tally = board.tally();
            tally.distinct + tally.repeated
        };
        let mut before = arrived();
        while board.wait(QUIET, |tally| tally.distinct + tally.repeated > before) {
            before = arrived();
        }
    }

    /// Has the client flush and hold still, and the receiver read everything and close.
    fn close_idle(&mut self) -> crate::Result {
        self.reins.still.store(false, Ordering::Release);
        self.reins.pause.store(true, Ordering::Release);
        let end = Instant::now() + PATIENCE;
        while !self.reins.still.load(Ordering::Acquire) {
            if Instant::now() >= end {
                return Err("the load does not hold still".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        let fed = self.reins.next.load(Ordering::Acquire) - FIRST;
        let keeps = !matches!(self.plan.delivery, Delivery::BestEffort);
        // Once something is lost it stays so.
        if keeps && self.missing == 0 {
            self.setup.board.wait(ARRIVAL, |tally| tally.distinct >= fed);
        }
        self.quiet();
        let mut tally = self.setup.board.tally();
        self.missing = self.missing.max(fed - tally.distinct);
        self.calm = Some(tally.repeated);
        tally.rest();
        drop(tally);
        self.end(Order::Close)
    }
}

fn millis(random: &mut Rng, range: Range<u64>) -> Duration {
    Duration::from_millis(random.u64(range))
}
