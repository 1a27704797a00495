//! What a [`Sender`](crate::Sender) can be told, each setting with unit, default and bounds.
//!
//! Not here: what becomes of settings outside their bounds ([`bounds`]).

mod bounds;

use std::time::Duration;

pub use bounds::ConfigError;

use crate::limits::{FRAME_BYTES, MAX_FRAME_BYTES};
use crate::protocol::{Protocol, pickle};

/// What is done about the bytes that a lost connection may have swallowed.
///
/// Graphite's protocols have no acknowledgement: when a receiver dies, whatever stood in the two
/// kernels' buffers is gone, and no write ever fails for it.
///
/// | level | after a connection ended in doubt | costs |
/// |---|---|---|
/// | `BestEffort` | goes on with the frame that was cut | what the kernels held is lost |
/// | `Replay` | sends the last `window` bytes again | `window` bytes of memory, repeats |
/// | `Confirmed` | sends everything unproven again | the same, a connection a flush, and calls that fail with a receiver that cannot prove |
///
/// A *repeat* changes nothing where a store keeps one value for a name and a time (carbon-cache,
/// whisper, go-carbon). It does where every value counts: carbon-aggregator sums and counts it
/// twice, and VictoriaMetrics without `-dedup.minScrapeInterval` keeps both. In front of such a
/// receiver choose `BestEffort` and live with the loss, or accept the repeats of `Replay`.
///
/// ```
/// use graphite_proto::Delivery;
///
/// assert_eq!(Delivery::default(), Delivery::Replay { window: 8 << 20 });
/// let sparing = Delivery::Replay { window: 1 << 20 }; // 1 MiB of memory.
/// ```
///
/// # What the window has to cover
///
/// A point is lost under `Replay` only if more than `window` bytes are swallowed together with
/// it. In flight can be what our kernel holds in its send buffer (about 1.4 MB with the adapters'
/// setting of 256 KiB) and what the receiver's kernel holds unread: from 128 KiB, growing while
/// the receiver reads quickly, up to the third number of `net.ipv4.tcp_rmem` on the receiver's
/// machine. With the usual 6 MiB there the sum is below the default of 8 MiB. Newer kernels allow
/// 32 MiB, which only a receiver that reads fast and then falls behind can fill (2.6 MB at most
/// were seen lost in a kill there): set the window by your receiver's number if you want to be
/// sure of that too. It does not cover a receiver that stops reading for long, lets larger buffers
/// fill and then dies: use `Confirmed` there.
///
/// A client over TCP on Linux can prove that a receiver has read everything before it closed an idle
/// connection. Where nothing can, every connection that the receiver closes counts as one in doubt,
/// and the window is sent again on the next one. (Who drives a [`Sender`](crate::Sender) says which
/// it is by [`Config::proofs`]. The other settings named here are a client's too, by the same names.)
///
/// # What an end of file proves
///
/// A receiver's end of file says that it will not speak again, and nothing else: it may have read
/// everything and closed, or it may have closed its writing side only, to read on (`nc -lk` without
/// input) or to die with all of it unread. So it proves only what it answers:
///
/// | end of file | `BestEffort`, `Replay` | `Confirmed` |
/// |---|---|---|
/// | after our half-close, not there before it | everything written was read | the same |
/// | unasked, followed by an error | nothing: what is kept is sent again | the same |
/// | unasked, and a reset answers the next bytes | what was written before it was read; those bytes are sent again | nothing |
/// | unasked, and stands for [`settle_timeout`](Config::settle_timeout) with nothing to send | what was written before it was read | nothing |
/// | unasked, and the next bytes are acknowledged | nothing: the receiver reads on, over this connection; `close` counts what is kept as not known to be delivered | nothing: calls that wait for a proof fail |
///
/// What TCP cannot tell, and this library therefore neither: a receiver that shuts down both its
/// sides, or that closes its writing side and dies later than `settle_timeout`, or just while the
/// next bytes are on their way to it, with bytes unread, from one that had read them; under
/// `Confirmed`, a receiver that closes its writing side, with bytes unread, in the moment of our
/// half-close, from one that answers it. *Read* is also not *understood*: a receiver of the other
/// protocol reads everything and stores nothing.
///
/// `Confirmed` is not for a receiver that closes its side first: what is unproven is sent to it
/// again and again, with the longest delay between, and every wait for a proof fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// What other clients do: nothing is kept once it is written.
    BestEffort,
    /// The last `window` bytes written are kept, and sent again on the next connection if this
    /// one ends in doubt: by a reset, an error, a time-out, or an end of file without proof that
    /// the receiver had read everything.
    Replay {
        /// How much is kept, in bytes; whole frames, so up to one frame more. 0 is `BestEffort`.
        window: usize,
    },
    /// Nothing is forgotten until the receiver is proven to have read it: when the window is
    /// full, at every flush and close, and at the latest every
    /// [`confirm_interval`](Config::confirm_interval), the sender half-closes, waits for the end
    /// of file, and goes on with a new connection. A receiver that reads slowly is given less at a
    /// time, and is waited for longer, after a proof that did not come within
    /// [`close_timeout`](Config::close_timeout): from 1,000 bytes a second on, everything is proven
    /// within three times what the reading takes, and is sent at most three times. Those who wait
    /// are told of a failure each `close_timeout` meanwhile.
    Confirmed {
        /// How much may be unproven at a time, in bytes.
        window: usize,
    },
}

