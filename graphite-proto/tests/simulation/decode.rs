//! The receiver's eyes: points from bytes, written apart from the crate's own reader, and stricter:
//! it knows how each point must look, so that the smallest mixture of two frames shows.

use graphite_proto::Protocol;

use crate::plan::path;

/// What one connection has sent so far and is not complete yet.
#[derive(Debug)]
pub(crate) struct Decoder {
    protocol: Protocol,
    seed: u64,
    pad: usize,
    pending: Vec<u8>,
    /// How many bytes were read as whole frames.
    pub(crate) complete: u64,
}

impl Decoder {
    pub(crate) fn new(protocol: Protocol, seed: u64, pad: usize) -> Self {
        Self { protocol, seed, pad, pending: Vec::new(), complete: 0 }
    }

    /// Reads bytes; puts the numbers of the points that they complete into `points`.
    pub(crate) fn read(&mut self, bytes: &[u8], points: &mut Vec<u64>) -> Result<(), String> {
        self.pending.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(length) = self.frame(&self.pending[from..])? {
            let frame = &self.pending[from..from + length];
            match self.protocol {
                Protocol::Pickle => self.pickle(frame, points)?,
                _ => points.push(self.line(&frame[..length - 1])?),
            }
            from += length;
        }
        self.pending.drain(..from);
        self.complete += from as u64;
        Ok(())
    }

    /// The length of the line or frame that the bytes begin with, if it is complete.
    fn frame(&self, bytes: &[u8]) -> Result<Option<usize>, String> {
        if self.protocol == Protocol::Plaintext {
            return Ok(memchr::memchr(b'\n', bytes).map(|end| end + 1));
        }
        let Some(header) = bytes.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*header) as usize;
        if length > graphite_proto::MAX_FRAME_BYTES {
            return Err(format!("a frame begins with {header:?}"));
        }
        Ok((bytes.len() >= 4 + length).then_some(4 + length))
    }

    fn line(&self, line: &[u8]) -> Result<u64, String> {
        let text = str::from_utf8(line).map_err(|error| error.to_string())?;
        let mut words = text.split(' ');
        let (path, value, time) = (words.next(), words.next(), words.next());
        let number =
            value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("line {text:?}"))?;
        self.same(path.unwrap_or("").as_bytes(), number, &[time.unwrap_or(""), ""].concat())?;
        if words.next().is_some() { Err(format!("line {text:?}")) } else { Ok(number) }
    }

    fn same(&self, name: &[u8], number: u64, time: &str) -> Result<(), String> {
        let wanted = path(self.seed, number, self.pad);
        if name == wanted.as_bytes() && time == (number % 1000).to_string() {
            return Ok(());
        }
        let name = String::from_utf8_lossy(name);
        Err(format!("point {number} arrived as {name:?} at {time}, not as {wanted:?}"))
    }

    /// `PROTO 2`, `EMPTY_LIST`, `MARK`, points, `APPENDS`, `STOP`; nothing else is ever sent.
    fn pickle(&self, frame: &[u8], points: &mut Vec<u64>) -> Result<(), String> {
        let broken = || format!("pickle {frame:02x?}");
        let body = frame[4..].strip_prefix(b"\x80\x02](").ok_or_else(broken)?;
        let mut rest = body.strip_suffix(b"e.").ok_or_else(broken)?;
        if rest.is_empty() {
            return Err("an empty frame".into());
        }
        while !rest.is_empty() {
            let (number, after) = self.tuple(rest).ok_or_else(broken)??;
            points.push(number);
            rest = after;
        }
        Ok(())
    }

    fn tuple<'a>(&self, bytes: &'a [u8]) -> Option<Result<(u64, &'a [u8]), String>> {
        let (length, rest) = bytes.strip_prefix(b"(X")?.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (time, rest) = integer(rest.strip_prefix(b"(")?)?;
        let (number, rest) = integer(rest)?;
        let same = self.same(name, number, &time.to_string());
        Some(same.map(|()| (number, rest)).and_then(|(number, rest)| {
            Ok((number, rest.strip_prefix(b"tt").ok_or("a point does not end")?))
        }))
    }
}

/// `BININT1`, `BININT2` or `BININT`.
fn integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (code, rest) = bytes.split_first()?;
    match code {
        b'K' => rest.split_first().map(|(value, rest)| (u64::from(*value), rest)),
        b'M' => rest
            .split_first_chunk()
            .map(|(value, rest)| (u64::from(u16::from_le_bytes(*value)), rest)),
        b'J' => rest
            .split_first_chunk()
            .map(|(value, rest)| (u64::from(u32::from_le_bytes(*value)), rest)),
        _ => None,
    }
}

/// The numbers of the points whose names stand in bytes that may begin and end anywhere.
pub(crate) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u64> {
    memchr::memchr_iter(b'p', bytes).filter_map(|at| {
        let rest = &bytes[at + 1..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (rest.get(digits) == Some(&b'.'))
            .then(|| str::from_utf8(&rest[..digits]).ok()?.parse().ok())?
    })
}
