//! Reports every ten seconds until Ctrl-C: `cargo run -p graphite-client-tokio --example reporter_tokio HOST`

#![allow(clippy::print_stderr, reason = "an example has no log")]

use std::time::{Duration, Instant};

use graphite_client_tokio::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());

    // Starts without Graphite too; what happens is told.
    let builder = Client::builder().on_event(|event| eprintln!("graphite: {event}"));
    let client = builder.connect_lazy(graphite)?;
    let started = Instant::now();
    let mut every = tokio::time::interval(Duration::from_secs(10));
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        // Never waits: an outage makes no gap, as long as the queue has room.
        if let Err(error) = client.try_feed(("servers.web01.uptime", started.elapsed().as_secs())) {
            eprintln!("graphite: {error}");
        }
    }
    client.close().await?;
    Ok(())
}
