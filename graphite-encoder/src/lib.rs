//! Names for Graphite: any text becomes a part of a metric path that every store takes, and comes
//! back.
//!
//! A metric path is parts joined by dots, and the store makes a file or a directory of each part.
//! A space in one breaks the line, a dot or a slash moves the series elsewhere in the tree, a
//! bracket hides it from queries. A [`Scheme`] turns any text into a part that is safe:
//!
//! ```
//! use graphite_encoder::Scheme;
//!
//! let path = Scheme::Percent.join(["hosts", "www.example.com", "disk /var", "used"])?;
//! assert_eq!(path, "hosts.www%2Eexample%2Ecom.disk%20%2Fvar.used");
//! # Ok::<(), graphite_encoder::EncodeError>(())
//! ```
//!
//! # Which scheme
//!
//! | scheme | choose it for | example |
//! |---|---|---|
//! | [`Portable`](Scheme::Portable) | new trees, also behind carbon-c-relay, which replaces every `%` | `Bücher` → `B_C3_BCcher` |
//! | [`Percent`](Scheme::Percent) | new trees that no relay will stand before | `Bücher` → `B%C3%BCcher` |
//! | [`Idna`](Scheme::Idna) | a tree that aiographite's first releases began | `Bücher` → `xn--bcher-kva` |
//! | [`Punycode`](Scheme::Punycode) | a tree that aiographite since 0.1.6 goes on with | `Bücher` → `Bcher-kva` |
//!
//! There is no default, and a tree should keep to one: another scheme is another name for the
//! same series. If a relay may come one day, [`Portable`](Scheme::Portable) is the safe choice: its
//! names pass every receiver and relay unchanged.
//!
//! | part | `Portable` | `Percent` |
//! |---|---|---|
//! | `www.example.com` | `www_2Eexample_2Ecom` | `www%2Eexample%2Ecom` |
//! | `Straße 7` | `Stra_C3_9Fe_207` | `Stra%C3%9Fe%207` |
//! | `汉 字` | `_E6_B1_89_20_E5_AD_97` | `%E6%B1%89%20%E5%AD%97` |
//! | `a/b` | `a_2Fb` | `a%2Fb` |
//! | `👩‍💻` | `_F0_9F_91_A9_E2_80_8D_F0_9F_92_BB` | `%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB` |
//! | the empty text | `_FF` | `%FF` |
//! | takes | any that fits | any that fits |
//! | gives back | exactly | exactly |
//! | a result's length | at most 251 bytes | at most 251 bytes |
//!
//! | part | `Idna` | `Punycode` |
//! |---|---|---|
//! | `www.example.com` | `www%2Eexample%2Ecom` | `www%2Eexample%2Ecom-` |
//! | `Straße 7` | `strasse%207` | `Strae%207-3va` |
//! | `汉 字` | `xn--%20-571bm41c` | `%20-571bm41c` |
//! | `a/b` | `a/b` | `a/b-` |
//! | `👩‍💻` | `xn--rq8hef` | `1ug1855pcha` |
//! | the empty text | stays empty | stays empty |
//! | takes | what Python's `idna` takes | any text |
//! | gives back | lower case, other forms of a character and joiners are lost | exactly |
//! | a result's length | any | any |
//!
//! - `Idna` and `Punycode` are Python's codecs, byte for byte: what CPython 3.11 makes of a name,
//!   and an error where it raises. They leave `/` and `~` alone, as Python's `quote` does, so that
//!   a store makes a directory of `a/b`, and carbon, which removes a leading `~` of a path, makes
//!   one series of `~x` and `x`.
//! - `Percent` and `Portable` take every text whose result fits into a file name (255 bytes with
//!   whisper's `.wsp`), and decode nothing but what they made: two texts never share an encoding.
//!   Their results are made of `[A-Za-z0-9_%-]` and `[A-Za-z0-9_-]`, and are never empty: the byte
//!   `FF` of the empty text's form is in no UTF-8 text.
//! - `Portable` escapes `_` only where a digit or one of `A` to `F` follows: `cpu_user` stays,
//!   `eth_0` becomes `eth_5F0`.
//!
//! A part that needs no change is borrowed, after a scan of it (for `Portable` two); any other is
//! measured first and takes one allocation, there and back. `encode` sizes it exactly, but for
//! `Idna` names of several labels beyond ASCII; each such label takes a few more, for the `idna`
//! crate's Punycode of it. By `cargo bench -p graphite-encoder`, a clean part of 22 bytes costs
//! `Idna`, `Percent` and `Portable` 0.6, 0.9 and 1.1 times a bare scan of it, and one of 3 bytes a
//! call's few nanoseconds more, 1.2 to 2.7 times the scan; Python takes 40 times as long or more.
//!
//! # Tags
//!
//! [`tagged`] writes the tagged series of Graphite 1.1 in carbon's normal form, [`parse_tagged`]
//! reads them. A value that may be any text goes through a scheme first:
//!
//! ```
//! use graphite_encoder::{Scheme, tagged};
//!
//! let mount = Scheme::Portable.encode("/var/lib")?;
//! let series = tagged("disk.used", [("server", "web01"), ("mount", &mount)])?;
//! assert_eq!(series, "disk.used;mount=_2Fvar_2Flib;server=web01");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Paths built by hand
//!
//! [`check_path`] tells what a path will meet, without refusing anything:
//!
//! ```
//! let warnings = graphite_encoder::check_path("disk.a*");
//! assert_eq!(warnings[0].to_string(), "part 1: \"*\" at byte 1 is a pattern in queries");
//! ```
//!
//! # Errors
//!
//! `{error}` is one line that says it all: which part or tag, where, and by which rule. No error
//! of this crate has a cause, so `source()` is always `None`.
//!
//! # What it does not do
//!
//! - Send anything, or know what a metric is: a path goes to `graphite-proto` as a string.
//! - Check domain names. `Idna` is IDNA 2003 as Python has it, not UTS 46.
//! - Limit whole paths: a path of many parts may still be too long for a line, a directory or a
//!   file system.
//! - Keep letters apart on file systems that ignore case.
//! - Hold lone surrogates: Python's `punycode` can decode to one, here that is an error.

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

/// The examples of the package's own page are tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
