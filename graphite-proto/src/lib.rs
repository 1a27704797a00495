//! The Graphite plaintext and pickle protocols without I/O.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod error;
mod metric;
mod protocol;

pub use error::{EncodeError, EnqueueError, MetricError};
pub use metric::{Metric, Timestamp, Value};
pub use protocol::{FRAME_BYTES, MAX_FRAME_BYTES, MAX_LINE_BYTES, Protocol};
