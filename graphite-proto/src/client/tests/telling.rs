//! Whom a log names that shows warnings alone, or that began after the client.
//!
//! Not here: what is told, which the tests of the clients show.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::Dispatch;
use tracing::dispatcher::with_default;

use crate::address::Address;
use crate::client::telling::Telling;
use crate::event::{Event, Failure};
use crate::protocol::Protocol;
use crate::stats::Stats;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lines").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log of warnings, and what it holds.
fn warnings() -> (Dispatch, Lines) {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    (Dispatch::new(log), lines)
}

fn lost() -> Event {
    Event::Lost(Failure::new(io::ErrorKind::Other, "cause"))
}

#[test]
fn a_warning_names_the_receiver_whenever_the_log_began() {
    for late in [false, true] {
        let (warnings, lines) = warnings();
        let nobody = Dispatch::none();
        let address = Address::try_from("graphite.example.com").unwrap();
        let telling = with_default(if late { &nobody } else { &warnings }, || {
            Telling::new(None, Some(&address), Protocol::Pickle)
        });
        with_default(&warnings, || telling.tell(&lost(), Stats::default));
        let line = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let begin = " WARN graphite{address=graphite.example.com protocol=pickle}: graphite: ";
        assert!(line.starts_with(begin), "{line:?}");
    }
}

#[test]
fn a_log_that_panics_keeps_nothing_from_the_function_of_the_user() {
    let panics = tracing_subscriber::fmt().with_writer(|| -> io::Sink { panic!("a log") }).finish();
    let told = Arc::new(Mutex::new(0));
    let telling = {
        let told = told.clone();
        let on_event = move |_: &Event| *told.lock().unwrap() += 1;
        Telling::new(Some(Box::new(on_event)), None, Protocol::Plaintext)
    };
    let panicked = with_default(&Dispatch::new(panics), || telling.tell(&lost(), Stats::default));
    assert!(panicked && *told.lock().unwrap() == 1);
}
