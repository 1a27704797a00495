//! Receivers' processes: started with a log, waited for, signalled and always ended, by pid.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// How long a receiver may take to listen, and to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(60);

/// A receiver that runs; it ends with this value at the latest.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a receiver and waits until it accepts connections at all of the addresses.
    pub(super) fn start(mut command: Command, log: &Path, listens: &[SocketAddr]) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let mut process = Self { child, log: log.to_owned() };
        let end = Instant::now() + PATIENCE;
        for &address in listens {
            while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
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

    /// Sends a signal by its name.
    pub(super) fn signal(&self, name: &str) -> Result {
        // The shell's own `kill`: a minimal system has no other.
        let script = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status()?;
        if status.success() { Ok(()) } else { Err(format!("{script}: {status}").into()) }
    }

    /// Asks the receiver to end, and waits until it has.
    pub(super) fn terminate(mut self) -> Result {
        self.signal("TERM")?;
        self.ended()
    }

    /// Waits until a receiver that was asked to end has ended.
    pub(super) fn ended(&mut self) -> Result {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                return Err(self.broken("does not end after SIGTERM"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Says what is wrong, with the end of the log.
    fn broken(&self, what: &str) -> Box<dyn std::error::Error> {
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

/// Returns free ports of 127.0.0.1, all different.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Returns the address of a port on a loopback host.
pub(super) fn address(host: &str, port: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::new(host.parse()?, port))
}

/// Runs a command with text on its standard input and returns what it prints.
pub(super) fn output(mut command: Command, input: String) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let pipe = child.stdin.take();
    let writer = thread::spawn(move || {
        use std::io::Write as _;
        // A command that needs no input may have ended: that is no error here.
        pipe.map(|mut pipe| pipe.write_all(input.as_bytes()))
    });
    let output = child.wait_with_output()?;
    let _ = writer.join();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim_end().lines().last().unwrap_or("no message").to_owned();
    Err(format!("{:?} ended with {}: {last}", command.get_program(), output.status).into())
}
