//! carbon-cache: how it is set up, started, read and stopped.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use graphite_proto::Protocol;

use super::compare::{Outcome, Stored, compare, exact, parse};
use super::points::{Expected, Load, Names};
use super::process::{Process, address, free_ports};
use super::{Bench, PROTOCOLS, Row};
use crate::Result;

/// A carbon-cache, running or stopped.
pub(super) struct Cache {
    python: PathBuf,
    folder: PathBuf,
    pub(super) host: String,
    pub(super) instance: String,
    pub(super) line: u16,
    pub(super) pickle: u16,
    query: u16,
    process: Option<Process>,
}

impl Cache {
    /// Sets up a carbon-cache in a folder of its own, and starts it. It writes `updates` series a
    /// second, and as fast as it can when it is stopped.
    ///
    /// carbon 1.1.10 forgets what came in while its writer slept, if it is stopped just then; the
    /// writer sleeps only when it has nothing to write. A slow one always has.
    pub(super) fn start(bench: &Bench, folder: &Path, host: &str, instance: &str) -> Result<Self> {
        let [line, pickle, query] = free_ports()?;
        let folder = folder.join(format!("carbon-cache-{instance}"));
        std::fs::create_dir_all(&folder)?;
        let place = folder.display();
        let config = format!(
            "[cache]\nSTORAGE_DIR = {place}\nLOCAL_DATA_DIR = {place}/whisper\n\
             LOG_DIR = {place}\nPID_DIR = {place}\nCONF_DIR = {place}\n\
             LINE_RECEIVER_INTERFACE = {host}\nLINE_RECEIVER_PORT = {line}\n\
             PICKLE_RECEIVER_INTERFACE = {host}\nPICKLE_RECEIVER_PORT = {pickle}\n\
             CACHE_QUERY_INTERFACE = {host}\nCACHE_QUERY_PORT = {query}\n\
             MAX_UPDATES_PER_SECOND = 5\nMAX_UPDATES_PER_SECOND_ON_SHUTDOWN = 100000\n\
             MAX_CREATES_PER_MINUTE = inf\nMAX_CACHE_SIZE = inf\n\
             WHISPER_SPARSE_CREATE = True\nENABLE_TAGS = False\nENABLE_LOGROTATION = False\n\
             LOG_UPDATES = False\nLOG_CREATES = False\nLOG_CACHE_HITS = False\n\
             LOG_CACHE_QUEUE_SORTS = False\nCARBON_METRIC_INTERVAL = 0\n"
        );
        std::fs::write(folder.join("carbon.conf"), config)?;
        let schemas = "[all]\npattern = .*\nretentions = 1s:4h\n";
        std::fs::write(folder.join("storage-schemas.conf"), schemas)?;
        let python = bench.python()?;
        let (host, instance) = (host.to_owned(), instance.to_owned());
        let mut cache = Self { python, folder, host, instance, line, pickle, query, process: None };
        cache.restart()?;
        Ok(cache)
    }

    /// Starts it again, on the same ports and files.
    pub(super) fn restart(&mut self) -> Result {
        let mut command = daemon(&self.python, "carbon-cache.py", &self.folder);
        command.arg(format!("--instance={}", self.instance)).arg("start");
        let listens = [
            address(&self.host, self.line)?,
            address(&self.host, self.pickle)?,
            address(&self.host, self.query)?,
        ];
        self.process = Some(Process::start(command, &self.folder.join("log"), &listens)?);
        Ok(())
    }

    /// Asks it to write all it has and to end, and waits until it has.
    pub(super) fn stop(&mut self) -> Result {
        self.process.take().map_or(Ok(()), Process::terminate)
    }

    pub(super) fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().ok_or_else(|| "carbon-cache is stopped".into())
    }

    pub(super) fn port(&self, protocol: Protocol) -> u16 {
        match protocol {
            Protocol::Pickle => self.pickle,
            _ => self.line,
        }
    }

    /// Reads the whisper files.
    pub(super) fn files(&self, bench: &Bench, expected: &Expected) -> Result<Stored> {
        let data = self.folder.join("whisper");
        let data = data.display().to_string();
        parse(&bench.helper(&["whisper", &data, &expected.begin().to_string()], expected.names())?)
    }

    /// Reads the query port, and with it the files that are written already; returns also how
    /// many points the query port gave.
    pub(super) fn live(&self, bench: &Bench, expected: &Expected) -> Result<(Stored, usize)> {
        let query = self.query.to_string();
        let cached = parse(&bench.helper(&["cache", &self.host, &query], expected.names())?)?;
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
        let mut cache = Cache::start(bench, folder, "127.0.0.1", "a")?;
        let load = Load::new(bench.points, bench.each_task(), Names::All)?;
        let expected = way.send(address(&cache.host, cache.port(way.protocol))?, load)?;
        let (live, answered) = cache.live(bench, &expected)?;
        let live = compare(&expected, &live, exact);
        cache.stop()?;
        let files = compare(&expected, &cache.files(bench, &expected)?, exact);
        let mut outcome: Outcome = live.and(files);
        if answered == 0 {
            outcome.fail("the query port gave nothing".to_owned());
        }
        Ok(outcome)
    })
}
