//! Relays in front of carbon-caches: the ways to grow past one machine.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::Protocol;

use super::carbon::{Cache, daemon};
use super::compare::{Outcome, Stored, compare, exact};
use super::host::Host;
use super::points::{Expected, Load, Names, Wanted};
use super::process::{PATIENCE, Process, wait};
use super::send::Streaming;
use super::{Bench, PROTOCOLS, Row, Way, install};
use crate::Result;
use crate::sockets;

/// What a relay may have handed to the kernel for a node that ends, in points; it does not know
/// what became of them.
const IN_FLIGHT: usize = 20_000;

/// How many points stream while a node is away.
const AWAY: u64 = 30_000;

/// A relay's program.
#[derive(Clone, Copy, PartialEq)]
enum Program {
    /// carbon-relay.py, by carbon's consistent hashing.
    Carbon,
    /// carbon-c-relay, by the same ring.
    C,
    /// carbon-c-relay in front of one node, to which everything goes.
    CForward,
}

/// carbon-c-relay: in front of one carbon-cache, then of two with two copies, then of two while
/// one is stopped and started.
pub(super) fn c_relay(bench: &Bench) -> Vec<Row> {
    let version = install::debian("carbon-c-relay", "carbon-c-relay");
    let name = version.as_deref().map_or_else(
        |_| "carbon-c-relay".to_owned(),
        |version| format!("carbon-c-relay {version}"),
    );
    let ready = version.map(drop).and_then(|()| bench.python().map(drop));
    let mut rows = Vec::new();
    for (program, nodes) in [(Program::CForward, 1), (Program::C, 2)] {
        if bench.short && nodes > 1 {
            continue;
        }
        let name = if nodes == 1 { name.clone() } else { format!("{name}, {nodes} nodes") };
        let ways = bench.ways(&[Protocol::Plaintext], false);
        rows.extend(bench.rows(&name, ways, ready.clone(), |way, folder| {
            let (relay, mut caches) = relayed(bench, folder, program, nodes, way.protocol)?;
            let load = Load::new(bench.points, bench.each_task(), Names::Portable)?;
            let expected = way.send(relay.address, load)?;
            let outcome = settle(bench, &mut caches, &vec![&expected; nodes])?;
            relay.process.terminate()?;
            Ok(outcome)
        }));
    }
    if !bench.short {
        let name = "carbon-c-relay, node restarted";
        let ways = bench.ways(&[Protocol::Plaintext], false);
        rows.extend(
            bench.rows(name, ways, ready, |way, folder| node_down(bench, Program::C, way, folder)),
        );
    }
    rows
}

/// Waits until each cache has its points, ends it, and compares its files.
fn settle(bench: &Bench, caches: &mut [Cache], expected: &[&Expected]) -> Result<Outcome> {
    let mut all = Outcome::default();
    for (cache, expected) in caches.iter_mut().zip(expected) {
        all.add(cache.settle(bench, expected)?.0);
    }
    Ok(all)
}

/// carbon-relay with consistent hashing and two copies: in front of two carbon-caches, then of
/// three, where a series is on two of them only, then of two while one is stopped and started.
pub(super) fn carbon_relay(bench: &Bench) -> Vec<Row> {
    let ready = || bench.python().map(drop);
    let mut rows = Vec::new();
    for &nodes in if bench.short { &[3][..] } else { &[2, 3] } {
        let name = format!("carbon-relay 1.1.10, {nodes} nodes");
        rows.extend(bench.rows(&name, bench.ways(&PROTOCOLS, true), ready(), |way, folder| {
            let program = Program::Carbon;
            let (relay, mut caches) = relayed(bench, folder, program, nodes, way.protocol)?;
            let load = Load::new(bench.points, bench.each_task(), Names::All)?;
            let expected = way.send(relay.address, load)?;
            let shares = shares(bench, &caches, &expected)?;
            let outcome = settle(bench, &mut caches, &shares.iter().collect::<Vec<_>>())?;
            relay.process.terminate()?;
            Ok(outcome)
        }));
    }
    let name = "carbon-relay, node restarted";
    rows.extend(bench.rows(name, bench.ways(&PROTOCOLS, true), ready(), |way, folder| {
        node_down(bench, Program::Carbon, way, folder)
    }));
    rows
}

