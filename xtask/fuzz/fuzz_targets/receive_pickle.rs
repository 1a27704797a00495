//! Invariant: any bytes in any pieces are read the same, and a hostile pickle costs itself alone.
//! The work is in the crate fuzz-targets, which the tests run too; not here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::receive_pickle(bytes));
