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
//!
//!     let jobs = metrics::with_local_recorder(reporter.recorder(), || metrics::counter!("jobs"));
//!     jobs.increment(3);
//!     tokio::time::sleep(Duration::from_secs(11)).await; // At once.
//!
//!     let mut lines = [0; 64];
//!     let read = graphite.read(&mut lines).await?;
//!     assert!(lines[..read].starts_with(b"jobs.count 3 "));
//!     Ok(())
//! }
//! ```
//!
//! Without a client, [`RecorderBuilder::build`] and [`Recorder::collect`] show the points themselves.
//!
//! What is sent of which kind, what the names are, and what to set up in the store stands at
//! [`proto::metrics`](crate::proto::metrics). Not here: anything but the names of what is there.

pub use graphite_proto::client::InstallError;
pub use graphite_proto::metrics::{Counters, Labels, Recorder, RecorderBuilder, Statistics};

pub use crate::{Report, Reporter};
