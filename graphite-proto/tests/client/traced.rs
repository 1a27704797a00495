//! What `tracing` is told of a client: what happens to its connection, and never anything a point.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use crate::client::{Client, Level, Overflow, Protocol};
use crate::rt::block_on;
use crate::suite::receiver::{Graphite, until};
use crate::suite::{names, numbered, quick};

/// Collects lines as a log would have them; the process has one for all its tests.
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

impl Lines {
    fn collect() -> &'static Self {
        static LINES: OnceLock<Lines> = OnceLock::new();
        LINES.get_or_init(|| {
            let lines = Self::default();
            let writer = lines.clone();
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .without_time()
                .with_writer(move || writer.clone())
                .init();
            lines
        })
    }

    /// Returns those of the client that sends there.
    fn of(&self, graphite: &Graphite, protocol: Protocol) -> Vec<String> {
        let span = format!("graphite{{address={} protocol={protocol}}}: ", graphite.address());
        let lines = self.0.lock().expect("lines");
        let lines = String::from_utf8_lossy(&lines).into_owned();
        let own = lines.lines().filter_map(|line| {
            let (level, rest) = line.trim_start().split_once(' ')?;
            Some(format!("{level} {}", rest.strip_prefix(&span)?))
        });
        own.collect()
    }
}

#[test]
fn an_outage_is_told_by_events_of_the_clients_span() {
    block_on(async {
        let lines = Lines::collect();
        let mut graphite = Graphite::closed(Protocol::Pickle);
        let builder = quick().protocol(Protocol::Pickle).overflow(Overflow::DropOldest);
        let client = builder.queue_bytes(1000).connect_lazy(graphite.address()).unwrap();
        let address = client.address().unwrap();
        assert_eq!(address.to_string(), graphite.address().to_string());
        assert!(!client.is_connected());
        assert_eq!(client.last_failure(), None);
        for metric in numbered("x", 100) {
            client.feed(metric).await.unwrap();
        }
        let told = |what: &str| {
            lines.of(&graphite, Protocol::Pickle).into_iter().any(|line| line.contains(what))
        };
        until("giving up is told", || told("3 failures in a row")).await;
        assert_eq!(client.last_failure().unwrap().kind, io::ErrorKind::ConnectionRefused);
        graphite.listen();
        client.flush().await.unwrap();
        client.close().await.unwrap();
        let lines = lines.of(&graphite, Protocol::Pickle);
        let begin = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
        assert_eq!(
            begin("ERROR graphite: queue is full, dropping the oldest points"),
            1,
            "{lines:?}"
        );
        assert_eq!(begin("ERROR graphite: 3 failures in a row"), 1, "{lines:?}");
        assert_eq!(begin("INFO graphite: connected accepted=100 written=0"), 1, "{lines:?}");
        assert!(lines.iter().all(|line| line.contains(" dropped=")), "{lines:?}");
    });
}

#[test]
fn nothing_is_told_a_point() {
    block_on(async {
        let lines = Lines::collect();
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        assert!(client.is_connected());
        for metric in numbered("x", 1000) {
            client.send(metric).await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("x", 1000));
        let lines = lines.of(&graphite, Protocol::Plaintext);
        assert_eq!(lines[0], "INFO graphite: connected accepted=0 written=0 queued=0 dropped=0");
        let at_least_info = lines.iter().filter(|line| !line.starts_with("DEBUG"));
        assert_eq!(at_least_info.count(), 1, "{lines:?}");
        assert!(lines.len() <= 4, "{lines:?}");
        assert!(Level::Error < Level::Debug);
    });
}
