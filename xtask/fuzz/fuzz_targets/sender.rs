//! Invariant: whatever a sender is told, every point is accounted for and a close ends it.
//! The work is in the crate fuzz-targets, which the tests run too; not here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::sender(bytes));
