//! One connection: two kernels, what lies between them, and a receiver that may die.

use std::time::Duration;

use crate::decode::Decoder;
use crate::plan::Plan;
use crate::random::Random;

/// What becomes of the receiver, once it has read so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It reads on.
    Lives,
    /// It dies; what it had not read is gone.
    Dies,
    /// It closes when nothing is left to read.
    Closes,
    /// It closes with bytes unread.
    ClosesEarly,
    /// It reads nothing for a while.
    Pauses(Duration),
    /// It never reads again, and says nothing.
    Hangs,
    /// It sends something.
    Speaks,
    /// It closes its side and reads on.
    ClosesItsSide,
    /// It closes its side, reads nothing more and dies before its end of file is believed.
    ClosesItsSideAndDies,
}

/// What it does when it sees the end of what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    EndWhenRead,
    EndAtOnce,
    Death,
    Silence,
}

/// What the driver sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// An end of file; and whether everything had been read.
    End {
        proven: bool,
    },
    /// An end of file on a connection that can be written to still, and whether bytes were
    /// acknowledged after it.
    HalfEnd {
        reads_on: bool,
    },
    Reset,
    Speech,
}

#[derive(Debug)]
pub(crate) struct Wire {
    fate: Fate,
    /// When the fate comes, in bytes that were read.
    after: u64,
    answer: Answer,
    reads: usize,
    latency: Duration,
    capacity: usize,
    unread: Vec<u8>,
    decoder: Decoder,
    pub(crate) pushed: u64,
    read: u64,
    half_closed: bool,
    /// The receiver reads no more.
    gone: bool,
    proofs: bool,
    next_read: Option<Duration>,
    signal: Option<(Duration, Signal)>,
    /// The receiver has closed its side, and the driver was told.
    ended: bool,
    /// When it dies after that, and that it just does: no driver can tell its reset then from that
    /// of a receiver that had closed for good, were the next bytes not acknowledged before.
    death: Option<Duration>,
    dying: bool,
    settle_timeout: Duration,
}

impl Wire {
    pub(crate) fn new(plan: &Plan, healthy: bool, random: &mut Random, now: Duration) -> Self {
        let bad = !healthy && random.percent(plan.trouble);
        let pause = random.time(Duration::from_secs(40));
        let fate = match random.below(11) {
            _ if !bad => Fate::Lives,
            0 | 1 => Fate::Dies,
            2 | 3 => Fate::Closes,
            4 => Fate::ClosesEarly,
            5 => Fate::Pauses(pause),
            6 => Fate::Hangs,
            7 => Fate::Speaks,
            8 | 9 => Fate::ClosesItsSide,
            _ => Fate::ClosesItsSideAndDies,
        };
        let answer = match random.below(10) {
            0 if bad => Answer::EndAtOnce,
            1 if bad => Answer::Death,
            2 | 3 if bad => Answer::Silence,
            _ => Answer::EndWhenRead,
        };
        let mut wire = Self {
            fate,
            after: 0,
            answer,
            reads: plan.reads,
            latency: plan.latency,
            capacity: plan.capacity,
            unread: Vec::new(),
            decoder: Decoder::new(plan.protocol, plan.seed, plan.pad),
            pushed: 0,
            read: 0,
            half_closed: false,
            gone: false,
            proofs: plan.proofs,
            next_read: None,
            signal: None,
            ended: false,
            death: None,
            dying: false,
            settle_timeout: plan.settle_timeout,
        };
        let most = plan.fateful(random);
        wire.after = random.below(most) as u64;
        if wire.after == 0 {
            wire.meet_fate(random, now);
        }
        wire
    }

