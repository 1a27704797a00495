//! A Graphite receiver on a thread of its own, over real TCP, that can misbehave on demand.
//!
//! Its port is below those that the system gives out by itself, and in a block of the test
//! process's own: while it is closed no client's own end and no other test can take it.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::client::proto::Receiver;
use crate::client::{Metric, Protocol};
use crate::rt;

/// How long anything is waited for before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often threads look whether they were told something.
const TICK: Duration = Duration::from_millis(1);

/// The ports that are given out, below the 32,768 where Linux begins to give them out itself.
const PORTS: std::ops::Range<u16> = 10_000..30_000;
/// How many of them are taken at a time.
const BLOCK: u16 = 200;

/// What is done with a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Reads until the end of file, and answers it with its own.
    Read,
    /// The same with a pause after each so many bytes.
    ReadSlowly(usize),
    /// Reads so many points, then closes in good order with nothing unread.
    CloseAfter(u64),
    /// Reads so many bytes at least, then resets.
    ResetAfter(usize),
    /// Closes as soon as it has accepted.
    CloseAtOnce,
    /// Reads nothing.
    Ignore,
    /// Closes its writing side only, and reads nothing.
    HangUp,
    /// Closes its writing side only, and reads on: `nc -lk </dev/null`.
    HalfOpen,
    /// Reads, but never answers the end of file.
    NeverFinish,
    /// Answers, as a web server would.
    Speak,
}

/// What came in and what was told.
#[derive(Default)]
struct State {
    manner: Option<Manner>,
    points: Vec<Metric<'static>>,
    paths: HashSet<String>,
    errors: Vec<String>,
    /// When each connection was accepted.
    accepted: Vec<Instant>,
    /// How many connections it has closed its side of.
    hung_up: usize,
    /// Whether the client had ended its side of one of them before.
    late: bool,
    /// The connections that are open, by number from 1.
    open: HashSet<usize>,
    /// Which connections, up to this number, are to be closed in good order or reset.
    close_up_to: usize,
    reset_up_to: usize,
    ended: bool,
}

pub(crate) struct Graphite {
    protocol: Protocol,
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// The listener's number: another one ends the thread that accepts.
    listening: Arc<AtomicU64>,
    acceptor: Option<thread::JoinHandle<()>>,
}

impl Graphite {
    pub(crate) fn start(protocol: Protocol) -> Self {
        let mut graphite = Self::closed(protocol);
        graphite.listen();
        graphite
    }

    pub(crate) fn plaintext() -> Self {
        Self::start(Protocol::Plaintext)
    }

    pub(crate) fn with(manner: Manner) -> Self {
        let graphite = Self::plaintext();
        graphite.behave(manner);
        graphite
    }

