//! A client whose driver is the test: tasks are run one by one, in an order that is known, and what
//! the driver would do is done by hand between them.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::MadeUp;
use crate::client::handle::Client;
use crate::config::Config;
use crate::event::{Failure, Input, Output};
use crate::instant::Instant;

pub(super) fn small_queue() -> Config {
    Config::default().queue_bytes(16 << 10).max_attempts(3)
}

/// A client whose driver is the test.
pub(super) struct Desk {
    pub(super) client: Client<MadeUp>,
    pub(super) now: Instant,
}

impl Desk {
    pub(super) fn new(config: Config) -> Self {
        let desk = Self {
            client: Client::without_driver(MadeUp::default(), config, None),
            now: Instant::START,
        };
        desk.client.shared().lock().sender.connect(desk.now);
        desk
    }

    /// A client whose connection takes what it is given.
    pub(super) fn up(config: Config) -> Self {
        let desk = Self::new(config);
        desk.tell(Input::Connected);
        desk
    }

    pub(super) fn tell(&self, input: Input) {
        let mut wakers = Vec::new();
        let mut machine = self.client.shared().lock();
        machine.sender.handle_input(input, self.now);
        machine.take_answered(&mut wakers);
        // Who is answered while there is something to tell is left to the driver.
        while machine.sender.poll_event().is_some() {}
        wakers.append(&mut machine.answered);
        drop(machine);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Writes the frame on offer; returns its text.
    pub(super) fn write(&self) -> String {
        let text = match self.client.shared().lock().sender.poll_output() {
            Output::Transmit(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => return String::new(),
        };
        self.tell(Input::Written(text.len()));
        text
    }

    /// Writes everything that is queued.
    pub(super) fn write_all(&self) -> String {
        std::iter::repeat_with(|| self.write()).take_while(|text| !text.is_empty()).collect()
    }

    /// Lets as many attempts to connect fail as it takes for all who wait to be told.
    pub(super) fn fail(&mut self) {
        for _ in 0..3 {
            self.now = self.now + Duration::from_secs(60);
            self.tell(Input::Timeout);
            self.tell(Input::ConnectFailed(Failure::new(io::ErrorKind::ConnectionRefused, "no")));
        }
    }

    /// Queues points until there is no more room; the frame on offer is a whole one.
    pub(super) fn fill(&self) {
        while self.client.try_feed(("fill", 1, 1)).is_ok() {}
        self.write();
        while self.client.try_feed(("fill", 1, 1)).is_ok() {}
    }

    pub(super) fn queued(&self) -> u64 {
        self.client.stats().queued
    }
}

/// Which of the tasks that are ready is run next.
#[derive(Clone, Copy)]
pub(super) enum Order {
    FirstWoken,
    LastWoken,
}

/// Tasks that are run when they were woken, one at a time.
pub(super) struct Tasks<'a> {
    pub(super) tasks: Vec<Option<Pin<Box<dyn Future<Output = ()> + 'a>>>>,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

struct Ring(usize, Arc<Mutex<VecDeque<usize>>>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let mut ready = self.1.lock().unwrap();
        if !ready.contains(&self.0) {
            ready.push_back(self.0);
        }
    }
}

impl<'a> Tasks<'a> {
    pub(super) fn new() -> Self {
        Self { tasks: Vec::new(), ready: Arc::default() }
    }

    /// Adds a task, which was never run yet.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + 'a) -> usize {
        self.tasks.push(Some(Box::pin(task)));
        self.ready.lock().unwrap().push_back(self.tasks.len() - 1);
        self.tasks.len() - 1
    }

    pub(super) fn next(&self, order: Order) -> Option<usize> {
        let mut ready = self.ready.lock().unwrap();
        match order {
            Order::FirstWoken => ready.pop_front(),
            Order::LastWoken => ready.pop_back(),
        }
    }

    /// Runs tasks until all of them wait.
    pub(super) fn run(&mut self, order: Order) {
        while let Some(index) = self.next(order) {
            let waker = Waker::from(Arc::new(Ring(index, self.ready.clone())));
            let done = self.tasks[index].as_mut().is_some_and(|task| {
                task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
            });
            if done {
                self.tasks[index] = None;
            }
        }
    }

    pub(super) fn is_done(&self, index: usize) -> bool {
        self.tasks[index].is_none()
    }

    pub(super) fn are_ready(&self) -> usize {
        self.ready.lock().unwrap().len()
    }
}
