//! tokio, as the tests see it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, BufStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;

pub(crate) fn run<T>(builder: &mut Builder, test: impl Future<Output = T>) -> T {
    let runtime = builder.enable_all().build().expect("runtime");
    let result = runtime.block_on(async { tokio::time::timeout(crate::suite::LIMIT, test).await });
    runtime.shutdown_background();
    result.expect("the test hangs")
}

pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let task = tokio::spawn(task);
    async move { task.await.expect("task") }
}

pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Waits for a future, but not longer than this.
pub(crate) async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(duration, future).await.ok()
}

pub(crate) async fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// The TCP stream that connectors of the tests make.
pub(crate) type Tcp = TcpStream;

pub(crate) async fn unix(path: impl AsRef<Path>) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// A stream that holds back what is written until it is flushed, as TLS does.
pub(crate) async fn buffered(address: SocketAddr) -> io::Result<BufStream<TcpStream>> {
    tcp(address).await.map(BufStream::new)
}

/// A stream whose end is an error, as rustls tells of a peer that closes without a word.
pub(crate) async fn abrupt(address: SocketAddr) -> io::Result<Abrupt> {
    tcp(address).await.map(Abrupt)
}

pub(crate) struct Abrupt(TcpStream);

impl AsyncRead for Abrupt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buffer))?;
        match buffer.filled().len() > before {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl AsyncWrite for Abrupt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
