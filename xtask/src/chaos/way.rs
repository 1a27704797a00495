//! The ways to lose a receiver, and the order in which they come.

use std::fmt;

use fastrand::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// SIGKILL at any moment, mostly with bytes unread: a reset. It is back at once.
    Kill,
    /// The same, and the port stays closed for a while.
    Down,
    /// Reads all there is, closes, exits.
    Close,
    /// The same, but goes on accepting.
    CloseAndGoOn,
    /// The same while the client has nothing to send: this is to cause no repeat.
    CloseIdle,
    /// Reads until it is in the middle of a frame, closes, exits.
    CloseInFrame,
    /// Closes, and accepts the next few only to close them at once.
    Refuse,
    /// Shuts down writing, reads on for a moment, closes, as Twisted does; and does so with the
    /// next few, each once it has brought something.
    ShutDown,
    /// Shuts down writing on every connection as it accepts it, reads on, then SIGKILL. It is legal
    /// TCP and in use: one such connection is to do for as long as the receiver lives.
    HalfOpen,
    /// Stops reading for a while and goes on.
    Pause,
    /// Reads slowly for a while, then SIGKILL.
    Slow,
    /// Stops reading for a while, then SIGKILL.
    Stall,
}

impl Way {
    /// What a receiver does that reads all the time that it lives, and that pauses briefly.
    pub(super) const READING: [Self; 11] = [
        Self::Kill,
        Self::Down,
        Self::Close,
        Self::CloseAndGoOn,
        Self::CloseIdle,
        Self::CloseInFrame,
        Self::Refuse,
        Self::ShutDown,
        Self::HalfOpen,
        Self::Pause,
        Self::Slow,
    ];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kill => "killed",
            Self::Down => "killed and down",
            Self::Close => "closed",
            Self::CloseAndGoOn => "closed, accepts on",
            Self::CloseIdle => "closed when idle",
            Self::CloseInFrame => "closed in a frame",
            Self::Refuse => "closed at once",
            Self::ShutDown => "shut down, then closed",
            Self::HalfOpen => "killed when half-open",
            Self::Pause => "paused",
            Self::Slow => "killed reading slowly",
            Self::Stall => "killed when stalled",
        })
    }
}

/// Deals each way once before any comes again.
pub(super) struct Deck {
    ways: Vec<Way>,
    left: Vec<Way>,
}

impl Deck {
    /// Makes a deck of all ways, or of those that leave out stalls that end in death.
    pub(super) fn new(stalls: bool) -> Self {
        let mut ways = Way::READING.to_vec();
        ways.extend(stalls.then_some(Way::Stall));
        Self { ways, left: Vec::new() }
    }

    pub(super) fn deal(&mut self, random: &mut Rng) -> Way {
        if self.left.is_empty() {
            self.left.clone_from(&self.ways);
            random.shuffle(&mut self.left);
        }
        self.left.pop().unwrap_or(Way::Kill)
    }
}
