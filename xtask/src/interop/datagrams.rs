//! Lines by UDP: what `Protocol::encode_datagrams` cuts is stored whole by those that read it.
//!
//! UDP tells nobody what it lost, so that the row sends no faster than the receiver reads and looks
//! whether the kernel dropped something. No client speaks UDP: it is graphite-proto and a socket.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::{Metric, Protocol, Timestamp};

use super::carbon::{Cache, PLAIN, Settings};
use super::compare::Outcome;
use super::host::Host;
use super::points::{Expected, Load, Names, now};
use super::process::{PATIENCE, wait};
use super::stores::{Victoria, read_until, title, victoria_holds};
use super::{Bench, Row, install};
use crate::Result;
use crate::sockets;

/// The longest that Ethernet carries in one piece with IPv6, and that carbon reads.
const LIMITS: [usize; 2] = [1432, 8192];

/// What may stand unread, in the kernel's bytes: less than half of what it keeps by default.
const UNREAD: u64 = 64 << 10;

pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let version = install::debian("victoria-metrics", "victoria-metrics");
    let victoria = title("VictoriaMetrics", &version);
    let mut rows = Vec::new();
    for limit in LIMITS.into_iter().take(if bench.short { 1 } else { LIMITS.len() }) {
        rows.push(row(bench, "carbon-cache 1.1.10", limit, Ok(()), carbon));
        let ready = version.clone().map(drop);
        rows.push(row(bench, &victoria, limit, ready, victoria_metrics));
    }
    rows
}

fn row(
    bench: &Bench,
    receiver: &str,
    limit: usize,
    ready: std::result::Result<(), String>,
    make: impl FnOnce(&Bench, &Load, usize, &Path) -> Result<Outcome>,
) -> Row {
    let receiver = format!("{receiver}, UDP {limit}");
    let folder = bench.folder.join(receiver.replace([' ', ','], "-"));
    let outcome = ready.and_then(|()| bench.python()).map(|_| {
        let made = std::fs::create_dir_all(&folder).map_err(Into::into);
        let made = made.and_then(|()| load(bench, limit));
        let made = made.and_then(|load| make(bench, &load, limit, &folder));
        made.map_err(|error| crate::chain(&*error))
    });
    let row = Row { receiver, protocol: "plaintext", runtime: "-", outcome };
    println!("{}", row.line());
    row
}

/// Returns the points of every row whose lines fit.
fn load(bench: &Bench, limit: usize) -> Result<Load> {
    let mut load = Load::new(bench.points, bench.each_task(), Names::All)?;
    load.singles.retain(|point| {
        let mut line = Vec::new();
        Protocol::Plaintext.encode([point], Timestamp::MAX, &mut line).is_ok()
            && line.len() <= limit
    });
    Ok(load)
}

fn carbon(bench: &Bench, load: &Load, limit: usize, folder: &Path) -> Result<Outcome> {
    let host = Host::new()?;
    let address = host.port()?;
    let own = format!(
        "ENABLE_UDP_LISTENER = True\nUDP_RECEIVER_INTERFACE = {}\nUDP_RECEIVER_PORT = {}\n",
        address.ip(),
        address.port()
    );
    let mut cache = Cache::start_with(bench, folder, "a", &Settings { own: &own, ..PLAIN })?;
    let expected = send(load, limit, address)?;
    Ok(cache.settle(bench, &expected)?.0)
}

fn victoria_metrics(bench: &Bench, load: &Load, limit: usize, folder: &Path) -> Result<Outcome> {
    let victoria = Victoria::new(folder)?;
    let process = victoria.start(None)?;
    let expected = send(load, limit, victoria.graphite)?;
    let url = victoria.url();
    let read = || bench.helper(&["victoria", &url], String::new());
    let outcome = read_until(&expected, victoria_holds, read)?;
    process.terminate()?;
    Ok(outcome)
}

/// Sends all points, no faster than they are read; returns what the store must hold then.
fn send(load: &Load, limit: usize, address: SocketAddr) -> Result<Expected> {
    wait(&format!("somebody reads datagrams at {address}"), || {
        Ok(sockets::datagrams(address)?.is_some())
    })?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let points: Vec<&Metric<'_>> = load.points().collect();
    let begun = now();
    let datagrams = Protocol::Plaintext.encode_datagrams(points, begun, limit)?;
    for datagram in datagrams.iter() {
        socket.send_to(datagram, address)?;
        read(address, UNREAD)?;
    }
    match read(address, 0)? {
        0 => Ok(load.expected((begun, begun))),
        dropped => Err(format!("the kernel dropped {dropped} datagrams").into()),
    }
}

/// Waits until no more than that stands unread; returns how many datagrams found no room.
fn read(address: SocketAddr, most: u64) -> Result<u64> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (unread, dropped) = sockets::datagrams(address)?.ok_or("nobody reads any more")?;
        if unread <= most {
            return Ok(dropped);
        }
        if Instant::now() > end {
            return Err(format!("{unread} bytes of datagrams stand unread").into());
        }
        thread::sleep(Duration::from_millis(1));
    }
}
