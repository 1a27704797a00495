//! Forwards a stream of points into the client's sink: `cargo run -p graphite-client-tokio --example stream_into_sink HOST`

#![allow(clippy::print_stderr, reason = "an example has no log")]

use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use graphite_client_tokio::{Client, Metric, SendError};

/// Stands for whatever makes points. It is held up when the sink is: the channel has few places.
async fn produce(mut points: mpsc::Sender<Metric<'static>>) -> Result<(), mpsc::SendError> {
    for done in 0..10_000 {
        // Of nothing the share is NaN, which cannot be sent.
        let share = f64::from(done / 7) / f64::from(done);
        points.send(Metric::new("jobs.import.failed.share", share)).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graphite = std::env::args().nth(1).unwrap_or_else(|| "localhost".to_owned());

    // An error ends a `forward`, and the points that wait for room are lost with it. So an outage of
    // up to an hour, with attempts that come each ten seconds in the end, is a wait and no error.
    let client = Client::builder()
        .max_attempts(360)
        .on_event(|event| eprintln!("graphite: {event}"))
        .connect_lazy(graphite)?;

    let (sender, mut points) = mpsc::channel(100);
    let producer = tokio::spawn(produce(sender));
    let mut sink = client.sink();
    // At the stream's end the sink is closed, which waits until everything is written.
    while let Err(error) = points.by_ref().map(Ok).forward(&mut sink).await {
        match error {
            // What cannot be sent is refused when it comes, so that it costs only itself.
            SendError::Metric(error) => eprintln!("graphite: {error}"),
            error => return Err(error.into()),
        }
    }
    producer.await??;
    // The client outlives its sinks. This waits until the receiver has read everything.
    client.close().await?;
    Ok(())
}
