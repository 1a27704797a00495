//! Memory: nothing allocated a point in the steady state, and never more held than was promised.
//!
//! A test binary of its own with one test, since the counts are the process's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use graphite_proto::{
    Config, Delivery, Failure, Input, Instant, Metric, Output, Overflow, Protocol, Sender,
};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(bytes: usize) {
    CALLS.fetch_add(1, Relaxed);
    PEAK.fetch_max(LIVE.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it is; the counters do not touch memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(layout.size(), Relaxed);
        grown(size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: Instant = Instant::START;

fn connected(config: Config) -> Sender {
    let mut sender = Sender::new(config, NOW);
    let _ = sender.connect(NOW);
    sender.handle_input(Input::Connected, NOW);
    sender
}

fn write_all(sender: &mut Sender) {
    while let Output::Transmit(bytes) = sender.poll_output() {
        let count = bytes.len();
        sender.handle_input(Input::Written(count), NOW);
    }
}

/// Sends points one by one and in batches; `names` are made before.
fn send(sender: &mut Sender, names: &[String], rounds: usize) {
    for round in 0..rounds {
        for (i, name) in names.iter().enumerate() {
            let metric = Metric::new(name, i as f64 * 0.37);
            let ticket = sender.enqueue(&metric, 1_700_000_000, NOW).expect("room");
            if round % 2 == 0 {
                write_all(sender);
                assert_eq!(sender.outcome(ticket), Some(Ok(())));
            }
        }
        write_all(sender);
    }
}

fn nothing_is_allocated_a_point() {
    let names: Vec<_> = (0..1_000).map(|i| format!("servers.web{i:03}.cpu.user")).collect();
    let window = 128 << 10;
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        for delivery in [Delivery::BestEffort, Delivery::Replay { window }] {
            for prefix in ["", "some.prefix"] {
                let config = Config::new(protocol).delivery(delivery).prefix(prefix);
                let mut sender = connected(config);
                // Until the window is full and has been let go of once.
                send(&mut sender, &names, 12);
                let before = CALLS.load(Relaxed);
                send(&mut sender, &names, 12);
                let calls = CALLS.load(Relaxed) - before;
                assert_eq!(calls, 0, "{protocol:?}, {delivery:?}, prefix {prefix:?}");
            }
        }
    }
}

/// Returns how many bytes are held at most while so many points are sent as `each` says.
fn peak(config: Config, points: usize, each: impl Fn(&mut Sender)) -> usize {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let mut sender = connected(config);
    for _ in 0..points {
        let metric = Metric::new("servers.web01.cpu.user", 0.37);
        let _ = sender.enqueue(&metric, 1_700_000_000, NOW);
        each(&mut sender);
    }
    PEAK.load(Relaxed) - before
}

fn points_in_any_number_hold_what_was_promised() {
    let (queue, window) = (4 << 20, 8 << 20);
    let replay = Config::default().delivery(Delivery::Replay { window });
    let pickle = Config::new(Protocol::Pickle).delivery(Delivery::Confirmed { window });
    let both = |sender: &mut Sender| {
        if sender.stats().accepted == 250_000 {
            // The window is full: from here on nothing is written.
            let lost = Failure::new(std::io::ErrorKind::ConnectionReset, "reset");
            sender.handle_input(Input::Disconnected(lost), NOW);
        }
        write_all(sender);
    };
    let nothing = |_: &mut Sender| {};
    let oldest = Overflow::DropOldest;
    for (scene, peak) in [
        // Each point is a frame of its own.
        ("a million sends", peak(replay.clone(), 1_000_000, write_all)),
        ("unconfirmed pickles", peak(pickle.clone(), 250_000, write_all)),
        ("stuck", peak(replay.clone(), 150_000, nothing)),
        ("stuck pickles", peak(pickle.clone().overflow(oldest), 150_000, nothing)),
        ("window, then queue", peak(replay.clone(), 450_000, both)),
        ("window, then queue of pickles", peak(pickle.clone().overflow(oldest), 450_000, both)),
    ] {
        let most = queue + window + (256 << 10);
        assert!(peak <= most, "{scene}: {peak} bytes held, {most} allowed");
    }
}

/// A frame that holds one point of more than half its size is kept no larger than that, and frames
/// that are full are neither copied nor given back to the system.
fn frames_in_any_state_hold_what_was_promised() {
    let queue = 4 << 20;
    let config = Config::new(Protocol::Pickle).delivery(Delivery::BestEffort).queue_bytes(queue);
    let long = "x".repeat(40_000);
    let before = LIVE.load(Relaxed);
    let mut sender = connected(config.clone());
    while sender.enqueue(&Metric::new(&long, 1), 9, NOW).is_ok() {}
    let held = LIVE.load(Relaxed) - before;
    assert!(held <= queue / 8 * 9 + (256 << 10), "{held} bytes for {queue} of long points");

    let names: Vec<_> = (0..4_000).map(|i| format!("servers.web{i:04}.cpu.user")).collect();
    let before = LIVE.load(Relaxed);
    let mut sender = connected(config);
    let fill = |sender: &mut Sender, count: usize| {
        for name in &names[..count] {
            sender.enqueue(&Metric::new(name, 1), 9, NOW).expect("room");
        }
        write_all(sender);
    };
    fill(&mut sender, 4_000);
    let calls = CALLS.load(Relaxed);
    fill(&mut sender, 4_000);
    assert_eq!(CALLS.load(Relaxed) - calls, 0, "several full frames at a time");
    for _ in 0..40 {
        for name in &names {
            let _ = sender.enqueue(&Metric::new(name, 1), 9, NOW);
        }
    }
    write_all(&mut sender);
    let held = LIVE.load(Relaxed) - before;
    assert!(held <= 512 << 10, "{held} bytes held by an empty queue");
}

/// After the first report, in which the series get their names: neither where they are recorded nor
/// where they are collected.
#[cfg(feature = "metrics")]
fn nothing_is_allocated_a_series() {
    use graphite_proto::metrics::{Counters, Recorder};
    use metrics::{counter, gauge, histogram, with_local_recorder};

    for counters in [Counters::Total, Counters::PerInterval] {
        let recorder = Recorder::builder().counters(counters).build();
        let series: Vec<_> = with_local_recorder(&recorder, || {
            let id = |i: u32| i.to_string();
            let of = |i| {
                (
                    counter!("jobs", "id" => id(i)),
                    gauge!("load", "id" => id(i)),
                    histogram!("ms", "id" => id(i)),
                )
            };
            (0..3_400).map(of).collect()
        });
        let mut points = 0;
        let mut report = |round: u32| {
            for (jobs, load, ms) in &series {
                jobs.increment(1);
                load.set(round);
                (0..20).for_each(|i| ms.record(1.0 + f64::from((i + round) % 97) / 10.0));
            }
            recorder.collect(1_700_000_000 + round * 10, &mut |_| points += 1);
        };
        // In one or two of them the most that one interval's samples take is seen.
        (0..2).for_each(&mut report);
        let before = CALLS.load(Relaxed);
        (2..5).for_each(&mut report);
        assert_eq!(CALLS.load(Relaxed) - before, 0, "{counters:?}");
        assert_eq!(points, 5 * 3_400 * (1 + 1 + 9));
    }
}

/// One after the other: side by side they would count each other's.
#[test]
fn memory_is_what_was_promised() {
    nothing_is_allocated_a_point();
    #[cfg(feature = "metrics")]
    nothing_is_allocated_a_series();
    points_in_any_number_hold_what_was_promised();
    frames_in_any_state_hold_what_was_promised();
}
