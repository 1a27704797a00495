//! Reports by a time of day that is set back: no interval is reported twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::MadeUp;
use crate::client::{Client, Reporter};
use crate::config::Config;
use crate::instant::Instant;

/// Counts one each second of these times of day, and reports every ten; returns what a store that
/// keeps one value for an interval has at the end.
fn kept(days: impl IntoIterator<Item = u64>) -> (u64, BTreeMap<i128, u64>) {
    let runtime = MadeUp::default();
    let client = Client::without_driver(runtime.clone(), Config::default(), None);
    let (store, count) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(0)));
    let (mut counted, mut reporter) = (0, None);
    for day in days {
        *runtime.0.day.lock().unwrap() = day;
        let (store, count) = (store.clone(), count.clone());
        let due = count.clone();
        reporter.get_or_insert_with(|| {
            let every = Reporter::every(client.clone(), Duration::from_secs(10), move |_, at| {
                let due = std::mem::take(&mut *due.lock().unwrap());
                store.lock().unwrap().insert(at.seconds(), due);
            });
            every.unwrap()
        });
        counted += 1;
        runtime.set(Instant::START + Duration::from_secs(1_000_000 * counted));
        runtime.run();
        *count.lock().unwrap() += 1;
    }
    drop(reporter);
    runtime.end();
    let store = store.lock().unwrap().clone();
    (counted, store)
}

#[test]
fn each_count_is_in_the_store_whatever_the_time_of_day_does() {
    for (scene, first, then) in [
        ("it goes on", 1000..1050, 1050..1100),
        ("back within an interval", 1000..1052, 1047..1100),
        ("back by more than an interval", 1000..1055, 1030..1100),
        ("back, and the end", 1000..1052, 1047..1049),
        ("back by more, and the end", 1000..1055, 1020..1022),
        ("a leap", 1000..1052, 9000..9021),
        ("back by far, where nothing was reported", 5000..5052, 1000..1100),
    ] {
        let (counted, store) = kept(first.chain(then));
        assert_eq!(store.values().sum::<u64>(), counted, "{scene}: {store:?}");
        assert!(store.keys().all(|at| at % 10 == 0), "{scene}: {store:?}");
    }
}
