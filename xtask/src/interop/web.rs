//! graphite-web in front of a carbon-cache: what a person or a dashboard asks, asked over HTTP.
//!
//! carbon tells it of tagged series by itself, and is asked by it for points that are not yet
//! written. Not here: carbon's own files, which the rows of carbon-cache read, and pictures.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use graphite_client_tokio::encoder::tagged;
use graphite_proto::Metric;

use super::carbon::{Cache, PLAIN, Settings};
use super::compare::{Outcome, compare, exact};
use super::host::Host;
use super::points::{Expected, Load, Names, PARTS, SCHEMES, now};
use super::process::{Process, wait};
use super::stores::read_until;
use super::{Bench, PROTOCOLS, Row, helper, install};
use crate::Result;

/// carbon writes quickly what is ten minutes old, and keeps to itself for ten minutes what is new.
const WRITING: &str = "CACHE_WRITE_STRATEGY = timesorted\nMIN_TIMESTAMP_LAG = 600\n\
    MAX_UPDATES_PER_SECOND = 1000\n";

/// How many names a row tells of that are missing or too many.
const SHOWN: usize = 3;

/// Names of series, without their points.
type Series = BTreeSet<String>;

/// A carbon-cache and its graphite-web; both end with this value at the latest.
pub(super) struct Graphite {
    pub(super) cache: Cache,
    pub(super) url: String,
    _web: Process,
    _host: Host,
}

impl Graphite {
    /// Starts both; `settings` are lines for carbon. It waits until questions are answered.
    pub(super) fn start(bench: &Bench, folder: &Path, settings: &str) -> Result<Self> {
        let host = Host::new()?;
        let address = host.port()?;
        let url = format!("http://{address}");
        let own = format!("ENABLE_TAGS = True\nGRAPHITE_URL = {url}\n{settings}");
        let cache = Cache::start_with(bench, folder, "a", &Settings { own: &own, ..PLAIN })?;
        let folder = folder.join("graphite-web");
        std::fs::create_dir_all(&folder)?;
        let query = format!("{}:{}", cache.query, cache.instance);
        let settings = web_settings(&folder, &cache.whisper(), &query);
        std::fs::write(folder.join("web_settings.py"), settings)?;
        let mut command = Command::new(bench.python()?);
        command.arg(helper("web.py")).arg(address.ip().to_string());
        command.arg(address.port().to_string()).current_dir(&folder);
        command.env("PYTHONPATH", &folder).env("DJANGO_SETTINGS_MODULE", "graphite.settings");
        command.env("GRAPHITE_SETTINGS_MODULE", "web_settings");
        let _web = Process::start(command, &folder.join("log"), &[address])?;
        let graphite = Self { cache, url, _web, _host: host };
        // The first answer is slow: carbon would not wait for it.
        graphite.series(bench, "tagged")?;
        Ok(graphite)
    }

    /// Asks for the names of series: those in the tree by `find`, the others by `tagged`.
    fn series(&self, bench: &Bench, which: &str) -> Result<Series> {
        let text = bench.helper(&[which, &self.url], String::new())?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Waits until a load is written, and until it is told of the tagged series.
    fn written(&self, bench: &Bench, expected: &Expected) -> Result {
        wait("carbon has written everything", || {
            Ok(compare(expected, &self.cache.files(bench, expected)?, exact).is_same())
        })?;
        let (_, tagged) = by_kind(expected);
        wait("graphite-web knows the tagged series", || {
            Ok(self.series(bench, "tagged")?.len() >= tagged.series.len())
        })
    }

    /// Looks at the names: exactly those that were sent must be there.
    fn names(&self, bench: &Bench, expected: &Expected, outcome: &mut Outcome) -> Result {
        let (plain, tagged) = by_kind(expected);
        for (which, wanted) in [("find", plain), ("tagged", tagged)] {
            let found = self.series(bench, which)?;
            for what in differences(&wanted.series.into_keys().collect(), &found) {
                outcome.fail(format!("{which}: {what}"));
            }
        }
        Ok(())
    }

    /// Asks for the points of every series by its path or by its tags, until they are all there.
    fn points(&self, bench: &Bench, how: &str, expected: &Expected) -> Result<Outcome> {
        let begin = expected.begin().to_string();
        let names = expected.names();
        read_until(expected, exact, || bench.helper(&[how, &self.url, &begin], names.clone()))
    }
}

/// Points that are written, then one more of every series that carbon keeps to itself: names by the
/// tree and by tags, and the points by path and by tags.
pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let name = "graphite-web 1.1.10";
    let ready = bench.python().and_then(|python| install::web(&python));
    bench.rows(name, bench.ways(&PROTOCOLS, true), ready, |way, folder| {
        let graphite = Graphite::start(bench, folder, WRITING)?;
        let address = graphite.cache.address(way.protocol);
        let mut load = Load::new(bench.points, bench.each_task(), Names::All)?.timed();
        load.singles.extend(tagged_points(now() - 1000)?);
        let mut expected = way.send(address, load)?;
        graphite.written(bench, &expected)?;

        let fresh = way.send(address, one_more(&expected))?;
        for (name, points) in fresh.series {
            expected.series.entry(name).or_default().extend(points);
        }
        let mut outcome = graphite.points(bench, "render", &expected)?;
        let tags = graphite.points(bench, "bytag", &by_kind(&expected).1)?;
        outcome.wrong += tags.wrong;
        outcome.notes.extend(tags.notes);
        graphite.names(bench, &expected, &mut outcome)?;
        // So it had them from there.
        let kept = graphite.cache.cached(bench, &expected)?;
        match kept.values().map(Vec::len).sum() {
            0 => outcome.fail("carbon had written everything".to_owned()),
            count => outcome.note(format!("by tags {}, not yet written {count}", tags.sent)),
        }
        Ok(outcome)
    })
}

