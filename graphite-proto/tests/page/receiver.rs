// A receiver for the examples on the pages of the clients: it reads every connection to its end, and
// answers that. They include it in lines that are not shown, wherefore it begins without `//!`. Not
// here: the runtimes.

use std::error::Error;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};
use std::thread;

static RECEIVED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Starts one, and returns where it is.
pub(crate) fn graphite() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                RECEIVED.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            });
        }
    });
    address
}

/// Returns what came by the connections that have ended.
pub(crate) fn received() -> String {
    let bytes = RECEIVED.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What an example may go wrong by.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;
