//! How often the encoder allocates, by a counting allocator; one test, since it counts for the
//! whole process.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    borrow::Cow,
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
};

use graphite_encoder::Scheme;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Runs something, and returns how often it allocated. The least of several runs, since the test
/// harness has threads of its own.
fn count<T>(run: impl Fn() -> T) -> usize {
    let once = || {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        black_box(run());
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    (0..5).map(|_| once()).min().unwrap_or(0)
}

#[test]
fn clean_parts_are_borrowed_and_others_take_one_allocation() {
    use Scheme::{Idna, Percent, Portable, Punycode};
    for scheme in [Idna, Percent, Portable] {
        for name in ["a", "cpu_user", "web-01", "Total"] {
            assert!(matches!(scheme.encode(name).unwrap(), Cow::Borrowed(_)));
            assert!(matches!(scheme.decode(name).unwrap(), Cow::Borrowed(_)));
            assert_eq!(count(|| scheme.encode(name)), 0);
            assert_eq!(count(|| scheme.decode(name)), 0);
        }
    }
    assert_eq!(count(|| Punycode.encode("")), 0);
    assert_eq!(count(|| Punycode.decode("clean-")), 0);

    let names = [
        "www.example.com",
        "Straße 7",
        "汉 字",
        "a b",
        "a.b",
        "100%",
        "👩‍💻",
        "日本語。テスト.a.b.ΣΊΣΥΦΟΣ",
        "e\u{301}\u{FDFA}",
        "éééééééééééééééééééééééééééééééééééééééé",
    ];
    for scheme in [Idna, Punycode, Percent, Portable] {
        for name in names {
            let Ok(encoded) = scheme.encode(name) else { continue };
            assert!(encoded != name);
            // The idna crate hands out the Punycode of a label as a string of its own.
            let labels = if scheme == Idna { encoded.matches("xn--").count() } else { 0 };
            let encoding = count(|| scheme.encode(name));
            assert!(
                (1..=1 + 8 * labels).contains(&encoding),
                "{scheme:?} encode {name}: {encoding}"
            );
            assert_eq!(encoding == 1, labels == 0, "{scheme:?} encode {name}");
            let decoding = count(|| scheme.decode(&encoded));
            assert!(decoding <= 1 + 12 * labels, "{scheme:?} decode {encoded}: {decoding}");
        }
    }
    for scheme in [Percent, Portable] {
        let encoded = scheme.encode("Straße 7").unwrap().into_owned();
        assert_eq!(encoded.capacity(), encoded.len());
    }
}
