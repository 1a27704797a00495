//! From the receiver's name to its addresses: anew each time, but one lookup at a time.
//!
//! A system's resolver cannot be cancelled and may hang for a minute: a lookup for each attempt to
//! connect would take one more thread each. Not here: the lookup ([`Runtime::resolve`]), connecting
//! ([`super::connect`]) and the time-out for all of it.

use core::net::{IpAddr, SocketAddr};
use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::channel::oneshot;

use crate::client::runtime::Runtime;
use crate::instant::Instant;

/// How old an answer may be that came when nobody waited for it any more. Less than the delays
/// between attempts would never let in a slow resolver's answer.
pub(crate) const FRESH: Duration = Duration::from_secs(60);

type Addresses = io::Result<Vec<SocketAddr>>;

/// What a lookup found, and when that was seen: its task runs as soon as the runtime does.
struct Answer {
    addresses: Addresses,
    at: Instant,
}

/// Resolves one name.
pub(crate) struct Resolver<R> {
    runtime: R,
    host: String,
    port: u16,
    /// The answer that is to come, also to whoever asks after an attempt that was given up.
    coming: Mutex<Option<oneshot::Receiver<Answer>>>,
}

impl<R: Runtime> Resolver<R> {
    pub(crate) fn new(runtime: R, host: &str, port: u16) -> Self {
        Self { runtime, host: host.to_owned(), port, coming: Mutex::new(None) }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the addresses. Cancel safe: whoever asks next gets the answer that this call did not
    /// wait for.
    pub(crate) async fn resolve(&self) -> Addresses {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Addresses> {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let answer = ready!(Pin::new(coming.get_or_insert_with(|| self.ask())).poll(cx));
            *coming = None;
            match answer {
                Ok(answer) if self.runtime.now().since(answer.at) < FRESH => {
                    return Poll::Ready(answer.addresses);
                }
                // It came while nobody waited, and is too old to be used.
                Ok(_) => {}
                Err(_) => return Poll::Ready(Err(io::Error::other("the lookup was given up"))),
            }
        }
    }

    /// Begins a lookup, which goes on when nobody waits for it.
    fn ask(&self) -> oneshot::Receiver<Answer> {
        let (tell, told) = oneshot::channel();
        let (runtime, host, port) = (self.runtime.clone(), self.host.clone(), self.port);
        self.runtime.spawn(async move {
            let addresses = runtime.resolve(&host, port).await;
            // The client may be gone.
            drop(tell.send(Answer { addresses, at: runtime.now() }));
        });
        told
    }
}

impl<R> fmt::Debug for Resolver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
