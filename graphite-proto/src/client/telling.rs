//! Whom a client tells what happens: the function that its user gave, and by feature whoever collects
//! what `tracing` is told.
//!
//! Not here: what happens, which the machine says ([`crate::event`]).

use std::panic::{self, AssertUnwindSafe};

#[cfg(feature = "tracing")]
use tracing::{Span, subscriber::NoSubscriber};

use crate::address::Address;
use crate::event::Event;
#[cfg(feature = "tracing")]
use crate::event::Level;
use crate::protocol::Protocol;
use crate::stats::Stats;

pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

pub(crate) struct Telling {
    on_event: Option<OnEvent>,
    #[cfg(feature = "tracing")]
    whose: Whose,
}

/// Of whose connection is told.
#[cfg(feature = "tracing")]
struct Whose {
    address: Option<Address>,
    protocol: Protocol,
    /// As long as the client, and below no other: no caller's act is what its connection does.
    span: Span,
}

#[cfg(feature = "tracing")]
impl Whose {
    fn new(address: Option<Address>, protocol: Protocol) -> Self {
        let mut whose = Self { address, protocol, span: Span::none() };
        whose.span = whose.make();
        whose
    }

    /// Of the highest level: a log of warnings alone names the receiver too.
    fn make(&self) -> Span {
        tracing::error_span!(
            target: "graphite",
            parent: None,
            "graphite",
            address = self.address.as_ref().map(tracing::field::display),
            protocol = %self.protocol,
        )
    }

    /// Returns the client's span, or one for now if nobody collected when the client began.
    fn span(&self) -> Span {
        match self.span.with_subscriber(|(_, log)| !log.is::<NoSubscriber>()) {
            Some(true) => self.span.clone(),
            _ => self.make(),
        }
    }
}

impl Telling {
    /// Begins for a client; one that connects by a function of the user's has no address.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "spans have them"))]
    pub(crate) fn new(
        on_event: Option<OnEvent>,
        address: Option<&Address>,
        protocol: Protocol,
    ) -> Self {
        Self {
            on_event,
            #[cfg(feature = "tracing")]
            whose: Whose::new(address.cloned(), protocol),
        }
    }

    /// Tells an event; returns whether one who was told panicked, which keeps it from no other.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "events have them"))]
    pub(crate) fn tell(&self, event: &Event, stats: impl FnOnce() -> Stats) -> bool {
        #[cfg(feature = "tracing")]
        let traced = panics(|| self.trace(event, stats));
        #[cfg(not(feature = "tracing"))]
        let traced = false;
        let told = panics(|| {
            if let Some(on_event) = &self.on_event {
                on_event(event);
            }
        });
        traced || told
    }

    /// The counts are those that tell whether points are lost, and how many wait.
    #[cfg(feature = "tracing")]
    fn trace(&self, event: &Event, stats: impl FnOnce() -> Stats) {
        macro_rules! trace {
            ($level:ident) => {
                if tracing::enabled!(target: "graphite", tracing::Level::$level) {
                    let Stats { accepted, written, queued, dropped, .. } = stats();
                    let parent = &self.whose.span();
                    tracing::event!(
                        target: "graphite",
                        parent: parent,
                        tracing::Level::$level,
                        accepted,
                        written,
                        queued,
                        dropped,
                        "{event}"
                    );
                }
            };
        }
        match event.level() {
            Level::Error => trace!(ERROR),
            Level::Warn => trace!(WARN),
            Level::Info => trace!(INFO),
            Level::Debug => trace!(DEBUG),
        }
    }
}

fn panics(tell: impl FnOnce()) -> bool {
    panic::catch_unwind(AssertUnwindSafe(tell)).is_err()
}
