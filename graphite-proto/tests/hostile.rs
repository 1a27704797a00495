//! The reading machine against bytes that mean harm, or nothing at all: it answers with errors,
//! never panics, never hangs, and holds no more memory than it promises.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use graphite_proto::{DecodeError, MAX_FRAME_BYTES, MAX_LINE_BYTES, Metric, Protocol, Receiver};
use proptest::prelude::*;

type Decoded = Result<Metric<'static>, DecodeError>;

const T: u32 = 1_700_000_000;
const MIB: usize = 1 << 20;

/// Counts what a thread holds, and the most it held.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get().wrapping_add(layout.size()));
        PEAK.set(PEAK.get().max(HELD.get()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the most that a call holds beside what was held before it.
fn peak(call: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    call();
    PEAK.get() - before
}

fn drain(receiver: &mut Receiver) -> Vec<Decoded> {
    std::iter::from_fn(|| receiver.next_metric()).collect()
}

fn decode(protocol: Protocol, bytes: &[u8]) -> Vec<Decoded> {
    let mut receiver = Receiver::new(protocol);
    receiver.receive(bytes);
    drain(&mut receiver)
}

fn frame(pickle: &[u8]) -> Vec<u8> {
    let length = u32::try_from(pickle.len()).unwrap().to_be_bytes();
    [&length, pickle].concat()
}

/// A valid batch in every kind of pickle that is read, and as lines.
fn valid() -> Vec<(Protocol, Vec<u8>)> {
    let metrics = [
        Metric::from(("servers.web01.load", 0.42, T)),
        Metric::from(("größe", -7, T)),
        Metric::from(("servers.web01.load", u64::MAX, u32::MAX)),
    ];
    let mut all: Vec<_> = [
        include_bytes!("data/points-py313-protocol0-1.pickle").as_slice(),
        include_bytes!("data/points-py313-protocol4-5.pickle"),
        include_bytes!("data/lists-py313-protocol2-9.pickle"),
        include_bytes!("data/points-py27-protocol0-1.pickle"),
    ]
    .into_iter()
    .map(|pickle| (Protocol::Pickle, frame(pickle)))
    .collect();
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let mut bytes = Vec::new();
        protocol.encode(&metrics, T, &mut bytes).unwrap();
        all.push((protocol, bytes));
    }
    all
}

/// Full-length pickles that want memory, depth or time; the text of the answer where it is one.
fn attacks() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let repeat = |bytes: &[u8]| bytes.repeat(MAX_FRAME_BYTES / bytes.len() - 40);
    let open = |begin: &[u8], repeated: &[u8], end: &[u8]| [begin, &repeat(repeated), end].concat();
    let half = MAX_FRAME_BYTES / 2;
    let name = vec![b'x'; half];
    let memoized = [b"\x80\x02](X", &(half as u32).to_le_bytes()[..], &name].concat();
    // One point of half a mebibyte, named again by two bytes as often as the rest allows.
    let bomb = [&memoized[..], b"K\x01K\x01\x86\x86q\x00", &b"h\x00".repeat(half / 2 - 20), b"e."];
    vec![
        ("tuples of one", open(b"K\x01", b"\x85", b"."), "more values than 524288"),
        ("tuples that are open", open(b"", b"(", b"."), "more than 16 sequences are nested"),
        ("lists in lists", open(b"]", b"]", b"."), "more values than 524288"),
        ("lists open in lists", open(b"", b"](", b"."), "more than 16 sequences are nested"),
        ("lists of one", open(b"]", b"]Na", b"."), "more values than 524288"),
        ("a list that doubles", open(b"]q\0", b"h\0\x85a", b"."), "0 elements"),
        ("a list in itself", open(b"]q\0", b"h\0a", b"."), "all elements"),
        ("nothing", open(b"](", b"N", b"e."), "more values than 524288"),
        ("half of nothing", open(b"](", b"\x8C\0", b"e."), "all elements"),
        ("a name often", bomb.concat(), "its paths repeat each other to more than 64 MiB"),
        ("a memo", open(b"]", b"\x94", b"."), "a memo index is larger than the pickle"),
        ("a memo far out", open(b"]", b"r\xFF\xFF\x07\0", b"."), "0 elements"),
        ("backslashes", open(b"V", b"\\u0041", b"\n."), "it is no list"),
        ("octal digits", open(b"S'", b"\\60", b"'\n."), "it is no list"),
        ("unknown escapes", open(b"S'", b"\\8", b"'\n."), "it is no list"),
        ("open quotes", open(b"S'", b"\\'", b"\n."), "a text ends with a backslash"),
        ("Latin-1", open(b"V", b"\xFF", b"\n."), "it is no list"),
        ("a long line", open(b"I", b"9", b""), "it is cut short"),
        ("a long number", open(b"]((Va\n(I1\nI", b"9", b"\ntte."), "not a finite number"),
        ("long lines", open(b"", b"I9\n", b"."), "it is no list"),
    ]
}

