//! Invariant: no bytes make the pickle receiver panic, and cutting them changes no point.
#![no_main]

use graphite_proto::Protocol;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| graphite_proto_fuzz::check(Protocol::Pickle, bytes));