/// One of two nodes is stopped and started while points stream. The other one must hold every
/// point; the one that was away must hold every point that came when it was gone or later, and of
/// the rest no other values and all but what was on its way to it.
fn node_down(bench: &Bench, program: Program, way: Way, folder: &Path) -> Result<Outcome> {
    let (relay, mut caches) = relayed(bench, folder, program, 2, way.protocol)?;
    let streaming = Streaming::new();
    let mut gone = 0;
    let stats = streaming.during(way, relay.address, || {
        streaming.fill(bench, &caches[1])?;
        caches[1].stop()?;
        let node = program.node(&caches[1]);
        wait("the relay has left the node", || Ok(!sockets::connected_to(node)?))?;
        // That many may have been fed since they were counted.
        gone = streaming.accepted.load(Ordering::Relaxed) + streaming.pace;
        wait("points have streamed on", || {
            Ok(streaming.accepted.load(Ordering::Relaxed) >= gone + AWAY)
        })?;
        caches[1].restart()?;
        streaming.fill(bench, &caches[1])
    })?;
    let accepted = stats.accepted;
    let (whole, later) = (streaming.expected(0..accepted), streaming.expected(gone..accepted));
    let end = Instant::now() + PATIENCE;
    while !(missing(&later, &caches[1].live(bench, &whole)?.0) == 0
        && compare(&whole, &caches[0].live(bench, &whole)?.0, exact).is_same())
        && Instant::now() < end
    {
        thread::sleep(Duration::from_secs(1));
    }
    let mut files = Vec::new();
    for cache in &mut caches {
        cache.stop()?;
        files.push(cache.files(bench, &whole)?);
    }
    relay.process.terminate()?;
    let mut outcome = compare(&whole, &files[0], exact);
    let (lost, gap) = (missing(&later, &files[1]), missing(&whole, &files[1]));
    let held = compare(&present(&whole, &files[1]), &files[1], exact);
    if lost > 0 || gap > IN_FLIGHT || !held.is_same() {
        outcome.fail(format!(
            "the stopped node lacks {lost} points that came later, {gap} in all, and holds {} wrong",
            held.wrong
        ));
    }
    outcome.note(format!(
        "the stopped node lacks {gap} of {accepted} points, which were on their way to it"
    ));
    Ok(outcome)
}

/// Returns the points whose times are stored.
fn present(expected: &Expected, stored: &Stored) -> Expected {
    let held = |(name, points): (&String, &Wanted)| {
        let found = stored.get(name).map_or(&[][..], Vec::as_slice);
        let times: HashSet<u64> = found.iter().map(|&(time, _)| time).collect();
        let has = |&&((time, _), _): &&((u64, u64), f64)| times.contains(&time);
        (name.clone(), points.iter().filter(has).copied().collect())
    };
    Expected { series: expected.series.iter().map(held).collect() }
}

fn missing(expected: &Expected, stored: &Stored) -> usize {
    let lacks = |(name, points): (&String, &Wanted)| {
        let found = stored.get(name).map_or(&[][..], Vec::as_slice);
        let has = |time| found.iter().any(|&(other, _)| other == time);
        points.iter().filter(|((time, _), _)| !has(*time)).count()
    };
    expected.series.iter().map(lacks).sum()
}

impl Program {
    /// Returns where the relay connects to.
    fn node(self, cache: &Cache) -> SocketAddr {
        match self {
            Self::Carbon => cache.pickle,
            Self::C | Self::CForward => cache.line,
        }
    }
}

/// A carbon-relay that runs.
struct Relay {
    process: Process,
    address: SocketAddr,
    /// Its own for as long as this value is there.
    _host: Host,
}

/// Starts caches, each on a loopback host of its own, and a relay in front of them: carbon puts
/// the copies of a series on different hosts.
fn relayed(
    bench: &Bench,
    folder: &Path,
    program: Program,
    nodes: usize,
    protocol: Protocol,
) -> Result<(Relay, Vec<Cache>)> {
    let mut caches = Vec::new();
    for instance in ["a", "b", "c"].into_iter().take(nodes) {
        caches.push(Cache::start(bench, folder, instance)?);
    }
    let folder = folder.join("relay");
    std::fs::create_dir_all(&folder)?;
    let host = Host::new()?;
    let (line, pickle) = (host.port()?, host.port()?);
    let (command, listens) = match program {
        Program::Carbon => {
            let command = carbon_command(bench, &folder, line, pickle, &destinations(&caches))?;
            (command, vec![line, pickle])
        }
        Program::C | Program::CForward => (c_command(&folder, program, line, &caches)?, vec![line]),
    };
    let process = Process::start(command, &folder.join("log"), &listens)?;
    let address = listens[usize::from(protocol == Protocol::Pickle)];
    Ok((Relay { process, address, _host: host }, caches))
}

