//! Names for Graphite: any text becomes part of a metric path, and comes back.

#![forbid(unsafe_code)]

mod error;
mod escape;
mod idna;
mod nameprep;
mod punycode;
mod scheme;
mod unicode;

pub use crate::{
    error::{DecodeError, EncodeError},
    scheme::Scheme,
};
