//! Examples as processes: how one is called, and how it ends.
//!
//! Not here: what a test expects of one, and its receiver.

#![allow(dead_code, reason = "each test file uses some of it")]

#[path = "../../src/package.rs"]
mod package;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

/// How long an example may take for a step. The first call of one may have to build it, beside others
/// that do: 118 s were seen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Returns the call of an example of the workspace's own build, which is there when all tests are
/// run. On Unix cargo becomes the example, so that signals reach it.
pub(crate) fn run(example: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["run", "--quiet", "--example", example, "--"]);
    package::forget(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts a receiver of one connection, which is read to its end.
pub(crate) fn receiver() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let receiver = thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    (address, receiver)
}

/// Takes a port that refuses, and that nobody else is given: bound, and never asked to listen.
/// Others may listen on it that know it.
pub(crate) fn nobody() -> (Socket, SocketAddr) {
    let nobody = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    nobody.set_reuse_address(true).unwrap();
    nobody.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = nobody.local_addr().unwrap().as_socket().unwrap();
    (nobody, address)
}

/// An example that runs; it ends with this value at the latest.
pub(crate) struct Service(Option<Child>);

impl Service {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    /// Starts one that listens, and waits until it does.
    pub(crate) fn listening(command: &mut Command) -> (Self, SocketAddr) {
        let mut service = Self::start(command);
        let mut line = String::new();
        let output = service.child().stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.trim().parse().ok());
        (service, address.unwrap_or_else(|| panic!("it said {line:?}")))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    /// Tells it to end, and waits until it has; returns with what code, and what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(self.child()), Signal::TERM).unwrap();
        self.ended()
    }

    /// Waits until it has ended; returns with what code, and what it said.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let child = self.0.take().unwrap();
        let pid = Pid::from_child(&child);
        let (done, ended) = mpsc::channel();
        thread::spawn(move || done.send(child.wait_with_output()));
        let Ok(output) = ended.recv_timeout(PATIENCE) else {
            kill_process(pid, Signal::KILL).unwrap();
            panic!("it did not end: {:?}", ended.recv());
        };
        let output = output.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "what it tells is no output");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
