//! Tasks with many points each: `cargo run --release -p graphite-client-tokio --example producer_tokio HOST`

#![allow(clippy::print_stderr, reason = "an example has no log")]

use graphite_client_tokio::{Client, FlushError, SendError};

/// One task's burst.
async fn produce(
    client: Client,
    task: u32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut feeder = client.feeder();
    for value in 0..100_000 {
        match feeder.feed((format!("jobs.task{task}.done"), value)).await {
            // Its neighbours are not to suffer from a point that cannot be sent.
            Err(SendError::Metric(error)) => eprintln!("{error}"),
            fed => fed?,
        }
    }
    // Without it the last of a burst may be late.
    while let Err(FlushError::Queued(error)) = feeder.flush().await {
        eprintln!("graphite: {error}");
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());

    let client = Client::connect(graphite).await?;
    let tasks: Vec<_> = (1..=8).map(|task| tokio::spawn(produce(client.clone(), task))).collect();
    for task in tasks {
        task.await??;
    }
    client.close().await?;
    Ok(())
}
