//! A machine and its clock, driven by hand. Time is in milliseconds.

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{
    Config, Delivery, Event, Failure, Input, Instant, Metric, Output, Sender, Ticket,
};

pub(crate) const WINDOW: usize = 1 << 20;

pub(crate) fn config(delivery: Delivery) -> Config {
    Config::default().delivery(delivery)
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A machine and the time.
pub(crate) struct Rig {
    pub(crate) sender: Sender,
    pub(crate) now: u64,
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        Self { sender: Sender::new(config, Instant::START), now: 0 }
    }

    /// A machine that is connected and has nothing to send.
    pub(crate) fn up(config: Config) -> Self {
        let mut rig = Self::new(config);
        let at = rig.at();
        rig.sender.connect(at);
        rig.tell(Input::Connected);
        rig
    }

    pub(crate) fn at(&self) -> Instant {
        Instant::from_start(ms(self.now))
    }

    pub(crate) fn tell(&mut self, input: Input) -> &mut Self {
        let at = self.at();
        self.sender.handle_input(input, at);
        self
    }

    pub(crate) fn later(&mut self, ms: u64) -> &mut Self {
        self.now += ms;
        self.tell(Input::Timeout)
    }

    /// Lets time pass to the deadline; returns how long that was.
    pub(crate) fn deadline(&mut self) -> Duration {
        let deadline = self.sender.poll_timeout().expect("a deadline").elapsed();
        let passed = deadline.saturating_sub(ms(self.now));
        self.sender.handle_input(Input::Timeout, Instant::from_start(deadline));
        self.now = deadline.as_millis() as u64 + 1;
        passed
    }

    pub(crate) fn put(&mut self, path: &str) -> Ticket {
        let at = self.at();
        self.sender.enqueue(&Metric::new(path, 1), 9, at).unwrap()
    }

    /// Writes all that is on offer; returns it.
    pub(crate) fn write(&mut self) -> String {
        let mut wire = Vec::new();
        while let Output::Transmit(bytes) = self.sender.poll_output() {
            wire.extend_from_slice(bytes);
            let count = bytes.len();
            self.tell(Input::Written(count));
        }
        String::from_utf8(wire).unwrap()
    }

    pub(crate) fn reset(&mut self) -> &mut Self {
        self.tell(Input::Disconnected(Failure::new(ErrorKind::ConnectionReset, "reset")))
    }

    pub(crate) fn refuse(&mut self) -> &mut Self {
        assert_eq!(self.sender.poll_output(), Output::Connect);
        self.tell(Input::ConnectFailed(Failure::new(ErrorKind::ConnectionRefused, "refused")))
    }

    /// Half-closes as demanded and gives the proof.
    pub(crate) fn prove(&mut self) -> &mut Self {
        assert_eq!(self.sender.poll_output(), Output::Finish);
        self.tell(Input::Finished).tell(Input::PeerFinished { proven: true })
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.sender.poll_event()).collect()
    }

    pub(crate) fn kind(&self, ticket: Ticket) -> Option<Result<(), ErrorKind>> {
        self.sender.outcome(ticket).map(|result| result.map_err(|failure| failure.kind))
    }

    pub(crate) fn phase(&self) -> String {
        let text = format!("{:?}", self.sender);
        let (_, rest) = text.split_once("phase: ").unwrap();
        rest.split(|c: char| !c.is_alphanumeric()).next().unwrap().into()
    }
}
