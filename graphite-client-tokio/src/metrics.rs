//! The recorder of the [`metrics`](https://docs.rs/metrics) facade, and its reporter on tokio: what a
//! service counts and measures becomes series of Graphite.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use graphite_client_tokio::Client;
//! use graphite_client_tokio::metrics::Recorder;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().connect_lazy("graphite.example.com")?;
//! let reporter = Recorder::builder()
//!     .prefix("shop.web01")
//!     .interval(Duration::from_secs(10))
//!     .install(client)?;
//!
//! metrics::counter!("http.requests", "route" => "/cart/:id").increment(1);
//!
//! reporter.close().await?; // The last interval, too.
//! # Ok(())
//! # }
//! ```
//!
//! # In tests
//!
//! [`RecorderBuilder::start`] sets no global recorder, so that tests do not meet in one. tokio's paused
//! clock (its feature `test-util`) moves the reports along, over a connection that no kernel is
//! part of:
//!
//! ```
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use graphite_client_tokio::Client;
//! use graphite_client_tokio::metrics::Recorder;
//! use tokio::io::AsyncReadExt;
//!
//! async fn work() {
//!     tokio::task::yield_now().await;
//!     metrics::counter!("jobs").increment(3);
//! }
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)] // Or `tokio::test`.
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (stream, mut graphite) = tokio::io::duplex(65_536);
//!     let stream = Mutex::new(Some(stream));
//!     let connector = move || {
//!         let stream = stream.lock().unwrap().take();
//!         async { stream.ok_or_else(|| std::io::Error::other("once is enough")) }
//!     };
//!     let client = Client::builder().connect_with(connector).await?;
//!     let reporter = Recorder::builder().start(client)?;
//!     let _guard = metrics::set_default_local_recorder(reporter.recorder());
//!
//!     tokio::spawn(work()).await?;
//!     tokio::time::sleep(Duration::from_secs(11)).await; // At once.
//!
//!     let received = async move {
//!         let mut lines = String::new();
//!         graphite.read_to_string(&mut lines).await.map(|_| lines)
//!     };
//!     let (closed, lines) = tokio::join!(reporter.close(), received);
//!     closed?;
//!     assert!(lines?.lines().any(|line| line.starts_with("jobs.count 3 ")));
//!     Ok(())
//! }
//! ```
//!
//! The guard gives this thread the recorder, through every `await` and for every task of a runtime that
//! has no other thread; other threads do not see it. A handle keeps the recorder that it was made with.
//! `metrics::with_local_recorder` does the same for a closure that awaits nothing.
//!
//! How many reports come in a time depends on the time of day, one or two in 11 s: look for a line, and
//! do not compare all of them. `close` waits until the receiver has read everything and shows it by
//! ending the connection. So read to the end and drop the stream meanwhile, as above; else it tells of
//! points that are not known to be delivered.
//!
//! Without a client, [`RecorderBuilder::build`] and [`Recorder::collect`] show the points themselves.
//!
//! What is sent of which kind, what the names are, and what to set up in the store stands at
//! [`proto::metrics`](crate::proto::metrics). Not here: anything but the names of what is there.

pub use graphite_proto::client::InstallError;
pub use graphite_proto::metrics::{Counters, Labels, Recorder, RecorderBuilder, Statistics};

pub use crate::{Report, Reporter};
