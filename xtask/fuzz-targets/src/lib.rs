//! The fuzz targets: each takes any bytes and panics where its invariant does not hold.
//!
//! A crate of its own, built by any toolchain, so that the tests of xtask run every target over the
//! committed corpus. Not here: what makes new bytes, which is libFuzzer in `xtask/fuzz`, by
//! `cargo xtask fuzz`.

#![allow(clippy::missing_panics_doc, reason = "a target fails by panicking")]

mod bytes;
mod points;
mod receive;
mod recorder;
mod round_trip;
mod schemes;
mod sender;
mod tags;

pub use receive::{receive_pickle, receive_plaintext};
pub use recorder::recorder;
pub use round_trip::round_trip;
pub use schemes::{scheme_idna, scheme_percent, scheme_portable, scheme_punycode};
pub use sender::sender;
pub use tags::tags;

/// What a target does with bytes.
pub type Run = fn(&[u8]);

/// Every target by its name, which is also that of its program and of its folder in the corpus.
pub const TARGETS: &[(&str, Run)] = &[
    ("receive_plaintext", receive_plaintext),
    ("receive_pickle", receive_pickle),
    ("round_trip", round_trip),
    ("sender", sender),
    ("scheme_idna", scheme_idna),
    ("scheme_punycode", scheme_punycode),
    ("scheme_percent", scheme_percent),
    ("scheme_portable", scheme_portable),
    ("tags", tags),
    ("recorder", recorder),
];
