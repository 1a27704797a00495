//! A sender, its clock and its receiver, and what may happen to them.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{EnqueueError, Failure, Input, Instant, Lent, Metric, Output, Sender};

use super::ledger::Ledger;
use super::settings::Settings;
use crate::bytes::Bytes;

/// The longest path, and what stands around a point at most.
const LONGEST: usize = 2_100;

pub(crate) struct World<'a> {
    settings: &'a Settings,
    sender: Sender,
    now: Duration,
    ledger: Ledger<'a>,
    /// When a close has to be over.
    close_by: Option<Instant>,
    /// A frame that is being written, and how many of its bytes were.
    lent: Option<(Lent, usize)>,
}

impl<'a> World<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            sender: Sender::new(settings.config.clone(), Instant::START),
            now: Duration::ZERO,
            ledger: Ledger::new(settings),
            close_by: None,
            lent: None,
        }
    }

    fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    fn at(&self) -> Instant {
        Instant::from_start(self.now)
    }

    /// Does what the next bytes say.
    pub(crate) fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.byte() % 16 {
            0..4 => self.put(bytes),
            4 => self.put_batch(bytes),
            5 => self.put_through(bytes),
            6 => self.ask(bytes),
            7 | 8 => {
                let input = input(bytes);
                self.tell(input);
            }
            9 => self.write(bytes.byte()),
            10 => self.lend(bytes.byte()),
            11 => self.bring_back(bytes.short().into()),
            12 | 13 => self.obey(),
            14 => {
                let early = Duration::from_millis(u64::from(bytes.short()) % 2_000);
                self.go_to_deadline(early);
            }
            _ => {
                let by = Duration::from_millis(u64::from(bytes.short()) % 40_000);
                let back = bytes.flag();
                self.now = if back { self.now.saturating_sub(by) } else { self.now + by };
            }
        }
    }

    fn put(&mut self, bytes: &mut Bytes<'_>) {
        let (before, at) = (self.sender.stats(), self.at());
        match self.sender.enqueue(&metric(bytes), number(before.accepted), at) {
            Ok(ticket) => {
                let taken = self.sender.stats().accepted - before.accepted;
                self.ledger.accepted(ticket, taken);
            }
            Err(error) => {
                let full = matches!(error, EnqueueError::QueueFull { .. });
                let stats = self.sender.stats();
                assert_eq!((stats.accepted, stats.dropped), (before.accepted, before.dropped));
                assert_eq!(stats.rejected, before.rejected + 1);
                assert!(!full || stats.dropped == 0, "refused though it may drop");
            }
        }
    }

    fn put_batch(&mut self, bytes: &mut Bytes<'_>) {
        let (mut batch, before) = (self.sender.batch(), self.sender.stats());
        for _ in 0..bytes.byte() % 8 {
            // A full batch takes no more, and a point that is refused is not in it.
            let number = number(before.accepted + batch.points());
            let _ = batch.push(&metric(bytes), number);
        }
        let (points, at) = (batch.points(), self.at());
        let result = self.sender.enqueue_batch(&mut batch, at);
        let taken = self.sender.stats().accepted - before.accepted;
        match result {
            Ok(ticket) => {
                assert_eq!((taken, batch.is_empty()), (points, true));
                self.ledger.accepted(ticket, taken);
            }
            Err(_) => assert_eq!((taken, batch.points()), (0, points)),
        }
    }

    fn put_through(&mut self, bytes: &mut Bytes<'_>) {
        let (part, at, metric) = (bytes.byte(), self.at(), metric(bytes));
        let (ledger, number) = (&mut self.ledger, number(self.sender.stats().accepted));
        let write = |frame: &[u8]| {
            let count = share(frame, part);
            ledger.receive(&frame[..count]);
            count
        };
        if let Some(ticket) = self.sender.enqueue_through(&metric, number, at, write) {
            self.ledger.accepted(ticket, 1);
        }
    }

    /// Waits for something.
    fn ask(&mut self, bytes: &mut Bytes<'_>) {
        let (what, at) = (bytes.byte() % 3, self.at());
        let ticket = match what {
            0 => self.sender.ticket(),
            1 => self.sender.connect(at),
            _ => self.sender.room(&metric(bytes)),
        };
        let connecting = what == 1 && self.sender.poll_output() == Output::Connect;
        self.ledger.waits(ticket, connecting);
    }

    fn tell(&mut self, input: Input) {
        // A count for bytes that were not on offer is nobody's.
        if let Input::Written(count) = input {
            let Output::Transmit(offer) = self.sender.poll_output() else { return };
            self.ledger.receive(offer.get(..count).unwrap_or(&[]));
        }
        let (at, closes) = (self.at(), input == Input::Close);
        self.ledger.tell(&mut self.sender, input, at);
        if closes {
            let by = self.sender.now() + self.settings.close_timeout();
            self.close_by.get_or_insert(by);
        }
    }

    fn write(&mut self, part: u8) {
        if let Output::Transmit(offer) = self.sender.poll_output() {
            let count = share(offer, part);
            self.tell(Input::Written(count));
        }
    }

    fn lend(&mut self, part: u8) {
        if let Some(lent) = self.sender.lend() {
            let count = share(lent.bytes(), part);
            self.ledger.receive(&lent.bytes()[..count]);
            self.lent = Some((lent, count));
        }
    }

    /// Brings a lent frame back, with no more than was written of it.
    fn bring_back(&mut self, at_most: usize) {
        if let Some((lent, written)) = self.lent.take() {
            // A driver that tells less than it wrote would write some bytes twice.
            let told = if at_most == 0 { 0 } else { written };
            if told < written {
                self.tell(Input::Disconnected(failure()));
            }
            let at = self.at();
            self.sender.restore(lent, told, at);
        }
    }

    /// Does what is demanded.
    fn obey(&mut self) {
        match self.sender.poll_output() {
            Output::Connect => self.tell(Input::Connected),
            Output::Transmit(offer) => {
                let count = offer.len();
                self.tell(Input::Written(count));
            }
            Output::Finish => self.tell(Input::Finished),
            Output::Disconnect => self.tell(Input::Disconnected(failure())),
            _ => {}
        }
    }

    /// Closes the sender as a driver does that does as it is told, for a receiver that reads
    /// everything, and ends its side in answer unless it is silent.
    pub(crate) fn close(&mut self) {
        self.bring_back(usize::MAX);
        // What such a receiver read can be known.
        let known = !self.settings.silent && !self.ledger.has_peer_ended();
        self.tell(Input::Close);
        let closed = (0..10_000).any(|_| {
            self.obey();
            self.check();
            self.wait();
            self.is_closed()
        });
        assert!(closed, "it does not close: {self:?}");
        self.check();
        let (left, unproven) = (self.ledger.left(&self.sender), self.sender.unproven());
        assert!(left <= unproven, "{left} points are lost: {self:?}");
        let in_time = self.close_by.is_some_and(|by| self.sender.now() < by);
        assert!(left == 0 || !known || !in_time, "{left} points are left: {self:?}");
    }

    /// Lets the receiver answer, or time pass to the deadline and somewhat further, if there is
    /// nothing to do.
    fn wait(&mut self) {
        if self.sender.poll_output() != Output::Idle {
            return;
        }
        if self.ledger.is_finished() && !self.settings.silent {
            self.tell(Input::PeerFinished { proven: true });
        } else {
            self.go_to_deadline(Duration::ZERO);
            // Some time-outs are of centuries, some delays of a millisecond.
            self.now = self.now.saturating_add(self.now / 100);
        }
    }

    fn go_to_deadline(&mut self, late: Duration) {
        if let Some(deadline) = self.sender.poll_timeout() {
            self.now = self.now.max(deadline.elapsed().saturating_add(late));
            self.tell(Input::Timeout);
        }
    }

    pub(crate) fn check(&mut self) {
        let stats = self.sender.stats();
        assert_eq!(stats.accepted, stats.queued + stats.written + stats.dropped, "{stats:?}");
        assert!(stats.confirmed <= stats.written, "{stats:?}");
        let queue = self.settings.queue.max(LONGEST) + LONGEST;
        assert!(stats.queued_bytes <= queue, "{queue}: {stats:?}");
        let window = self.settings.window + queue + 8_192;
        assert!(stats.window_bytes <= window, "{window}: {stats:?}");
        let output = self.sender.poll_output();
        if output == Output::Idle && stats.queued > 0 && self.lent.is_none() {
            assert!(self.sender.poll_timeout().is_some(), "idle without a deadline: {stats:?}");
        }
        assert_eq!(self.sender.is_closed(), output == Output::Closed);
        self.ledger.read(&self.sender, false);
        self.ledger.settle(&self.sender);
        while let Some(event) = self.sender.poll_event() {
            assert!(!event.to_string().contains('\n'), "{event}");
        }
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}, {:?}", self.sender, self.now, self.settings)
    }
}

