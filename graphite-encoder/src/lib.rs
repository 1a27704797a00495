//! Names for Graphite: any text becomes part of a metric path, and comes back.

#![forbid(unsafe_code)]

mod check;
mod error;
mod escape;
mod idna;
mod nameprep;
mod punycode;
mod scheme;
mod tags;
mod unicode;

pub use crate::{
    check::{PathWarning, check_path},
    error::{DecodeError, EncodeError},
    scheme::Scheme,
    tags::{TagError, Tagged, parse_tagged, tagged},
};
