//! carbon-cache: how it is set up, started, read and stopped.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use graphite_proto::Protocol;

use super::compare::{Outcome, Stored, compare, exact, parse};
use super::host::Host;
use super::points::{Expected, Load, Names, now};
use super::process::{PATIENCE, Process, wait};
use super::{Bench, PROTOCOLS, Row};
use crate::Result;
use crate::workspace::read;

/// The series of a point that gives the writer something to do.
pub(super) const SENTINEL: &str = "interop-sentinel";

/// What sets one apart from others.
pub(super) struct Settings<'s> {
    /// By which rules it makes files; without those of aggregation by its own.
    pub(super) schemas: &'s str,
    pub(super) aggregation: Option<&'s str>,
    /// Lines that go before the common ones.
    pub(super) own: &'s str,
}

/// A second's points for four hours.
pub(super) const PLAIN: Settings<'_> =
    Settings { schemas: "[all]\npattern = .*\nretentions = 1s:4h\n", aggregation: None, own: "" };

/// A carbon-cache, running or stopped.
pub(super) struct Cache {
    python: PathBuf,
    folder: PathBuf,
    pub(super) instance: String,
    pub(super) line: SocketAddr,
    pub(super) pickle: SocketAddr,
    pub(super) query: SocketAddr,
    process: Option<Process>,
    /// Its own for as long as this value is there.
    _host: Host,
}

impl Cache {
    /// Sets up a carbon-cache in a folder and on an address of its own, and starts it. It writes 5
    /// series a second, and as fast as it can when it is stopped.
    ///
    /// carbon 1.1.10 forgets what came in while its writer slept, if it is stopped just then. The
    /// writer sleeps for a second at its start and whenever it has written all there was; while it
    /// has something to write it goes on, stopped or not. So nothing is forgotten if the writer is
    /// seen to write after the last point came in ([`stop`](Self::stop)), or while it has so much
    /// that points may go on coming in ([`holds`](Self::holds)), which a slow one has.
    pub(super) fn start(bench: &Bench, folder: &Path, instance: &str) -> Result<Self> {
        Self::start_with(bench, folder, instance, &PLAIN)
    }

    /// Does the same with other settings.
    pub(super) fn start_with(
        bench: &Bench,
        folder: &Path,
        instance: &str,
        settings: &Settings<'_>,
    ) -> Result<Self> {
        let host = Host::new()?;
        let (line, pickle, query) = (host.port()?, host.port()?, host.port()?);
        let folder = folder.join(format!("carbon-cache-{instance}"));
        std::fs::create_dir_all(&folder)?;
        let place = folder.display();
        let listens: String = [("LINE_RECEIVER", line), ("PICKLE_RECEIVER", pickle)]
            .into_iter()
            .chain([("CACHE_QUERY", query)])
            .map(|(what, address)| {
                let (host, port) = (address.ip(), address.port());
                format!("{what}_INTERFACE = {host}\n{what}_PORT = {port}\n")
            })
            .collect();
        let config = format!(
            "[cache]\nSTORAGE_DIR = {place}\nLOCAL_DATA_DIR = {place}/whisper\n\
             LOG_DIR = {place}\nPID_DIR = {place}\nCONF_DIR = {place}\n{listens}\
             MAX_UPDATES_PER_SECOND = 5\nMAX_UPDATES_PER_SECOND_ON_SHUTDOWN = 100000\n\
             MAX_CREATES_PER_MINUTE = inf\nMAX_CACHE_SIZE = inf\n\
             WHISPER_SPARSE_CREATE = True\nENABLE_TAGS = False\nENABLE_LOGROTATION = False\n\
             LOG_UPDATES = False\nLOG_CREATES = False\nLOG_CACHE_HITS = False\n\
             LOG_CACHE_QUEUE_SORTS = False\nCARBON_METRIC_INTERVAL = 0\n\
             [cache:{instance}]\n{}",
            settings.own
        );
        std::fs::write(folder.join("carbon.conf"), config)?;
        std::fs::write(folder.join("storage-schemas.conf"), settings.schemas)?;
        if let Some(aggregation) = settings.aggregation {
            std::fs::write(folder.join("storage-aggregation.conf"), aggregation)?;
        }
        let (python, instance) = (bench.python()?, instance.to_owned());
        let process = None;
        let mut cache =
            Self { python, folder, instance, line, pickle, query, process, _host: host };
        cache.restart()?;
        Ok(cache)
    }

    /// Starts it again, on the same ports and files.
    pub(super) fn restart(&mut self) -> Result {
        let mut command = daemon(&self.python, "carbon-cache.py", &self.folder);
        command.arg(format!("--instance={}", self.instance)).arg("start");
        let listens = [self.line, self.pickle, self.query];
        self.process = Some(Process::start(command, &self.folder.join("log"), &listens)?);
        Ok(())
    }

    /// Asks it to write all it has and to end, when it would, and waits until it has. Nothing may
    /// come in meanwhile, or only where it holds much.
    pub(super) fn stop(&mut self) -> Result {
        self.awake()?;
        self.process.take().map_or(Ok(()), Process::terminate)
    }

    /// Waits until it has ended, as it was asked to by a signal.
    pub(super) fn ended(&mut self) -> Result {
        self.process.take().map_or(Ok(()), |mut process| process.ended().map(drop))
    }

    /// Waits until the writer writes, and so goes on until it has written all that has come in by
    /// now. It always has something to write: a point of this function's own, if nothing else.
    pub(super) fn awake(&self) -> Result {
        let before = self.written()?;
        let point = format!("{SENTINEL} 1 {}\n", now());
        TcpStream::connect(self.line)?.write_all(point.as_bytes())?;
        wait("carbon's writer writes", || Ok(self.written()? != before))
    }

