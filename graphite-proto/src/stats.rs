//! Counters of one sender. At every moment `accepted = queued + written + dropped`.

/// What became of the points so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Points taken into the queue.
    pub accepted: u64,
    /// Points that wait to be written for the first time.
    pub queued: u64,
    /// Points whose whole frame was given to the kernel, counted at the first time.
    pub written: u64,
    /// Points dropped from a full queue ([`Overflow::DropOldest`](crate::Overflow::DropOldest)).
    pub dropped: u64,
    /// Points that the receiver is proven to have read; at most `written`.
    pub confirmed: u64,
    /// Points given to the kernel again, each time counted.
    pub replayed: u64,
    /// Points that a lost connection may have swallowed and that are not sent again
    /// ([`Delivery::BestEffort`](crate::Delivery::BestEffort)): all that were written to it.
    pub in_doubt: u64,
    /// Points that were refused: not valid, the queue was full, or the sender was closed.
    pub rejected: u64,
    /// Points skipped because their value is not finite
    /// ([`NonFinite::Skip`](crate::NonFinite::Skip)).
    pub skipped: u64,
    /// Connections that came about after one was lost.
    pub reconnects: u64,
    /// Encoded bytes that are queued.
    pub queued_bytes: usize,
    /// Encoded bytes that are kept to be sent again.
    pub window_bytes: usize,
}
