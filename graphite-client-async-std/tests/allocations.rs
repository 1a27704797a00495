//! What the client allocates on async-std, counted in a process of its own.

use graphite_client_async_std as client;

#[path = "../../graphite-proto/tests/client/allocations.rs"]
mod allocations;

/// What the test takes from its runtime.
mod rt {
    use std::alloc::Layout;
    use std::task::Waker;
    use std::time::Instant;

    /// A block of the executor's queue of woken tasks, for every 31 of them: a task and a state
    /// each, and a link.
    const WOKEN: usize = 31 * 2 * size_of::<usize>() + size_of::<usize>();

    /// A node of the reactor's tree of timers, one each time that it looks which are due: eleven
    /// deadlines, each with a number and a waker, a link and two lengths.
    const TIMERS: usize = 11 * size_of::<((Instant, usize), Waker)>() + 2 * size_of::<usize>();

    /// The first room in the reactor's list of those whose time has come.
    const DUE: usize = 4 * size_of::<Waker>();

    /// Returns whether the runtime allocates this whatever it runs.
    pub(crate) fn is_own(layout: Layout) -> bool {
        [WOKEN, TIMERS, DUE].contains(&layout.size())
    }

    /// Runs a test on the one runtime that there is.
    pub(crate) fn on_each(mut test: impl AsyncFnMut(&str)) {
        async_std::task::block_on(test("async-std"));
    }
}
