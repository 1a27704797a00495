//! Those who wait for an answer: that points are out, that there is a connection, that the client
//! has ended.
//!
//! They stand in the order of what they wait for, so that finding those who are answered costs
//! nothing for those who are not. Not here: who waits for room in the queue ([`super::line`]), and
//! what the answer is ([`Sender::outcome`]). Wakers are handed out and never woken, cloned or
//! dropped: that may run a user's code, and whoever calls here holds the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

use crate::config::Overflow;
use crate::sender::Sender;
use crate::ticket::{Progress, Ticket};

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Ticket(Ticket),
    Closed,
}

/// Where a waiter stands. It is not there any more once it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Behind the last point that it waits for; of no meaning for one that waits for no points.
    end: u64,
    /// No two waiters have the same.
    number: u64,
}

#[derive(Debug)]
struct Waiter {
    wait: Wait,
    waker: Waker,
}

/// The waiters without an answer.
#[derive(Debug)]
pub(crate) struct Waiters {
    /// Those who wait for points, in the order in which the points go out.
    points: BTreeMap<Key, Waiter>,
    /// The same by their first point, if points can be dropped from under them. Only those that
    /// can still be: a waiter all of whose points lie before a dropped one is safe.
    begins: Option<BTreeSet<(u64, Key)>>,
    /// Those who wait for something else.
    others: BTreeMap<Key, Waiter>,
    next: u64,
    /// How far the machine was when waiters were last looked at.
    seen: Progress,
    /// How many waiters were looked at, one by one.
    #[cfg(test)]
    pub(crate) looked_at: usize,
}

impl Waiters {
    pub(crate) fn new(overflow: Overflow) -> Self {
        Self {
            points: BTreeMap::new(),
            begins: (overflow == Overflow::DropOldest).then(BTreeSet::new),
            others: BTreeMap::new(),
            next: 0,
            seen: Progress::default(),
            #[cfg(test)]
            looked_at: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.others.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len() + self.others.len()
    }

    /// Has a waker woken when that wait, which has no answer now, may have one. The waker that
    /// `key` stood for is left in its place.
    pub(crate) fn register(
        &mut self,
        key: &mut Option<Key>,
        wait: Wait,
        waker: &mut Option<Waker>,
        sender: &Sender,
    ) {
        let waiting = key.and_then(|key| self.get_mut(key)).filter(|waiter| waiter.wait == wait);
        if let (Some(waiter), Some(waker)) = (waiting, &mut *waker) {
            return std::mem::swap(&mut waiter.waker, waker);
        }
        let old = self.forget(key);
        let Some(waker) = std::mem::replace(waker, old) else { return };
        if self.is_empty() {
            self.seen = sender.progress();
        }
        let points = points(wait);
        let end = points.as_ref().map_or(u64::MAX, |points| points.end);
        let new = Key { end, number: self.next };
        self.next += 1;
        *key = Some(new);
        if let (Some(begins), Some(points)) = (&mut self.begins, &points) {
            begins.insert((points.start, new));
        }
        let waiters = if points.is_some() { &mut self.points } else { &mut self.others };
        waiters.insert(new, Waiter { wait, waker });
    }

    fn get_mut(&mut self, key: Key) -> Option<&mut Waiter> {
        self.points.get_mut(&key).or_else(|| self.others.get_mut(&key))
    }

    /// Takes a waiter back that was not answered.
    pub(crate) fn forget(&mut self, key: &mut Option<Key>) -> Option<Waker> {
        let key = key.take()?;
        self.remove(key).or_else(|| self.others.remove(&key)).map(|waiter| waiter.waker)
    }

    /// Removes one that waits for points.
    fn remove(&mut self, key: Key) -> Option<Waiter> {
        let waiter = self.points.remove(&key)?;
        if let (Some(begins), Some(points)) = (&mut self.begins, points(waiter.wait)) {
            begins.remove(&(points.start, key));
        }
        Some(waiter)
    }

    /// Takes the wakers of those whose answer may have come.
    pub(crate) fn take_answered(&mut self, sender: &Sender, wakers: &mut Vec<Waker>) {
        if self.is_empty() {
            return;
        }
        let now = sender.progress();
        let seen = std::mem::replace(&mut self.seen, now);
        if now.closed {
            return self.take_all(wakers);
        }
        if now.failed_rounds > seen.failed_rounds {
            // It answers every ticket made before, and no open one is made later.
            self.take_points(u64::MAX, wakers);
        }
        if now.done > seen.done {
            self.take_points(now.done, wakers);
        }
        if now.dropped > seen.dropped {
            self.take_dropped(now.dropped, sender, wakers);
        }
        if now.connections > seen.connections || now.failed_rounds > seen.failed_rounds {
            self.take_connected(sender, wakers);
        }
    }

    /// Takes everybody's waker.
    pub(crate) fn take_all(&mut self, wakers: &mut Vec<Waker>) {
        self.take_points(u64::MAX, wakers);
        let others = std::mem::take(&mut self.others);
        #[cfg(test)]
        {
            self.looked_at += others.len();
        }
        wakers.extend(others.into_values().map(|waiter| waiter.waker));
    }

    /// Takes those who wait for points up to that one.
    fn take_points(&mut self, done: u64, wakers: &mut Vec<Waker>) {
        while let Some(&key) = self.points.keys().next()
            && key.end <= done
        {
            #[cfg(test)]
            {
                self.looked_at += 1;
            }
            wakers.extend(self.remove(key).map(|waiter| waiter.waker));
        }
    }

    /// Takes those who lost points: all that are dropped lie before that one.
    fn take_dropped(&mut self, dropped: u64, sender: &Sender, wakers: &mut Vec<Waker>) {
        while let Some(&(start, key)) = self.begins.as_ref().and_then(BTreeSet::first)
            && start < dropped
        {
            #[cfg(test)]
            {
                self.looked_at += 1;
            }
            // One that begins before the latest loss and did not lose a point ends before it too.
            // Later losses are farther on, so this is the last time that it is looked at here.
            let waiter = self.points.get(&key);
            let lost = waiter.is_some_and(|waiter| is_answered(waiter.wait, sender));
            if let Some(begins) = &mut self.begins {
                begins.pop_first();
            }
            if lost {
                wakers.extend(self.points.remove(&key).map(|waiter| waiter.waker));
            }
        }
    }

    /// Takes those who wait for a connection and got one, or a failure.
    fn take_connected(&mut self, sender: &Sender, wakers: &mut Vec<Waker>) {
        #[cfg(test)]
        {
            self.looked_at += self.others.len();
        }
        let others = std::mem::take(&mut self.others).into_iter();
        let (answered, open): (BTreeMap<_, _>, _) =
            others.partition(|(_, waiter)| is_answered(waiter.wait, sender));
        self.others = open;
        wakers.extend(answered.into_values().map(|waiter| waiter.waker));
    }
}

fn points(wait: Wait) -> Option<std::ops::Range<u64>> {
    match wait {
        Wait::Ticket(ticket) => ticket.points(),
        Wait::Closed => None,
    }
}

fn is_answered(wait: Wait, sender: &Sender) -> bool {
    match wait {
        Wait::Ticket(ticket) => sender.outcome(ticket).is_some(),
        Wait::Closed => sender.is_closed(),
    }
}

#[cfg(test)]
mod tests;
