//! A loopback address that is one receiver's own, so that nobody else can be given its ports.
//!
//! Linux has the whole of 127.0.0.0/8 on its loopback. Ports are below those that the system gives
//! out by itself, and connections come from 127.0.0.1: none can meet itself on such an address.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;

/// Listened on by whoever has the address.
const GUARD: u16 = 20_000;

/// How many addresses there are: of the last three bytes none is 0 or 255.
const ADDRESSES: u32 = 254 * 254 * 254;

/// More in a row are not taken, unless somebody listens on all of them at once.
const TRIES: u32 = 1000;

/// An address of one's own, until this value goes.
pub(super) struct Host {
    address: Ipv4Addr,
    _guard: TcpListener,
    last: Cell<u16>,
}

impl Host {
    /// Takes an address that no other row and no other process has.
    pub(super) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..TRIES {
            // Processes that run side by side begin far from each other.
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let address = nth(std::process::id().wrapping_mul(251).wrapping_add(next));
            match TcpListener::bind((address, GUARD)) {
                Ok(_guard) => return Ok(Self { address, _guard, last: Cell::new(GUARD) }),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(format!("{address}:{GUARD}: {error}").into()),
            }
        }
        Err(format!("somebody listens on port {GUARD} of every address").into())
    }

    /// Returns a port for the receiver, another one each time. Taken are those on which somebody
    /// listens for every address of the machine.
    pub(super) fn port(&self) -> Result<SocketAddr> {
        for port in self.last.get() + 1..u16::MAX {
            self.last.set(port);
            let address = SocketAddr::from((self.address, port));
            if TcpListener::bind(address).is_ok() {
                return Ok(address);
            }
        }
        Err(format!("every port of {} is taken", self.address).into())
    }
}

fn nth(number: u32) -> Ipv4Addr {
    let number = number % ADDRESSES;
    // Each is below 254.
    let byte = |place: u32| (number / place % 254) as u8 + 1;
    Ipv4Addr::new(127, byte(254 * 254), byte(254), byte(1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn addresses_and_ports_are_given_once() {
        let hosts: Vec<Host> = (0..20).map(|_| Host::new().unwrap()).collect();
        let mut seen = HashSet::new();
        for host in &hosts {
            assert!((0..20).all(|_| seen.insert(host.port().unwrap())));
        }
        // Another process that comes to an address which is held finds that out.
        assert!(TcpListener::bind((hosts[0].address, GUARD)).is_err());
    }

    #[test]
    fn connections_come_from_elsewhere() {
        let address = Host::new().unwrap().port().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let connection = TcpStream::connect(address).unwrap();
        assert_ne!(connection.local_addr().unwrap().ip(), address.ip());
        drop(listener);
    }
}