impl Delivery {
    /// The default window: 8 MiB.
    pub const DEFAULT_WINDOW: usize = 8 << 20;

    /// Returns the window in bytes, 0 for `BestEffort`.
    pub fn window(self) -> usize {
        match self {
            Self::BestEffort => 0,
            Self::Replay { window } | Self::Confirmed { window } => window,
        }
    }
}

/// `Replay` with a window of 8 MiB.
impl Default for Delivery {
    fn default() -> Self {
        Self::Replay { window: Self::DEFAULT_WINDOW }
    }
}

/// What happens to a point that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The point is refused: the caller waits or gets an error.
    #[default]
    Reject,
    /// The oldest whole frames that no connection has begun are dropped and counted.
    DropOldest,
}

/// What happens to a point whose value is NaN or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonFinite {
    /// The point is refused with an error.
    #[default]
    Refuse,
    /// The point is skipped and counted.
    Skip,
}

/// The settings of a [`Sender`](crate::Sender).
///
/// A setter takes any value; [`check`](Self::check) tells which are outside their bounds, and a
/// [`Sender`](crate::Sender) takes the nearest bound for those.
///
/// ```
/// use graphite_proto::{Config, Delivery, Protocol};
///
/// let config = Config::new(Protocol::Pickle).delivery(Delivery::BestEffort).queue_bytes(1 << 20);
/// config.check()?;
///
/// let error = config.max_attempts(0).check().unwrap_err();
/// assert_eq!(error.to_string(), "setting max_attempts is 0, at least 1 is needed");
/// # Ok::<(), graphite_proto::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub(crate) protocol: Protocol,
    pub(crate) delivery: Delivery,
    pub(crate) overflow: Overflow,
    pub(crate) non_finite: NonFinite,
    pub(crate) max_attempts: u32,
    pub(crate) backoff_initial: Duration,
    pub(crate) backoff_max: Duration,
    pub(crate) seed: u64,
    pub(crate) queue_bytes: usize,
    pub(crate) frame_bytes: usize,
    pub(crate) max_frame_bytes: usize,
    pub(crate) write_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) settle_timeout: Duration,
    pub(crate) max_connection_age: Option<Duration>,
    pub(crate) proofs: bool,
    pub(crate) replay_age: Duration,
    pub(crate) confirm_interval: Duration,
    pub(crate) confirm_spacing: Duration,
    pub(crate) linger: Duration,
    /// As it was given, without the dot after it.
    pub(crate) prefix: String,
}

