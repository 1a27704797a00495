//! Services told to end in the midst of their work: a carbon-cache then holds all they counted.
//!
//! They are examples of the adapters, and report each second, which is what the store
//! keeps. SIGTERM meets them in mid-interval, and those that answer requests with some of them
//! unanswered: each one that a visitor was answered in full is in the store, and no other. Not here:
//! receivers that end ([`super::restart`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use graphite_client_tokio::encoder::Scheme;
use graphite_proto::Protocol;
use rustix::process::Signal;

use super::carbon::Cache;
use super::compare::{Outcome, Stored};
use super::host::Host;
use super::points::{Expected, now};
use super::process::{Process, wait};
use super::visitors::{Answers, Visits};
use super::{Bench, Row, Way};
use crate::Result;
use crate::choice::Runtime;
use crate::command::quiet;
use crate::workspace::{cargo, read, target};

/// How many whole intervals a service is given at least.
const INTERVALS: u64 = 2;

/// A service: what it is called, how it sends what it counts, and what runs it.
struct Service {
    example: &'static str,
    runtime: Runtime,
    counting: Counting,
    run: fn(&mut Start<'_>) -> Result<Counts>,
}

const SERVICES: [Service; 4] = [
    Service::on_tokio("reporter_tokio", Counting::Totals, reporter),
    Service {
        runtime: Runtime::AsyncStd,
        ..Service::on_tokio("reporter_async_std", Counting::Totals, reporter)
    },
    Service::on_tokio("service_axum", Counting::Totals, recorded),
    Service::on_tokio("service_every", Counting::Increases, own_figures),
];

impl Service {
    const fn on_tokio(
        example: &'static str,
        counting: Counting,
        run: fn(&mut Start<'_>) -> Result<Counts>,
    ) -> Self {
        Self { example, runtime: Runtime::Tokio, counting, run }
    }
}

/// What the values of a series are, and so what of them is what was counted.
#[derive(Clone, Copy)]
enum Counting {
    /// Since the start of the process: the greatest.
    Totals,
    /// Since the last report: their sum.
    Increases,
}

/// What a service counted, by the series it must be in.
type Counts = BTreeMap<String, u64>;

/// A service that is to be run once.
struct Start<'s> {
    program: &'s Path,
    graphite: SocketAddr,
    log: &'s Path,
    /// The second in which it was told to end.
    told: u64,
    /// How many requests were answered after that, of a service that answers any.
    answered_late: Option<u64>,
}

/// One life of a service, from a second to another, both its own.
struct Life {
    seconds: std::ops::RangeInclusive<u64>,
    told: u64,
    answered_late: Option<u64>,
    counts: Counts,
}

pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let lives = if bench.short { 1 } else { 5 };
    let row = |service: &Service| {
        let way = Way { protocol: Protocol::Plaintext, runtime: service.runtime };
        let name = format!("service, {} x{lives}", service.example);
        bench.rows(&name, vec![way], bench.python().map(drop), |_, folder| {
            let mut cache = Cache::start(bench, folder, "a")?;
            let log = |life: u32| folder.join(format!("{life}.log"));
            let lives = (0..lives).map(|life| live(service, cache.line, &log(life)));
            let lives: Vec<Life> = lives.collect::<Result<_>>()?;
            cache.stop()?;
            let stored = cache.files(bench, &asked(&lives))?;
            let mut outcome = Outcome::default();
            lives.iter().for_each(|life| check(life, &stored, service.counting, &mut outcome));
            let late: Vec<u64> = lives.iter().filter_map(|life| life.answered_late).collect();
            if !late.is_empty() {
                outcome.note(format!("requests in flight at each SIGTERM: {late:?}"));
            }
            Ok(outcome)
        })
    };
    SERVICES.iter().flat_map(row).collect()
}

/// Runs a service until it has ended by SIGTERM, in seconds that no other one reports of.
fn live(service: &Service, graphite: SocketAddr, log: &Path) -> Result<Life> {
    let program = built(service.example)?;
    let begun = now();
    wait("the next second has begun", || Ok(now() > begun))?;
    let mut start = Start { program: &program, graphite, log, told: 0, answered_late: None };
    let counts = (service.run)(&mut start)?;
    let Start { told, answered_late, .. } = start;
    Ok(Life { seconds: begun + 1..=now(), told, answered_late, counts })
}

/// Builds an example as the workspace's own build has it, and returns where it is.
fn built(example: &str) -> Result<PathBuf> {
    quiet(&mut cargo(["build", "--quiet", "--example", example]))?;
    Ok(target()?.join("debug").join("examples").join(example))
}

/// Waits until a service has seen some whole intervals and is amid another one.
fn amid_an_interval(begun: u64, mut so: impl FnMut() -> Result<bool>) -> Result {
    wait("a service is amid an interval", || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let amid = (300..700).contains(&now.subsec_millis());
        Ok(so()? && amid && now.as_secs() > begun + INTERVALS)
    })
}

