//! The application's process, seen by the one that starts it and tells it to end.
//!
//! Not here: what it does ([`super::application`](mod@super::application)).

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::series::Form;
use super::told::{End, Told};
use crate::Result;
use crate::interop::Way;
use crate::interop::process::PATIENCE;
use crate::workspace::{read, this_program};

/// An application that runs. It ends with this value, and by itself when this process ends.
pub(super) struct Application {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    pub(super) told: Told,
}

impl Application {
    /// Starts an application that reports to this address; its complaints go into a file.
    pub(super) fn start(way: Way, address: SocketAddr, form: Form, log: &Path) -> Result<Self> {
        let mut child = Command::new(this_program()?)
            .args(["interop-application", &word(&way.runtime)])
            .args([&way.protocol.to_string(), &address.to_string()])
            .args([word(&form.labels), word(&form.counters)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()?;
        let pipe = child.stdout.take();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
            // What ends before this process has read all is noticed there.
            lines.map_while(std::result::Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, lines, log: log.to_owned(), told: Told::default() })
    }

    /// Waits until it has seen so many reports more.
    pub(super) fn reports(&mut self, more: usize) -> Result {
        let wanted = self.told.bursts.len() + more;
        while self.told.bursts.len() < wanted {
            self.listen()?;
        }
        Ok(())
    }

    /// Tells it to end, which it does in the middle of an interval, and waits until it has; returns
    /// what it told at its end.
    pub(super) fn end(&mut self) -> Result<End> {
        drop(self.child.stdin.take());
        loop {
            if let Some(end) = &self.told.end {
                let status = self.child.wait()?;
                return if status.success() { Ok(end.clone()) } else { Err(self.broken()) };
            }
            self.listen()?;
        }
    }

    fn listen(&mut self) -> Result {
        let line = self.lines.recv_timeout(PATIENCE).map_err(|_| self.broken())?;
        self.told.take(&line)
    }

    fn broken(&self) -> Box<dyn std::error::Error> {
        let log = read(&self.log).unwrap_or_default();
        let last = log.trim_end().lines().last().unwrap_or("no message");
        let reports = self.told.bursts.len();
        format!("the application told no more after {reports} reports: {last}").into()
    }
}

/// Returns how the command line says a choice.
fn word(choice: &impl clap::ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