impl Config {
    /// Makes the default settings for a protocol.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            delivery: Delivery::default(),
            overflow: Overflow::default(),
            non_finite: NonFinite::default(),
            max_attempts: 3,
            backoff_initial: Duration::from_millis(50),
            backoff_max: Duration::from_secs(10),
            seed: 0,
            queue_bytes: 4 << 20,
            frame_bytes: FRAME_BYTES,
            max_frame_bytes: MAX_FRAME_BYTES,
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(10),
            settle_timeout: Duration::from_secs(3),
            max_connection_age: None,
            proofs: false,
            replay_age: Duration::from_secs(60),
            confirm_interval: Duration::from_secs(10),
            confirm_spacing: Duration::from_millis(10),
            linger: Duration::ZERO,
            prefix: String::new(),
        }
    }

    /// Sets the protocol.
    #[must_use]
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Returns the protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Sets what is done about bytes that a lost connection may have swallowed. Default: `Replay`
    /// with a window of 8 MiB; a window has at most 1 GiB.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sets what happens when the queue is full. Default: `Reject`.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets what happens to NaN and the infinities. Default: `Refuse`.
    #[must_use]
    pub fn non_finite(mut self, non_finite: NonFinite) -> Self {
        self.non_finite = non_finite;
        self
    }

    /// Sets what every path begins with; a dot is put between, unless the prefix ends in one.
    /// Default: nothing. It has no empty part, no white space and no control character, and leaves
    /// room for a point in a line.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets after how many failures in a row waiters get an error. Default: 3; from 1 to
    /// 4,294,967,295, which is as good as never. The reconnecting goes on behind it.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the delay after the first failure in a row and the longest that it doubles to.
    /// Default: 50 ms and 10 s. The first is from 1 ms to 1 hour, the longest from the first to
    /// 1 hour.
    #[must_use]
    pub fn backoff(mut self, initial: Duration, max: Duration) -> Self {
        self.backoff_initial = initial;
        self.backoff_max = max;
        self
    }

    /// Sets the seed of the delays' jitter, any number. Default: 0; give each process its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many encoded bytes may be queued. Default: 4 MiB; from 1 to 1 GiB. A single point
    /// is taken by an empty queue even if it is larger.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Sets where a frame is sealed, in bytes. Default: 65,536; from 1, which makes every point a
    /// frame, to 1,048,576. Above an eighth of the queue that eighth is used, so that dropping a
    /// frame never drops most of a small queue.
    #[must_use]
    pub fn frame_bytes(mut self, bytes: usize) -> Self {
        self.frame_bytes = bytes;
        self
    }

    /// Sets the longest pickle that the receiver reads, in bytes without the four of its length.
    /// Default: 1,048,576, carbon's limit, which is also the most that can be set; the least is 64.
    #[must_use]
    pub fn max_frame_bytes(mut self, bytes: usize) -> Self {
        self.max_frame_bytes = bytes;
        self
    }

    /// Sets after how long without progress in writing a connection is given up. Default: 30 s;
    /// from 1 ms to 1 hour. carbon's flow control stops reading for seconds: that is not a dead
    /// receiver.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets how long a close, and every wait for the receiver's end of file, may take.
    /// Default: 10 s; from 50 ms, since in less no receiver can prove anything, to 1 hour.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Sets how long an end of file that no half-close of ours had asked for is watched. Default:
    /// 3 s; from 1 ms to 1 hour. If it stands that long with no error behind it and nothing to
    /// send, it counts as the receiver's having read what was written before it, but for
    /// [`Delivery::Confirmed`]; and what is written after it must be acknowledged within this time.
    #[must_use]
    pub fn settle_timeout(mut self, timeout: Duration) -> Self {
        self.settle_timeout = timeout;
        self
    }

    /// Sets after how long a healthy connection is ended in good order and made anew, so that a
    /// moved name or a new node behind a balancer is seen. A receiver that closed its side and
    /// reads on is kept, since what it has read could not be proven. Default: never; at most a
    /// year. However short the age, a connection first does something of what it was made for.
    #[must_use]
    pub fn max_connection_age(mut self, age: Option<Duration>) -> Self {
        self.max_connection_age = age;
        self
    }

    /// Sets whether the driver can tell that a receiver read everything before it closed an idle
    /// connection ([`Input::PeerFinished`](crate::Input::PeerFinished)). Default: no. Without it
    /// the window also forgets what is older than [`replay_age`](Self::replay_age).
    #[must_use]
    pub fn proofs(mut self, proofs: bool) -> Self {
        self.proofs = proofs;
        self
    }

    /// Sets how long a written frame stays in the window of `Replay` where nothing can prove that
    /// it was read, and after which an end of file without a proof no longer has it sent again: else
    /// a receiver that ends whatever is idle would get it for ever. What counts is the time that it
    /// stood written on connections, not that between them. Default: 60 s; at most a year.
    #[must_use]
    pub fn replay_age(mut self, age: Duration) -> Self {
        self.replay_age = age;
        self
    }

    /// Sets how long a written point may stay unproven under `Confirmed`. Default: 10 s; at most
    /// 1 hour.
    #[must_use]
    pub fn confirm_interval(mut self, interval: Duration) -> Self {
        self.confirm_interval = interval;
        self
    }

    /// Sets the shortest time between the starts of two proofs under `Confirmed`. Default: 10 ms;
    /// at most 1 hour. Each costs a connection, and a busy caller would use up the machine's ports.
    #[must_use]
    pub fn confirm_spacing(mut self, spacing: Duration) -> Self {
        self.confirm_spacing = spacing;
        self
    }

    /// Sets how long points may wait for others to fill their frame. Default: not at all; at most
    /// 1 s. It is for drivers that write whenever there is something to write: fed without a pause
    /// they would write frames of a few points. After a pause the first small frames do not wait,
    /// and no point waits that a [`ticket`](crate::Sender::ticket), a close, or somebody who needs
    /// the room waits for.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Returns where a frame is sealed, in bytes.
    pub(crate) fn sealed_at(&self) -> usize {
        let longest = match self.protocol {
            Protocol::Plaintext => usize::MAX,
            Protocol::Pickle => self.max_frame_bytes.saturating_add(pickle::HEADER),
        };
        self.frame_bytes.min(self.queue_bytes / 8).min(longest)
    }
}

/// Plaintext with the default settings.
impl Default for Config {
    fn default() -> Self {
        Self::new(Protocol::default())
    }
}
