//! How a connection comes about: by name over TCP, or by a connector of the user's.
//!
//! Not here: when (the machine says so), what travels on it ([`super::driver`]) and what lies over
//! TCP (`super::tls`).

use core::net::SocketAddr;
use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::client::resolve::Resolver;
use crate::client::runtime::{Adopt, Runtime, Tcp, TcpOptions, Timer as _, Written};
use crate::event::Failure;
use crate::instant::Instant;

/// How many addresses of a name an error names.
const NAMED: usize = 4;

/// Makes connections of any kind: TLS, a Unix socket, a proxy.
///
/// Every closure that returns a future of a stream is one; a type of its own can also say what
/// its peer has acknowledged.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_proto::client::Connector; use smol::net::TcpStream; use std::{io, net::SocketAddr};
/// /// Takes the first of two receivers that answers.
/// struct Either(SocketAddr, SocketAddr);
///
/// impl Connector for Either {
///     type Stream = TcpStream;
///
///     async fn connect(&self) -> io::Result<TcpStream> {
///         let first = TcpStream::connect(self.0).await;
///         if first.is_ok() { first } else { TcpStream::connect(self.1).await }
///     }
/// }
///
/// let either = Either(([127, 0, 0, 1], 1).into(), graphite);
/// Client::builder().connect_with(either).await?.send(("load", 0.42)).await?;
/// # Ok(()) });
/// ```
pub trait Connector: Send + Sync + 'static {
    /// The stream, of a kind that the client's runtime can [`Adopt`]: it is read for the receiver's
    /// end of file, and closing its writing side must let the receiver see one.
    type Stream: Send + 'static;

    /// Makes a connection; called again after each one that ended. It should have a time-out of
    /// its own.
    ///
    /// # Errors
    ///
    /// The cause, which waiters see after the last attempt.
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Returns how many of the bytes written the peer has not acknowledged, if that can be told,
    /// at the moment of its end of file (1 may be our own FIN after the half-close). Without it
    /// an end of file counts as proof of reading if it answers our half-close.
    fn unacknowledged(&self, stream: &Self::Stream) -> Option<usize> {
        let _ = stream;
        None
    }
}

impl<F, R, S> Connector for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<S>> + Send,
    S: Send + 'static,
{
    type Stream = S;

    fn connect(&self) -> impl Future<Output = io::Result<S>> + Send {
        self()
    }
}

/// A connection as the driver sees it, whatever is behind it.
pub(crate) trait Connection: Send {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>>;
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Returns what is known of what was written, if that can be told.
    fn written(&self) -> Option<Written>;
    /// Returns whether all of it has left for the peer.
    fn has_left(&self) -> bool;
    /// Returns whether the connection can be written to after the peer's end of file, so that one
    /// that closed its side only is sent what there is.
    fn outlives_end(&self) -> bool;
    /// Throws away what has not left yet; the connection is dropped next.
    fn abort(&mut self);
    /// Returns the socket for writes without waiting.
    fn direct(&self) -> Option<Arc<dyn Tcp>>;
}

pub(crate) type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send>>;

/// Makes connections for the driver.
pub(crate) trait Connect: Send + Sync {
    fn connect(self: Arc<Self>) -> Connecting;
}

/// What lies over TCP.
pub(crate) trait Layer<R: Runtime>: Send + Sync {
    /// Makes a connection of one of TCP's.
    fn over(self: Arc<Self>, tcp: R::Tcp) -> Connecting;

    /// Says of a failure to do so what it was that failed.
    fn explain(&self, error: io::Error) -> io::Error;
}

/// Nothing.
pub(crate) struct Bare;

impl<R: Runtime> Layer<R> for Bare {
    fn over(self: Arc<Self>, tcp: R::Tcp) -> Connecting {
        // The stream is shared with callers that write without waiting.
        Box::pin(async { Ok(Box::new(TcpConnection::<R>(Arc::new(tcp))) as _) })
    }

    fn explain(&self, error: io::Error) -> io::Error {
        error
    }
}

/// By TCP to a name or an address.
pub(crate) struct ByName<R> {
    pub(crate) runtime: R,
    pub(crate) resolver: Resolver<R>,
    pub(crate) layer: Arc<dyn Layer<R>>,
    /// For the name to be resolved, and again for each of its addresses.
    pub(crate) timeout: Duration,
    pub(crate) options: TcpOptions,
}

impl<R: Runtime> Connect for ByName<R> {
    fn connect(self: Arc<Self>) -> Connecting {
        Box::pin(async move { self.connect_any().await })
    }
}