/// What the page of the client layer recommends, and a run adds its folders to. A relay drops what its queue for a
/// node has no room for, even as it stops reading: the queue must hold what comes in while a node
/// is away. Its default is 1,000 points.
fn carbon_recipe(host: &str, [line, pickle]: [u16; 2], destinations: &[String]) -> String {
    format!(
        "[relay]\n\
         LINE_RECEIVER_INTERFACE = {host}\nLINE_RECEIVER_PORT = {line}\n\
         PICKLE_RECEIVER_INTERFACE = {host}\nPICKLE_RECEIVER_PORT = {pickle}\n\
         RELAY_METHOD = consistent-hashing\nREPLICATION_FACTOR = 2\n\
         DESTINATIONS = {}\nMAX_QUEUE_SIZE = 2000000\n",
        destinations.join(", ")
    )
}

fn carbon_command(
    bench: &Bench,
    folder: &Path,
    line: SocketAddr,
    pickle: SocketAddr,
    destinations: &[String],
) -> Result<Command> {
    let place = folder.display();
    let folders = format!(
        "STORAGE_DIR = {place}\nLOCAL_DATA_DIR = {place}\nLOG_DIR = {place}\nPID_DIR = {place}\n"
    );
    let ports = [line.port(), pickle.port()];
    let recipe = carbon_recipe(&line.ip().to_string(), ports, destinations);
    // carbon-relay reads the cache's section too.
    let config = format!("[cache]\n{folders}{recipe}{folders}CARBON_METRIC_INTERVAL = 0\n");
    std::fs::write(folder.join("carbon.conf"), config)?;
    let schemas = "[all]\npattern = .*\nretentions = 1s:1h\n";
    std::fs::write(folder.join("storage-schemas.conf"), schemas)?;
    let mut command = daemon(&bench.python()?, "carbon-relay.py", folder);
    command.arg("start");
    Ok(command)
}

/// No series of its own, and a queue for a node as for carbon's: its default is 25,000 points.
const C_OPTIONS: [&str; 5] = ["-s", "-q", "2000000", "-b", "20000"];

/// What the page of the client layer recommends.
fn c_recipe(host: &str, line: u16, nodes: &[String]) -> String {
    let nodes = nodes.join(" ");
    format!(
        "listen type linemode {host}:{line} proto tcp;\n\
         cluster graphite carbon_ch replication 2 {nodes};\n\
         match * send to graphite stop;\n"
    )
}

fn c_command(
    folder: &Path,
    program: Program,
    line: SocketAddr,
    caches: &[Cache],
) -> Result<Command> {
    let nodes = caches.iter().map(|cache| format!("{}={}", cache.line, cache.instance));
    let mut config = c_recipe(&line.ip().to_string(), line.port(), &nodes.collect::<Vec<_>>());
    if program == Program::CForward {
        config = config.replace("carbon_ch replication 2", "forward");
    }
    let file = folder.join("relay.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new("carbon-c-relay");
    command.args(C_OPTIONS).arg("-f").arg(file);
    Ok(command)
}

fn destinations(caches: &[Cache]) -> Vec<String> {
    let node = |cache: &Cache| format!("{}:{}", cache.pickle, cache.instance);
    caches.iter().map(node).collect()
}

/// Divides the points as carbon's own ring does.
fn shares(bench: &Bench, caches: &[Cache], expected: &Expected) -> Result<Vec<Expected>> {
    let nodes = destinations(caches);
    let mut arguments = vec!["ring", "2"];
    arguments.extend(nodes.iter().map(String::as_str));
    let answer = bench.helper(&arguments, expected.names())?;
    let mut shares: Vec<Expected> = caches.iter().map(|_| Expected::default()).collect();
    for line in answer.lines() {
        let (name, nodes) = line.split_once('\t').ok_or("the ring's answer has no node")?;
        if nodes.split(',').count() != 2 {
            return Err(format!("the ring gives {name} the nodes {nodes}, not two").into());
        }
        for (cache, share) in caches.iter().zip(&mut shares) {
            if nodes.split(',').any(|node| node == cache.instance) {
                let points = expected.series.get(name).cloned().unwrap_or_default();
                share.series.insert(name.to_owned(), points);
            }
        }
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever copies the configuration from there runs what was tested.
    #[test]
    fn the_page_of_the_client_shows_what_is_run() {
        let page = crate::workspace::root().join("graphite-proto/src/client.rs");
        let page = crate::workspace::read(&page).expect("the page");
        let page = page.replace("//! ", "");
        let nodes = |ends: [&str; 2]| ends.map(|end| format!("10.0.0.{end}")).to_vec();
        let carbon = carbon_recipe("0.0.0.0", [2003, 2004], &nodes(["1:2004:a", "2:2004:b"]));
        assert!(page.contains(&carbon), "{carbon}");
        let c = c_recipe("0.0.0.0", 2003, &nodes(["1:2003=a", "2:2003=b"]));
        assert!(page.contains(&c), "{c}");
        assert!(page.contains(&format!("carbon-c-relay {} -f", C_OPTIONS.join(" "))));
    }
}
