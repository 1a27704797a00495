//! The settings of a fuzzed sender, and those of them that its bounds are checked against.

use std::time::Duration;

use graphite_proto::{Config, Delivery, NonFinite, Overflow, Protocol};

use crate::bytes::Bytes;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) protocol: Protocol,
    pub(crate) queue: usize,
    pub(crate) window: usize,
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
            .non_finite(bytes.choose(&[NonFinite::Refuse, NonFinite::Skip]))
            .proofs(bytes.flag())
            .backoff(time(bytes), time(bytes))
            .write_timeout(time(bytes))
            .close_timeout(time(bytes))
            .settle_timeout(time(bytes))
            .confirm_interval(interval)
            .confirm_spacing(interval / 10)
            .linger(time(bytes))
            .replay_age(time(bytes));
        if bytes.flag() {
            config = config.max_connection_age(Some(time(bytes)));
        }
        Self { config, protocol, queue, window }
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