impl Start<'_> {
    fn start(&self, listens: &[SocketAddr]) -> Result<Process> {
        let mut command = Command::new(self.program);
        command.arg(self.graphite.to_string());
        command.args(listens.iter().map(SocketAddr::to_string)).arg("1");
        Process::start(command, self.log, listens)
    }

    /// Tells a service to end and waits until it has, by its own will.
    fn end(&mut self, mut process: Process) -> Result {
        self.told = now();
        process.signal(Signal::TERM)?;
        let status = process.ended()?;
        if status.success() { Ok(()) } else { Err(process.broken(&format!("ended with {status}"))) }
    }

    /// Runs a service that is visited until it has ended; returns what its visitors were answered.
    fn visited(&mut self) -> Result<Answers> {
        let host = Host::new()?;
        let address = host.port()?;
        let process = self.start(&[address])?;
        let (begun, visits) = (now(), Visits::default());
        let answers = thread::scope(|scope| {
            let visitors = scope.spawn(|| visits.run(address));
            let ended = amid_an_interval(begun, || match visitors.is_finished() {
                true => Err("the visitors gave up".into()),
                false => Ok(visits.answered() > 0),
            });
            visits.tell();
            // Without the service the visitors end.
            let ended = ended.and_then(|()| self.end(process));
            let answers = visitors.join().map_err(|_| "the visiting panicked")?;
            match (ended, answers) {
                (Err(ended), Err(visitors)) => Err(format!("{ended}; visitors: {visitors}").into()),
                (ended, answers) => ended.and(Ok(answers?)),
            }
        });
        self.answered_late = Some(visits.answered_late());
        answers
    }
}

/// Counts by itself, and says how much when it has ended.
fn reporter(start: &mut Start<'_>) -> Result<Counts> {
    let process = start.start(&[])?;
    amid_an_interval(now(), || Ok(true))?;
    start.end(process)?;
    let log = read(start.log)?;
    let counted = log.lines().find_map(|line| line.strip_prefix("reported ")?.split(' ').next());
    let counted = counted.ok_or("the service does not say how much it counted")?.parse()?;
    Ok(Counts::from([("shop.web01.requests.count".to_owned(), counted)]))
}

/// Counts by the recorder, which makes tags safe.
fn recorded(start: &mut Start<'_>) -> Result<Counts> {
    Ok(counts(&start.visited()?, "shop", |route| {
        Scheme::Portable.encode(route).map_or_else(|error| error.to_string(), Into::into)
    }))
}

/// Keeps figures of its own, with tags as they are.
fn own_figures(start: &mut Start<'_>) -> Result<Counts> {
    Ok(counts(&start.visited()?, "till", str::to_owned))
}

/// Returns what must be counted of these answers: each as a request and as a latency.
fn counts(answers: &Answers, prefix: &str, tag: impl Fn(&str) -> String) -> Counts {
    let mut counts = Counts::new();
    for (&(route, code), answered) in answers {
        let (service, route) = (format!("{prefix}.web01.http"), tag(route));
        let requests = format!("{service}.requests.count;code={code};route={route}");
        let latencies = format!("{service}.latency.seconds.count;route={route}");
        for series in [requests, latencies] {
            *counts.entry(series).or_default() += answered;
        }
    }
    counts
}

/// Returns the series to be read, from the first second on.
fn asked(lives: &[Life]) -> Expected {
    let mut asked = Expected::default();
    for life in lives {
        let begin = *life.seconds.start();
        life.counts.keys().for_each(|name| asked.push(name, (begin, begin), 0.0));
    }
    asked
}

/// Compares what a service counted in one life with what the store holds of its seconds.
fn check(life: &Life, stored: &Stored, counting: Counting, outcome: &mut Outcome) {
    let mut last = 0;
    for (name, &counted) in &life.counts {
        let points = stored.get(name).map_or(&[][..], Vec::as_slice).iter();
        let own: Vec<_> = points.filter(|(time, _)| life.seconds.contains(time)).collect();
        let values = own.iter().map(|(_, value)| *value);
        let total = match counting {
            Counting::Totals => values.fold(0.0, f64::max),
            Counting::Increases => values.sum(),
        };
        outcome.sent += counted;
        outcome.stored += total as u64;
        if total != counted as f64 {
            outcome.fail(format!("{name}: {counted} counted, {total} stored"));
        }
        if (own.len() as u64) < INTERVALS {
            outcome.fail(format!("{name}: only {} reports", own.len()));
        }
        last = own.iter().map(|(time, _)| *time).fold(last, u64::max);
    }
    // Else the row would have shown nothing.
    if life.answered_late == Some(0) {
        outcome.fail("no request was in flight".to_owned());
    }
    if last < life.told {
        outcome.fail(format!("the last report is of {last}, SIGTERM came in {}", life.told));
    }
}
