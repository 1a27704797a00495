//! The streams of the tests on runtimes with the traits of `futures`, which bring their `net`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};

use crate::net::{TcpStream, UnixStream};

pub(crate) async fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// The TCP stream that connectors of the tests make.
pub(crate) type Tcp = TcpStream;

pub(crate) async fn unix(path: impl AsRef<Path>) -> io::Result<UnixStream> {
    UnixStream::connect(path.as_ref()).await
}

/// A stream that holds back what is written until it is flushed, as TLS does.
pub(crate) struct Buffered {
    stream: TcpStream,
    held: Vec<u8>,
}

pub(crate) async fn buffered(address: SocketAddr) -> io::Result<Buffered> {
    let stream = tcp(address).await?;
    Ok(Buffered { stream, held: Vec::new() })
}

impl AsyncRead for Buffered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, bytes)
    }
}

impl AsyncWrite for Buffered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.held.len() >= 8192 {
            ready!(self.as_mut().poll_flush(cx))?;
        }
        self.held.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.held.is_empty() {
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &this.held))?;
            this.held.drain(..written);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(self.stream.shutdown(std::net::Shutdown::Write))
    }
}

/// A stream whose end is an error, as rustls tells of a peer that closes without a word.
pub(crate) struct Abrupt(TcpStream);

pub(crate) async fn abrupt(address: SocketAddr) -> io::Result<Abrupt> {
    tcp(address).await.map(Abrupt)
}

impl AsyncRead for Abrupt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.0).poll_read(cx, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            read => Poll::Ready(Ok(read)),
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

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown(std::net::Shutdown::Write))
    }
}
