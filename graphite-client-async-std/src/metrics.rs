//! The recorder of the [`metrics`](https://docs.rs/metrics) facade, and its reporter on async-std: what a
//! service counts and measures becomes series of Graphite.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use graphite_client_async_std::Client;
//! use graphite_client_async_std::metrics::Recorder;
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
//! async-std has no clock that could be paused, and a test waits for no report. [`RecorderBuilder::build`]
//! makes a recorder that is no global one, and [`Recorder::collect`] shows the points themselves:
//!
//! ```
//! use graphite_client_async_std::metrics::Recorder;
//!
//! async fn work() {
//!     async_std::task::yield_now().await;
//!     metrics::counter!("jobs").increment(3);
//! }
//!
//! #[async_std::main] // Or `async_std::test`.
//! async fn main() {
//!     let recorder = Recorder::builder().prefix("shop").build();
//!     let guard = metrics::set_default_local_recorder(&recorder);
//!     work().await;
//!     drop(guard);
//!
//!     let mut points = Vec::new();
//!     recorder.collect(1_700_000_000, &mut |point| {
//!         points.push((point.path().to_owned(), point.value().as_f64()));
//!     });
//!     assert!(points.contains(&("shop.jobs.count".to_owned(), 3.0)));
//! }
//! ```
//!
//! The guard gives this thread the recorder, and other threads do not see it: what is spawned runs on
//! those. Await it instead, or give it handles that were made before; a handle keeps its recorder.
//!
//! What is sent of which kind, what the names are, and what to set up in the store stands at
//! [`proto::metrics`](crate::proto::metrics). Not here: anything but the names of what is there.

pub use graphite_proto::client::InstallError;
pub use graphite_proto::metrics::{Counters, Labels, Recorder, RecorderBuilder, Statistics};

pub use crate::{Report, Reporter};
