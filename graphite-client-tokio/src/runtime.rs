//! What the client takes from tokio: its clock, its timer, its tasks, its TCP stream.
//!
//! The one file, beside the examples, in which the two clients differ.

use std::future::Future;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
pub(crate) use tokio::net::TcpStream;
pub(crate) use tokio::time::Instant;

/// What a connector's stream has to be: tokio's traits for reading and writing.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

pub(crate) fn poll_read<S: Stream>(
    stream: &mut S,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(bytes);
    Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
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
    Pin::new(stream).poll_shutdown(cx)
}

/// Reads from a TCP stream that is shared.
pub(crate) fn poll_read_shared(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
) -> Poll<io::Result<usize>> {
    // The kernel is asked itself: an end of file that tokio's reactor has not fetched yet is one,
    // and the next write must not go into it.
    match (&*SockRef::from(stream)).read(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        result => return Poll::Ready(result),
    }
    loop {
        ready!(stream.poll_read_ready(cx))?;
        match stream.try_read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

/// Writes to a TCP stream that is shared.
pub(crate) fn poll_write_shared(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

/// Starts the driver on the runtime of the caller.
#[track_caller]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

pub(crate) async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// Waits for a future, but not longer than this.
pub(crate) async fn timeout<T>(
    duration: Duration,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match tokio::time::timeout(duration, future).await {
        Ok(result) => result,
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {duration:?}")))
        }
    }
}

/// A timer that can be set anew.
#[derive(Debug)]
pub(crate) struct Timer(Pin<Box<tokio::time::Sleep>>);

impl Timer {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    /// Waits until `deadline`; set anew only when it differs.
    pub(crate) fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.deadline() != deadline {
            self.0.as_mut().reset(deadline);
        }
        self.0.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

    use super::*;
    use crate::client::Client;
    use crate::connect::Tcp;
    use crate::proto::Config;
    use crate::resolve::{FRESH, Resolver};
    use crate::socket::SocketOptions;

    /// A resolver that hangs would hold up whoever drops the runtime, a minute and longer.
    #[test]
    fn a_runtime_ends_while_a_lookup_hangs() {
        let (began, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let ends = Mutex::new(ends);
        let resolver = Resolver::with("graphite", 2003, FRESH, move |_, _| {
            began.send(()).unwrap();
            // Until the test ends.
            let _ = ends.lock().unwrap().recv();
            Ok(Vec::new())
        });
        let write_timeout = Duration::from_secs(30);
        let options = SocketOptions { send_buffer: 65_536, write_timeout };
        let connector = Tcp { resolver, timeout: Duration::from_secs(5), options };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let client = {
            let _guard = runtime.enter();
            Client::start(Config::default(), Arc::new(connector), None, None)
        };
        client.try_feed(("a", 1)).unwrap();
        begins.recv().unwrap();
        let (ended, ends) = mpsc::channel();
        std::thread::spawn(move || {
            drop(runtime);
            ended.send(()).unwrap();
        });
        ends.recv_timeout(Duration::from_secs(20)).expect("the runtime ends");
        drop(end);
    }
}
