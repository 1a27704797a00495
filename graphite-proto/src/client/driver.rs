//! The one task a client that owns its connection: it does what the machine demands and tells it
//! what came of that.
//!
//! Each turn asks for the output, tries it, and hands in exactly one input; with nothing more to
//! do it sleeps until the connection, the deadline or a caller wakes it. Not here: any decision.
//! What to send, when to connect and when to give up is the machine's.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::client::connect::{Connect, Connecting, Connection};
use crate::client::ended::{Ended, SETTLE};
use crate::client::runtime::{Runtime, Timer as _};
use crate::client::shared::{Demand, Shared};
use crate::client::telling::Telling;
use crate::event::{Event, Failure, Input, Output};
use crate::instant::Instant;

/// How much is copied from the machine at a time, in bytes: the size of a frame.
const CHUNK: usize = 65_536;

/// How old a connection is at least when it is half-closed, so that a receiver which closes its
/// side as soon as it accepts is seen to have done so by itself: its end of file proves nothing.
const YOUNG: Duration = Duration::from_millis(10);

/// For how many wakers there is room between inputs.
const WAKERS: usize = 256;

/// How many turns are taken before others get theirs.
const TURNS: u32 = 64;

pub(crate) struct Driver<R: Runtime> {
    shared: Arc<Shared<R>>,
    connector: Arc<dyn Connect>,
    telling: Telling,
    /// What is told before anything is done.
    warning: Option<Event>,
    timer: R::Timer,
    connecting: Option<Connecting>,
    connection: Option<Box<dyn Connection>>,
    /// A copy of the bytes on offer, as long as the connection did not take any of them.
    chunk: Vec<u8>,
    /// Bytes that the stream took but may hold back in a buffer of its own.
    unflushed: usize,
    half_closed: bool,
    /// When the connection is old enough to be half-closed.
    finish_from: Option<Instant>,
    /// What is known since the peer's end of file was seen.
    ended: Option<Ended>,
    wakers: Vec<Waker>,
    end_told: bool,
}

impl<R: Runtime> Driver<R> {
    #[track_caller]
    pub(crate) fn new(
        shared: Arc<Shared<R>>,
        connector: Arc<dyn Connect>,
        telling: Telling,
        warning: Option<Event>,
    ) -> Self {
        let timer = shared.runtime.timer();
        Self {
            shared,
            connector,
            telling,
            warning,
            timer,
            connecting: None,
            connection: None,
            chunk: Vec::new(),
            unflushed: 0,
            half_closed: false,
            finish_from: None,
            ended: None,
            wakers: Vec::new(),
            end_told: false,
        }
    }