    /// Waits until it holds unwritten points of that many of the series.
    pub(super) fn holds(&self, bench: &Bench, series: usize, expected: &Expected) -> Result {
        wait(&format!("carbon holds points of {series} series"), || {
            Ok(self.cached(bench, expected)?.len() >= series)
        })
    }

    pub(super) fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().ok_or_else(|| "carbon-cache is stopped".into())
    }

    pub(super) fn address(&self, protocol: Protocol) -> SocketAddr {
        match protocol {
            Protocol::Pickle => self.pickle,
            _ => self.line,
        }
    }

    pub(super) fn whisper(&self) -> PathBuf {
        self.folder.join("whisper")
    }

    /// Returns when each whisper file was written last.
    fn written(&self) -> Result<HashMap<PathBuf, SystemTime>> {
        let mut written = HashMap::new();
        let mut folders = vec![self.whisper()];
        while let Some(folder) = folders.pop() {
            // The first point makes the first folder.
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry?.path();
                let meta = path.metadata()?;
                if meta.is_dir() {
                    folders.push(path);
                } else {
                    written.insert(path, meta.modified()?);
                }
            }
        }
        Ok(written)
    }

    /// Reads the whisper files.
    pub(super) fn files(&self, bench: &Bench, expected: &Expected) -> Result<Stored> {
        let (data, begin) = (self.whisper().display().to_string(), expected.begin().to_string());
        let names = format!("{}{SENTINEL}\n", expected.names());
        let mut stored = parse(&bench.helper(&["whisper", &data, &begin], names)?)?;
        stored.remove(SENTINEL);
        Ok(stored)
    }

    /// Reads how the files of these series, and that of [`SENTINEL`], thin them out: each one's
    /// method, its least part of an interval that must be known, and its archives.
    pub(super) fn headers(
        &self,
        bench: &Bench,
        names: &Expected,
    ) -> Result<HashMap<String, String>> {
        let data = self.whisper().display().to_string();
        let answer = bench.helper(&["headers", &data], format!("{}{SENTINEL}\n", names.names()))?;
        let headers = answer.lines().filter_map(|line| line.split_once('\t'));
        Ok(headers.map(|(name, header)| (name.to_owned(), header.to_owned())).collect())
    }

    /// Reads what is not yet written, by the query port.
    pub(super) fn cached(&self, bench: &Bench, expected: &Expected) -> Result<Stored> {
        let (host, port) = (self.query.ip().to_string(), self.query.port().to_string());
        parse(&bench.helper(&["cache", &host, &port], expected.names())?)
    }

    /// Reads the query port, and with it the files that are written already; returns also how
    /// many points the query port gave. The one series that is being written at that moment may be
    /// missing: then a later look shows it.
    pub(super) fn live(&self, bench: &Bench, expected: &Expected) -> Result<(Stored, usize)> {
        let cached = self.cached(bench, expected)?;
        let mut stored = self.files(bench, expected)?;
        let answered = cached.values().map(Vec::len).sum();
        for (name, points) in cached {
            // A series may be written between the two looks.
            let all = stored.entry(name).or_default();
            let known: HashSet<u64> = all.iter().map(|&(time, _)| time).collect();
            all.extend(points.into_iter().filter(|(time, _)| !known.contains(time)));
        }
        Ok((stored, answered))
    }

    /// Looks until it has its points, ends it, and looks into its files; returns what came of both
    /// and the most points that the query port gave.
    pub(super) fn settle(
        &mut self,
        bench: &Bench,
        expected: &Expected,
    ) -> Result<(Outcome, usize)> {
        let (end, mut most) = (Instant::now() + PATIENCE, 0);
        let live = loop {
            let (stored, answered) = self.live(bench, expected)?;
            most = most.max(answered);
            let live = compare(expected, &stored, exact);
            if live.is_same() || Instant::now() > end {
                break live;
            }
            thread::sleep(Duration::from_millis(200));
        };
        self.stop()?;
        Ok((live.and(compare(expected, &self.files(bench, expected)?, exact)), most))
    }
}

/// Returns the rules of aggregation that carbon comes with.
pub(super) fn stock_aggregation(bench: &Bench) -> Result<String> {
    let stock = Path::new("conf").join("storage-aggregation.conf.example");
    let python = bench.python()?;
    let folder = python.parent().and_then(Path::parent).ok_or("carbon is not installed")?;
    read(&folder.join(stock))
}

/// Returns the call of one of carbon's daemons, in the foreground, with `carbon.conf` in `folder`.
pub(super) fn daemon(python: &Path, script: &str, folder: &Path) -> Command {
    let mut command = Command::new(python);
    let script = python.with_file_name(script);
    command.arg(script).arg("--nodaemon").current_dir(folder);
    command.arg(format!("--config={}", folder.join("carbon.conf").display()));
    command.env("GRAPHITE_ROOT", folder).env("GRAPHITE_CONF_DIR", folder);
    command
}

/// carbon-cache itself: read back by its query port, and after its end from the whisper files.
pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let name = "carbon-cache 1.1.10";
    bench.rows(name, bench.ways(&PROTOCOLS, false), bench.python().map(drop), |way, folder| {
        let mut cache = Cache::start(bench, folder, "a")?;
        let load = Load::new(bench.points, bench.each_task(), Names::All)?;
        let expected = way.send(cache.address(way.protocol), load)?;
        let (mut outcome, answered) = cache.settle(bench, &expected)?;
        if answered == 0 {
            outcome.fail("the query port gave nothing".to_owned());
        }
        Ok(outcome)
    })
}