    /// How many bytes were taken and will never be points, were the receiver to die now.
    pub(crate) fn swallowed(&self) -> u64 {
        self.pushed - self.decoder.complete
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity - self.unread.len()
    }

    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        random: &mut Random,
        now: Duration,
    ) -> Result<(), String> {
        if self.half_closed && !bytes.is_empty() {
            return Err(format!("{} bytes are written behind the end", bytes.len()));
        }
        self.pushed += bytes.len() as u64;
        self.unread.extend_from_slice(bytes);
        self.read_later(random, now);
        Ok(())
    }

    fn read_later(&mut self, random: &mut Random, now: Duration) {
        if !self.gone && self.next_read.is_none() && !self.unread.is_empty() {
            self.next_read = Some(now + random.time(self.latency));
        }
    }

    pub(crate) fn half_close(&mut self, random: &mut Random, now: Duration) {
        self.half_closed = true;
        if let Some((_, signal @ Signal::HalfEnd { .. })) = &mut self.signal {
            // The two ends cross.
            *signal = Signal::End { proven: false };
            return;
        }
        if self.gone || self.ended {
            return;
        }
        match self.answer {
            Answer::EndWhenRead if self.unread.is_empty() => self.close(random, now),
            Answer::EndWhenRead | Answer::Silence => {}
            Answer::EndAtOnce => self.close(random, now),
            Answer::Death => self.die(random, now),
        }
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<Duration> {
        let signal = self.signal.map(|(at, _)| at);
        [self.next_read, signal, self.death].into_iter().flatten().min()
    }

    /// Lets happen what is due; returns what the driver sees. What was read is in `points`.
    pub(crate) fn run(
        &mut self,
        random: &mut Random,
        now: Duration,
        points: &mut Vec<u64>,
    ) -> Result<Option<Signal>, String> {
        if self.next_read.is_some_and(|at| at <= now) {
            self.next_read = None;
            self.read_some(random, now, points)?;
        }
        if self.death.is_some_and(|at| at <= now) {
            self.death = None;
            self.gone = true;
            return Ok(Some(Signal::Reset));
        }
        match self.signal {
            Some((at, signal)) if at <= now => {
                self.signal = None;
                self.ended |= matches!(signal, Signal::HalfEnd { .. });
                Ok(Some(self.truth(signal, random)))
            }
            _ => Ok(None),
        }
    }

    /// Whether everything was read is known when the end is seen, not when it was sent.
    fn truth(&mut self, signal: Signal, random: &mut Random) -> Signal {
        match signal {
            // A driver that can ask its kernel sees that nothing is unacknowledged, and may write.
            Signal::End { .. } if self.proofs && !self.half_closed && self.unread.is_empty() => {
                self.ended = true;
                Signal::HalfEnd { reads_on: false }
            }
            Signal::End { .. } if self.unread.is_empty() => {
                Signal::End { proven: self.half_closed }
            }
            // Without a count of what is unacknowledged, an end after ours is taken for a proof:
            // then no receiver ends so without having read.
            // An end of one side is one, whatever is unread.
            Signal::End { .. } if !self.half_closed && !self.gone => Signal::End { proven: false },
            Signal::End { .. } if (self.half_closed && !self.proofs) || random.percent(50) => {
                Signal::Reset
            }
            signal => signal,
        }
    }

    fn read_some(
        &mut self,
        random: &mut Random,
        now: Duration,
        points: &mut Vec<u64>,
    ) -> Result<(), String> {
        let mut most = random.between(1, self.reads);
        if self.fate != Fate::Lives {
            most = most.min(usize::try_from(self.after - self.read).unwrap_or(most));
        }
        let bytes: Vec<u8> = self.unread.drain(..most.min(self.unread.len())).collect();
        self.read += bytes.len() as u64;
        self.decoder.read(&bytes, points)?;
        if self.fate != Fate::Lives && self.read >= self.after {
            self.meet_fate(random, now);
        }
        if self.half_closed && self.unread.is_empty() && self.answer == Answer::EndWhenRead {
            self.close(random, now);
        }
        self.read_later(random, now);
        Ok(())
    }

    fn meet_fate(&mut self, random: &mut Random, now: Duration) {
        match self.fate {
            Fate::Lives => {}
            Fate::Dies => self.die(random, now),
            Fate::Closes if !self.unread.is_empty() => {
                // Not yet: it reads what there is.
                self.after = self.read + self.unread.len() as u64;
                return;
            }
            Fate::Closes | Fate::ClosesEarly => self.close(random, now),
            Fate::Pauses(pause) => self.next_read = Some(now + pause),
            Fate::Hangs => self.gone = true,
            Fate::Speaks => self.signal_later(Signal::Speech, random, now),
            Fate::ClosesItsSide | Fate::ClosesItsSideAndDies => self.close_side(random, now),
        }
        self.fate = Fate::Lives;
    }

    /// Closes its side only. What is on its way then is acknowledged later, if anything is.
    fn close_side(&mut self, random: &mut Random, now: Duration) {
        let dies = self.fate == Fate::ClosesItsSideAndDies;
        if self.half_closed || self.signal.is_some() {
            return;
        }
        if self.proofs {
            let reads_on = !self.unread.is_empty() && random.percent(50);
            self.signal_later(Signal::HalfEnd { reads_on }, random, now);
        } else {
            self.signal_later(Signal::End { proven: false }, random, now);
        }
        if dies {
            // No driver can know better than by waiting; who waits long enough is not fooled.
            self.next_read = None;
            self.gone = true;
            let seen = self.signal.map_or(now, |(at, _)| at);
            self.death = Some(seen + random.time(self.settle_timeout * 9 / 10));
        } else {
            // One that reads later than its end of file is believed cannot be told from one that
            // has read.
            (self.reads, self.latency) = (self.capacity, self.latency.min(self.settle_timeout / 4));
            self.read_later(random, now);
        }
    }

    /// Returns whether bytes written now will be acknowledged: a closed connection resets instead.
    pub(crate) fn acknowledges(&self) -> bool {
        !self.gone || self.death.is_some() || self.dying
    }

    /// The driver closes in good order: the receiver reads what there is, if it lives.
    pub(crate) fn finish(&mut self, points: &mut Vec<u64>) -> Result<(), String> {
        if self.gone {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.unread);
        self.decoder.read(&bytes, points)
    }

    fn signal_later(&mut self, signal: Signal, random: &mut Random, now: Duration) {
        self.signal = Some((now + random.time(self.latency), signal));
    }

    fn close(&mut self, random: &mut Random, now: Duration) {
        if !self.gone {
            self.gone = true;
            self.next_read = None;
            self.signal_later(Signal::End { proven: false }, random, now);
        }
    }

    fn die(&mut self, random: &mut Random, now: Duration) {
        self.gone = true;
        self.next_read = None;
        self.signal_later(Signal::Reset, random, now);
    }

    /// The driver aborts: the receiver may still read some of what is there.
    pub(crate) fn abort(
        &mut self,
        random: &mut Random,
        points: &mut Vec<u64>,
    ) -> Result<(), String> {
        if self.gone {
            return Ok(());
        }
        let most = random.below(self.unread.len() + 1);
        let bytes: Vec<u8> = self.unread.drain(..most).collect();
        self.decoder.read(&bytes, points)
    }

    /// The bad times are over: the receiver reads on, or turns out to be dead.
    pub(crate) fn heal(&mut self, plan: &Plan, random: &mut Random, now: Duration) {
        self.fate = Fate::Lives;
        self.answer = Answer::EndWhenRead;
        if self.death.take().is_some() {
            self.dying = true;
            self.die(random, now);
        }
        (self.reads, self.latency) = (plan.reads, plan.latency);
        if self.half_closed && self.unread.is_empty() {
            self.close(random, now);
        }
        if self.gone && self.signal.is_none() {
            self.die(random, now);
        }
        self.read_later(random, now);
    }
}
