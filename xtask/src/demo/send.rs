//! The two clients at work: samples in, batches out, closed at the end.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use graphite_proto::{Address, Metric, Value};

use super::link::Link;
use super::machine::Sample;
use crate::choice::Runtime;

/// Somebody waits at the terminal: rather an early error than a patient one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Likewise for the delays between attempts, from the first to the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How many samples one batch may hold: those that piled up while there was no connection.
const BATCH_SAMPLES: usize = 1024;

/// A thread with a client in it.
#[derive(Debug)]
pub(super) struct Sending {
    samples: UnboundedSender<Arc<Sample>>,
    thread: JoinHandle<Option<String>>,
}

impl Sending {
    /// Starts a client; `connected` is told whether it has a connection, or why not.
    pub(super) fn start(
        link: Arc<Link>,
        to: Address,
        connected: mpsc::Sender<Result<(), String>>,
    ) -> Self {
        let (samples, queue) = unbounded();
        let thread = thread::spawn(move || match link.runtime {
            Runtime::Tokio => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(on_tokio(link, to, queue, connected)),
                    Err(error) => Some(format!("tokio does not start: {error}")),
                }
            }
            Runtime::AsyncStd => {
                async_std::task::block_on(on_async_std(link, to, queue, connected))
            }
        });
        Self { samples, thread }
    }

    /// Hands a sample to the client.
    pub(super) fn send(&self, sample: Arc<Sample>) {
        // A client that has ended says why when it is finished.
        drop(self.samples.unbounded_send(sample));
    }

    /// Ends the samples, upon which the client closes.
    pub(super) fn end(&self) {
        self.samples.close_channel();
    }

    /// Waits until the client has closed; returns what it did not deliver.
    pub(super) fn finish(self) -> Option<String> {
        self.end();
        self.thread.join().unwrap_or_else(|_| Some("its thread panicked".to_owned()))
    }
}

/// Both clients have the same calls, so the same text drives both.
macro_rules! drive {
    ($name:ident, $client:ident) => {
        async fn $name(
            link: Arc<Link>,
            to: Address,
            queue: UnboundedReceiver<Arc<Sample>>,
            connected: mpsc::Sender<Result<(), String>>,
        ) -> Option<String> {
            use $client::{BatchError, Client, Event, SendError};

            let watched = link.clone();
            let client = Client::builder()
                .protocol(link.protocol)
                .prefix(link.prefix())
                .connect_timeout(CONNECT_TIMEOUT)
                .backoff(BACKOFF.0, BACKOFF.1)
                .on_event(move |event| match event {
                    Event::Connected => watched.state().trouble = None,
                    Event::Lost(cause) | Event::GaveUp { cause, .. } => {
                        watched.state().trouble = Some(cause.to_string());
                    }
                    _ => {}
                });
            let client = match client.connect(to).await {
                Ok(client) => client,
                Err(error) => {
                    drop(connected.send(Err(crate::chain(&error))));
                    return None;
                }
            };
            drop(connected.send(Ok(())));

            let mut refused = 0;
            let mut queue = queue.ready_chunks(BATCH_SAMPLES);
            while let Some(samples) = queue.next().await {
                let batch = points(&samples);
                match client.send_multiple(&batch).await {
                    Ok(()) => link.sent(&batch),
                    Err(BatchError { queued, source, .. }) => {
                        link.sent(&batch[..queued]);
                        refused += batch.len() - queued;
                        // What is queued goes out with the next connection.
                        if !matches!(source, SendError::Queued(_)) {
                            link.state().trouble = Some(crate::chain(&source));
                        }
                    }
                }
            }
            match client.close().await {
                Err(error) => Some(crate::chain(&error)),
                Ok(()) if refused > 0 => Some(format!("{refused} points were not taken")),
                Ok(()) => None,
            }
        }
    };
}

drive!(on_tokio, graphite_client_tokio);
drive!(on_async_std, graphite_client_async_std);

/// Makes the points of some samples, under names without a prefix: the client adds its own.
fn points<'a>(samples: &'a [Arc<Sample>]) -> Vec<Metric<'a>> {
    let points = samples.iter().flat_map(|sample| {
        let point =
            |(name, value): &'a (String, Value)| Metric::new(name.as_str(), *value).at(sample.time);
        sample.figures.iter().map(point)
    });
    points.collect()
}
