//! Invariant: every text comes back.
//! The work is in the crate fuzz-targets, which the tests run too; not here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::scheme_punycode(bytes));