    /// Has a port, but does not listen yet.
    pub(crate) fn closed(protocol: Protocol) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self { protocol, address, state: Arc::default(), listening: Arc::default(), acceptor: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens the port (again).
    pub(crate) fn listen(&mut self) {
        self.refuse();
        let deadline = Instant::now() + PATIENCE;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "cannot listen again: {error}"),
            }
            thread::sleep(TICK);
        };
        listener.set_nonblocking(true).expect("listener");
        let number = self.listening.fetch_add(1, Ordering::SeqCst) + 1;
        let (listening, state, protocol) =
            (self.listening.clone(), self.state.clone(), self.protocol);
        self.acceptor = Some(thread::spawn(move || {
            while listening.load(Ordering::SeqCst) == number {
                match listener.accept() {
                    Ok((stream, _)) => serve(stream, protocol, &state),
                    Err(_) => thread::sleep(TICK),
                }
            }
        }));
    }

    /// Closes the port; connections stay.
    pub(crate) fn refuse(&mut self) {
        self.listening.fetch_add(1, Ordering::SeqCst);
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().expect("acceptor");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("receiver's state")
    }

    /// Sets what is done with this and later connections.
    pub(crate) fn behave(&self, manner: Manner) {
        self.state().manner = Some(manner);
    }

    /// Closes every connection in good order, once it has read all that came, and waits for that.
    pub(crate) async fn close_connections(&self) {
        let last = {
            let mut state = self.state();
            state.close_up_to = state.accepted.len();
            state.close_up_to
        };
        let closed = |graphite: &Self| !graphite.state().open.iter().any(|&open| open <= last);
        self.until("connections are closed", closed).await;
    }

    /// Waits until no connection is open.
    pub(crate) async fn closed_all(&self) {
        self.until("connections are closed", |graphite| graphite.state().open.is_empty()).await;
    }

    /// Resets every connection and closes the port: the process is killed.
    pub(crate) async fn kill(&mut self) {
        self.refuse();
        {
            let mut state = self.state();
            state.reset_up_to = state.accepted.len();
        }
        self.until("connections are reset", |graphite| graphite.state().open.is_empty()).await;
    }

    pub(crate) fn points(&self) -> Vec<Metric<'static>> {
        self.state().points.clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.state().points.iter().map(|point| point.path().to_owned()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.state().points.len()
    }

    /// Returns how many different paths came in.
    pub(crate) fn distinct(&self) -> usize {
        self.state().paths.len()
    }

    /// Returns when each connection was accepted.
    pub(crate) fn accepted(&self) -> Vec<Instant> {
        self.state().accepted.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().accepted.len()
    }

    /// Returns what could not be decoded.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.state().errors.clone()
    }

    /// Waits until so many points came in.
    pub(crate) async fn received(&self, points: usize) {
        self.until(&format!("{points} points came in"), |graphite| graphite.count() >= points)
            .await;
    }

    /// Waits until so many different paths came in.
    pub(crate) async fn received_distinct(&self, paths: usize) {
        let condition = |graphite: &Self| graphite.distinct() >= paths;
        self.until(&format!("{paths} paths came in"), condition).await;
    }

    /// Waits until so many connections were accepted.
    pub(crate) async fn reached(&self, connections: usize) {
        let condition = |graphite: &Self| graphite.connections() >= connections;
        self.until(&format!("{connections} connections came about"), condition).await;
    }

    /// Waits until it has closed its side of so many connections: that stands in the client's kernel
    /// then.
    pub(crate) async fn hung_up(&self, connections: usize) {
        let condition = |graphite: &Self| graphite.state().hung_up >= connections;
        self.until(&format!("{connections} connections are hung up"), condition).await;
    }

    /// Returns whether it came to hang up a connection only after the client had ended its side.
    pub(crate) fn was_late(&self) -> bool {
        self.state().late
    }

    async fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            let state = || format!("{} points, {} connections", self.count(), self.connections());
            assert!(Instant::now() < deadline, "waited in vain until {what}: {}", state());
            rt::sleep(2 * TICK).await;
        }
    }
}

impl Drop for Graphite {
    fn drop(&mut self) {
        self.refuse();
        self.state().ended = true;
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        rt::sleep(2 * TICK).await;
    }
}

