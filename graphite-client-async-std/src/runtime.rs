//! What the client takes from async-std: its clock, its timer, its tasks, its TCP stream.
//!
//! The one file, beside the examples, in which the two clients differ.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
pub(crate) use std::time::Instant;

pub(crate) use async_std::net::TcpStream;
#[cfg(unix)]
use async_std::os::unix::net::UnixStream;
use futures::io::{AsyncRead, AsyncWrite};

/// What a connector's stream has to be: the traits of `futures` for reading and writing.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

pub(crate) fn poll_read<S: Stream>(
    stream: &mut S,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_read(cx, bytes)
}

pub(crate) fn poll_write<S: Stream>(
    stream: &mut S,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write(cx, bytes)
}

pub(crate) fn poll_flush<S: Stream>(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    Pin::new(stream).poll_flush(cx)
}

/// Closes the writing side only.
pub(crate) fn poll_finish<S: Stream>(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    ready!(Pin::new(&mut *stream).poll_close(cx))?;
    // async-std's own streams only flush when they are closed: their receiver would see nothing.
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

/// Reads from a TCP stream that is shared.
pub(crate) fn poll_read_shared(
    mut stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
) -> Poll<io::Result<usize>> {
    Pin::new(&mut stream).poll_read(cx, bytes)
}

/// Writes to a TCP stream that is shared.
pub(crate) fn poll_write_shared(
    mut stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    Pin::new(&mut stream).poll_write(cx, bytes)
}

/// Starts the driver on async-std's own runtime.
#[track_caller]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    async_std::task::spawn(task);
}

pub(crate) async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// Waits for a future, but not longer than this.
pub(crate) async fn timeout<T>(
    duration: Duration,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match async_std::future::timeout(duration, future).await {
        Ok(result) => result,
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {duration:?}")))
        }
    }
}

/// A timer that can be set anew.
pub(crate) struct Timer {
    deadline: Option<Instant>,
    sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { deadline: None, sleep: Box::pin(std::future::pending()) }
    }

    /// Waits until `deadline`; set anew only when it differs.
    pub(crate) fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        if self.deadline != Some(deadline) {
            self.deadline = Some(deadline);
            self.sleep = Box::pin(async_std::task::sleep(left));
        }
        let elapsed = self.sleep.as_mut().poll(cx);
        if elapsed.is_ready() {
            self.deadline = None;
        }
        elapsed
    }
}