/// The settings of graphite-web, in Python.
fn web_settings(folder: &Path, whisper: &Path, query: &str) -> String {
    // Debug's escapes of a path are Python's, too.
    let database = folder.join("graphite.db");
    format!(
        "SECRET_KEY = 'of a test'\nTIME_ZONE = 'UTC'\nALLOWED_HOSTS = ['*']\n\
         STORAGE_DIR = LOG_DIR = {folder:?}\nLOG_ROTATION = False\nSTANDARD_DIRS = [{whisper:?}]\n\
         CARBONLINK_HOSTS = [{query:?}]\nCARBONLINK_TIMEOUT = 60\n\
         DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3',\n    \
         'NAME': {database:?}, 'OPTIONS': {{'timeout': 60}}}}}}\n"
    )
}

/// Tagged series whose values are what the schemes make of any text.
fn tagged_points(timestamp: u64) -> Result<Vec<Metric<'static>>> {
    let mut points = Vec::new();
    for (title, scheme) in SCHEMES {
        for part in PARTS {
            let tags = [("scheme", title.into()), ("of", scheme.encode(part)?)];
            let name = tagged("interop.kinds", tags)?;
            points.push(Metric::new(name, points.len() as f64 / 8.0).at(timestamp));
        }
    }
    Ok(points)
}

/// One more point of every series, with a value that is as short as that of the longest line.
fn one_more(expected: &Expected) -> Load {
    let names = expected.series.keys().enumerate();
    let batch = names.map(|(index, name)| Metric::new(name.clone(), (index % 10) as f64 + 0.5));
    Load { singles: Vec::new(), batch: batch.collect(), tasks: Vec::new() }
}

/// Parts the series of the tree from the tagged ones.
fn by_kind(expected: &Expected) -> (Expected, Expected) {
    let all = expected.series.iter().map(|(name, points)| (name.clone(), points.clone()));
    let (tagged, plain) = all.partition(|(name, _)| name.contains(';'));
    (Expected { series: plain }, Expected { series: tagged })
}

/// Says which names are missing and which are too many, of each the first few.
fn differences(wanted: &Series, found: &Series) -> Vec<String> {
    let missing = wanted.difference(found).take(SHOWN).map(|name| format!("{name} is missing"));
    let more = found.difference(wanted).take(SHOWN).map(|name| format!("{name} was not sent"));
    missing.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_in_both_directions() {
        let series = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Series>();
        let wanted = series(&["a.b", "a.c"]);
        assert!(differences(&wanted, &wanted).is_empty());
        let found = differences(&wanted, &series(&["a.c", "a.d"]));
        assert_eq!(found, ["a.b is missing", "a.d was not sent"]);
    }

    #[test]
    fn every_series_gets_one_more_point() {
        let mut expected = Expected::default();
        for point in tagged_points(7).unwrap() {
            expected.push(point.path(), (7, 7), point.value().as_f64());
        }
        assert_eq!(expected.series.len(), SCHEMES.len() * PARTS.len(), "each has its own series");
        expected.push("plain", (7, 7), 1.0);
        let more = one_more(&expected).expected((9, 9));
        assert_eq!(more.count(), expected.series.len());
        assert!(expected.series.keys().all(|name| more.series.contains_key(name)));
    }

    #[test]
    fn tags_make_the_kind() {
        let mut expected = Expected::default();
        ["a.b", "a;b=c", "b"].iter().for_each(|name| expected.push(name, (7, 7), 1.0));
        let (plain, tagged) = by_kind(&expected);
        assert_eq!((plain.series.len(), tagged.names()), (2, "a;b=c\n".to_owned()));
    }

    #[test]
    fn settings_hold_any_path() {
        let settings = web_settings(Path::new("/a \"b\"/c"), Path::new("/w"), "127.0.0.9:7:a");
        for line in [
            "STORAGE_DIR = LOG_DIR = \"/a \\\"b\\\"/c\"\n",
            "STANDARD_DIRS = [\"/w\"]\n",
            "CARBONLINK_HOSTS = [\"127.0.0.9:7:a\"]\n",
            "'NAME': \"/a \\\"b\\\"/c/graphite.db\", ",
        ] {
            assert!(settings.contains(line), "{line} in {settings}");
        }
    }
}
