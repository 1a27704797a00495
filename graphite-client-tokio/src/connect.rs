//! How a connection comes about: by name over TCP, or by a connector of the user's.
//!
//! Not here: when (the machine says so) and what travels on it ([`crate::driver`]).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::proto::Failure;
use crate::resolve::Resolver;
use crate::runtime::{self, Stream, TcpStream};
use crate::socket::{self, SocketOptions, Written};

/// How many addresses of a name an error names.
const NAMED: usize = 4;

/// Makes connections of any kind: TLS, a Unix socket, a proxy.
///
/// Every closure that returns a future of a stream is one; a type of its own can also say what
/// its peer has acknowledged.
pub trait Connector: Send + Sync + 'static {
    /// The stream: it is read for the receiver's end of file, and closing its writing side must
    /// let the receiver see one.
    type Stream: Stream;

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
    S: Stream,
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
    fn direct(&self) -> Option<Arc<TcpStream>>;
}

pub(crate) type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send>>;

/// Makes connections for the driver.
pub(crate) trait Connect: Send + Sync {
    fn connect(self: Arc<Self>) -> Connecting;
}

/// By TCP to a name or an address.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub(crate) resolver: Resolver,
    /// For the name to be resolved, and again for each of its addresses.
    pub(crate) timeout: Duration,
    pub(crate) options: SocketOptions,
}

impl Connect for Tcp {
    fn connect(self: Arc<Self>) -> Connecting {
        Box::pin(async move {
            let stream = self.connect_any().await?;
            socket::configure(&stream, self.options);
            Ok(Box::new(TcpConnection(Arc::new(stream))) as Box<dyn Connection>)
        })
    }
}

impl Tcp {
    /// Resolves the name anew and tries every address in turn.
    async fn connect_any(&self) -> io::Result<TcpStream> {
        let host = self.resolver.host();
        let addresses = runtime::timeout(self.timeout, self.resolver.resolve()).await;
        let addresses = addresses.map_err(|error| {
            let kind = error.kind();
            io::Error::new(kind, format!("resolve {host}: {}", Failure::from(error)))
        })?;
        let mut failures = Vec::new();
        for address in &addresses {
            match runtime::timeout(self.timeout, connect_checked(*address)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failures.push((*address, error.into())),
            }
        }
        Err(no_address_answers(host, &failures))
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

/// Connects, but never to ourselves: while nothing listens on a port of the ephemeral range, the
/// kernel may give our own end that very port, and we would read our own points.
async fn connect_checked(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = runtime::connect_tcp(address).await?;
    if stream.local_addr().is_ok_and(|local| local == address) {
        socket::abort(&stream);
        return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "connected to itself"));
    }
    Ok(stream)
}

/// The stream is shared with callers that write without waiting.
struct TcpConnection(Arc<TcpStream>);

impl Connection for TcpConnection {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        runtime::poll_read_shared(&self.0, cx, bytes)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        runtime::poll_write_shared(&self.0, cx, bytes)
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket::finish(&self.0))
    }

    fn written(&self) -> Option<Written> {
        socket::written(&self.0)
    }

    fn has_left(&self) -> bool {
        socket::has_left(&self.0)
    }

    fn outlives_end(&self) -> bool {
        socket::PROVES
    }

    fn abort(&mut self) {
        socket::abort(&self.0);
    }

    fn direct(&self) -> Option<Arc<TcpStream>> {
        Some(self.0.clone())
    }
}

/// By a connector of the user's.
pub(crate) struct Custom<C>(pub(crate) C);

impl<C: Connector> Connect for Custom<C> {
    fn connect(self: Arc<Self>) -> Connecting {
        Box::pin(async move {
            let stream = self.0.connect().await?;
            Ok(Box::new(CustomConnection { stream, connector: self.clone() }) as _)
        })
    }
}

struct CustomConnection<C: Connector> {
    stream: C::Stream,
    connector: Arc<Custom<C>>,
}

impl<C: Connector> Connection for CustomConnection<C> {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        runtime::poll_read(&mut self.stream, cx, bytes)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        runtime::poll_write(&mut self.stream, cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        runtime::poll_flush(&mut self.stream, cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        runtime::poll_finish(&mut self.stream, cx)
    }

    fn written(&self) -> Option<Written> {
        let unacknowledged = self.connector.0.unacknowledged(&self.stream)?;
        Some(Written { unacknowledged, error: None })
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

    fn direct(&self) -> Option<Arc<TcpStream>> {
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
