//! The watchdog: what hangs becomes a failure with a name.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything that is waited for, and than a close with its flushes.
const LIMIT: Duration = Duration::from_secs(180);

/// The latest sign of life.
#[derive(Clone)]
pub(super) struct Watch {
    last: Arc<Mutex<(Instant, String)>>,
    /// What the signs of life are parts of.
    during: String,
}

impl Watch {
    /// Starts to watch, for as long as there is anything to watch.
    pub(super) fn start() -> Self {
        let last = Arc::new(Mutex::new((Instant::now(), "start".to_owned())));
        let watched = Arc::downgrade(&last);
        thread::spawn(move || {
            while let Some(last) = watched.upgrade() {
                let last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.0.elapsed() > LIMIT {
                    eprintln!("xtask chaos: {} hangs since {} s", last.1, LIMIT.as_secs());
                    // The receiver ends with the pipe to its standard input.
                    std::process::exit(1);
                }
                drop(last);
                thread::sleep(Duration::from_secs(1));
            }
        });
        Self { last, during: String::new() }
    }

    /// Says what all that begins from now on is a part of.
    pub(super) fn during(&self, what: &str) -> Self {
        Self { last: self.last.clone(), during: format!("{what}: ") }
    }

    /// Says that something new begins.
    pub(super) fn beat(&self, what: impl FnOnce() -> String) {
        let sign = (Instant::now(), format!("{}{}", self.during, what()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = sign;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_ends_with_what_it_watches() {
        let watch = Watch::start();
        let part = watch.during("a part");
        part.beat(|| "something".to_owned());
        let watched = Arc::downgrade(&watch.last);
        drop((watch, part));
        for _ in 0..500 {
            if watched.upgrade().is_none() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the watchdog holds what it watches");
    }
}
