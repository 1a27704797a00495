//! The receiver in this process: listens on loopback, reads and enters what arrives.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use graphite_proto::Receiver;

use super::link::Link;

/// How often a silent connection is left to see whether it is time to end.
const PATIENCE: Duration = Duration::from_millis(100);

/// A thread that listens for one client.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Sink {
    /// Listens on a free port of 127.0.0.1.
    pub(super) fn start(link: Arc<Link>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        let thread = thread::spawn(move || {
            // One client has one connection at a time.
            for stream in listener.incoming() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                if let Err(error) = stream.and_then(|stream| read(stream, &link, &stop)) {
                    link.state().faults.push(format!("receiver: {error}"));
                }
            }
        });
        Ok(Self { address, stopped, thread })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the thread, after the client has closed; everything that arrived is entered then.
    pub(super) fn stop(self) {
        self.stopped.store(true, Ordering::Release);
        // It may wait for a connection: this is one.
        drop(TcpStream::connect(self.address));
        drop(self.thread.join());
    }
}

/// Reads a connection to its end.
fn read(mut stream: TcpStream, link: &Link, stop: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut receiver = Receiver::new(link.protocol);
    let mut buffer = [0; 16_384];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => receiver.receive(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if stop.load(Ordering::Acquire) {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
        while let Some(point) = receiver.next_metric() {
            match point {
                Ok(metric) => link.received(&metric),
                Err(error) => link.state().faults.push(format!("receiver: {error}")),
            }
        }
        if receiver.is_ended() {
            return Ok(());
        }
    }
}
