//! Feeding a receiver with either client: a load, or points without end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use graphite_client_tokio::TlsConfig;
use graphite_proto::{Metric, Protocol, Stats};

use super::points::{Load, value};
use crate::choice::Runtime;

/// Points that stream until they are stopped: point `n` is the `n / series`-th of series
/// `n % series`, so that each is known by its number.
pub(super) struct Streaming {
    pub(super) tls: Option<TlsConfig>,
    pub(super) base: u64,
    pub(super) series: u64,
    /// How many points go out every 10 ms.
    pub(super) pace: u64,
    pub(super) stop: AtomicBool,
    /// There may be no receiver any more.
    pub(super) failed: AtomicBool,
    pub(super) accepted: AtomicU64,
}

impl Streaming {
    pub(super) fn point(&self, number: u64) -> Metric<'static> {
        let path = format!("interop.stream.s{:03}", number % self.series);
        Metric::new(path, value(number as usize)).at(self.base + number / self.series)
    }
}

/// Sends a load and closes the client; returns when the receiver has read everything.
pub(super) fn load(
    runtime: Runtime,
    protocol: Protocol,
    address: SocketAddr,
    load: Load,
) -> Result<Load, String> {
    let load = Arc::new(load);
    match runtime {
        Runtime::Tokio => on_tokio::load(protocol, address, load.clone()),
        Runtime::AsyncStd => on_async_std::load(protocol, address, load.clone()),
    }?;
    Arc::into_inner(load).ok_or_else(|| "a task still holds the load".to_owned())
}

/// Streams until it is told to stop, then flushes and closes; returns the client's counts.
pub(super) fn stream(
    runtime: Runtime,
    protocol: Protocol,
    address: SocketAddr,
    streaming: &Streaming,
) -> Result<Stats, String> {
    match runtime {
        Runtime::Tokio => on_tokio::stream(protocol, address, streaming),
        Runtime::AsyncStd => on_async_std::stream(protocol, address, streaming),
    }
}

/// One source for both clients, which have the same names.
macro_rules! sender {
    ($module:ident, $client:ident, $sleep:path, $block_on:expr, $spawn:expr) => {
        mod $module {
            use $client::{Client, FlushError, SendError};

            use super::*;

            pub(super) fn load(
                protocol: Protocol,
                address: SocketAddr,
                load: Arc<Load>,
            ) -> Result<(), String> {
                $block_on(async move {
                    let client = Client::builder().protocol(protocol).connect(address).await;
                    let client = client.map_err(|error| error.to_string())?;
                    for point in &load.singles {
                        client.send(point).await.map_err(|error| error.to_string())?;
                    }
                    let batch = client.send_multiple(&load.batch).await;
                    batch.map_err(|error| error.to_string())?;
                    let tasks = (0..load.tasks.len()).map(|task| {
                        let (client, load) = (client.clone(), load.clone());
                        $spawn(async move {
                            for point in &load.tasks[task] {
                                client.feed(point).await.map_err(|error| error.to_string())?;
                            }
                            client.flush().await.map_err(|error| error.to_string())
                        })
                    });
                    for outcome in futures::future::join_all(tasks).await {
                        outcome?;
                    }
                    client.close().await.map_err(|error| error.to_string())
                })
            }

            pub(super) fn stream(
                protocol: Protocol,
                address: SocketAddr,
                streaming: &Streaming,
            ) -> Result<Stats, String> {
                $block_on(async move {
                    let builder = Client::builder().protocol(protocol);
                    let builder = builder.close_timeout(Duration::from_secs(30));
                    let builder = match &streaming.tls {
                        Some(tls) => builder.tls(tls.clone()),
                        None => builder,
                    };
                    let client = builder.connect(address).await;
                    let client = client.map_err(|error| error.to_string())?;
                    let mut number = 0;
                    while !streaming.stop.load(Ordering::Relaxed) {
                        for _ in 0..streaming.pace {
                            // A full queue has not taken the point: it is offered again.
                            while let Err(error) = client.feed(streaming.point(number)).await {
                                let failed = streaming.failed.load(Ordering::Relaxed);
                                if failed || !matches!(error, SendError::Full(_)) {
                                    return Err(error.to_string());
                                }
                            }
                            number += 1;
                        }
                        streaming.accepted.store(number, Ordering::Relaxed);
                        $sleep(Duration::from_millis(10)).await;
                    }
                    streaming.accepted.store(number, Ordering::Relaxed);
                    // An error leaves everything queued: it is waited for again.
                    for _ in 0..20 {
                        match client.flush().await {
                            Err(FlushError::Queued(_)) => {}
                            _ => break,
                        }
                    }
                    client.close().await.map_err(|error| error.to_string())?;
                    Ok(client.stats())
                })
            }
        }
    };
}

sender!(on_tokio, graphite_client_tokio, tokio::time::sleep, block_on, spawn);
sender!(
    on_async_std,
    graphite_client_async_std,
    async_std::task::sleep,
    async_std::task::block_on,
    async_std::task::spawn
);

fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(future)
}

/// Spawns on tokio; a panic of the task becomes its error.
pub(super) fn spawn(
    future: impl Future<Output = Result<(), String>> + Send + 'static,
) -> impl Future<Output = Result<(), String>> {
    let task = tokio::spawn(future);
    async { task.await.map_err(|error| error.to_string())? }
}
