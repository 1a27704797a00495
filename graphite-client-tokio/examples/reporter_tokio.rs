//! Reports every ten seconds until SIGTERM or Ctrl-C: `cargo run -p graphite-client-tokio --example reporter_tokio HOST`

#![allow(clippy::print_stderr, reason = "an example has no log")]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use graphite_client_tokio::{Client, Reporter};
use tokio::signal::unix::{SignalKind, signal};

/// Since the start: a report that is lost then changes nothing.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Stands for what the service does.
async fn serve() {
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        REQUESTS.fetch_add(1, Relaxed);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());
    let seconds = std::env::args().nth(2).map_or(Ok(10), |seconds| seconds.parse())?;

    let mut terminate = signal(SignalKind::terminate())?;
    // Starts without Graphite too; what happens is told.
    let builder = Client::builder().on_event(|event| eprintln!("graphite: {event}"));
    let client = builder.connect_lazy(graphite)?;
    let started = Instant::now();
    let reporter = Reporter::every(client, Duration::from_secs(seconds), move |report, _| {
        report.push(("shop.web01.requests.count", REQUESTS.load(Relaxed)));
        report.push(("shop.web01.uptime", started.elapsed().as_secs()));
    })?;
    tokio::select! {
        () = serve() => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // With the interval that goes on; nothing may be counted after it.
    reporter.close().await?;
    eprintln!("reported {} requests", REQUESTS.load(Relaxed));
    Ok(())
}
