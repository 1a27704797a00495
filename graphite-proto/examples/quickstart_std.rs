//! Sends a batch once, over `std::net`: `cargo run -p graphite-proto --example quickstart_std HOST`

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a driver is where I/O is")]

use std::io::Write;
use std::net::TcpStream;
use std::time::SystemTime;

use graphite_proto::{Address, Protocol};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());

    let mut bytes = Vec::new();
    let metrics = [("servers.web01.load", 0.42), ("servers.web01.users", 17.0)];
    Protocol::Plaintext.encode(metrics, SystemTime::now(), &mut bytes)?;

    let address = Address::try_from(graphite)?;
    let port = address.port_for(Protocol::Plaintext);
    TcpStream::connect((address.host(), port))?.write_all(&bytes)?;
    Ok(())
}
