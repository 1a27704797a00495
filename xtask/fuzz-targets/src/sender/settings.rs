//! The settings of a fuzzed sender, and those of them that its bounds are checked against.

use std::time::Duration;

use graphite_proto::{Config, Delivery, NonFinite, Overflow, Protocol};

use crate::bytes::Bytes;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) protocol: Protocol,
    pub(crate) delivery: Delivery,
    pub(crate) queue: usize,
    pub(crate) window: usize,
    pub(crate) proofs: bool,
    replay_age: Duration,
    close_timeout: Duration,
    /// The receiver says nothing when it is to close, so that a close runs out of time.
    pub(crate) silent: bool,
}

impl Settings {
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Self {
        let protocol = bytes.choose(&[Protocol::Plaintext, Protocol::Pickle]);
        let level = bytes.byte() % 3;
        let (window, queue, frame) = (size(bytes), size(bytes), size(bytes));
        let (delivery, window) = match level {
            0 => (Delivery::BestEffort, 0),
            1 => (Delivery::Replay { window }, window),
            _ => (Delivery::Confirmed { window }, window),
        };
        let interval = time(bytes);
        let mut config = Config::new(protocol)
            .delivery(delivery)
            .queue_bytes(queue)
            .frame_bytes(frame)
            .max_attempts(u32::from(bytes.byte() % 5))
            .overflow(bytes.choose(&[Overflow::Reject, Overflow::DropOldest]))
            .non_finite(bytes.choose(&[NonFinite::Refuse, NonFinite::Skip]));
        let flags = bytes.byte();
        let (proofs, silent) = (flags & 1 == 1, flags & 2 == 2);
        config = config.proofs(proofs).backoff(time(bytes), time(bytes)).write_timeout(time(bytes));
        let close_timeout = time(bytes);
        config = config
            .close_timeout(close_timeout)
            .settle_timeout(time(bytes))
            .confirm_interval(interval)
            .confirm_spacing(interval / 10)
            .linger(time(bytes));
        let replay_age = time(bytes);
        config = config.replay_age(replay_age);
        if bytes.flag() {
            config = config.max_connection_age(Some(time(bytes)));
        }
        Self {
            config,
            protocol,
            delivery,
            queue,
            window,
            proofs,
            replay_age,
            close_timeout,
            silent,
        }
    }

    /// Returns how long a frame is kept, within the bounds of the setting.
    pub(crate) fn replay_age(&self) -> Duration {
        self.replay_age.min(Duration::from_secs(365 * 24 * 3600))
    }

    /// Returns how long a close may take, within the bounds of the setting.
    pub(crate) fn close_timeout(&self) -> Duration {
        self.close_timeout.clamp(Duration::from_millis(50), Duration::from_secs(3600))
    }
}

fn size(bytes: &mut Bytes<'_>) -> usize {
    match bytes.byte() {
        0 => 0,
        1 => 1 << 20,
        small => usize::from(small) * 12,
    }
}

fn time(bytes: &mut Bytes<'_>) -> Duration {
    Duration::from_millis(match bytes.byte() {
        254 => 10_000,
        255 => u64::MAX / 1_000_000,
        small => small.into(),
    })
}
