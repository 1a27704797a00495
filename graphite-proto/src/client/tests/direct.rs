//! Callers who write to the connection by themselves while the client's task sleeps.

use core::net::SocketAddr;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::MadeUp;
use super::desk::Desk;
use crate::client::handle::Client;
use crate::client::runtime::Tcp;
use crate::client::shared::Demand;
use crate::client::waiters::Wait;
use crate::config::Config;
use crate::event::Input;

/// A connection that does with each write what it was told.
#[derive(Default)]
struct Wire {
    answers: Mutex<VecDeque<Answer>>,
    written: Mutex<Vec<u8>>,
    /// Whose lock was free at each write.
    free: Mutex<Vec<bool>>,
    /// Whether each left out the look for the receiver's end.
    again: Mutex<Vec<bool>>,
    client: Mutex<Option<Client<MadeUp>>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Take(usize),
    Fail(io::ErrorKind),
    Panic,
}

impl Tcp for Wire {
    fn poll_read(&self, _cx: &mut Context<'_>, _bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_write(&self, _cx: &mut Context<'_>, _bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn finish(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&self) {}

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.again.lock().unwrap().push(false);
        self.write(bytes)
    }

    fn try_write_again(&self, bytes: &[u8]) -> io::Result<usize> {
        self.again.lock().unwrap().push(true);
        self.write(bytes)
    }
}

impl Wire {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let client = self.client.lock().unwrap();
        self.free.lock().unwrap().extend(client.as_ref().map(|client| client.shared().is_free()));
        let taken = match self.answers.lock().unwrap().pop_front() {
            None => bytes.len(),
            Some(Answer::Take(most)) => most.min(bytes.len()),
            Some(Answer::Fail(kind)) => return Err(kind.into()),
            Some(Answer::Panic) => panic!("planted"),
        };
        self.written.lock().unwrap().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
}

/// Counts how often the client's task is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

struct Scene {
    desk: Desk,
    wire: Arc<Wire>,
    woken: Arc<Woken>,
}

impl Scene {
    fn new(config: Config, answers: &[Answer]) -> Self {
        let desk = Desk::up(config);
        let wire = Arc::new(Wire::default());
        wire.answers.lock().unwrap().extend(answers);
        *wire.client.lock().unwrap() = Some(desk.client.clone());
        let scene = Self { desk, wire, woken: Arc::default() };
        scene.desk.client.shared().lock().direct.set(Some(scene.wire.clone()));
        scene.sleep();
        scene
    }

    /// The client's task has nothing to do.
    fn sleep(&self) {
        let waker = Waker::from(self.woken.clone());
        self.desk.client.shared().lock().park(waker, || self.desk.now);
    }

    /// Lets time pass, and the client's task go back to sleep.
    fn pass(&mut self, time: Duration) {
        self.desk.now = self.desk.now + time;
        self.desk.client.runtime().set(self.desk.now);
        self.sleep();
    }

    fn text(&self) -> String {
        String::from_utf8(self.wire.written.lock().unwrap().clone()).unwrap()
    }

