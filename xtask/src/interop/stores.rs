//! VictoriaMetrics and InfluxDB: their Graphite listeners, read back over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::Protocol;

use super::compare::{Outcome, Rule, compare, exact, parse};
use super::host::Host;
use super::points::{Expected, Load, Names};
use super::process::{PATIENCE, Process};
use super::{Bench, Row, install};
use crate::Result;

/// A VictoriaMetrics with an address and a folder of its own.
pub(super) struct Victoria {
    folder: PathBuf,
    http: SocketAddr,
    pub(super) graphite: SocketAddr,
    /// Its own for as long as this value is there.
    _host: Host,
}

impl Victoria {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let host = Host::new()?;
        let (http, graphite) = (host.port()?, host.port()?);
        Ok(Self { folder: folder.to_owned(), http, graphite, _host: host })
    }

    /// Starts it on the same files each time.
    pub(super) fn start(&self, dedup: Option<&str>) -> Result<Process> {
        let Self { folder, http, graphite, .. } = self;
        let mut command = Command::new("victoria-metrics");
        command.args([
            format!("-storageDataPath={}", folder.join("data").display()),
            format!("-httpListenAddr={http}"),
            format!("-graphiteListenAddr={graphite}"),
            "-retentionPeriod=1".to_owned(),
            "-memory.allowedPercent=10".to_owned(),
        ]);
        command.args(dedup);
        Process::start(command, &folder.join("log"), &[*http, *graphite])
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.http)
    }
}

/// VictoriaMetrics, which keeps every repeat unless it is told otherwise: the load is sent twice,
/// looked at as it is, and again after a start with `-dedup.minScrapeInterval`.
pub(super) fn victoria(bench: &Bench) -> Vec<Row> {
    let version = install::debian("victoria-metrics", "victoria-metrics");
    let name = title("VictoriaMetrics", &version);
    let ready = version.map(drop).and_then(|()| bench.python().map(drop));
    bench.rows(&name, bench.ways(&[Protocol::Plaintext], false), ready, |way, folder| {
        let victoria = Victoria::new(folder)?;
        let process = victoria.start(None)?;
        let load = Load::new(bench.points, bench.each_task(), Names::All)?;
        // A second time a point gets the same time only if it brings one.
        let repeated = way.send(victoria.graphite, load.timed())?.count();
        let expected = way.send(victoria.graphite, load)?;
        let url = victoria.url();
        let read = || bench.helper(&["victoria", &url], String::new());
        let all = expected.count() + repeated;
        let end = Instant::now() + PATIENCE;
        let mut kept = 0;
        while kept < all && Instant::now() < end {
            kept = parse(&read()?)?.values().map(Vec::len).sum();
        }
        process.terminate()?;
        let process = victoria.start(Some("-dedup.minScrapeInterval=1s"))?;
        let mut outcome = read_until(&expected, victoria_holds, read)?;
        process.terminate()?;
        if kept != all {
            outcome.fail(format!("{kept} points without dedup instead of {all}"));
        }
        outcome.note(format!("sent twice: holds {kept}, with dedup {}", outcome.stored));
        Ok(outcome)
    })
}

/// VictoriaMetrics keeps a whole number times a power of ten: integers up to 2^53 as they are, of
/// everything else at least twelve significant digits, and 0 for what is next to nothing.
pub(super) fn victoria_holds(expected: f64, stored: f64) -> bool {
    let size = expected.abs();
    if expected == stored || size < 1e-300 && stored == 0.0 {
        return true;
    }
    let whole = expected.fract() == 0.0 && size <= (1_u64 << 53) as f64;
    // One in the twelfth digit.
    !whole && (expected - stored).abs() <= 10_f64.powf(size.log10().floor() - 11.0)
}

/// An InfluxDB 1.x with an address and a folder of its own.
pub(super) struct Influx {
    folder: PathBuf,
    http: SocketAddr,
    pub(super) graphite: SocketAddr,
    rpc: SocketAddr,
    /// Its own for as long as this value is there.
    _host: Host,
}

impl Influx {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let host = Host::new()?;
        let (http, graphite, rpc) = (host.port()?, host.port()?, host.port()?);
        Ok(Self { folder: folder.to_owned(), http, graphite, rpc, _host: host })
    }

    /// Starts it on the same files each time.
    pub(super) fn start(&self) -> Result<Process> {
        let file = self.folder.join("influxdb.conf");
        std::fs::write(&file, self.config())?;
        let mut command = Command::new("influxd");
        command.arg("-config").arg(file);
        Process::start(command, &self.folder.join("log"), &[self.http, self.graphite])
    }

    fn config(&self) -> String {
        let Self { folder, http, graphite, rpc, .. } = self;
        let place = folder.display();
        format!(
            "reporting-disabled = true\nbind-address = \"{rpc}\"\n\
             [meta]\ndir = \"{place}/meta\"\n\
             [data]\ndir = \"{place}/data\"\nwal-dir = \"{place}/wal\"\n\
             [monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"{http}\"\nlog-enabled = false\n\
             [[graphite]]\nenabled = true\ndatabase = \"graphite\"\n\
             bind-address = \"{graphite}\"\nbatch-size = 5000\nbatch-pending = 100\n\
             batch-timeout = \"200ms\"\n"
        )
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.http)
    }
}

/// InfluxDB 1.x.
pub(super) fn influx(bench: &Bench) -> Vec<Row> {
    let version = install::debian("influxdb", "influxd");
    let name = title("InfluxDB", &version);
    let ready = version.map(drop).and_then(|()| bench.python().map(drop));
    bench.rows(&name, bench.ways(&[Protocol::Plaintext], false), ready, |way, folder| {
        let influx = Influx::new(folder)?;
        let process = influx.start()?;
        let load = Load::new(bench.points, bench.each_task(), Names::All)?;
        let expected = way.send(influx.graphite, load)?;
        let url = influx.url();
        let outcome =
            read_until(&expected, exact, || bench.helper(&["influx", &url], String::new()))?;
        process.terminate()?;
        Ok(outcome)
    })
}

/// Reads again until everything is there, or for as long as a store may take.
pub(super) fn read_until(
    expected: &Expected,
    same: Rule,
    mut read: impl FnMut() -> Result<String>,
) -> Result<Outcome> {
    let end = Instant::now() + PATIENCE;
    loop {
        let outcome = compare(expected, &parse(&read()?)?, same);
        if outcome.is_same() || Instant::now() > end {
            return Ok(outcome);
        }
        thread::sleep(Duration::from_secs(1));
    }
}

pub(super) fn title(name: &str, version: &std::result::Result<String, String>) -> String {
    version.as_ref().map_or_else(|_| name.to_owned(), |version| format!("{name} {version}"))
}
