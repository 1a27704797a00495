//! What the client takes from tokio: its clock, its timer, its tasks, its TCP stream.
//!
//! Not here: the options of a socket and what its kernel knows ([`crate::socket`]).

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, SystemTime};

use graphite_proto::client::{self, Adopt, TcpOptions};
use graphite_proto::{Instant, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::socket::{self, Tcp};

/// The tokio runtime that is entered where the client begins.
#[derive(Clone, Copy, Debug)]
pub struct Tokio {
    start: tokio::time::Instant,
}

impl Default for Tokio {
    fn default() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl client::Runtime for Tokio {
    type Tcp = Tcp;
    type Timer = Timer;

    const PROVES: bool = socket::PROVES;

    fn now(&self) -> Instant {
        Instant::from_start(self.start.elapsed())
    }

    fn timestamp(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn seed(&self) -> u64 {
        // The system seeds each of these anew.
        RandomState::new().hash_one(0)
    }

    #[track_caller]
    fn timer(&self) -> Timer {
        Timer { start: self.start, sleep: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }

    #[track_caller]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_owned();
        on_thread(move || Ok((host, port).to_socket_addrs()?.collect())).await
    }

    async fn connect(&self, address: SocketAddr, options: TcpOptions) -> io::Result<Tcp> {
        Tcp::connect(address, options).await
    }
}

/// Looks something up on a thread of its own: a lookup may hang for a minute, and a runtime that is
/// dropped waits for the threads of its pool.
async fn on_thread<T: Send + 'static>(
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = oneshot::channel();
    let thread = thread::Builder::new().name("graphite-resolve".into());
    // Nobody may want to know any more.
    thread.spawn(move || drop(tell.send(look_up())))?;
    told.await.unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
}

/// A timer of tokio's.
#[derive(Debug)]
pub struct Timer {
    start: tokio::time::Instant,
    sleep: Pin<Box<Sleep>>,
}

impl client::Timer for Timer {
    fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.start + deadline.elapsed();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Every stream with tokio's traits.
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Adopt<S> for Tokio {
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buf);
        Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    fn poll_write(stream: &mut S, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_finish(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A resolver that hangs would hold up whoever drops the runtime, a minute and longer.
    #[test]
    fn a_runtime_ends_while_a_lookup_hangs() {
        let (began, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.spawn(on_thread(move || {
            began.send(()).unwrap();
            // Until the test ends.
            let _ = ends.recv();
            Ok(())
        }));
        begins.recv().unwrap();
        let (ended, ends) = mpsc::channel();
        thread::spawn(move || {
            drop(runtime);
            ended.send(()).unwrap();
        });
        ends.recv_timeout(Duration::from_secs(20)).expect("the runtime ends");
        drop(end);
    }

    #[test]
    fn a_lookup_that_panics_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(on_thread(|| -> io::Result<()> { panic!("planted") }));
        assert_eq!(result.unwrap_err().to_string(), "the resolver panicked");
    }
}