fn failure() -> Failure {
    Failure::new(ErrorKind::ConnectionReset, "reset")
}

fn metric(bytes: &mut Bytes<'_>) -> Metric<'static> {
    let length = usize::from(bytes.byte());
    let path = "x".repeat(if length < 200 { length } else { (length - 200) * 36 });
    let value = i32::from_le_bytes(bytes.array());
    Metric::new(path, if value == i32::MIN { f64::NAN } else { value.into() })
}

/// The number of a point, as its time.
fn number(before: u64) -> u32 {
    u32::try_from(before).expect("few points")
}

/// A part of bytes in 255ths of them.
fn share(bytes: &[u8], part: u8) -> usize {
    (bytes.len() * usize::from(part)).div_ceil(255)
}

fn input(bytes: &mut Bytes<'_>) -> Input {
    match bytes.byte() % 11 {
        0 => Input::Connected,
        1 => Input::ConnectFailed(failure()),
        2 => Input::Written(bytes.short().into()),
        3 => Input::Written(usize::MAX),
        4 => Input::Finished,
        5 => Input::PeerFinished { proven: bytes.flag() },
        6 => Input::PeerHalfClosed { reads_on: bytes.flag() },
        7 => Input::PeerSpoke,
        8 => Input::Disconnected(failure()),
        9 => Input::Timeout,
        _ => Input::Close,
    }
}
