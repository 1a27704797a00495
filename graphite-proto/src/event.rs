//! What the machine is told and what it tells: inputs, outputs, events, failures.
//!
//! Plain data, so that a run can be logged, replayed and generated. Not here: what they lead to
//! ([`crate::sender`]).

use std::error::Error;
use std::fmt;
use std::io;

use crate::protocol::Protocol;

/// What a driver tells the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A connection came about, the answer to [`Output::Connect`].
    Connected,
    /// No connection came about, the other answer.
    ConnectFailed(Failure),
    /// So many bytes of [`Output::Transmit`] were taken, from its start.
    Written(usize),
    /// The writing side was closed, the answer to [`Output::Finish`].
    Finished,
    /// The receiver closed its writing side, an end of file that no half-close of ours had asked
    /// for, and the connection can be written to still: it may have closed for good, or read on.
    ///
    /// For drivers that can ask their kernel what is unacknowledged. From here on they tell
    /// [`Written`](Self::Written) of the first bytes only when the receiver's kernel has
    /// acknowledged some of them, which no closed connection does; if a reset answers them
    /// instead, the receiver had closed before, and `PeerFinished { proven: true }` says that what
    /// was told as written had been acknowledged by then. After a half-close they wait until
    /// everything is acknowledged, and tell `PeerFinished { proven: false }`. Other drivers tell
    /// `PeerFinished` at once.
    PeerHalfClosed {
        /// Whether bytes were acknowledged after the end of file: the receiver reads on.
        reads_on: bool,
    },
    /// The receiver closed its writing side: an end of file. The driver has closed, or now
    /// closes, the connection.
    PeerFinished {
        /// Whether it is proven that the receiver had read everything that was written: an end of
        /// file, no error pending on the socket and nothing unacknowledged (on Linux `TIOCOUTQ`
        /// 0, or at most 1 after the half-close, which is our own FIN). Where the count cannot be
        /// had, an end of file after our half-close counts. Under
        /// [`Delivery::Confirmed`](crate::Delivery::Confirmed) it is believed only if the end
        /// answers our half-close.
        proven: bool,
    },
    /// The receiver sent bytes. No Graphite receiver does: most likely it is the wrong port.
    PeerSpoke,
    /// The connection ended otherwise: reset, write error, or the answer to
    /// [`Output::Disconnect`].
    Disconnected(Failure),
    /// Time has passed: [`poll_timeout`](crate::Sender::poll_timeout) was reached. Early or late
    /// is harmless.
    Timeout,
    /// The caller wants to end: flush, half-close, wait for the receiver's end of file.
    Close,
}

/// What the machine wants done; each stands until an input answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output<'a> {
    /// Connect: answer with [`Input::Connected`] or [`Input::ConnectFailed`].
    Connect,
    /// Write from the start of these bytes as many as the connection takes: answer with
    /// [`Input::Written`]. They are bytes of a stream: the rest of a frame that was begun, or
    /// whole frames; where one of them ends is where a point ends, but no datagram has to.
    Transmit(&'a [u8]),
    /// Close the writing side, so that the receiver sees an end of file: answer with
    /// [`Input::Finished`].
    Finish,
    /// Give the connection up at once, so that nothing written to it can still arrive later
    /// (on TCP: abort, linger zero): answer with [`Input::Disconnected`].
    Disconnect,
    /// Nothing to do until the next input, enqueue or deadline.
    Idle,
    /// Nothing to do ever again.
    Closed,
}

/// How much an event matters to whoever runs the service.
///
/// A log takes what is `Warn` or above, and `Info` where it may have a line for each connection.
/// `Debug` is for looking closely: under [`Delivery::Confirmed`](crate::Delivery::Confirmed) it comes
/// with each proof, many times a second.
///
/// ```
/// use graphite_proto::{Event, Level};
///
/// let logged = |event: &Event| event.level() <= Level::Warn; // The graver is the less.
/// assert!(logged(&Event::Dropping) && !logged(&Event::Confirmed(17)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "what logs have in common; there are no others")]
pub enum Level {
    /// Points are lost or may be, or nothing gets through.
    Error,
    /// Something is wrong that may pass by itself.
    Warn,
    /// As it should be, and seldom.
    Info,
    /// As it should be, again and again.
    Debug,
}

