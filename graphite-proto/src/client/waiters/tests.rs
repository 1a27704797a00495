//! Crowds of waiters: whoever is answered is found, and nobody else is looked at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::Duration;

use super::*;
use crate::config::{Config, Delivery};
use crate::event::{Failure, Input, Output};
use crate::instant::Instant;
use crate::metric::Metric;

/// Notes who was woken.
struct Note(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// A machine, those who wait for it, and what each of them waits for.
struct Crowd {
    sender: Sender,
    waiters: Waiters,
    now: Instant,
    /// Those who wait, by a number of the test's.
    open: BTreeMap<usize, (Option<Key>, Wait)>,
    next: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Crowd {
    fn new(config: Config) -> Self {
        let sender = Sender::new(config, Instant::START);
        Self {
            waiters: Waiters::new(sender.overflow()),
            sender,
            now: Instant::START,
            open: BTreeMap::new(),
            next: 0,
            woken: Arc::default(),
        }
    }

    fn up(config: Config) -> Self {
        let mut crowd = Self::new(config);
        crowd.sender.connect(crowd.now);
        crowd.tell(Input::Connected);
        crowd
    }

    fn put(&mut self) -> Ticket {
        self.sender.enqueue(&Metric::new("some.metric", 1), 1_700_000_000, self.now).unwrap()
    }

    /// Has somebody wait, unless the answer is there already.
    fn wait(&mut self, wait: Wait) {
        if !is_answered(wait, &self.sender) {
            self.open.insert(self.next, (None, wait));
            self.register(self.next);
            self.next += 1;
        }
    }

    fn register(&mut self, who: usize) {
        let mut waker = Some(Waker::from(Arc::new(Note(who, self.woken.clone()))));
        let (key, wait) = self.open.get_mut(&who).unwrap();
        self.waiters.register(key, *wait, &mut waker, &self.sender);
    }

    fn tell(&mut self, input: Input) -> Vec<usize> {
        self.sender.handle_input(input, self.now);
        self.answered()
    }

    /// Wakes those who are answered; returns them. They are all who have an answer now, and others
    /// have none.
    fn answered(&mut self) -> Vec<usize> {
        let mut wakers = Vec::new();
        self.waiters.take_answered(&self.sender, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        let mut woken = std::mem::take(&mut *self.woken.lock().unwrap());
        woken.sort_unstable();
        let answered = self.open.iter().filter(|(_, (_, wait))| is_answered(*wait, &self.sender));
        assert_eq!(woken, answered.map(|(&who, _)| who).collect::<Vec<_>>());
        self.open.retain(|who, _| !woken.contains(who));
        assert_eq!(self.waiters.len(), self.open.len());
        woken
    }

    fn write(&mut self) -> Vec<usize> {
        match self.sender.poll_output() {
            Output::Transmit(bytes) => {
                let bytes = bytes.len();
                self.tell(Input::Written(bytes))
            }
            _ => Vec::new(),
        }
    }

    fn fail(&mut self) {
        self.now = self.now + Duration::from_secs(60);
        self.tell(Input::Timeout);
        self.tell(Input::ConnectFailed(Failure::new(std::io::ErrorKind::Other, "no")));
    }
}

#[test]
fn nobody_is_looked_at_before_the_answer_comes() {
    let mut crowd = Crowd::up(Config::default().frame_bytes(4096));
    let points = if cfg!(miri) { 60 } else { 3000 };
    for i in 0..points {
        let ticket = crowd.put();
        let flush = crowd.sender.ticket();
        crowd.wait(Wait::Ticket(if i % 2 == 0 { ticket } else { flush }));
        crowd.wait(Wait::Closed);
    }
    let mut answered = 0;
    while crowd.sender.stats().queued > 0 {
        answered += crowd.write().len();
        assert_eq!(crowd.waiters.looked_at, answered);
        // What answers nobody looks at nobody.
        crowd.tell(Input::Timeout);
        assert_eq!(crowd.waiters.looked_at, answered);
    }
    assert_eq!((answered, crowd.waiters.len()), (points, points));
}

#[test]
fn a_failure_and_the_end_answer_all_whom_they_concern() {
    let mut crowd = Crowd::new(Config::default().max_attempts(2));
    for _ in 0..100 {
        let ticket = crowd.put();
        crowd.wait(Wait::Ticket(ticket));
        crowd.wait(Wait::Closed);
        let connection = crowd.sender.connect(crowd.now);
        crowd.wait(Wait::Ticket(connection));
    }
    crowd.fail();
    assert_eq!(crowd.open.len(), 300);
    crowd.fail();
    assert_eq!(crowd.open.len(), 100);
    let ticket = crowd.sender.ticket();
    crowd.wait(Wait::Ticket(ticket));
    crowd.tell(Input::Close);
    crowd.fail();
    assert_eq!(crowd.open.len(), 0);
}

/// A flush of many points and a single one that are hit by the same loss, and those it spares.
#[test]
#[cfg_attr(miri, ignore = "takes its many rounds")]
fn whoever_loses_a_point_is_looked_at_twice_at_most() {
    let config = Config::default().overflow(Overflow::DropOldest).queue_bytes(16 << 10);
    let mut crowd = Crowd::up(config);
    let mut waited = 0;
    for i in 0..20_000 {
        let ticket = crowd.put();
        crowd.answered();
        if i % 7 == 0 {
            let ticket = if i % 3 == 0 { crowd.sender.ticket() } else { ticket };
            crowd.wait(Wait::Ticket(ticket));
            waited += 1;
        }
    }
    assert!(crowd.sender.stats().dropped > 15_000);
    assert!(crowd.open.len() < 100, "nearly all have lost points and were told");
    assert!(crowd.waiters.looked_at <= 2 * waited, "{} of {waited}", crowd.waiters.looked_at);
    // What is left of the second order is about those who can still lose something.
    assert!(crowd.waiters.begins.as_ref().unwrap().len() <= crowd.open.len());
}

/// Anything at any time: after each step those are woken who have an answer, and nobody else.
#[test]
fn whatever_happens_those_are_woken_who_have_an_answer() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut below = |limit: u64| random.u64(..limit);
    let deliveries = [
        Delivery::BestEffort,
        Delivery::Replay { window: 4096 },
        Delivery::Confirmed { window: 2048 },
    ];
    let mut answered = 0;
    for run in 0..if cfg!(miri) { 3 } else { 120 } {
        let overflow = if run % 2 == 0 { Overflow::DropOldest } else { Overflow::Reject };
        let config = Config::default().overflow(overflow).queue_bytes(2048).max_attempts(2);
        let mut crowd = Crowd::new(config.delivery(deliveries[run % 3]));
        for _ in 0..600 {
            match below(16) {
                0..4 => {
                    let metric = Metric::new("some.metric", 1);
                    if let Ok(ticket) = crowd.sender.enqueue(&metric, 1, crowd.now) {
                        answered += crowd.answered().len();
                        crowd.wait(Wait::Ticket(ticket));
                    }
                }
                4 => {
                    let ticket = crowd.sender.ticket();
                    crowd.wait(Wait::Ticket(ticket));
                }
                5 => {
                    let ticket = crowd.sender.connect(crowd.now);
                    crowd.wait(Wait::Ticket(ticket));
                    crowd.wait(Wait::Closed);
                }
                6 => {
                    // Gives up; or is asked again, with another waker.
                    let place = below(1 + crowd.open.len() as u64) as usize;
                    let Some(&who) = crowd.open.keys().nth(place) else { continue };
                    if below(2) == 0 {
                        let (mut key, _) = crowd.open.remove(&who).unwrap();
                        assert!(crowd.waiters.forget(&mut key).is_some());
                    } else {
                        crowd.register(who);
                    }
                }
                7 => {
                    crowd.now = crowd.now + Duration::from_millis(below(3000));
                    answered += crowd.tell(Input::Timeout).len();
                }
                8 => {
                    let proven = below(2) == 0;
                    answered += crowd.tell(Input::PeerFinished { proven }).len();
                }
                9 if below(400) == 0 => answered += crowd.tell(Input::Close).len(),
                _ => {
                    let input = match crowd.sender.poll_output() {
                        Output::Connect if below(3) > 0 => Input::Connected,
                        Output::Connect => Input::ConnectFailed(Failure::new(
                            std::io::ErrorKind::ConnectionRefused,
                            "refused",
                        )),
                        Output::Transmit(bytes) => Input::Written(1 + bytes.len() / 2),
                        Output::Finish => Input::Finished,
                        _ => Input::Timeout,
                    };
                    answered += crowd.tell(input).len();
                }
            }
        }
    }
    assert!(answered > if cfg!(miri) { 0 } else { 5000 }, "{answered}");
}
