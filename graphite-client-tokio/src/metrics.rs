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
//! What is sent of which kind, what the names are, and what to set up in the store stands at
//! [`proto::metrics`](crate::proto::metrics). Not here: anything but the names of what is there.

pub use graphite_proto::client::InstallError;
pub use graphite_proto::metrics::{Counters, Labels, Recorder, RecorderBuilder, Statistics};

pub use crate::{Report, Reporter};
