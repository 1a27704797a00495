//! What a sender promised, held against what its receiver was given: every point in its order, an
//! answer only for what came about, and what no end has proven once more.
//!
//! The points bear their numbers as timestamps, so that no other of their bytes is taken from the
//! input. The receiver may have lost all that a connection without a proven end was given. Not here:
//! what happens to a sender ([`super::world`]).

use std::io::ErrorKind;

use graphite_proto::{Delivery, Input, Instant, Output, Receiver, Sender, Ticket};

use super::settings::Settings;

/// Frames that share an entry are as old as the first of them, give or take this part of the age.
const AGES: u32 = 64;

/// What the present connection was given, read as a receiver reads it.
struct Link {
    receiver: Receiver,
    /// How many bytes it was given.
    bytes: usize,
    /// The least point that it may be given: those before are proven, or nobody kept them.
    floor: u64,
    /// Behind the last point that it was given, if any.
    behind: Option<u64>,
    up: bool,
    /// It was half-closed by the sender; the receiver's end of file came without being asked for.
    finished: bool,
    peer_ended: bool,
}

/// Somebody who waits.
struct Wait {
    ticket: Ticket,
    /// How many connections have to have come about.
    connections: u64,
    answered: bool,
}

pub(crate) struct Ledger<'a> {
    settings: &'a Settings,
    link: Link,
    connections: u64,
    waits: Vec<Wait>,
    /// For every accepted point its ticket, and when it was first given to a connection.
    points: Vec<(Ticket, Option<Instant>)>,
    /// How many points were given to a connection, and what lies behind the last of them.
    given: u64,
    behind: u64,
    /// Every point before this one is proven to be read, dropped, or need not be given again.
    kept: u64,
    confirmed: u64,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            link: Link::new(settings, false, 0),
            connections: 0,
            waits: Vec::new(),
            points: Vec::new(),
            given: 0,
            behind: 0,
            kept: 0,
            confirmed: 0,
        }
    }

    /// Somebody waits for what a ticket stands for; `connecting` if it takes a new connection.
    pub(crate) fn waits(&mut self, ticket: Ticket, connecting: bool) {
        let connections = self.connections + u64::from(connecting);
        self.waits.push(Wait { ticket, connections, answered: false });
    }

    /// So many points were accepted, and get a ticket, as those do that are skipped.
    pub(crate) fn accepted(&mut self, ticket: Ticket, points: u64) {
        let before = self.points.len() as u64;
        let range = ticket.points().expect("a ticket for points");
        if points > 0 {
            assert_eq!(range, before..before + points);
        } else {
            assert!(range.is_empty(), "{range:?} are no points");
        }
        self.points.extend((0..points).map(|_| (ticket, None)));
        self.waits(ticket, false);
    }

    /// Bytes were written to the connection.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        assert!(self.link.up, "there is no connection");
        self.link.bytes += bytes.len();
        self.link.receiver.receive(bytes);
    }

    fn is_confirmed(&self) -> bool {
        matches!(self.settings.delivery, Delivery::Confirmed { .. })
    }

    /// Whether the receiver owes an answer to the sender's half-close.
    pub(crate) fn is_finished(&self) -> bool {
        self.link.finished
    }

    pub(crate) fn has_peer_ended(&self) -> bool {
        self.link.peer_ended
    }

    /// A sender is told something.
    pub(crate) fn tell(&mut self, sender: &mut Sender, input: Input, at: Instant) {
        let asked = self.link.finished;
        let proof =
            (asked || !self.is_confirmed()) && input == Input::PeerFinished { proven: true };
        let unproven = matches!(input, Input::PeerFinished { proven: false });
        match input {
            Input::Connected if sender.poll_output() == Output::Connect => {
                let stats = sender.stats();
                let best_effort = self.settings.delivery == Delivery::BestEffort;
                let floor = if best_effort { stats.written } else { stats.confirmed };
                self.link = Link::new(self.settings, true, floor);
                self.connections += 1;
            }
            Input::Finished if sender.poll_output() == Output::Finish => self.link.finished = true,
            Input::PeerHalfClosed { .. } => self.link.peer_ended |= self.link.up,
            _ => {}
        }
        let ends = matches!(input, Input::PeerFinished { .. } | Input::Disconnected(_));
        sender.handle_input(input, at);
        self.read(sender, proof);
        if ends && std::mem::replace(&mut self.link.up, false) {
            self.ended(sender, unproven);
        }
    }

    /// Takes what the receiver reads; `proof` if an end of file was told that proves something.
    pub(crate) fn read(&mut self, sender: &Sender, proof: bool) {
        while let Some(metric) = self.link.receiver.next_metric() {
            let metric = metric.expect("whole frames only");
            assert!(metric.path().bytes().all(|byte| byte == b'x'), "{}", metric.path());
            let seconds = metric.timestamp().expect("a number").seconds();
            self.arrived(sender, u64::try_from(seconds).expect("a number"));
        }
        let confirmed = sender.stats().confirmed;
        if confirmed > self.confirmed {
            let stands = !self.is_confirmed() && self.link.peer_ended;
            assert!(proof || stands, "{confirmed} points are confirmed, and nothing proves that");
            self.confirmed = confirmed;
            self.kept = self.kept.max(self.link.behind.unwrap_or(0));
        }
        assert!(confirmed <= self.given, "{confirmed} points are confirmed of {}", self.given);
    }

    /// Points come in their order, and none is left out but those that were dropped.
    fn arrived(&mut self, sender: &Sender, number: u64) {
        let link = &mut self.link;
        let next = link.behind.unwrap_or(self.kept);
        let rises = link.behind.is_none_or(|behind| number >= behind);
        assert!(rises, "point {number} comes after point {}", next - 1);
        assert!(number >= link.floor, "point {number} is repeated, {} are done", link.floor);
        link.behind = Some(number + 1);
        let left_out = (next..number).find(|&number| !self.is_dropped(sender, number));
        assert_eq!(left_out, None, "it is left out before {number}, and was not dropped");
        let index = usize::try_from(number).expect("a number");
        let (_, given) = self.points.get_mut(index).expect("a point that was accepted");
        self.given += u64::from(given.is_none());
        given.get_or_insert(sender.now());
        self.behind = self.behind.max(number + 1);
    }

    fn is_dropped(&self, sender: &Sender, number: u64) -> bool {
        let point = usize::try_from(number).ok().and_then(|index| self.points.get(index));
        let outcome = point.and_then(|(ticket, _)| sender.outcome(*ticket));
        matches!(outcome, Some(Err(failure)) if failure.kind == ErrorKind::StorageFull)
    }

    /// The connection ended: what is not proven, and kept, is to be given to the next one.
    fn ended(&mut self, sender: &Sender, unproven: bool) {
        self.link.finished = false;
        let ages = match self.settings.delivery {
            Delivery::Confirmed { .. } => false,
            Delivery::Replay { window } if self.link.bytes <= window => {
                unproven || !self.settings.proofs
            }
            // More than the window holds, and any of it may be forgotten.
            _ => {
                self.kept = self.behind;
                false
            }
        };
        let age = self.settings.replay_age();
        let old = |at: Instant| ages && sender.now() - at >= age - age / AGES;
        for (_, given) in self.points.iter().take(self.behind as usize).skip(self.kept as usize) {
            // One that was never given was dropped.
            if !given.is_none_or(old) {
                break;
            }
            self.kept += 1;
        }
        let rests = sender.is_idle() && !sender.is_closed();
        assert!(!rests || self.kept == self.behind, "points from {} on are lost", self.kept);
    }

    /// Everyone who has an answer has the right one; at the end everyone has one.
    pub(crate) fn settle(&mut self, sender: &Sender) {
        let upto = if self.is_confirmed() { self.kept } else { self.behind };
        let dropped = sender.stats().dropped;
        for wait in &mut self.waits {
            if wait.answered && !sender.is_closed() {
                continue;
            }
            let points = wait.ticket.points();
            match sender.outcome(wait.ticket) {
                None => assert!(!sender.is_closed(), "somebody waits for ever"),
                Some(Ok(())) => {
                    let upto_here =
                        points.is_none_or(|points| points.is_empty() || points.end <= upto);
                    assert!(upto_here, "{:?} are out, of {upto}", wait.ticket);
                    let connections = self.connections;
                    assert!(wait.connections <= connections, "of {connections} connections");
                }
                Some(Err(failure)) if failure.kind == ErrorKind::StorageFull => {
                    assert!(dropped > 0 && points.is_some(), "{:?} was not dropped", wait.ticket);
                }
                Some(Err(_)) => {}
            }
            wait.answered = sender.outcome(wait.ticket).is_some();
        }
        let stats = sender.stats();
        let given = self.given;
        assert_eq!(stats.accepted, self.points.len() as u64);
        assert!(stats.written <= given, "{given} points were given: {stats:?}");
        assert!(given + stats.dropped <= stats.accepted, "{given} points were given: {stats:?}");
    }

    /// Returns how many points neither are proven to be read, nor were dropped, nor may be forgotten.
    pub(crate) fn left(&self, sender: &Sender) -> u64 {
        let left = (self.kept..self.points.len() as u64).filter(|&n| !self.is_dropped(sender, n));
        left.count() as u64
    }
}

impl Link {
    fn new(settings: &Settings, up: bool, floor: u64) -> Self {
        Self {
            receiver: Receiver::new(settings.protocol),
            bytes: 0,
            floor,
            behind: None,
            up,
            finished: false,
            peer_ended: false,
        }
    }
}