    /// Takes one turn: returns what happened, or `Pending` when all there is to do is to wait.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Input>> {
        // From here on callers leave the connection alone: what they wrote is known to the machine,
        // so that an end of file, read next, proves nothing about bytes that it did not count.
        let (demand, broken) = self.take_demand();
        if demand == Demand::Lent {
            // What the caller has written is not counted yet: nothing that is read now proves.
            return self.sleep(demand, cx);
        }
        if let Some(error) = broken {
            return self.broken(error, cx).map(Some);
        }
        if demand == Demand::Disconnect {
            // First of all, or a peer that never stops speaking would keep its connection.
            return Poll::Ready(Some(Input::Disconnected(self.drop_connection())));
        }
        if let Poll::Ready(input) = self.poll_peer(cx) {
            return Poll::Ready(Some(input));
        }
        let held = self.ended.as_ref().is_some_and(Ended::holds);
        if demand != Demand::Connect {
            self.connecting = None;
        }
        let done = match demand {
            Demand::Connect => self.poll_connect(cx),
            Demand::Transmit | Demand::Finish if held => Poll::Pending,
            Demand::Transmit => self.poll_transmit(cx),
            // Bytes that the stream took already are told first: the end comes at a frame's border.
            Demand::Finish if self.unflushed > 0 => self.poll_transmit(cx),
            Demand::Finish => self.poll_finish(cx),
            Demand::Disconnect | Demand::Idle | Demand::Lent => Poll::Pending,
            Demand::Closed => return Poll::Ready(None),
        };
        match done {
            Poll::Ready(input) => Poll::Ready(Some(input)),
            Poll::Pending => self.sleep(demand, cx),
        }
    }

    /// Asks the machine what to do, and copies what is to be written; also tells what a caller met
    /// on the connection.
    fn take_demand(&mut self) -> (Demand, Option<io::Error>) {
        let mut machine = self.shared.lock();
        let parked = machine.unpark();
        let demand = machine.demand();
        let broken = machine.direct.take_broken();
        match machine.sender.poll_output() {
            Output::Transmit(bytes) if self.chunk.is_empty() => {
                self.chunk.extend_from_slice(&bytes[..bytes.len().min(CHUNK)]);
            }
            Output::Transmit(_) => {}
            // Nothing of the copy was taken, or it would have been told.
            _ => self.chunk.clear(),
        }
        drop(machine);
        drop(parked);
        (demand, broken)
    }

    /// Reads: a receiver never speaks, so its end of file or its death is all there is to hear.
    fn poll_peer(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Some(connection) = &mut self.connection else { return Poll::Pending };
        if self.ended.is_some() {
            return self.poll_ended();
        }
        match connection.poll_read(cx, &mut [0; 64]) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => self.peer_ended(),
            // TLS whose peer closes without a word: after our end that is an end like any other.
            Poll::Ready(Err(error))
                if self.half_closed && error.kind() == io::ErrorKind::UnexpectedEof =>
            {
                self.peer_ended()
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Input::PeerSpoke),
            Poll::Ready(Err(error)) => self.broken(error, cx),
        }
    }

    /// The peer's end of file was read just now.
    fn peer_ended(&mut self) -> Poll<Input> {
        let Some(connection) = &self.connection else { return Poll::Pending };
        let Some(written) = connection.written() else {
            return self.peer_finished(self.half_closed);
        };
        if let Some(error) = written.error {
            return self.died(error, written.unacknowledged);
        }
        if self.half_closed {
            // Our own end may be on its way still.
            return self.peer_finished(written.unacknowledged <= 1);
        }
        // From here on callers leave the connection to us.
        let outlives = connection.outlives_end();
        let settle = {
            let mut machine = self.shared.lock();
            machine.direct.set(None);
            match machine.sender.unproven() {
                0 => Duration::ZERO,
                _ if outlives => SETTLE,
                // No later write can find out that it was reset.
                _ => machine.sender.settle_timeout(),
            }
        };
        let now = self.shared.now();
        self.ended = Some(Ended::new(written.unacknowledged, settle, now));
        self.poll_ended()
    }

    /// Looks what has become of a connection since the peer ended its side. The end of file hides
    /// whatever else could be read, so that the kernel is asked.
    fn poll_ended(&mut self) -> Poll<Input> {
        let (Some(connection), Some(ended)) = (&self.connection, &mut self.ended) else {
            return Poll::Pending;
        };
        let Some(written) = connection.written() else { return Poll::Pending };
        if let Some(error) = written.error {
            return self.died(error, written.unacknowledged);
        }
        if self.half_closed && written.unacknowledged == 0 {
            return self.peer_finished(false);
        }
        match ended.look(written.unacknowledged, self.half_closed, self.shared.now()) {
            None => Poll::Pending,
            Some(reads_on) if connection.outlives_end() => {
                Poll::Ready(Input::PeerHalfClosed { reads_on })
            }
            Some(reads_on) => self.peer_finished(!reads_on),
        }
    }

    fn peer_finished(&mut self, proven: bool) -> Poll<Input> {
        self.forget_connection();
        Poll::Ready(Input::PeerFinished { proven })
    }

    /// The connection died of this, or was closed for good before: then a reset answers what was
    /// written after the end.
    fn died(&mut self, error: io::Error, unacknowledged: usize) -> Poll<Input> {
        let untouched = self.unflushed > 0 && unacknowledged >= self.unflushed;
        let answered = |ended: &Ended| ended.is_answered(self.shared.now());
        if untouched && self.ended.as_ref().is_some_and(answered) {
            return self.peer_finished(true);
        }
        self.forget_connection();
        Poll::Ready(Input::Disconnected(error.into()))
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let connector = &self.connector;
        let connecting = self.connecting.get_or_insert_with(|| connector.clone().connect());
        let result = match connecting.as_mut().poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(result) => result,
        };
        self.connecting = None;
        Poll::Ready(match result {
            Ok(connection) => {
                self.shared.lock().direct.set(connection.direct());
                self.connection = Some(connection);
                self.finish_from = Some(self.shared.now() + YOUNG);
                Input::Connected
            }
            Err(error) => Input::ConnectFailed(error.into()),
        })
    }

    fn poll_transmit(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Input::Disconnected(gone()));
        };
        if self.unflushed == 0 {
            match connection.poll_write(cx, &self.chunk) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return self.broken(io::ErrorKind::WriteZero.into(), cx),
                Poll::Ready(Ok(written)) => self.unflushed = written,
                Poll::Ready(Err(error)) => return self.broken(error, cx),
            }
        }
        match connection.poll_flush(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                // Whether a peer that ended its side takes anything is known when it acknowledges.
                if let Some(ended) = self.ended.as_mut().filter(|ended| ended.stands()) {
                    let now = self.shared.now();
                    ended.wrote(|| connection.has_left(), now);
                    let Some(written) = connection.written() else { return Poll::Pending };
                    if let Some(error) = written.error {
                        return self.died(error, written.unacknowledged);
                    }
                    if written.unacknowledged >= self.unflushed {
                        ended.look_soon(now);
                        return Poll::Pending;
                    }
                    ended.reads_on();
                }
                self.chunk.clear();
                Poll::Ready(Input::Written(std::mem::take(&mut self.unflushed)))
            }
            Poll::Ready(Err(error)) => self.broken(error, cx),
        }
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Input::Disconnected(gone()));
        };
        if self.finish_from.is_some_and(|from| self.shared.now() < from) {
            return Poll::Pending;
        }
        self.finish_from = None;
        match connection.poll_finish(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.half_closed = true;
                Poll::Ready(Input::Finished)
            }
            Poll::Ready(Err(error)) => self.broken(error, cx),
        }
    }

    fn broken(&mut self, error: io::Error, cx: &Context<'_>) -> Poll<Input> {
        if error.kind() == io::ErrorKind::Interrupted {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.drop_connection();
        Poll::Ready(Input::Disconnected(error.into()))
    }

    /// Gives the connection up, so that nothing of it can arrive later.
    fn drop_connection(&mut self) -> Failure {
        if let Some(connection) = &mut self.connection {
            connection.abort();
        }
        self.forget_connection();
        gone()
    }

    fn forget_connection(&mut self) {
        self.shared.lock().direct.set(None);
        self.connection = None;
        self.chunk.clear();
        self.unflushed = 0;
        self.half_closed = false;
        self.finish_from = None;
        self.ended = None;
    }

    /// Sleeps, unless the deadline has come or the machine changed its mind meanwhile.
    fn sleep(&mut self, demand: Demand, cx: &mut Context<'_>) -> Poll<Option<Input>> {
        let waker = cx.waker().clone();
        let mut machine = self.shared.lock();
        if machine.demand() != demand || machine.has_news() {
            drop(machine);
            waker.wake();
            return Poll::Pending;
        }
        let deadline = machine.park(waker, || self.shared.now());
        drop(machine);
        let look = self.ended.as_ref().and_then(|ended| ended.next_look);
        let finish = self.finish_from.filter(|_| demand == Demand::Finish);
        let Some(next) = [deadline, look, finish].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        // The machine's clock decides: a timer that fired early must not make it spin.
        if self.timer.poll_until(next, cx).is_pending() {
            return Poll::Pending;
        }
        if deadline == Some(next) {
            return Poll::Ready(Some(Input::Timeout));
        }
        // Another look at what the peer has acknowledged, or the time for our end.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells the machine what happened, wakes whom that answers and reports events.
    fn hand_in(&mut self, input: Input) {
        let now = self.shared.now();
        let mut machine = self.shared.lock();
        let parked = machine.unpark();
        machine.sender.handle_input(input, now);
        machine.lapse(now);
        machine.look_at_slots(now);
        machine.take_answered(&mut self.wakers);
        let closed = machine.sender.is_closed();
        drop(machine);
        drop(parked);
        // Who is woken for a failure finds it told.
        self.report_events();
        if closed {
            self.report_end();
        }
        self.wake();
    }

    /// Wakes those who are answered.
    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
        // What a crowd took is given back.
        self.wakers.shrink_to(WAKERS);
    }

    fn report_events(&self) {
        loop {
            let Some(event) = self.shared.lock().sender.poll_event() else { return };
            self.report(&event);
        }
    }

    /// Tells, once, what is given up with the client.
    fn report_end(&mut self) {
        let points = self.shared.lock().sender.unproven();
        if points > 0 && !std::mem::replace(&mut self.end_told, true) {
            self.report(&Event::Abandoned { points });
        }
    }

    /// Tells an event. A panic of the one who is told is not the client's.
    fn report(&self, event: &Event) {
        if self.telling.tell(event, || self.shared.lock().sender.stats()) {
            self.shared.count_event_panic();
        }
    }
}

impl<R: Runtime> Future for Driver<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(warning) = self.warning.take() {
            self.report(&warning);
        }
        // Those whom callers' acts have answered, who were to find it told.
        let driver = &mut *self;
        driver.wakers.append(&mut driver.shared.lock().answered);
        self.report_events();
        self.wake();
        for _ in 0..TURNS {
            match self.turn(cx) {
                Poll::Ready(Some(input)) => self.hand_in(input),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Also when the runtime drops the task: whoever waits gets an error instead of waiting for ever,
/// and points that are given up are not given up without a word.
impl<R: Runtime> Drop for Driver<R> {
    fn drop(&mut self) {
        let mut machine = self.shared.lock();
        machine.driver_ended = true;
        let parked = machine.unpark();
        machine.direct.set(None);
        machine.take_answered(&mut self.wakers);
        self.wakers.append(&mut machine.answered);
        drop(machine);
        drop(parked);
        // Who is woken for a failure finds it told.
        self.report_events();
        self.report_end();
        self.wake();
    }
}

impl<R: Runtime> fmt::Debug for Driver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

fn gone() -> Failure {
    Failure::new(io::ErrorKind::NotConnected, "connection was given up")
}
