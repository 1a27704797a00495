//! The stores that the application reports to: started, ended under it and started again, read.
//!
//! Not here: what they must hold ([`super::expect`]).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;

use super::expect;
use super::series::Counters;
use crate::Result;
use crate::interop::carbon::{Cache, PLAIN, SENTINEL, Settings, stock_aggregation};
use crate::interop::compare::{Outcome, Stored, parse};
use crate::interop::points::Expected;
use crate::interop::process::{Process, wait};
use crate::interop::stores::{Influx, Victoria};
use crate::interop::{Bench, Way};
use crate::sockets;

/// What is shipped for carbon-cache, by links to graphite-proto's examples: a package holds no more
/// than its own folder.
const SCHEMAS: &str = include_str!("storage-schemas.conf");
const TOTALS: &str = include_str!("storage-aggregation.conf");
const INCREASES: &str = include_str!("storage-aggregation-per-interval.conf");

/// What stands behind its schemas: that of whatever is not the recorder's.
const OWN_SCHEMA: &str = "\n[all]\npattern = .*\nretentions = 1s:4h\n";

/// Of how many series carbon must hold points before it is stopped: what its writer does not get
/// written while others come in.
const HELD: usize = 15;

/// A store as the rows need it.
pub(super) trait Store {
    fn address(&self) -> SocketAddr;
    /// Returns whether it is ended in the middle of whatever it does, and what it had read with it.
    fn is_killed(&self) -> bool;
    /// Ends it while the application goes on to report, and starts it again. The names are those
    /// of series that it has been sent.
    fn restart(&mut self, bench: &Bench, names: &Expected) -> Result;
    /// Reads everything.
    fn read(&self, bench: &Bench, names: &Expected) -> Result<Stored>;
    /// Ends it; `check` compares what it holds then.
    fn finish(
        &mut self,
        bench: &Bench,
        names: &Expected,
        check: &dyn Fn(&Stored) -> Outcome,
    ) -> Result<Outcome>;
}

/// carbon-cache with the shipped rules.
pub(super) struct Carbon {
    cache: Cache,
    address: SocketAddr,
    counters: Counters,
}

/// Returns the shipped schemas, with the interval of the application for that of a service: for
/// its sake alone a row would take ten times as long.
fn schemas() -> String {
    SCHEMAS.replace("retentions = 10s:", "retentions = 1s:") + OWN_SCHEMA
}

/// Returns the shipped rules as they are to stand, before carbon's stock rules; those for increases
/// with the prefix of the application for that of a service.
fn aggregation(counters: Counters, stock: &str) -> String {
    match counters {
        Counters::Total => format!("{TOTALS}\n{INCREASES}\n{stock}"),
        Counters::PerInterval => format!("{}\n{stock}", INCREASES.replace("till", "shop")),
    }
}

impl Carbon {
    pub(super) fn start(
        bench: &Bench,
        way: Way,
        folder: &Path,
        counters: Counters,
    ) -> Result<Self> {
        let aggregation = aggregation(counters, &stock_aggregation(bench)?);
        let settings = Settings { schemas: &schemas(), aggregation: Some(&aggregation), ..PLAIN };
        let cache = Cache::start_with(bench, folder, "a", &settings)?;
        let address = cache.address(way.protocol);
        Ok(Self { cache, address, counters })
    }
}

impl Store for Carbon {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn is_killed(&self) -> bool {
        false
    }

    /// It is stopped as it would be, since what it has not written then is gone.
    fn restart(&mut self, bench: &Bench, names: &Expected) -> Result {
        self.cache.holds(bench, HELD, names)?;
        self.cache.stop()?;
        self.cache.restart()
    }

    fn read(&self, bench: &Bench, names: &Expected) -> Result<Stored> {
        Ok(self.cache.live(bench, names)?.0)
    }

