//! Sends by UDP what is read as `NAME=VALUE`: `cargo run -p graphite-proto --example datagrams HOST NAME=VALUE...`

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a driver is where I/O is")]
#![allow(clippy::print_stderr, reason = "an example has no log")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::process::ExitCode;
use std::time::SystemTime;

use graphite_proto::{Address, Protocol};

/// With the headers of IPv6 and UDP less than the 1,500 bytes that Ethernet takes.
const LIMIT: usize = 1432;

fn send() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = Address::try_from(arguments.next().ok_or("which Graphite?")?)?;
    let mut points = Vec::new();
    for point in arguments {
        let (name, value) = point.split_once('=').ok_or("a point is NAME=VALUE")?;
        points.push((name.to_owned(), value.parse::<f64>()?));
    }

    let port = address.port_for(Protocol::Plaintext);
    let to = (address.host(), port).to_socket_addrs()?.next().ok_or("the name has no address")?;
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    let datagrams = Protocol::Plaintext.encode_datagrams(points, SystemTime::now(), LIMIT)?;
    for datagram in datagrams.iter() {
        // Nobody tells what is lost on the way.
        socket.send_to(datagram, to)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let Err(error) = send() else { return ExitCode::SUCCESS };
    eprintln!("graphite: {error}");
    ExitCode::FAILURE
}
