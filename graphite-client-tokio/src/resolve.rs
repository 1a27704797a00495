//! From the receiver's name to its addresses: anew each time, but one at a time, on a thread of
//! its own.
//!
//! The system's resolver cannot be cancelled and may hang for a minute. On the pool of the runtime
//! each attempt to connect would leave one more thread behind, and a runtime that is dropped would
//! wait for them all. Not here: connecting ([`crate::connect`]) and the time-out for all of it.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;

/// How old an answer may be that came when nobody waited for it any more. Less than the delays
/// between attempts would never let in a slow resolver's answer.
pub(crate) const FRESH: Duration = Duration::from_secs(60);

type Addresses = io::Result<Vec<SocketAddr>>;
type Lookup = dyn Fn(&str, u16) -> Addresses + Send + Sync;

/// What a thread found, and when.
struct Answer {
    addresses: Addresses,
    at: Instant,
}

/// Resolves one name.
pub(crate) struct Resolver {
    host: String,
    port: u16,
    lookup: Arc<Lookup>,
    /// How old an answer may be.
    fresh: Duration,
    /// The answer that is to come, also to whoever asks after an attempt that was given up.
    coming: Mutex<Option<oneshot::Receiver<Answer>>>,
}

impl Resolver {
    /// Asks the system, with its hosts file and name servers.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self::with(host, port, FRESH, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    pub(crate) fn with(
        host: &str,
        port: u16,
        fresh: Duration,
        lookup: impl Fn(&str, u16) -> Addresses + Send + Sync + 'static,
    ) -> Self {
        let (host, lookup) = (host.to_owned(), Arc::new(lookup));
        Self { host, port, lookup, fresh, coming: Mutex::new(None) }
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
            let answer = match &mut *coming {
                Some(answer) => answer,
                none => none.insert(self.ask()?),
            };
            let answer = ready!(Pin::new(answer).poll(cx));
            *coming = None;
            match answer {
                Ok(answer) if answer.at.elapsed() < self.fresh => {
                    return Poll::Ready(answer.addresses);
                }
                // It came while nobody waited, and is too old to be used.
                Ok(_) => {}
                Err(_) => return Poll::Ready(Err(io::Error::other("the resolver panicked"))),
            }
        }
    }

    fn ask(&self) -> io::Result<oneshot::Receiver<Answer>> {
        let (sender, receiver) = oneshot::channel();
        let (host, port, lookup) = (self.host.clone(), self.port, self.lookup.clone());
        thread::Builder::new().name("graphite-resolve".into()).spawn(move || {
            let addresses = lookup(&host, port);
            // The client may be gone.
            drop(sender.send(Answer { addresses, at: Instant::now() }));
        })?;
        Ok(receiver)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Waker;

    use super::*;

    const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2003);

    /// A resolver whose lookups tell that they began, and end when they are told how.
    fn hanging(fresh: Duration) -> (Resolver, mpsc::Receiver<()>, mpsc::Sender<Addresses>) {
        let (began, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel();
        let ends = Mutex::new(ends);
        let resolver = Resolver::with("graphite", 2003, fresh, move |host, port| {
            assert_eq!((host, port), ("graphite", 2003));
            began.send(()).unwrap();
            ends.lock().unwrap().recv().unwrap()
        });
        (resolver, begins, end)
    }

    /// One attempt that is given up if the answer is not there.
    fn attempt(resolver: &Resolver) -> Option<Addresses> {
        match std::pin::pin!(resolver.resolve()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(addresses) => Some(addresses),
            Poll::Pending => None,
        }
    }

    fn answered(resolver: &Resolver) -> Addresses {
        loop {
            if let Some(addresses) = attempt(resolver) {
                return addresses;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn attempts_that_are_given_up_leave_one_lookup_behind_and_its_answer_is_used() {
        let (resolver, begins, end) = hanging(FRESH);
        for _ in 0..100 {
            assert!(attempt(&resolver).is_none());
        }
        begins.recv().unwrap();
        assert!(begins.try_recv().is_err(), "only one is under way");
        end.send(Ok(vec![ADDRESS])).unwrap();
        assert_eq!(answered(&resolver).unwrap(), [ADDRESS]);
        assert!(begins.try_recv().is_err(), "that was its answer");
        // What is asked for after an answer is resolved anew.
        end.send(Err(io::ErrorKind::NotFound.into())).unwrap();
        assert_eq!(answered(&resolver).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(begins.try_recv().is_ok() && begins.try_recv().is_err());
    }

    #[test]
    fn an_answer_that_is_too_old_is_not_used() {
        let (resolver, begins, end) = hanging(Duration::ZERO);
        assert!(attempt(&resolver).is_none());
        begins.recv().unwrap();
        end.send(Ok(vec![ADDRESS])).unwrap();
        // The next lookup begins when this answer was found too old.
        while begins.try_recv().is_err() {
            assert!(attempt(&resolver).is_none());
        }
        end.send(Ok(vec![])).unwrap();
    }

    #[test]
    fn an_address_needs_no_lookup() {
        for host in ["127.0.0.1", "::1"] {
            let lookup = |_: &str, _: u16| panic!("nothing is to be looked up");
            let resolver = Resolver::with(host, 2003, FRESH, lookup);
            let addresses = attempt(&resolver).unwrap().unwrap();
            assert_eq!(addresses, [SocketAddr::new(host.parse().unwrap(), 2003)]);
        }
    }

    #[test]
    fn a_lookup_that_panics_is_an_error() {
        let resolver = Resolver::with("graphite", 2003, FRESH, |_, _| panic!("planted"));
        assert_eq!(answered(&resolver).unwrap_err().to_string(), "the resolver panicked");
    }
}