impl<R: Runtime> ByName<R> {
    /// Resolves the name anew and tries every address in turn.
    async fn connect_any(&self) -> io::Result<Box<dyn Connection>> {
        let host = self.resolver.host();
        let addresses = self.in_time(self.deadline(), self.resolver.resolve()).await;
        let addresses = addresses.map_err(|error| {
            let kind = error.kind();
            io::Error::new(kind, format!("resolve {host}: {}", Failure::from(error)))
        })?;
        let mut failures = Vec::new();
        for address in &addresses {
            match self.connect_to(*address).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push((*address, error.into())),
            }
        }
        Err(no_address_answers(host, &failures))
    }

    /// Connects to one address, with all that lies over TCP.
    async fn connect_to(&self, address: SocketAddr) -> io::Result<Box<dyn Connection>> {
        let deadline = self.deadline();
        let tcp = self.in_time(deadline, self.connect_checked(address)).await?;
        let connection = self.in_time(deadline, self.layer.clone().over(tcp)).await;
        connection.map_err(|error| self.layer.explain(error))
    }

    /// Connects, but never to ourselves: while nothing listens on a port of the ephemeral range,
    /// the kernel may give our own end that very port, and we would read our own points.
    async fn connect_checked(&self, address: SocketAddr) -> io::Result<R::Tcp> {
        let stream = self.runtime.connect(address, self.options).await?;
        if stream.local_addr().is_ok_and(|local| local == address) {
            stream.abort();
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "connected to itself"));
        }
        Ok(stream)
    }

    /// Returns when what begins now has taken too long.
    fn deadline(&self) -> Instant {
        self.runtime.now() + self.timeout
    }

    /// Waits for a future, but not longer than until then.
    async fn in_time<T>(
        &self,
        deadline: Instant,
        future: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        let mut timer = self.runtime.timer();
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Pending => timer.poll_until(deadline, cx).map(|()| {
                let text = format!("no answer in {:?}", self.timeout);
                Err(io::Error::new(io::ErrorKind::TimedOut, text))
            }),
            ready => ready,
        })
        .await
    }
}

/// Says what became of every address of a name, in one line, or of the first few.
fn no_address_answers(host: &str, failures: &[(SocketAddr, Failure)]) -> io::Error {
    let Some((_, last)) = failures.last() else {
        return io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    };
    let told = failures.iter().take(NAMED);
    let told = told.map(|(address, failure)| format!("connect to {address}: {failure}"));
    let mut line = told.collect::<Vec<_>>().join("; ");
    if failures.len() > NAMED {
        line += &format!("; and {} addresses more", failures.len() - NAMED);
    }
    io::Error::new(last.kind, line)
}

struct TcpConnection<R: Runtime>(Arc<R::Tcp>);

impl<R: Runtime> Connection for TcpConnection<R> {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, bytes)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.finish())
    }

    fn written(&self) -> Option<Written> {
        self.0.written()
    }

    fn has_left(&self) -> bool {
        self.0.has_left()
    }

    fn outlives_end(&self) -> bool {
        R::PROVES
    }

    fn abort(&mut self) {
        self.0.abort();
    }

    fn direct(&self) -> Option<Arc<dyn Tcp>> {
        Some(self.0.clone())
    }
}

/// By a connector of the user's, whose streams the runtime adopts.
pub(crate) struct ByConnector<R, C> {
    connector: C,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Adopt<C::Stream>, C: Connector> ByConnector<R, C> {
    pub(crate) fn new(connector: C) -> Self {
        Self { connector, runtime: PhantomData }
    }
}

impl<R: Adopt<C::Stream>, C: Connector> Connect for ByConnector<R, C> {
    fn connect(self: Arc<Self>) -> Connecting {
        Box::pin(async move {
            let stream = self.connector.connect().await?;
            Ok(Box::new(AdoptedConnection { stream, by: self.clone() }) as _)
        })
    }
}

struct AdoptedConnection<R, C: Connector> {
    stream: C::Stream,
    by: Arc<ByConnector<R, C>>,
}

impl<R: Adopt<C::Stream>, C: Connector> Connection for AdoptedConnection<R, C> {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        R::poll_read(&mut self.stream, cx, bytes)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        R::poll_write(&mut self.stream, cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        R::poll_flush(&mut self.stream, cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        R::poll_finish(&mut self.stream, cx)
    }

    fn written(&self) -> Option<Written> {
        let unacknowledged = self.by.connector.unacknowledged(&self.stream)?;
        Some(Written::new(unacknowledged, None))
    }

    fn has_left(&self) -> bool {
        false
    }

    /// What another kind of stream makes of writes after an end is not known.
    fn outlives_end(&self) -> bool {
        false
    }

    /// A stream of unknown kind can only be dropped.
    fn abort(&mut self) {}

    fn direct(&self) -> Option<Arc<dyn Tcp>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_failed_is_named_but_not_hundreds() {
        let refused = || Failure::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let failures = |count: u16| {
            (1..=count).map(|port| (SocketAddr::from(([127, 0, 0, 1], port)), refused()))
        };
        let line = |count| {
            no_address_answers("graphite", &failures(count).collect::<Vec<_>>()).to_string()
        };
        assert_eq!(line(0), "graphite has no address");
        assert_eq!(line(1), "connect to 127.0.0.1:1: connection refused");
        assert_eq!(
            line(2),
            "connect to 127.0.0.1:1: connection refused; connect to 127.0.0.1:2: connection refused"
        );
        assert!(line(4).ends_with("connect to 127.0.0.1:4: connection refused"));
        assert!(line(500).ends_with("127.0.0.1:4: connection refused; and 496 addresses more"));
    }
}
