//! Receivers' processes: started with a log, waited for, signalled and always ended, by pid.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::sockets;

/// How long a receiver may take to listen, to end after SIGTERM, and to do or show what else is
/// waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A receiver that runs; it ends with this value at the latest.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a receiver and waits until it listens at all of the addresses.
    pub(super) fn start(mut command: Command, log: &Path, listens: &[SocketAddr]) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let mut process = Self { child, log: log.to_owned() };
        let end = Instant::now() + PATIENCE;
        for &address in listens {
            while !sockets::listens(process.child.id(), address)? {
                if let Some(status) = process.child.try_wait()? {
                    return Err(process.broken(&format!("ended with {status}")));
                }
                if Instant::now() > end {
                    return Err(process.broken(&format!("does not listen on {address}")));
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(process)
    }

    pub(super) fn signal(&self, signal: Signal) -> Result {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Asks the receiver to end, and waits until it has.
    pub(super) fn terminate(mut self) -> Result {
        self.signal(Signal::TERM)?;
        self.ended().map(drop)
    }

    /// Waits until a receiver that was asked to end has ended; returns how.
    pub(super) fn ended(&mut self) -> Result<ExitStatus> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                return Err(self.broken("does not end after SIGTERM"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Says what is wrong, with the end of the log.
    pub(super) fn broken(&self, what: &str) -> Box<dyn std::error::Error> {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = lines.into_iter().rev().collect();
        format!("{} {what}; its last lines: {}", self.log.display(), last.join(" | ")).into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(super) fn wait(what: &str, mut so: impl FnMut() -> Result<bool>) -> Result {
    let end = Instant::now() + PATIENCE;
    while !so()? {
        if Instant::now() > end {
            return Err(format!("waited in vain until {what}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