/// Returns a port that nobody listens on, another one each time.
///
/// Whoever listens on the first port of a block has the block, as long as the process lasts: those
/// that run side by side never come to the same port.
pub(crate) fn free_port() -> u16 {
    static TAKEN: Mutex<(Vec<TcpListener>, u16)> = Mutex::new((Vec::new(), PORTS.start));
    let mut taken = TAKEN.lock().expect("ports");
    let (blocks, next) = &mut *taken;
    loop {
        if (*next).is_multiple_of(BLOCK) {
            let listen = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
            let first = PORTS.step_by(usize::from(BLOCK)).find_map(listen);
            let first = first.expect("no block of ports is free");
            *next = first.local_addr().expect("port").port() + 1;
            blocks.push(first);
        }
        let port = *next;
        *next += 1;
        // Somebody else may listen in the middle of the block.
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn serve(stream: TcpStream, protocol: Protocol, state: &Arc<Mutex<State>>) {
    let number = {
        let mut state = state.lock().expect("receiver's state");
        state.accepted.push(Instant::now());
        let number = state.accepted.len();
        state.open.insert(number);
        number
    };
    let state = state.clone();
    thread::spawn(move || {
        stream.set_nonblocking(false).expect("blocking");
        stream.set_read_timeout(Some(TICK)).expect("read time-out");
        converse(stream, protocol, number, &state);
        state.lock().expect("receiver's state").open.remove(&number);
    });
}

/// Deals with one connection until it ends; dropping the stream closes it.
fn converse(mut stream: TcpStream, protocol: Protocol, number: usize, state: &Mutex<State>) {
    let mut receiver = Receiver::new(protocol);
    let mut buffer = vec![0; 65_536];
    let (mut bytes, mut points, mut spoke, mut hung_up) = (0, 0, false, false);
    loop {
        let (manner, close, reset, ended) = {
            let state = state.lock().expect("receiver's state");
            let manner = state.manner.unwrap_or(Manner::Read);
            (manner, number <= state.close_up_to, number <= state.reset_up_to, state.ended)
        };
        if reset || ended || matches!(manner, Manner::ResetAfter(limit) if bytes >= limit) {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            return;
        }
        let mut most = buffer.len();
        match manner {
            Manner::CloseAtOnce => return,
            Manner::CloseAfter(limit) if points >= limit && drained(&stream) => return,
            Manner::Speak if !spoke => {
                spoke = true;
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
            Manner::HangUp | Manner::HalfOpen if !hung_up => {
                hung_up = true;
                let _ = stream.shutdown(Shutdown::Write);
                let second = ended_second(&stream);
                let mut state = state.lock().expect("receiver's state");
                state.hung_up += 1;
                state.late |= second;
            }
            Manner::ReadSlowly(piece) => {
                most = piece;
                thread::sleep(TICK);
            }
            _ => {}
        }
        if matches!(manner, Manner::Ignore | Manner::HangUp) {
            thread::sleep(TICK);
            continue;
        }
        match stream.read(&mut buffer[..most]) {
            Ok(0) if matches!(manner, Manner::NeverFinish) => thread::sleep(TICK),
            Ok(0) => return,
            Ok(read) => {
                bytes += read;
                receiver.receive(&buffer[..read]);
                points += take(&mut receiver, state);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if close {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Returns whether there is nothing to read just now.
fn drained(stream: &TcpStream) -> bool {
    stream.peek(&mut [0]).is_err()
}

/// Returns whether the peer of a connection whose side was closed just now had closed its own first,
/// by the state that the kernel shows in its table.
fn ended_second(stream: &TcpStream) -> bool {
    let hex = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => {
            format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port())
        }
        SocketAddr::V6(v6) => panic!("{v6} is not IPv4"),
    };
    // A connection that was reset has no addresses, and one that is over no row.
    let (Ok(own), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return true };
    let ends = format!(" {} {} ", hex(own), hex(peer));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let row = table.lines().find_map(|row| row.split_once(&ends));
    // FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSING: our end was the first, or came at the same time.
    !row.is_some_and(|(_, state)| ["04", "05", "06", "0B"].iter().any(|s| state.starts_with(s)))
}

fn take(receiver: &mut Receiver, state: &Mutex<State>) -> u64 {
    let mut state = state.lock().expect("receiver's state");
    let before = state.points.len();
    while let Some(point) = receiver.next_metric() {
        match point {
            Ok(point) => {
                if !state.paths.contains(point.path()) {
                    state.paths.insert(point.path().to_owned());
                }
                state.points.push(point);
            }
            Err(error) => state.errors.push(error.to_string()),
        }
    }
    (state.points.len() - before) as u64
}