    fn finish(
        &mut self,
        bench: &Bench,
        names: &Expected,
        check: &dyn Fn(&Stored) -> Outcome,
    ) -> Result<Outcome> {
        self.cache.stop()?;
        let mut outcome = check(&self.cache.files(bench, names)?);
        let mut headers: HashMap<String, String> = self.cache.headers(bench, names)?;
        // Carbon's own rule for whatever no other one names.
        let (others, wanted) = (headers.remove(SENTINEL), "average 0.5 1:14400");
        if others.as_deref() != Some(wanted) {
            outcome.wrong(format!("the file of another's series is {others:?}, not {wanted}"));
        }
        for name in names.series.keys() {
            let (wanted, none) = (expect::header(name, self.counters), "missing".to_owned());
            let header = headers.get(name).unwrap_or(&none);
            if *header != wanted {
                outcome.wrong(format!("{name}: its file is {header}, by the rules {wanted}"));
            }
        }
        outcome.note(format!("thinned out by the shipped rules: {} files", headers.len()));
        Ok(outcome)
    }
}

/// A store that is read over HTTP.
pub(super) struct Web<S> {
    server: S,
    process: Option<Process>,
    address: SocketAddr,
}

/// What is different between those.
pub(super) trait Server {
    fn graphite(&self) -> SocketAddr;
    fn start(&self) -> Result<Process>;
    /// The helper's arguments.
    fn query(&self) -> [String; 2];
}

impl<S: Server> Web<S> {
    pub(super) fn start(server: S) -> Result<Self> {
        let (process, address) = (Some(server.start()?), server.graphite());
        Ok(Self { server, process, address })
    }
}

impl<S: Server> Store for Web<S> {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn is_killed(&self) -> bool {
        true
    }

    /// It is killed with a report unread, whereupon the client sends again all that it has kept:
    /// here that is everything, and so also what the store had read and not written.
    fn restart(&mut self, _: &Bench, _: &Expected) -> Result {
        let process = self.process.take().ok_or("the store is not there")?;
        process.signal(Signal::STOP)?;
        wait("a report stands unread", || Ok(sockets::unread(self.address)? > 0))?;
        drop(process);
        self.process = Some(self.server.start()?);
        Ok(())
    }

    fn read(&self, bench: &Bench, _: &Expected) -> Result<Stored> {
        let [what, url] = self.server.query();
        parse(&bench.helper(&[&what, &url], String::new())?)
    }

    fn finish(
        &mut self,
        bench: &Bench,
        names: &Expected,
        check: &dyn Fn(&Stored) -> Outcome,
    ) -> Result<Outcome> {
        let outcome = check(&self.read(bench, names)?);
        self.process.take().map_or(Ok(()), Process::terminate)?;
        Ok(outcome)
    }
}

impl Server for Victoria {
    fn graphite(&self) -> SocketAddr {
        self.graphite
    }

    /// It keeps what is sent again twice, unless it is told otherwise.
    fn start(&self) -> Result<Process> {
        self.start(Some("-dedup.minScrapeInterval=1s"))
    }

    fn query(&self) -> [String; 2] {
        ["victoria".to_owned(), self.url()]
    }
}

impl Server for Influx {
    fn graphite(&self) -> SocketAddr {
        self.graphite
    }

    fn start(&self) -> Result<Process> {
        self.start()
    }

    fn query(&self) -> [String; 2] {
        ["influx".to_owned(), self.url()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_shipped_schemas_the_interval_alone_is_another() {
        let (shipped, used) = (SCHEMAS, schemas());
        assert_eq!(
            used.replace("retentions = 1s:1d", "retentions = 10s:1d"),
            format!("{shipped}{OWN_SCHEMA}")
        );
        assert!(
            used.contains(
                "\n[shop]\npattern = ^(shop|till)\\.\nretentions = 1s:1d,1m:30d,10m:2y\n"
            )
        );
    }

    #[test]
    fn of_the_shipped_rules_the_prefix_and_how_counts_are_thinned_out_alone_are_others() {
        let increases = aggregation(Counters::PerInterval, "");
        let rules = |text: &str| {
            text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
        };
        let count = |method| {
            format!(
                "[shop-count]\npattern = ^shop\\..*\\.count(;|$)\nxFilesFactor = 0\naggregationMethod = {method}\n"
            )
        };
        let (totals, increases) = (rules(TOTALS), rules(&increases));
        assert!(totals.contains(&count("max")));
        assert_eq!(totals.replace(&count("max"), &count("sum")).trim_end(), increases.trim_end());
    }
}
