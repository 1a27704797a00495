//! A receiver in a process of its own, which reads one connection, throws away what it reads, and
//! tells how much it was and when the last byte came.
//!
//! Not here: a receiver that looks at what it reads, kept by `chaos` and `demo`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use super::clock;
use crate::workspace::this_program;

/// Is the receiver's process: prints its address, then bytes and nanoseconds.
pub(crate) fn run() -> crate::Result {
    // Ends with the process that has started it.
    thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    // One connection is all: who begins anew has lost something, and is refused.
    drop(listener);
    let mut buffer = vec![0; 256 << 10];
    let (mut bytes, mut last) = (0, clock::now());
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => (bytes, last) = (bytes + read as u64, clock::now()),
        }
    }
    println!("{bytes} {last}");
    Ok(std::io::stdout().flush()?)
}

/// The receiver as its owner sees it; it ends with this value.
pub(super) struct Receiver {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(super) address: SocketAddr,
}

impl Receiver {
    /// Starts a receiver and waits until it listens.
    pub(super) fn start() -> crate::Result<Self> {
        let mut command = Command::new(this_program()?);
        command.arg("bench-receiver").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("the receiver has no output")?;
        let address = SocketAddr::from(([0; 4], 0));
        let mut receiver = Self { child, output: BufReader::new(output), address };
        receiver.address = receiver.line()?.trim().parse()?;
        Ok(receiver)
    }

    /// Waits for the end of the connection; returns the bytes, and when the last one was read.
    pub(super) fn end(mut self) -> crate::Result<(u64, u64)> {
        let line = self.line()?;
        let (bytes, last) = line.trim().split_once(' ').ok_or("the receiver ended early")?;
        Ok((bytes.parse()?, last.parse()?))
    }

    fn line(&mut self) -> crate::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