#[test]
fn a_hostile_pickle_costs_itself_and_bounded_memory() {
    for (name, pickle, answer) in attacks() {
        assert!(pickle.len() <= MAX_FRAME_BYTES && pickle.len() > MAX_FRAME_BYTES - 1000, "{name}");
        let mut good = Vec::new();
        Protocol::Pickle.encode([("good", 1)], T, &mut good).unwrap();
        let bytes = [&good[..], &frame(&pickle), &good].concat();
        let mut receiver = Receiver::new(Protocol::Pickle);
        let mut points = 0;
        let mut errors = 0;
        let mut last = None;
        let mut text = String::new();
        let peak = peak(|| {
            for piece in bytes.chunks(65_536) {
                receiver.receive(piece);
                while let Some(point) = receiver.next_metric() {
                    match &point {
                        Ok(_) => points += 1,
                        Err(error) => {
                            errors += 1;
                            text = error.to_string();
                        }
                    }
                    last = Some(point);
                }
            }
        });
        assert_eq!(last, Some(Ok(Metric::from(("good", 1, T)))), "{name}: what follows is read");
        assert_eq!(points, 2, "{name}");
        match answer {
            "0 elements" => assert!(errors == 0 || text.starts_with("element"), "{name}: {text}"),
            "all elements" => {
                assert!(errors > 1000 && text.starts_with("element"), "{name}: {text}")
            }
            text_part => {
                assert_eq!(errors, 1, "{name}: {text}");
                assert!(text.contains(text_part), "{name}: {text}");
            }
        }
        assert!(text.len() < 1000, "{name}: {} bytes of text", text.len());
        println!("{name}: {} KiB", peak / 1024);
        assert!(peak < 48 * MIB, "{name}: {peak} bytes");
        drop(last);
        assert_eq!(receiver.pending_bytes(), 0);
    }
}

#[test]
fn lengths_are_not_believed() {
    for length in [0x7FFF_FFFFu32, 0x8000_0000, 0xFFFF_FFFF, 1 << 20] {
        for opcode in [b"X", b"T"] {
            let pickle = [b"\x80\x02](", &opcode[..], &length.to_le_bytes(), b"abc"].concat();
            let held = peak(|| {
                let points = decode(Protocol::Pickle, &frame(&pickle));
                let text = points[0].as_ref().unwrap_err().to_string();
                assert_eq!(text, "pickle of 12 bytes is unreadable at byte 4: it is cut short");
            });
            assert!(held < 10_000, "{held} bytes");
        }
    }
    let held = peak(|| {
        let mut receiver = Receiver::new(Protocol::Pickle);
        receiver.receive(&[0xFF; 4]);
        for _ in 0..1000 {
            receiver.receive(&[0; 1000]);
        }
        assert!(receiver.next_metric().is_some_and(|end| end.is_err()));
        assert_eq!(receiver.next_metric(), None);
    });
    assert!(held < 10_000, "{held} bytes");
}

#[test]
fn a_line_that_never_ends_is_not_held() {
    for piece in [1, 1000, 1 << 20] {
        let piece = vec![b'x'; piece];
        let held = peak(|| {
            let mut receiver = Receiver::new(Protocol::Plaintext);
            for _ in 0..20_000 {
                receiver.receive(&piece);
            }
            assert_eq!(receiver.pending_bytes(), MAX_LINE_BYTES + 1);
            assert!(receiver.next_metric().is_some_and(|end| end.is_err()));
            assert_eq!((receiver.next_metric(), receiver.is_ended()), (None, true));
        });
        assert!(held < 4 * MAX_LINE_BYTES, "{held} bytes");
    }
}

