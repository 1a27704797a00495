//! The schemes, and what they have in common: one part there and back, and parts joined.
//!
//! The work of each is in `idna.rs`, `punycode.rs` and `escape.rs`.

use std::borrow::Cow;

use crate::{
    error::{DecodeError, EncodeError},
    escape::{Escape, QUOTE, Unquote},
    idna, punycode,
};

/// How a part of a metric name becomes text that Graphite can store, and back.
///
/// There is no default: a change of scheme renames every series. The crate page has a table of
/// which scheme to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Python's `idna` codec, quoted: aiographite as first documented.
    ///
    /// The part is taken as a domain name, label by label: lower-cased where it is not ASCII, and
    /// refused where a label is empty or over 63 bytes.
    ///
    /// What is decoded is encoded to what it was, but in lower case, and but for labels that no
    /// domain has: Python decodes `xn--ab-r13a` to `a。b` and encodes that as two labels, `a%2Eb`.
    Idna,
    /// Python's `punycode` codec on the whole part, quoted: aiographite since 0.1.6.
    ///
    /// Takes any text and gives it back exactly. ASCII text gets a `-` at its end. The empty text
    /// stays empty.
    Punycode,
    /// UTF-8, and everything but ASCII letters, digits, `_` and `-` as `%XX`.
    ///
    /// The empty text is `%FF`, which no other text becomes. Results are at most 251 bytes.
    Percent,
    /// As `Percent`, with `_XX` for an escape, so that only ASCII letters, digits, `_` and `-`
    /// ever occur.
    ///
    /// `_` is escaped too (`_5F`) where a digit or one of `A` to `F` follows, since it would look
    /// like an escape there: `cpu_user` stays as it is, `eth_0` becomes `eth_5F0`. The empty text
    /// is `_FF`, which no other text becomes. Results are at most 251 bytes.
    Portable,
}

impl Scheme {
    /// Encodes one part of a metric name; the result is borrowed when nothing changes.
    ///
    /// A dot within the part is encoded like any other character that is not allowed.
    ///
    /// # Errors
    ///
    /// `Idna` refuses what Python refuses, `Percent` and `Portable` a result over 251 bytes.
    /// `Punycode` refuses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use graphite_encoder::Scheme;
    ///
    /// assert_eq!(Scheme::Percent.encode("www.example.com")?, "www%2Eexample%2Ecom");
    /// assert_eq!(Scheme::Idna.encode("Bücher")?, "xn--bcher-kva");
    /// # Ok::<(), graphite_encoder::EncodeError>(())
    /// ```
    pub fn encode(self, part: &str) -> Result<Cow<'_, str>, EncodeError> {
        let kept = match self {
            Self::Idna => idna::is_kept(part),
            Self::Punycode => part.is_empty(),
            Self::Percent => Escape::Percent.is_kept(part),
            Self::Portable => Escape::Portable.is_kept(part),
        };
        if kept {
            return Ok(Cow::Borrowed(part));
        }
        let mut out = String::new();
        self.append(part, &mut out)?;
        Ok(Cow::Owned(out))
    }

    /// Decodes one part; the result is borrowed when nothing changes.
    ///
    /// # Errors
    ///
    /// `Idna` and `Punycode` refuse what Python refuses, and a lone surrogate, which Python's
    /// strings can hold. `Percent` and `Portable` refuse everything that `encode` does not make.
    ///
    /// # Examples
    ///
    /// ```
    /// use graphite_encoder::Scheme;
    ///
    /// assert_eq!(Scheme::Percent.decode("www%2Eexample%2Ecom")?, "www.example.com");
    /// assert_eq!(Scheme::Idna.decode("xn--bcher-kva")?, "bücher");
    /// # Ok::<(), graphite_encoder::DecodeError>(())
    /// ```
    pub fn decode(self, encoded: &str) -> Result<Cow<'_, str>, DecodeError> {
        match self {
            Self::Idna => idna::decode(encoded),
            Self::Punycode => decode_punycode(encoded),
            Self::Percent => Escape::Percent.decode(encoded),
            Self::Portable => Escape::Portable.decode(encoded),
        }
    }

    /// Encodes parts and joins them by dots: aiographite's `clean_and_join_metric_parts`.
    ///
    /// Without parts the result is empty. `Idna` and `Punycode` keep an empty part empty, as
    /// aiographite does.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode); the error holds the index of the part.
    ///
    /// # Examples
    ///
    /// ```
    /// use graphite_encoder::Scheme;
    ///
    /// let path = Scheme::Percent.join(["servers", "web01.example.com", "cpu 0"])?;
    /// assert_eq!(path, "servers.web01%2Eexample%2Ecom.cpu%200");
    /// # Ok::<(), graphite_encoder::EncodeError>(())
    /// ```
    pub fn join<I>(self, parts: I) -> Result<String, EncodeError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut out = String::new();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                out.push('.');
            }
            self.append(part.as_ref(), &mut out).map_err(|error| error.of_part(index))?;
        }
        Ok(out)
    }

    fn append(self, part: &str, out: &mut String) -> Result<(), EncodeError> {
        match self {
            Self::Idna => idna::encode(part, out),
            Self::Punycode => {
                append_punycode(part, out);
                Ok(())
            }
            Self::Percent => Escape::Percent.encode(part, out),
            Self::Portable => Escape::Portable.encode(part, out),
        }
    }
}

/// Appends the quoted Punycode of a part.
fn append_punycode(part: &str, out: &mut String) {
    // Digits and the delimiter need no quoting.
    if part.is_ascii() {
        out.reserve(QUOTE.length(part.as_bytes()) + 1);
        QUOTE.append(part.as_bytes(), out);
        if !part.is_empty() {
            out.push('-');
        }
        return;
    }
    let ascii_runs = || part.split(|c: char| !c.is_ascii()).map(str::as_bytes);
    let base: usize = ascii_runs().map(|run| QUOTE.length(run)).sum();
    let mut digits = 0;
    punycode::digits(part.chars(), |_| digits += 1);
    out.reserve(base + usize::from(base > 0) + digits);
    ascii_runs().for_each(|run| QUOTE.append(run, out));
    if base > 0 {
        out.push('-');
    }
    punycode::digits(part.chars(), |digit| out.push(char::from(digit)));
}

/// Decodes the quoted Punycode of a part.
fn decode_punycode(encoded: &str) -> Result<Cow<'_, str>, DecodeError> {
    let mut length = 0;
    let mut delimiter = None;
    for (offset, byte) in Unquote::new(encoded) {
        if !byte.is_ascii() {
            return Err(DecodeError::NotAscii { offset, byte });
        }
        if byte == b'-' {
            delimiter = Some(length);
        }
        length += 1;
    }
    let base = delimiter.unwrap_or(0);
    let digits = delimiter.map_or(0, |at| at + 1);
    if digits == length && length == encoded.len() {
        return Ok(Cow::Borrowed(&encoded[..base]));
    }
    // A digit stands for at most one character, which takes at most four bytes.
    let mut out = String::with_capacity(base + 4 * (length - digits));
    out.extend(Unquote::new(encoded).take(base).map(|(_, byte)| char::from(byte)));
    punycode::insert(&mut out, 0, Unquote::new(encoded).skip(digits))?;
    Ok(Cow::Owned(out))
}
