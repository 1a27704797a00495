//! A port of 127.0.0.1 for receivers that come and go: while nobody listens it stays taken.
//!
//! Otherwise the system could give it to anybody, and even to the connection of whoever tries it:
//! TCP lets a socket connect to itself.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use crate::Result;

/// A port that is bound and never listened on by this value; others may listen beside it.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    _bound: Socket,
}

impl Port {
    /// Takes a port that is free.
    pub(crate) fn new() -> Result<Self> {
        let bound = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        bound.set_reuse_address(true)?;
        bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = bound.local_addr()?.as_socket().ok_or("the port is no port")?;
        Ok(Self { address, _bound: bound })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on it, until the listener goes.
    pub(crate) fn listen(&self) -> Result<TcpListener> {
        // The standard library lets it bind beside who does not listen.
        Ok(TcpListener::bind(self.address)?)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    /// Each attempt comes from one of the 28,000 ports that the system gives out.
    #[test]
    fn a_port_that_is_closed_never_meets_itself() {
        let port = Port::new().unwrap();
        assert!((0..60_000).all(|_| TcpStream::connect(port.address()).is_err()));
        for _ in 0..2 {
            let listener = port.listen().unwrap();
            TcpStream::connect(port.address()).unwrap();
            listener.accept().unwrap();
        }
    }
}
