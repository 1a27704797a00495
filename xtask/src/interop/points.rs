//! What is sent in every row, and what the store must then hold.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use graphite_client_tokio::encoder::{Scheme, tagged};
use graphite_proto::{MAX_LINE_BYTES, Metric, Value};

use crate::Result;

pub(super) const SCHEMES: [(&str, Scheme); 4] = [
    ("idna", Scheme::Idna),
    ("punycode", Scheme::Punycode),
    ("percent", Scheme::Percent),
    ("portable", Scheme::Portable),
];

/// Texts that a tree cannot hold as they are.
pub(super) const PARTS: [&str; 9] =
    ["Bücher", "Straße 7", "汉 字", "www.example.com", "a*b?", "cpu_user", "eth_0", "👩‍💻", "50 %"];

/// How many tasks share a client.
const TASKS: usize = 16;

/// How long before now the first timestamp is, in seconds. Stores keep more than that.
const AGO: u64 = 3000;

/// Which names a receiver keeps.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Names {
    All,
    /// Only letters, digits, `_`, `-`, `:` and `#`, and whatever follows the first `;`.
    Portable,
}

/// The points of a row, by the way they are sent.
#[derive(Clone)]
pub(super) struct Load {
    /// Awaited one by one.
    pub(super) singles: Vec<Metric<'static>>,
    /// In one call.
    pub(super) batch: Vec<Metric<'static>>,
    /// Each by a task of its own, all with the same client.
    pub(super) tasks: Vec<Vec<Metric<'static>>>,
}

impl Load {
    /// Makes the points, `points` of them in the batch; none of them comes twice.
    pub(super) fn new(points: usize, each_task: usize, names: Names) -> Result<Self> {
        let base = now() - AGO;
        let mut singles = Vec::new();
        for (index, value) in values().into_iter().enumerate() {
            singles.push(Metric::new(format!("interop.value.v{index:02}"), value).at(base));
        }
        for (index, name) in odd_names(names)?.into_iter().enumerate() {
            singles.push(Metric::new(name, index as f64 / 4.0).at(base + index as u64));
        }
        singles.push(longest(base));
        for index in 0..10 {
            singles.push(Metric::new(format!("interop.now.single{index}"), index * 7));
        }
        // Short series in many, so that none reaches beyond what stores keep.
        let series = (points / 2000).max(100);
        let mut batch: Vec<_> = (0..points)
            .map(|index| {
                let name = format!("interop.batch.s{:03}", index % series);
                Metric::new(name, value(index)).at(base + (index / series) as u64)
            })
            .collect();
        for index in 0..10 {
            batch.push(Metric::new(format!("interop.now.batch{index}"), f64::from(index) + 0.5));
        }
        let tasks = (0..TASKS).map(|task| {
            let path = format!("interop.task.t{task:02}");
            let point = |index| Metric::new(path.clone(), value(index)).at(base + index as u64);
            (0..each_task).map(point).collect()
        });
        Ok(Self { singles, batch, tasks: tasks.collect() })
    }

    /// Returns the points that bring their time.
    pub(super) fn timed(&self) -> Self {
        let mut timed = self.clone();
        for points in [&mut timed.singles, &mut timed.batch] {
            points.retain(|point| point.timestamp().is_some());
        }
        timed
    }

    /// Returns every point.
    pub(super) fn points(&self) -> impl Iterator<Item = &Metric<'static>> {
        self.singles.iter().chain(&self.batch).chain(self.tasks.iter().flatten())
    }

    /// Returns what a store must hold; `sent` is when the sending began and ended.
    pub(super) fn expected(&self, sent: (u64, u64)) -> Expected {
        let mut expected = Expected::default();
        for point in self.points() {
            let when = match point.timestamp() {
                Some(timestamp) => {
                    let seconds = u64::try_from(timestamp.seconds()).unwrap_or_default();
                    (seconds, seconds)
                }
                None => sent,
            };
            expected.push(point.path(), when, point.value().as_f64());
        }
        expected
    }
}

/// A series: each of its points with the bounds of its timestamp, and the value.
pub(super) type Wanted = Vec<((u64, u64), f64)>;

/// What a store must hold: for each name its points, each with the bounds of its timestamp.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) series: HashMap<String, Wanted>,
}

impl Expected {
    pub(super) fn push(&mut self, name: &str, when: (u64, u64), value: f64) {
        match self.series.get_mut(name) {
            Some(points) => points.push((when, value)),
            None => drop(self.series.insert(name.to_owned(), vec![(when, value)])),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.series.values().map(Vec::len).sum()
    }

    /// Returns the names, one a line, as the helper reads them.
    pub(super) fn names(&self) -> String {
        self.series.keys().map(|name| format!("{name}\n")).collect()
    }

    /// Returns the earliest timestamp.
    pub(super) fn begin(&self) -> u64 {
        let times = self.series.values().flatten().map(|((from, _), _)| *from);
        times.min().unwrap_or_default()
    }
}

/// The seconds since the epoch.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Integers and floats in turn.
pub(super) fn value(index: usize) -> Value {
    if index.is_multiple_of(3) {
        Value::from(index as u64)
    } else {
        Value::from(index as f64 * 0.37)
    }
}

/// Values at the edges of their types and of their shortest texts.
pub(super) fn values() -> Vec<Value> {
    let signed = [0, -1, 1, 42, i64::from(i32::MAX), i64::from(i32::MAX) + 1, i64::from(i32::MIN)];
    let edge = 1_i64 << 53;
    let large = [i64::from(i32::MIN) - 1, edge, edge + 1, -edge - 1, i64::MAX, i64::MIN];
    let floats = [
        0.1,
        -0.1,
        1.0 / 3.0,
        1.0,
        2.5e-7,
        0.0001,
        9.99e-5,
        -2.25e-5,
        1e-5,
        9e-6,
        -1e-9,
        1.5e-10,
        1e15,
        1e16,
        1e21,
        1e22,
        1e23,
        123_456_789.123_456_79,
        0.30000000000000004,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::EPSILON,
    ];
    let mut values: Vec<Value> = signed.into_iter().chain(large).map(Value::from).collect();
    values.extend([Value::from(u64::MAX), Value::from(u32::MAX), Value::from(0.1_f32)]);
    values.extend(floats.map(Value::from));
    values
}

/// Names by every scheme that the receiver keeps, and tagged series.
fn odd_names(names: Names) -> Result<Vec<String>> {
    let mut made = Vec::new();
    for (title, scheme) in SCHEMES {
        if names == Names::All || scheme == Scheme::Portable {
            for part in PARTS {
                made.push(scheme.join(["interop", "name", title, part])?);
            }
        }
    }
    made.push(tagged("interop.tagged", [("server", "web01"), ("device", "sda1")])?);
    made.push(tagged("interop.tagged", [("server", "web02"), ("device", "sda.2=x")])?);
    Ok(made)
}

/// A point whose line is exactly as long as carbon reads. Its name is a tagged series: whisper
/// names the file of such a one by a hash, and no file system takes a name of that length.
fn longest(timestamp: u64) -> Metric<'static> {
    let (path, value) = ("interop.longest;pad=", 0.5);
    let rest = format!(" {value} {timestamp}");
    let name = format!("{path}{}", "x".repeat(MAX_LINE_BYTES - path.len() - rest.len()));
    Metric::new(name, value).at(timestamp)
}