    fn woken(&self) -> usize {
        self.woken.0.load(SeqCst)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // The client and its connection hold each other.
        *self.wire.client.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

#[test]
fn a_caller_writes_what_the_kernel_takes_and_wakes_nobody() {
    let scene = Scene::new(Config::default(), &[]);
    scene.desk.client.try_feed(("a", 1, 1)).unwrap();
    assert_eq!(*scene.wire.free.lock().unwrap(), [true], "a frame is written without the lock");
    let mut send = pin!(scene.desk.client.send(("b", 2, 2)));
    assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!((scene.text().as_str(), scene.woken()), ("a 1 1\nb 2 2\n", 0));
    assert_eq!(scene.desk.client.stats().written, 2);
}

#[test]
fn what_the_kernel_does_not_take_is_left_to_the_task() {
    for answer in [Answer::Take(3), Answer::Take(0), Answer::Fail(io::ErrorKind::WouldBlock)] {
        let scene = Scene::new(Config::default(), &[answer]);
        scene.desk.client.try_feed(("a", 1, 1)).unwrap();
        assert_eq!(scene.woken(), 1);
        let taken = scene.text();
        // The task is awake: nobody else writes.
        scene.desk.client.try_feed(("b", 2, 2)).unwrap();
        assert_eq!(scene.text(), taken);
        assert_eq!(format!("{taken}{}", scene.desk.write_all()), "a 1 1\nb 2 2\n");
        assert_eq!(scene.desk.client.stats().written, 2);
    }
}

/// The kernel tells it once, and an end of file behind it would be taken for a proof.
#[test]
fn an_error_that_a_caller_meets_is_kept_for_the_task() {
    let scene = Scene::new(Config::default(), &[Answer::Fail(io::ErrorKind::ConnectionReset)]);
    scene.desk.client.try_feed(("a", 1, 1)).unwrap();
    assert_eq!((scene.woken(), scene.desk.queued()), (1, 1));
    scene.sleep();
    scene.desk.client.try_feed(("b", 2, 2)).unwrap();
    assert_eq!(scene.text(), "", "nobody writes to a broken connection");
    let broken = scene.desk.client.shared().lock().direct.take_broken();
    assert_eq!(broken.map(|error| error.kind()), Some(io::ErrorKind::ConnectionReset));
}

#[test]
fn a_stream_that_panics_loses_nothing() {
    let scene = Scene::new(Config::default(), &[Answer::Panic]);
    let client = &scene.desk.client;
    let result = catch_unwind(AssertUnwindSafe(|| client.try_feed(("a", 1, 1))));
    assert!(result.is_err());
    let machine = client.shared().lock();
    assert!(!machine.sender.is_lent() && machine.direct.is_broken());
    drop(machine);
    assert_eq!(scene.woken(), 1);
    assert_eq!(scene.desk.write_all(), "a 1 1\n");

    // Under the lock, where a lone point goes through.
    let scene = Scene::new(Config::default(), &[Answer::Panic]);
    let client = &scene.desk.client;
    let mut send = pin!(client.send(("a", 1, 1)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(catch_unwind(AssertUnwindSafe(|| send.as_mut().poll(&mut cx))).is_err());
    assert!(client.shared().lock().direct.is_broken(), "who knows what was written");
    assert_eq!((client.stats().accepted, scene.desk.queued()), (0, 0));
    client.try_feed(("b", 1, 1)).unwrap();
    assert_eq!((scene.text().as_str(), scene.woken()), ("", 1));
}

#[test]
fn while_a_frame_is_lent_the_task_leaves_the_connection_alone() {
    let scene = Scene::new(Config::default(), &[]);
    let shared = scene.desk.client.shared();
    let mut machine = shared.lock();
    let now = scene.desk.now;
    machine.sender.enqueue(&crate::Metric::new("a", 1), 1, now).unwrap();
    let lent = machine.sender.lend().expect("it is on offer");
    assert_eq!(machine.demand(), Demand::Lent);
    drop(machine);
    // Others come and go meanwhile, and wake nobody.
    scene.desk.client.try_feed(("b", 2, 2)).unwrap();
    assert_eq!((scene.woken(), scene.text().as_str()), (0, ""));
    let bytes = lent.bytes().len();
    shared.with(|machine| machine.sender.restore(lent, bytes, now));
    assert_eq!(scene.text(), "b 2 2\n");
}

#[test]
fn who_wrote_much_gives_way_once_before_its_next_point() {
    let scene = Scene::new(Config::default(), &[]);
    let client = &scene.desk.client;
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let (mut sent, mut gave_way) = (0, 0);
    while gave_way < 3 {
        let accepted = client.stats().accepted;
        let mut send = pin!(client.send(("a", 1, 1)));
        if send.as_mut().poll(&mut cx).is_pending() {
            gave_way += 1;
            // Dropped now, it would have queued nothing.
            assert_eq!(client.stats().accepted, accepted);
            assert_eq!(woken.0.load(SeqCst), gave_way, "it wakes itself");
            assert!(send.as_mut().poll(&mut cx).is_ready(), "once");
        }
        sent += 1;
        assert!(sent < 1_000, "it never gives way");
    }
    assert_eq!(client.stats().written, sent);
    let mut feed = pin!(client.feed(("a", 1, 1)));
    assert!(feed.as_mut().poll(&mut cx).is_ready());
}

/// The clock stands still, so that nothing but the call can have ended the wait.
#[test]
fn whoever_waits_for_points_has_them_written_in_the_same_call() {
    let calls: [fn(&Client<MadeUp>, &mut Context<'_>); 4] = [
        |client, cx| assert!(pin!(client.send(("z", 1, 1))).poll(cx).is_ready()),
        |client, cx| assert!(pin!(client.send_multiple([("z", 1, 1)])).poll(cx).is_ready()),
        |client, cx| assert!(pin!(client.flush()).poll(cx).is_ready()),
        |client, cx| assert!(pin!(client.close()).poll(cx).is_pending()),
    ];
    for call in calls {
        let scene = Scene::new(Config::default().linger(Duration::from_secs(1)), &[]);
        let client = &scene.desk.client;
        while client.stats().queued < 3 {
            client.try_feed(("a", 1, 1)).unwrap();
        }
        scene.sleep();
        call(client, &mut Context::from_waker(Waker::noop()));
        let stats = client.stats();
        assert_eq!((stats.queued, stats.written), (0, stats.accepted));
    }
}

/// Also where the machine itself was not told the time for long, as while frames fill.
#[test]
#[cfg_attr(miri, ignore = "takes its many rounds")]
fn only_right_after_a_write_is_the_receivers_end_not_looked_for() {
    const PACE: Duration = Duration::from_micros(20);
    let mut scene = Scene::new(Config::default().linger(Duration::from_secs(1)), &[]);
    for _ in 0..3 {
        scene.desk.client.try_feed(("a", 1, 1)).unwrap();
        scene.pass(PACE);
    }
    assert_eq!(*scene.wire.again.lock().unwrap(), [false, true, true]);
    for _ in 0..30_000 {
        scene.desk.client.try_feed(("servers.web01.cpu.user", 1, 1)).unwrap();
        scene.pass(PACE);
    }
    let again = scene.wire.again.lock().unwrap();
    assert!(again.len() > 15 && again[12..].iter().all(|again| !again), "{again:?}");
}

#[test]
fn a_feed_that_is_done_queues_nothing_more() {
    let desk = Desk::up(Config::default());
    let mut feed = pin!(desk.client.feed(("a", 1, 1)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(feed.as_mut().poll(&mut cx).is_ready());
    let again = catch_unwind(AssertUnwindSafe(|| feed.as_mut().poll(&mut cx).is_ready()));
    assert!(again.is_err(), "it says that this is a mistake");
    assert_eq!(desk.client.stats().accepted, 1);
}

/// It cannot, and must not go the long way for ever because of that.
#[test]
fn who_never_waits_does_not_owe_a_turn() {
    let scene = Scene::new(Config::default(), &[]);
    let points = if cfg!(miri) { 50 } else { 1_000 };
    for _ in 0..points {
        scene.desk.client.try_feed(("a", 1, 1)).unwrap();
    }
    let machine = scene.desk.client.shared().lock();
    assert_eq!(machine.sender.stats().written, points);
    assert!(!machine.direct.is_due_to_give_way());
}

/// Who is woken finds told what it is woken for.
#[test]
fn what_there_is_to_tell_comes_before_those_who_are_answered() {
    let scene = Scene::new(Config::default().linger(Duration::from_secs(1)), &[]);
    let (client, shared) = (&scene.desk.client, scene.desk.client.shared());
    while client.stats().queued == 0 {
        client.try_feed(("a", 1, 1)).unwrap();
    }
    scene.sleep();
    let point = crate::Metric::new("b", 1);
    let ticket = shared.lock().sender.enqueue(&point, 1, scene.desk.now).unwrap();
    let waiter = Arc::new(Woken::default());
    let waker = Waker::from(waiter.clone());
    let mut wait = pin!(shared.wait(Wait::Ticket(ticket)));
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    shared.lock().sender.abandon(1);
    let woken = scene.woken();
    let mut send = pin!(client.send(("c", 1, 1)));
    assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!((waiter.0.load(SeqCst), scene.woken()), (0, woken + 1), "the task tells first");
    // And does not sleep before it has woken them, if somebody else took what there was to tell.
    let mut machine = shared.lock();
    while machine.sender.poll_event().is_some() {}
    assert!(machine.has_news());
    drop(machine);
    scene.desk.tell(Input::Finished);
    assert_eq!(waiter.0.load(SeqCst), 1);
}
