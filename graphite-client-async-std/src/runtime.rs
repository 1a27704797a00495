//! What the client takes from async-std: its timer, its tasks, its TCP stream.
//!
//! Not here: the options of a socket and what its kernel knows ([`crate::socket`]).

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Shutdown, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use async_std::net::TcpStream;
#[cfg(unix)]
use async_std::os::unix::net::UnixStream;
use futures::io::{AsyncRead, AsyncWrite};
use graphite_proto::client::{self, Adopt, Runtime, TcpOptions};
use graphite_proto::{Instant, Timestamp};

use crate::socket::{self, Tcp};

/// async-std's own runtime, which is there as long as the process.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// use graphite_client_async_std::proto::client::Client;
///
/// let client = Client::<graphite_client_async_std::AsyncStd>::connect(graphite).await?;
/// client.send(("load", 0.42)).await?;
/// # Ok(()) });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AsyncStd;

/// The start of every client's clock.
static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

impl Runtime for AsyncStd {
    type Tcp = Tcp;
    type Timer = Timer;

    const PROVES: bool = socket::PROVES;

    fn now(&self) -> Instant {
        START.elapsed().into()
    }

    fn timestamp(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn time_of_day(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn seed(&self) -> u64 {
        // The system seeds each of these anew.
        RandomState::new().hash_one(0)
    }

    fn timer(&self) -> Timer {
        Timer { deadline: None, timer: async_io::Timer::never() }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        async_std::task::spawn(task);
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_owned();
        // async-std's own lookup repeats the name in its errors.
        let look_up = move || Ok((host, port).to_socket_addrs()?.collect());
        async_std::task::spawn_blocking(look_up).await
    }

    async fn connect(&self, address: SocketAddr, options: TcpOptions) -> io::Result<Tcp> {
        Tcp::connect(address, options).await
    }
}

/// A timer of async-std's reactor, which can be set anew: its own `sleep` would be a new one, and an
/// allocation, at each change.
pub struct Timer {
    deadline: Option<Instant>,
    timer: async_io::Timer,
}

impl client::Timer for Timer {
    fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if AsyncStd.now() >= deadline {
            return Poll::Ready(());
        }
        if self.deadline != Some(deadline) {
            self.deadline = Some(deadline);
            self.timer.set_at(*START + deadline.elapsed());
        }
        ready!(Pin::new(&mut self.timer).poll(cx));
        self.deadline = None;
        Poll::Ready(())
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Every stream with the traits of `futures`.
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Adopt<S> for AsyncStd {
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_read(cx, buf)
    }

    fn poll_write(stream: &mut S, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_finish(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut *stream).poll_close(cx))?;
        // async-std's own streams only flush when they are closed: their receiver would see
        // nothing.
        let stream: &dyn Any = stream;
        if let Some(stream) = stream.downcast_ref::<TcpStream>() {
            stream.shutdown(Shutdown::Write)?;
        }
        #[cfg(unix)]
        if let Some(stream) = stream.downcast_ref::<UnixStream>() {
            stream.shutdown(Shutdown::Write)?;
        }
        Poll::Ready(Ok(()))
    }
}
