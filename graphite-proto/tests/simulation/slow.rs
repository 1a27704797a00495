//! A slow, healthy receiver under `Confirmed`: everything is proven in bounded time and repeats.
//!
//! Default settings, a receiver that reads so many bytes a second and kernels that hold so many.
//! Promised is, for B bytes and R bytes a second: proven within 3 x B / R and a minute, and at
//! most 3 x B sent. Not here: receivers that do anything else ([`crate::world`]).

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{Config, Delivery, Failure, Input, Instant, Metric, Output, Protocol, Sender};

use crate::ledger::{Check, ensure};
use crate::random::Random;

struct Slow {
    /// Bytes a second.
    rate: usize,
    /// How many bytes the two kernels hold.
    capacity: usize,
    /// What is unread on the present connection, and on earlier ones that it has to read first.
    unread: f64,
    stale: f64,
    half_closed: bool,
    sent: usize,
}

impl Slow {
    /// Reads for a while; returns whether it came to the end that we sent.
    fn read(&mut self, passed: Duration) -> bool {
        let mut bytes = passed.as_secs_f64() * self.rate as f64;
        let old = bytes.min(self.stale);
        self.stale -= old;
        bytes -= old;
        self.unread = (self.unread - bytes).max(0.0);
        self.half_closed && self.unread < 0.5 && self.stale < 0.5
    }

    /// How long it takes to read all that it has.
    fn time(&self) -> Duration {
        Duration::from_secs_f64((self.unread + self.stale) / self.rate as f64)
    }
}

/// `unmended`: time-outs come to the machine as resets, so that it never lowers what it gives.
pub(crate) fn run(seed: u64, unmended: bool) -> Check {
    let mut random = Random::new(seed);
    let r = &mut random;
    let rate = r.pick(&[1_000, 3_000, 10_000, 30_000, 60_000, 250_000, 1_200_000]);
    let bytes = r.pick(&[2_000, 30_000, 64_000, 130_000, 500_000, 1_300_000, 4_000_000]);
    let protocol = r.pick(&[Protocol::Plaintext, Protocol::Pickle]);
    // One that reads its connections one after the other first reads what was given up.
    let serial = r.percent(50);
    let capacity = r.pick(&[100_000, 640 << 10, 1_400_000, 6 << 20]);
    let mut slow = Slow { rate, capacity, unread: 0.0, stale: 0.0, half_closed: false, sent: 0 };
    let config = Config::new(protocol)
        .delivery(Delivery::Confirmed { window: Delivery::DEFAULT_WINDOW })
        .proofs(true);
    let mut sender = Sender::new(config, Instant::START);
    let path = "x".repeat(60);
    while sender.stats().queued_bytes < bytes {
        let metric = Metric::new(&*path, 1.5).at(1_700_000_000);
        if sender.enqueue(&metric, 0, Instant::START).is_err() {
            break;
        }
    }
    // A pickle's last bytes come when its frame is sealed.
    let queued = sender.stats().queued_bytes;
    let total = queued + 4 * (queued / 60_000 + 1);
    let _ = sender.ticket();
    let limit = Duration::from_secs_f64(3.0 * total as f64 / rate as f64 + 60.0);
    let mut now = Duration::ZERO;
    let what = format!(
        "{total} bytes at {rate} a second, {capacity} held, {protocol:?}, serial: {serial}"
    );
    while sender.unproven() > 0 {
        ensure!(now <= limit, "{what}: {} unproven after {limit:?}", sender.unproven());
        let at = Instant::from_start(now);
        let room = slow.capacity.saturating_sub(slow.unread as usize);
        match sender.poll_output() {
            Output::Connect => sender.handle_input(Input::Connected, at),
            Output::Transmit(offer) if room > 0 => {
                let count = offer.len().min(room);
                slow.unread += count as f64;
                slow.sent += count;
                sender.handle_input(Input::Written(count), at);
            }
            Output::Finish => {
                slow.half_closed = true;
                sender.handle_input(Input::Finished, at);
            }
            Output::Disconnect => {
                slow.stale += if serial { slow.unread } else { 0.0 };
                (slow.unread, slow.half_closed) = (0.0, false);
                let gone = Failure::new(ErrorKind::NotConnected, "given up");
                sender.handle_input(Input::Disconnected(gone), at);
            }
            output => {
                // To the next thing that happens: a deadline, the last byte read, some room.
                let full = matches!(output, Output::Transmit(_));
                let timer = sender.poll_timeout().map(|at| at.elapsed().saturating_sub(now));
                let reads = if full { Duration::from_millis(200) } else { slow.time() };
                let step = timer.map_or(reads, |timer| timer.min(reads));
                let step = step.max(Duration::from_micros(1));
                let late = unmended && slow.half_closed && timer == Some(step);
                now += step;
                let at = Instant::from_start(now);
                let end = slow.read(step);
                if end {
                    slow.half_closed = false;
                    sender.handle_input(Input::PeerFinished { proven: true }, at);
                } else if late {
                    (slow.unread, slow.half_closed) = (0.0, false);
                    let reset = Failure::new(ErrorKind::ConnectionReset, "as if it had died");
                    sender.handle_input(Input::Disconnected(reset), at);
                } else {
                    sender.handle_input(Input::Timeout, at);
                }
            }
        }
    }
    ensure!(slow.sent <= 3 * total, "{what}: sent {} bytes", slow.sent);
    Ok(())
}
