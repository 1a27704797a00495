//! What the client takes from tokio: its clock, its timer, its tasks, its TCP stream.
//!
//! Not here: the options of a socket and what its kernel knows ([`crate::socket`]).

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use graphite_proto::Timestamp;
use graphite_proto::client::{self, Adopt, TcpOptions};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::socket::{self, Tcp};

/// The tokio runtime that is entered where the client begins.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// use graphite_client_tokio::proto::client::Client;
///
/// let client = Client::<graphite_client_tokio::Tokio>::connect(graphite).await?;
/// client.send(("load", 0.42)).await?;
/// # Ok(()) });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Tokio;

/// The start of every client's clock: one for the process, by the system's clock, so that it does
/// not matter whose paused clock of tokio's was looked at first.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl client::Runtime for Tokio {
    type Tcp = Tcp;
    type Timer = Timer;

    const PROVES: bool = socket::PROVES;

    fn now(&self) -> graphite_proto::Instant {
        tokio::time::Instant::now().into_std().saturating_duration_since(*START).into()
    }

    fn timestamp(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// The system's, moved by as much as a test has moved tokio's clock.
    fn time_of_day(&self) -> Duration {
        let (now, real) = (tokio::time::Instant::now().into_std(), Instant::now());
        let day = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let day = day + now.saturating_duration_since(real);
        day.saturating_sub(real.saturating_duration_since(now))
    }

    fn seed(&self) -> u64 {
        // The system seeds each of these anew.
        RandomState::new().hash_one(0)
    }

    #[track_caller]
    fn timer(&self) -> Timer {
        Timer(Box::pin(tokio::time::sleep(Duration::ZERO)))
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
pub struct Timer(Pin<Box<Sleep>>);

impl client::Timer for Timer {
    fn poll_until(&mut self, deadline: graphite_proto::Instant, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = (*START + deadline.elapsed()).into();
        if self.0.deadline() != deadline {
            self.0.as_mut().reset(deadline);
        }
        self.0.as_mut().poll(cx)
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

    /// Or it would hang behind whatever the application has on that pool, and hold it up itself.
    #[test]
    fn a_lookup_needs_no_thread_of_the_runtimes_pool() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (end, ends) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || ends.recv());
        let addresses = runtime.block_on(async {
            let lookup = client::Runtime::resolve(&Tokio, "localhost", 2003);
            tokio::time::timeout(Duration::from_secs(20), lookup).await
        });
        assert!(!addresses.expect("nothing is waited for").unwrap().is_empty());
        drop(end);
    }

    /// A builder may be made under one clock and begin under another.
    #[test]
    fn every_runtimes_clock_has_the_same_start() {
        let paused = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().start_paused(true).build().unwrap()
        };
        let hour = Duration::from_secs(3600);
        let ahead = paused().block_on(async {
            tokio::time::advance(hour).await;
            client::Runtime::now(&Tokio)
        });
        let behind = paused().block_on(async { client::Runtime::now(&Tokio) });
        assert!(ahead.since(behind) > hour / 2, "{ahead:?} {behind:?}");
        paused().block_on(async {
            let (now, begun) = (client::Runtime::now(&Tokio), tokio::time::Instant::now());
            let mut timer = client::Runtime::timer(&Tokio);
            std::future::poll_fn(|cx| client::Timer::poll_until(&mut timer, now + hour, cx)).await;
            let slept = begun.elapsed();
            assert!(slept >= hour && slept < hour + Duration::from_secs(60), "{slept:?}");
        });
    }

    #[test]
    fn a_lookup_that_panics_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(on_thread(|| -> io::Result<()> { panic!("planted") }));
        assert_eq!(result.unwrap_err().to_string(), "the resolver panicked");
    }
}
