//! The recorder of the `metrics` facade: an application reports through it into real stores.
//!
//! The application is a process of its own. While it goes on to record, from eight tasks, its store
//! is ended and started again, and it ends in the middle of an interval itself. What it told that
//! it recorded is what the store must hold. carbon-cache runs by the rules that are shipped with
//! the recorder, and its files must be made by them.
//!
//! Not here: the recorder's own tests, which need no store.

mod application;
mod expect;
mod process;
mod series;
mod stores;
mod told;

use std::panic;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::Protocol;

pub(crate) use application::{Args as ApplicationArgs, run as application};
use expect::{check, expected};
use process::Application;
use series::{Counters, Form, Labels};
use stores::{Carbon, Store, Web};
use told::{End, Told};

use super::points::{Expected, now};
use super::process::{PATIENCE, wait};
use super::stores::{Influx, Victoria};
use super::{Bench, Outcome, PROTOCOLS, Row, Way, install};
use crate::{Result, sockets};

/// The rows of one store: its title, in which form it is reported to, by which protocols, what is
/// missing, and what starts it.
struct Kind {
    title: &'static str,
    form: Form,
    protocols: &'static [Protocol],
    ready: std::result::Result<(), String>,
    start: Start,
}

type Start = fn(&Bench, Way, &Path, Form) -> Result<Box<dyn Store>>;

/// Stores by lines alone.
const LINES: [Protocol; 1] = [Protocol::Plaintext];

pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let kinds = kinds(bench);
    if !bench.short {
        return kinds.iter().flat_map(|kind| kind.rows(bench)).collect();
    }
    // All at the same time: they wait for intervals to end most of it.
    thread::scope(|scope| {
        let made: Vec<_> = kinds.iter().map(|kind| scope.spawn(move || kind.rows(bench))).collect();
        made.into_iter()
            .flat_map(|made| made.join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
            .collect()
    })
}

fn kinds(bench: &Bench) -> Vec<Kind> {
    let python = || bench.python().map(drop);
    let carbon = |title, labels, counters| Kind {
        title,
        form: Form { labels, counters },
        protocols: &PROTOCOLS,
        ready: python(),
        start: |bench, way, folder, form| {
            Ok(Box::new(Carbon::start(bench, way, folder, form.counters)?))
        },
    };
    let web = |title, counters, [package, program]: [&str; 2], start| Kind {
        title,
        form: Form { labels: Labels::Tags, counters },
        protocols: &LINES,
        ready: install::debian(package, program).and_then(|_| python()),
        start,
    };
    let victoria: Start = |_, _, folder, _| Ok(Box::new(Web::start(Victoria::new(folder)?)?));
    let influx: Start = |_, _, folder, _| Ok(Box::new(Web::start(Influx::new(folder)?)?));
    let (total, increases) = (Counters::Total, Counters::PerInterval);
    let mut kinds = vec![
        carbon("recorder, carbon-cache, tags", Labels::Tags, total),
        carbon("recorder, carbon-cache, paths", Labels::Path, increases),
        web("recorder, VictoriaMetrics", increases, ["victoria-metrics"; 2], victoria),
        web("recorder, InfluxDB", total, ["influxdb", "influxd"], influx),
    ];
    if !bench.short {
        kinds.push(carbon("recorder, carbon-cache, key paths", Labels::KeyedPath, total));
        kinds.push(carbon("recorder, carbon-cache, increases", Labels::Tags, increases));
    }
    kinds
}

impl Kind {
    fn rows(&self, bench: &Bench) -> Vec<Row> {
        // Both runtimes in the short form, too.
        let ways = bench.ways(self.protocols, self.protocols.len() > 1);
        bench.rows(self.title, ways, self.ready.clone(), |way, folder| {
            let mut store = (self.start)(bench, way, folder, self.form)?;
            observe(bench, way, folder, self.form, &mut *store)
        })
    }
}

/// Runs an application, and compares what the store holds with what it told.
fn observe(
    bench: &Bench,
    way: Way,
    folder: &Path,
    form: Form,
    store: &mut dyn Store,
) -> Result<Outcome> {
    let begun = now();
    let log = folder.join("application.log");
    let mut application = Application::start(way, store.address(), form, &log)?;
    application.reports(2)?;
    // Bursts come one by one.
    store.restart(bench, &names(&Told::default(), &End::nothing(), form, begun))?;
    wait("the application is connected again", || sockets::connected_to(store.address()))?;
    application.reports(1)?;
    let end = application.end()?;
    let told = &application.told;
    let rules = expected(told, &end, form);
    let names = names(told, &end, form, begun);
    let until = Instant::now() + PATIENCE;
    while !check(&rules, &end, &store.read(bench, &names)?).is_same() && Instant::now() < until {
        thread::sleep(Duration::from_millis(200));
    }
    let mut outcome = store.finish(bench, &names, &|stored| check(&rules, &end, stored))?;
    met(&mut outcome, told, &end, store.is_killed());
    Ok(outcome)
}

/// Says what the row has met, without which it would have shown nothing.
fn met(outcome: &mut Outcome, told: &Told, end: &End, is_killed: bool) {
    let client = &end.client;
    let (reports, whole) = (told.bursts.len(), told.bursts.iter().filter(|&&whole| whole).count());
    if client.missed > 0 {
        outcome.fail(format!("{} reports were missed", client.missed));
    }
    if client.reconnects == 0 {
        outcome.fail("the store's end was not met".to_owned());
    }
    if is_killed && client.replayed == 0 {
        outcome.fail("nothing was lost with the store that was killed".to_owned());
    }
    if whole == 0 {
        outcome.fail(format!("each of {reports} bursts was divided by a report"));
    }
    outcome.note(format!(
        "{reports} reports and the last; quantiles of {whole} bursts; increments {}; \
         connections lost: {}, points sent again: {}",
        end.counters.iter().sum::<u64>(),
        client.reconnects,
        client.replayed
    ));
}

/// Returns the names of what was sent, for those who read a store by names.
fn names(told: &Told, end: &End, form: Form, begun: u64) -> Expected {
    let mut names = Expected::default();
    // The first interval began before the application did.
    let first = begun - 1;
    expected(told, end, form).keys().for_each(|name| names.push(name, (first, first), 0.0));
    names
}
