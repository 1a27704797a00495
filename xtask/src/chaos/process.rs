//! A receiver's process, seen by the one that starts it, orders it about and ends it.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use graphite_proto::Protocol;
use rustix::process::{Pid, Signal, kill_process};

use super::order::Order;
use super::record;
use super::tally::Tally;
use crate::sockets;
use crate::workspace::this_program;

/// The tally that receivers' records go to, and a bell for whoever waits for them.
pub(super) struct Board {
    tally: Mutex<Tally>,
    news: Condvar,
}

impl Board {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { tally: Mutex::new(Tally::new()), news: Condvar::new() })
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the tally is as wanted; returns whether that came in time.
    pub(super) fn wait(&self, time: Duration, wanted: impl Fn(&Tally) -> bool) -> bool {
        let waited = self.news.wait_timeout_while(self.tally(), time, |tally| !wanted(tally));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// How a receiver is started, each time alike.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    pub(super) buffer: Option<usize>,
    pub(super) board: Arc<Board>,
}

/// A receiver that runs. It ends with this value, and by itself when this process ends.
pub(super) struct Process {
    child: Child,
    port: u16,
    records: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a receiver and waits until it listens.
    pub(super) fn start(setup: &Setup) -> crate::Result<Self> {
        let program = this_program()?;
        setup.board.tally().port = None;
        let mut child = Command::new(program)
            .args(["chaos-receiver", &setup.protocol.to_string(), &setup.port.to_string()])
            .args(setup.buffer.map(|bytes| bytes.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipe = child.stdout.take();
        let board = setup.board.clone();
        let records = thread::spawn(move || {
            let Some(pipe) = pipe else { return };
            let whole = record::read_all(pipe, |records| {
                let mut tally = board.tally();
                records.iter().for_each(|&record| tally.take(record));
                board.news.notify_all();
            });
            if !matches!(whole, Ok(true)) {
                board.tally().torn_records += 1;
            }
        });
        let process = Self { child, port: setup.port, records: Some(records) };
        if setup.board.wait(Duration::from_secs(20), |tally| tally.port.is_some()) {
            Ok(process)
        } else {
            Err(format!("receiver does not listen on port {}", setup.port).into())
        }
    }

    pub(super) fn order(&mut self, order: Order) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(stdin) => writeln!(stdin, "{order}"),
            None => Ok(()),
        }
    }

    /// Ends the receiver in the middle of whatever it does, and takes in its last records. Returns
    /// how many bytes it takes along unread: it is stopped to be measured, and what comes in the
    /// moment between that and its end is not counted.
    pub(super) fn kill(&mut self) -> crate::Result<u64> {
        let unread = match self.child.try_wait()? {
            // It ended by itself, and told.
            Some(_) => 0,
            None => {
                kill_process(Pid::from_child(&self.child), Signal::STOP)?;
                sockets::unread((Ipv4Addr::LOCALHOST, self.port).into())?
            }
        };
        self.end();
        Ok(unread)
    }

    /// Waits until the receiver has ended by itself; returns whether it did, in time and well.
    pub(super) fn ended(&mut self, time: Duration) -> io::Result<bool> {
        let end = Instant::now() + time;
        loop {
            match self.child.try_wait()? {
                Some(status) => {
                    self.end();
                    return Ok(status.success());
                }
                None if Instant::now() >= end => return Ok(false),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(records) = self.records.take() {
            let _ = records.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