#[test]
fn memory_stays_flat_in_a_long_stream() {
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let metrics: Vec<_> = (0..2_000).map(|i| Metric::from(("a.name", i, T))).collect();
        let mut bytes = Vec::new();
        protocol.encode(&metrics, T, &mut bytes).unwrap();
        for size in [13, 4_096, 65_536] {
            let mut receiver = Receiver::new(protocol);
            let mut count = 0;
            let held = peak(|| {
                for _ in 0..10 {
                    for piece in bytes.chunks(size) {
                        receiver.receive(piece);
                        while let Some(point) = receiver.next_metric() {
                            point.unwrap();
                            count += 1;
                        }
                    }
                }
            });
            assert_eq!(count, 20_000);
            assert!(held < MIB, "{protocol} by {size}: {held} bytes");
        }
        // One large read does not stay.
        let mut receiver = Receiver::new(protocol);
        let large = bytes.repeat(40);
        let before = HELD.get();
        receiver.receive(&large);
        assert_eq!(std::iter::from_fn(|| receiver.next_metric()).count(), 80_000);
        receiver.receive(&bytes[..1]);
        assert!(HELD.get() - before < MIB, "{protocol}: {} bytes", HELD.get() - before);
    }
}

#[test]
fn a_torn_stream_gives_only_whole_points() {
    for (protocol, bytes) in valid() {
        let all = decode(protocol, &bytes);
        for cut in 0..bytes.len() {
            let mut receiver = Receiver::new(protocol);
            receiver.receive(&bytes[..cut]);
            let points = drain(&mut receiver);
            assert_eq!(points, all[..points.len()], "{protocol} cut at {cut}");
            receiver.receive(&bytes[cut..]);
            let points = [points, drain(&mut receiver)].concat();
            assert_eq!(points, all, "{protocol} cut at {cut}");
        }
    }
}

#[test]
fn a_pickle_cut_at_any_byte_is_an_error() {
    for (protocol, bytes) in valid() {
        if protocol == Protocol::Pickle {
            for cut in 4..bytes.len() {
                let points = decode(protocol, &frame(&bytes[4..cut]));
                assert!(matches!(points[..], [Err(DecodeError::Pickle { .. })]), "cut at {cut}");
            }
        }
    }
}

#[test]
fn any_byte_may_be_any_other() {
    for (protocol, bytes) in valid() {
        let neighbour = decode(protocol, &bytes);
        for at in 0..bytes.len() {
            for value in 0..=u8::MAX {
                // Our own frames take every value; the longer ones of others every bit.
                if bytes.len() > 150 && !(value ^ bytes[at]).is_power_of_two() {
                    continue;
                }
                let mut changed = bytes.clone();
                changed[at] = value;
                changed.extend_from_slice(&bytes);
                let points = decode(protocol, &changed);
                // A changed length takes the neighbour along.
                if protocol == Protocol::Pickle && at >= 4 {
                    assert!(points.ends_with(&neighbour), "{at} {value}");
                }
            }
        }
    }
}

/// What pickles of points are made of.
const OPCODES: &[&[u8]] = &[
    b"]",
    b"(",
    b"e",
    b"a",
    b"l",
    b"t",
    b")",
    b"\x85",
    b"\x86",
    b"\x87",
    b"N",
    b"K\x01",
    b"U\x01a",
    b"X\x02\0\0\0\xC3\xB6",
    b"V\\u00e9\n",
    b"S'a'\n",
    b"S\"\\303\\xb6\\z\"\n",
    b"I5\n",
    b"I-010\n",
    b"L5L\n",
    b"F.5\n",
    b"\x8A\x02\0\x80",
    b"G\x3F\xE0\0\0\0\0\0\0",
    b"q\0",
    b"h\0",
    b"p1\n",
    b"g1\n",
    b"\x94",
    b"j\x02\0\0\0",
    b"\x80\x02",
    b".",
];

proptest! {
    #[test]
    fn random_bytes_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        piece in 1usize..300,
    ) {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let mut receiver = Receiver::new(protocol);
            for piece in bytes.chunks(piece) {
                receiver.receive(piece);
                while receiver.next_metric().is_some() {}
            }
        }
        let points = decode(Protocol::Pickle, &frame(&bytes));
        prop_assert!(points.len() <= bytes.len() + 1);
    }

    /// Bytes that are opcodes more often than chance would have it.
    #[test]
    fn random_programs_are_survived(
        opcodes in proptest::collection::vec(
            proptest::sample::select(OPCODES),
            0..60,
        ),
    ) {
        let pickle = [&b"]("[..], &opcodes.concat(), b"e."].concat();
        let points = decode(Protocol::Pickle, &frame(&pickle));
        prop_assert!(points.len() <= pickle.len());
    }
}
