//! Visitors of an HTTP service: they ask over connections that are kept, until nobody listens, and
//! count what they were answered in full.
//!
//! By hand over std's sockets, so that it is seen how far an answer had come when a connection
//! ended. Not here: the services, which are examples of graphite-client-tokio.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// How many ask at the same time.
const VISITORS: usize = 8;

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked for in turn: the path, the route that it matches, and the code of the answer.
const VISITS: [(&str, &str, u16); 4] = [
    ("/", "/", 200),
    ("/cart/7", "/cart/{id}", 200),
    ("/cart/seven", "/cart/{id}", 400),
    ("/nowhere", "unmatched", 404),
];

/// How many answers came in full, by route and code.
pub(crate) type Answers = HashMap<(&'static str, u16), u64>;

/// What visitors and those who watch them share.
#[derive(Default)]
pub(crate) struct Visits {
    /// The service was told to end.
    told: AtomicBool,
    answered: AtomicU64,
    answered_late: AtomicU64,
}

/// How a connection ended.
enum Ended {
    /// Before anything of an answer came.
    Unanswered,
    /// Within an answer, or with another one than was asked for.
    Wrong(String),
}

impl Visits {
    /// Returns how many answers have come.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// To be called just before the service is told to end.
    pub(crate) fn tell(&self) {
        self.told.store(true, Ordering::SeqCst);
    }

    /// Returns how many answers came after the service was told to end to what had been asked before.
    pub(crate) fn answered_late(&self) -> u64 {
        self.answered_late.load(Ordering::SeqCst)
    }

    /// Asks until nobody listens any more.
    pub(crate) fn run(&self, address: SocketAddr) -> Result<Answers, String> {
        thread::scope(|scope| {
            let visitors: Vec<_> = (0..VISITORS)
                .map(|first| scope.spawn(move || self.visit(address, first)))
                .collect();
            let mut all = Answers::new();
            for visitor in visitors {
                for (what, count) in visitor.join().map_err(|_| "a visitor panicked")?? {
                    *all.entry(what).or_default() += count;
                }
            }
            Ok(all)
        })
    }

    fn visit(&self, address: SocketAddr, first: usize) -> Result<Answers, String> {
        let mut answers = Answers::new();
        let mut visits = VISITS.into_iter().cycle().skip(first);
        // Each connection is kept until the service ends it.
        while let Ok(connection) = TcpStream::connect(address) {
            connection.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
            let mut connection = BufReader::new(connection);
            for (path, route, code) in visits.by_ref() {
                let early = !self.told.load(Ordering::SeqCst);
                match ask(&mut connection, path, code) {
                    Ok(()) => *answers.entry((route, code)).or_default() += 1,
                    Err(Ended::Unanswered) if self.told.load(Ordering::SeqCst) => break,
                    Err(Ended::Unanswered) => return Err(format!("{path} was not answered")),
                    Err(Ended::Wrong(what)) => return Err(format!("{path}: {what}")),
                }
                self.answered.fetch_add(1, Ordering::SeqCst);
                let late = early && self.told.load(Ordering::SeqCst);
                self.answered_late.fetch_add(late.into(), Ordering::SeqCst);
            }
        }
        if !self.told.load(Ordering::SeqCst) {
            return Err(format!("nobody listens on {address}"));
        }
        Ok(answers)
    }
}

/// Asks for a path and reads the answer to its end.
fn ask(connection: &mut BufReader<TcpStream>, path: &str, code: u16) -> Result<(), Ended> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n");
    // A connection that cannot take it may have been reset; the reading tells.
    let _ = connection.get_mut().write_all(request.as_bytes());
    match connection.fill_buf() {
        Ok([]) => return Err(Ended::Unanswered),
        Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(Ended::Unanswered),
        _ => {}
    }
    let answered = answer(connection).map_err(|error| Ended::Wrong(error.to_string()))?;
    if answered.split(' ').nth(1) != Some(&code.to_string()) {
        return Err(Ended::Wrong(format!("was answered by {answered:?}, not by {code}")));
    }
    Ok(())
}

/// Reads an answer; returns its first line.
fn answer(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        if !line.ends_with("\r\n") {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the answer was cut"));
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_ascii_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
    connection.read_exact(&mut vec![0; length])?;
    Ok(head.swap_remove(0))
}