/// Something that happened, to be observed; nothing needs an answer.
///
/// ```
/// use graphite_proto::{Event, Failure};
///
/// let lost = Event::Lost(Failure::from(std::io::Error::other("reset by a test")));
/// assert_eq!(lost.to_string(), "connection lost: reset by a test");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection came about: the first one, or one after [`Lost`](Self::Lost) or
    /// [`GaveUp`](Self::GaveUp). The connections between two proofs are not told. One that follows
    /// others which failed again and again, or which spoke, is told when it has lasted as long as
    /// the longest delay, or proved something.
    Connected,
    /// The connection was lost, for this cause. Told once; the attempts that follow are not.
    /// A receiver's end of file on an idle connection is told when it has stood for
    /// [`settle_timeout`](crate::Config::settle_timeout), or when the next point finds it closed.
    Lost(Failure),
    /// As many failures in a row as [`max_attempts`](crate::Config::max_attempts) allows: waiters
    /// get an error. Told once an outage; the reconnecting goes on as long as the client is there.
    GaveUp {
        /// How many failures there were in a row.
        failures: u32,
        /// The last one.
        cause: Failure,
    },
    /// So many points were sent again.
    Replayed(u64),
    /// So many points are proven to be read by the receiver.
    Confirmed(u64),
    /// The queue is full and the oldest points are being dropped. Told once until the queue was
    /// empty or a connection came about.
    Dropping,
    /// The receiver ended three connections in a row right after their first bytes: it may be one
    /// that does not understand them, as carbon's line port does with pickles. Told once, until a
    /// connection lasts. A receiver that closes after each report on purpose causes it too.
    ProtocolInDoubt {
        /// What is sent.
        protocol: Protocol,
    },
    /// The client ended with so many points that are not known to be delivered: queued, or written
    /// and not proven to be read. Its runtime was shut down, or a close ran out of time. Told by
    /// drivers; a [`Sender`](crate::Sender) does not know that it is given up.
    Abandoned {
        /// How many points.
        points: u64,
    },
    /// So many points that a caller was told to be taken, and that a driver held for it apart from
    /// the queue, found no room there at the caller's end. They count as rejected.
    LeftBehind {
        /// How many points.
        points: u64,
    },
    /// So many points of a report were not taken into the queue, the first of them for this cause.
    /// Told by drivers that report at intervals, once until a report is whole again: the next ones
    /// may miss more. The points count as rejected.
    ReportMissed {
        /// How many points.
        points: u64,
        /// Why the first of them was not taken.
        cause: Failure,
    },
    /// The port is the one on which receivers read the other protocol: one that does reads all that
    /// is sent and stores nothing, without a word. Told first of all, by drivers; a
    /// [`Sender`](crate::Sender) knows no port.
    PortInDoubt {
        /// What is sent.
        protocol: Protocol,
        /// Where to.
        port: u16,
    },
}

impl Event {
    /// Returns how much it matters.
    ///
    /// ```
    /// use graphite_proto::{Event, Level};
    ///
    /// assert_eq!(Event::Connected.level(), Level::Info);
    /// assert_eq!(Event::Dropping.level(), Level::Error);
    /// ```
    pub fn level(&self) -> Level {
        match self {
            Self::GaveUp { .. }
            | Self::Dropping
            | Self::Abandoned { .. }
            | Self::LeftBehind { .. } => Level::Error,
            Self::Lost(_)
            | Self::ProtocolInDoubt { .. }
            | Self::PortInDoubt { .. }
            | Self::ReportMissed { .. } => Level::Warn,
            Self::Connected | Self::Replayed(_) => Level::Info,
            Self::Confirmed(_) => Level::Debug,
        }
    }

    /// Returns the warning that a driver is to tell first, if this protocol is sent to the port on
    /// which receivers read the other one.
    ///
    /// ```
    /// use graphite_proto::{Event, Protocol};
    ///
    /// let event = Event::port_in_doubt(Protocol::Pickle, 2003).unwrap();
    /// assert_eq!(
    ///     event.to_string(),
    ///     "pickle is sent to port 2003, where receivers read plaintext: is the protocol right?"
    /// );
    /// assert_eq!(Event::port_in_doubt(Protocol::Pickle, 2004), None);
    /// ```
    pub fn port_in_doubt(protocol: Protocol, port: u16) -> Option<Self> {
        (port == protocol.other().default_port()).then_some(Self::PortInDoubt { protocol, port })
    }
}

