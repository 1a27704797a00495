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

impl Stats {
    /// Returns all of them by name, those of its fields: for a log line, or for series of one's own.
    ///
    /// ```
    /// let stats = graphite_proto::Stats::default();
    /// let line: Vec<String> = stats.iter().map(|(name, count)| format!("{name}={count}")).collect();
    /// assert_eq!(line[..2], ["accepted=0", "queued=0"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // All of them: a field that is added and forgotten here does not compile.
        let Self {
            accepted,
            queued,
            written,
            dropped,
            confirmed,
            replayed,
            in_doubt,
            rejected,
            skipped,
            reconnects,
            queued_bytes,
            window_bytes,
        } = *self;
        [
            ("accepted", accepted),
            ("queued", queued),
            ("written", written),
            ("dropped", dropped),
            ("confirmed", confirmed),
            ("replayed", replayed),
            ("in_doubt", in_doubt),
            ("rejected", rejected),
            ("skipped", skipped),
            ("reconnects", reconnects),
            ("queued_bytes", queued_bytes as u64),
            ("window_bytes", window_bytes as u64),
        ]
        .into_iter()
    }
}
