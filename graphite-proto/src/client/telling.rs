//! Whom a client tells what happens: the function that its user gave, and by feature whoever collects
//! what `tracing` is told.
//!
//! Not here: what happens, which the machine says ([`crate::event`]).

use std::panic::{self, AssertUnwindSafe};

#[cfg(feature = "tracing")]
use tracing::Span;

use crate::address::Address;
use crate::event::Event;
#[cfg(feature = "tracing")]
use crate::event::Level;
use crate::protocol::Protocol;
use crate::stats::Stats;

pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

pub(crate) struct Telling {
    on_event: Option<OnEvent>,
    /// As long as the client, and below no other: no caller's act is what its connection does.
    #[cfg(feature = "tracing")]
    span: Span,
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
            span: tracing::info_span!(
                target: "graphite",
                parent: None,
                "graphite",
                address = address.map(tracing::field::display),
                %protocol,
            ),
        }
    }

    /// Tells an event; returns whether the one who was told panicked.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "events have them"))]
    pub(crate) fn tell(&self, event: &Event, stats: impl FnOnce() -> Stats) -> bool {
        let tell = || {
            #[cfg(feature = "tracing")]
            self.trace(event, stats);
            self.on_event.as_ref().inspect(|on_event| on_event(event));
        };
        panic::catch_unwind(AssertUnwindSafe(tell)).is_err()
    }

    /// The counts are those that tell whether points are lost, and how many wait.
    #[cfg(feature = "tracing")]
    fn trace(&self, event: &Event, stats: impl FnOnce() -> Stats) {
        macro_rules! trace {
            ($level:ident) => {
                if tracing::enabled!(target: "graphite", tracing::Level::$level) {
                    let Stats { accepted, written, queued, dropped, .. } = stats();
                    let parent = &self.span;
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