/// One line for people, in lower case.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Lost(cause) => write!(f, "connection lost: {cause}"),
            Self::GaveUp { failures, cause } => {
                write!(f, "{failures} failures in a row; the last one: {cause}")
            }
            Self::Replayed(points) => write!(f, "{} sent again", Count(*points)),
            Self::Confirmed(points) => write!(f, "{} proven to be read", Count(*points)),
            Self::Dropping => f.write_str("queue is full, dropping the oldest points"),
            Self::ProtocolInDoubt { protocol } => {
                let port = protocol.default_port();
                write!(
                    f,
                    "receiver ends every connection right after its first bytes: does it read \
                     {protocol}, as receivers do on port {port}?"
                )
            }
            Self::Abandoned { points } => {
                write!(f, "client ended with {} not known to be delivered", Count(*points))
            }
            Self::LeftBehind { points } => {
                write!(f, "no room in the queue for {} that a feeder left", Count(*points))
            }
            Self::ReportMissed { points, cause } => {
                write!(f, "{} of a report missed: {cause}", Count(*points))
            }
            Self::PortInDoubt { protocol, port } => {
                let other = protocol.other();
                write!(
                    f,
                    "{protocol} is sent to port {port}, where receivers read {other}: \
                     is the protocol right?"
                )
            }
        }
    }
}

/// So many points, in words.
struct Count(u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} point{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// Why a connection, or an attempt at one, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers make them; what an io::Error tells is all")]
pub struct Failure {
    /// What kind of failure.
    pub kind: io::ErrorKind,
    /// One line for people.
    pub text: String,
}

impl Failure {
    /// Makes a failure from its kind and a line for people.
    pub fn new(kind: io::ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {}

/// The system's own words begin with a small letter and go without their number, since the line
/// stands within others.
///
/// `StorageFull` becomes `Other`: that kind is the machine's own word for a point that was dropped
/// from a full queue, which no connection can say.
///
/// ```
/// use graphite_proto::Failure;
///
/// # #[cfg(target_os = "linux")]
/// assert_eq!(
///     Failure::from(std::io::Error::from_raw_os_error(111)).text,
///     "connection refused"
/// );
/// ```
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull => io::ErrorKind::Other,
            kind => kind,
        };
        Self::new(kind, line(&error))
    }
}

fn line(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(code) = error.raw_os_error() else { return text };
    let text = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
    match text.as_bytes() {
        // An abbreviation stays as it is.
        [b'A'..=b'Z', b'a'..=b'z' | b' ', ..] => {
            format!("{}{}", text[..1].to_ascii_lowercase(), &text[1..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_systems_own_words_are_made_smaller() {
        let own = io::Error::other("No certificate (os error 5)");
        assert_eq!(Failure::from(own).text, "No certificate (os error 5)");
        let kind = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(Failure::from(kind).text, "connection reset");
        // Miri has texts of its own.
        #[cfg(all(target_os = "linux", not(miri)))]
        for (code, text) in [
            (104, "connection reset by peer"),
            (113, "no route to host"),
            (73, "RFS specific error"),
            (9999, "unknown error 9999"),
        ] {
            assert_eq!(Failure::from(io::Error::from_raw_os_error(code)).text, text);
        }
    }

    #[test]
    fn a_port_of_the_other_protocol_is_in_doubt_and_no_other_is() {
        let text = |protocol, port| Event::port_in_doubt(protocol, port).map(|e| e.to_string());
        let asked = "plaintext is sent to port 2004, where receivers read pickle: \
                     is the protocol right?";
        assert_eq!(text(Protocol::Plaintext, 2004).as_deref(), Some(asked));
        for (protocol, port) in
            [(Protocol::Plaintext, 2003), (Protocol::Pickle, 2004), (Protocol::Pickle, 2103)]
        {
            assert_eq!(text(protocol, port), None);
        }
    }
}
