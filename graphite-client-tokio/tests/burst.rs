//! Memory: what a crowd of waiters took is given back when they are answered or have given up.
//!
//! A test binary of its own with one test, since the counts are the process's. The waiters are the
//! same on every runtime.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{Ipv4Addr, TcpListener};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Waker};

use graphite_client_tokio::Client;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is; the counter does not touch memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), SeqCst);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CROWD: usize = 100_000;
/// What may come beside the waiters: what was written and is kept, the runtime's own.
const BESIDE: usize = 1 << 20;

/// Has a crowd wait, until `end` ends the waiting; returns how much more memory was in use while
/// they waited, and when they were gone.
async fn crowd<'c, F: Future<Output = ()> + 'c>(
    wait: impl Fn() -> F,
    end: impl AsyncFnOnce(),
) -> (usize, usize) {
    let before = LIVE.load(SeqCst);
    let mut waiting: Vec<Pin<Box<F>>> = (0..CROWD).map(|_| Box::pin(wait())).collect();
    let unasked = LIVE.load(SeqCst);
    for waiting in &mut waiting {
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let most = LIVE.load(SeqCst) - unasked;
    end().await;
    drop(waiting);
    (most, LIVE.load(SeqCst).saturating_sub(before))
}

#[test]
fn a_crowd_of_waiters_leaves_no_memory_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = std::thread::spawn(move || {
        std::io::copy(&mut listener.accept().unwrap().0, &mut std::io::sink()).unwrap()
    });
    runtime.block_on(async {
        let client = Client::builder().queue_bytes(256 << 10).connect(address).await.unwrap();
        // The one thread is busy here until something is awaited: the queue stays full.
        while client.try_feed(("some.metric", 1, 1)).is_ok() {}
        let feed = || async { client.feed(("waits", 1, 1)).await.unwrap() };
        let flush = || async { client.flush().await.unwrap() };
        let (most, left) = crowd(feed, async || {}).await;
        assert!(most > CROWD * 20, "{most} bytes for those who wait for room");
        assert!(left < BESIDE, "{left} bytes are left of those who gave up");
        let (most, left) = crowd(flush, async || {}).await;
        assert!(most > CROWD * 20, "{most} bytes for those who wait for points");
        assert!(left < BESIDE, "{left} bytes are left of those who gave up");
        let (_, left) = crowd(flush, async || client.flush().await.unwrap()).await;
        assert!(left < BESIDE, "{left} bytes are left of those who were answered");
        client.close().await.unwrap();
    });
    receiver.join().unwrap();
}
