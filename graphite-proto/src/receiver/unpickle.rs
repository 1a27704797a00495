//! The pickle machine: runs the opcodes that a list of points needs, and no other.
//!
//! A pickle is a program for a stack machine and may come from anyone. So there is no recursion,
//! no opcode that makes an object, no length believed before its bytes are there, and a limit on
//! how many values a pickle makes, since a few bytes can name a large thing many times. Values
//! are `Copy` and refer to the pickle's own bytes. Not here: which values make a point
//! ([`frame`]).
//!
//! The opcodes are those that CPython's picklers 0 to 5 write for lists and tuples of text and
//! numbers, Python 2's byte strings included, which carbon reads as UTF-8. Those of protocol 0 are
//! lines that others write by hand, so their arguments are read by CPython's rules, not only in the
//! form that its picklers give them (`tests/data/protocol0.txt`).

mod frame;
mod text;

use std::borrow::Cow;

use memchr::memchr;

pub(super) use self::frame::Frame;
use self::frame::Item;
use crate::error::{DecodeError, excerpt_bytes};
use crate::limits::MAX_FRAME_BYTES;
use crate::protocol::number;
use crate::value::Value;

/// The most values a pickle may make. A point makes five and takes 11 bytes at the very least, so
/// no pickle of points comes near.
const MAX_VALUES: usize = MAX_FRAME_BYTES / 2;

/// The most sequences that may be open around each other. Points need three, and a sequence of
/// the wrong shape is to cost only its own element.
const MAX_DEPTH: usize = 16;

const NO_NUMBER: &str = "a number is not written in digits";

/// The latest pickle protocol.
const MAX_PROTOCOL: u8 = 5;

/// Runs a pickle.
pub(super) fn read(pickle: &[u8]) -> Result<Frame, DecodeError> {
    let mut machine = Machine {
        pickle,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        values: 0,
        repeats: false,
        frame: Frame::new(pickle.len()),
    };
    let mut offset = 0;
    let outcome = loop {
        match machine.step() {
            Ok(None) => offset = machine.at,
            Ok(Some(root)) => break machine.finish(root),
            Err(fault) => break Err(fault),
        }
    };
    match outcome {
        Ok(()) => Ok(machine.frame),
        Err(Fault(reason)) => Err(DecodeError::Pickle { bytes: pickle.len(), offset, reason }),
    }
}

/// Why a pickle is not read.
struct Fault(Cow<'static, str>);

/// Makes a fault without a detail of its own.
fn fault<T>(reason: &'static str) -> Result<T, Fault> {
    Err(Fault(reason.into()))
}

struct Machine<'a> {
    pickle: &'a [u8],
    at: usize,
    stack: Vec<Item>,
    /// Heights of the stack, where sequences begin.
    marks: Vec<usize>,
    memo: Vec<Option<Item>>,
    values: usize,
    /// Whether anything was taken from the memo.
    repeats: bool,
    frame: Frame,
}

impl<'a> Machine<'a> {
    /// Runs one opcode; returns the value of the pickle at its end.
    fn step(&mut self) -> Result<Option<Item>, Fault> {
        let [opcode] = self.array()?;
        match opcode {
            b'.' => return self.pop().map(Some),
            b'(' => self.mark()?,
            // Values.
            b'X' => self.text::<4>()?,
            0x8C => self.text::<1>()?,
            b'T' => self.text::<4>()?,
            b'U' => self.text::<1>()?,
            b'V' => self.escaped(text::unicode)?,
            b'S' => self.escaped(text::string)?,
            b'J' => self.integer(i32::from_le_bytes)?,
            b'K' => self.integer(u8::from_le_bytes)?,
            b'M' => self.integer(u16::from_le_bytes)?,
            b'G' => self.big_endian_float()?,
            0x8A => self.long()?,
            b'I' => self.int()?,
            b'L' => self.decimal_long()?,
            b'F' => self.decimal_float()?,
            b'N' => self.push(Item::Other)?,
            0x88 => self.push(Item::Number(Value::I64(1)))?,
            0x89 => self.push(Item::Number(Value::I64(0)))?,
            // Sequences.
            b')' => self.tuple(0)?,
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let count = self.unmark()?;
                self.tuple(count)?;
            }
            b']' => self.list(0)?,
            b'l' => {
                let count = self.unmark()?;
                self.list(count)?;
            }
            b'a' => self.append(1)?,
            b'e' => {
                let count = self.unmark()?;
                self.append(count)?;
            }
            // The memo.
            b'q' => self.index::<1>().and_then(|index| self.put(index))?,
            b'r' => self.index::<4>().and_then(|index| self.put(index))?,
            b'p' => self.decimal_index().and_then(|index| self.put(index))?,
            0x94 => self.put(self.memo.len())?,
            b'h' => self.index::<1>().and_then(|index| self.get(index))?,
            b'j' => self.index::<4>().and_then(|index| self.get(index))?,
            b'g' => self.decimal_index().and_then(|index| self.get(index))?,
            // Objects, of which only the class is read, so that the error names it.
            b'c' => self.global()?,
            b'i' => return Err(object(self.line()?, self.line()?)),
            0x93 => return Err(self.stack_global()),
            // Around it all.
            0x80 => self.protocol()?,
            0x95 => self.frame_length()?,
            _ => return Err(refused(opcode)),
        }
        Ok(None)
    }

    fn finish(&mut self, root: Item) -> Result<(), Fault> {
        if !self.frame.set_root(root) {
            return fault("it is no list");
        }
        // Without the memo, every path stands in the pickle and is counted by its length.
        if self.repeats && self.frame.paths_exceed_limit() {
            return fault("its paths repeat each other to more than 64 MiB");
        }
        Ok(())
    }

    /// Takes the next bytes of the pickle.
    fn bytes(&mut self, count: usize) -> Result<&[u8], Fault> {
        match self.pickle[self.at..].get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => fault("it is cut short"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.pickle[self.at..].first_chunk() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => fault("it is cut short"),
        }
    }

    /// Takes a little-endian length or index of `N` bytes.
    fn index<const N: usize>(&mut self) -> Result<usize, Fault> {
        let bytes: [u8; N] = self.array()?;
        Ok(bytes.iter().rev().fold(0, |index, byte| index << 8 | usize::from(*byte)))
    }

    /// Takes the rest of the line, which ends an opcode of protocol 0.
    fn line(&mut self) -> Result<&'a [u8], Fault> {
        let rest = &self.pickle[self.at..];
        let Some(end) = memchr(b'\n', rest) else {
            return fault("it is cut short");
        };
        self.at += end + 1;
        Ok(&rest[..end])
    }

    /// Takes the rest of the line as what a number is written in.
    fn digits(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.line()?).or_else(|_| fault(NO_NUMBER))
    }

    fn push(&mut self, item: Item) -> Result<(), Fault> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Fault(format!("it makes more values than {MAX_VALUES}").into()));
        }
        self.stack.push(item);
        Ok(())
    }

    /// Where the innermost open sequence begins: what is below is not its own.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    /// Returns the innermost value that is complete.
    fn top(&self) -> Result<Item, Fault> {
        match self.stack[self.floor()..].last() {
            Some(item) => Ok(*item),
            None => fault("a value is missing"),
        }
    }

    fn pop(&mut self) -> Result<Item, Fault> {
        let item = self.top()?;
        self.stack.pop();
        Ok(item)
    }

    fn mark(&mut self) -> Result<(), Fault> {
        if self.marks.len() == MAX_DEPTH {
            return Err(Fault(format!("more than {MAX_DEPTH} sequences are nested").into()));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// Ends the innermost sequence and returns how many values it has.
    fn unmark(&mut self) -> Result<usize, Fault> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.len() - mark),
            None => fault("a sequence ends that has not begun"),
        }
    }

    /// Moves the topmost values into the frame, where sequences hold them.
    fn store(&mut self, count: usize) -> Result<std::ops::Range<usize>, Fault> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(self.frame.store(self.stack.drain(start..))),
            _ => fault("a value is missing"),
        }
    }

    fn tuple(&mut self, count: usize) -> Result<(), Fault> {
        let range = self.store(count)?;
        self.push(Item::tuple(range))
    }

    fn list(&mut self, count: usize) -> Result<(), Fault> {
        let range = self.store(count)?;
        let list = self.frame.list(range);
        self.push(list)
    }

    fn append(&mut self, count: usize) -> Result<(), Fault> {
        let range = self.store(count)?;
        if self.frame.append(self.top()?, range) { Ok(()) } else { fault("it appends to no list") }
    }

    fn put(&mut self, index: usize) -> Result<(), Fault> {
        let item = self.top()?;
        // Picklers number what they memoize, so no index reaches the length of the pickle.
        if index > self.pickle.len().min(MAX_VALUES) {
            return fault("a memo index is larger than the pickle");
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(item);
        Ok(())
    }

    fn get(&mut self, index: usize) -> Result<(), Fault> {
        self.repeats = true;
        match self.memo.get(index) {
            Some(Some(item)) => self.push(*item),
            _ => fault("a memo entry is missing"),
        }
    }

    fn text<const N: usize>(&mut self) -> Result<(), Fault> {
        let length = self.index::<N>()?;
        let start = self.at;
        if std::str::from_utf8(self.bytes(length)?).is_err() {
            return fault("a text is not UTF-8");
        }
        self.push(Item::text(start..self.at))
    }

    fn escaped(
        &mut self,
        decode: fn(&[u8], &mut String) -> Result<(), &'static str>,
    ) -> Result<(), Fault> {
        let line = self.line()?;
        match self.frame.decode(|texts| decode(line, texts)) {
            Ok(item) => self.push(item),
            Err(reason) => fault(reason),
        }
    }

    fn integer<T: Into<i64>, const N: usize>(
        &mut self,
        decode: fn([u8; N]) -> T,
    ) -> Result<(), Fault> {
        let value = decode(self.array()?).into();
        self.push(Item::Number(Value::I64(value)))
    }

    fn big_endian_float(&mut self) -> Result<(), Fault> {
        let value = f64::from_be_bytes(self.array()?);
        self.push(Item::Number(Value::F64(value)))
    }

    fn long(&mut self) -> Result<(), Fault> {
        let length = self.index::<1>()?;
        let value = number::from_long(self.bytes(length)?);
        self.push(Item::Number(value))
    }

    /// Reads `INT`, where C reads a leading 0 as octal.
    fn int(&mut self) -> Result<(), Fault> {
        let text = self.digits()?;
        match number::c_octal(text).or_else(|| number::literal(text)) {
            Some(value) => self.push(Item::Number(value)),
            None => fault(NO_NUMBER),
        }
    }

    /// Reads `LONG`, which Python 2 ends with its `L`.
    fn decimal_long(&mut self) -> Result<(), Fault> {
        let text = self.digits()?;
        match number::literal(text.strip_suffix('L').unwrap_or(text)) {
            Some(value) => self.push(Item::Number(value)),
            None => fault(NO_NUMBER),
        }
    }

    fn decimal_float(&mut self) -> Result<(), Fault> {
        match self.digits()?.parse() {
            Ok(value) => self.push(Item::Number(Value::F64(value))),
            Err(_) => fault(NO_NUMBER),
        }
    }

    fn decimal_index(&mut self) -> Result<usize, Fault> {
        let text = std::str::from_utf8(self.line()?).unwrap_or_default();
        text.trim().parse().or_else(|_| fault("a memo index is not written in digits"))
    }

    /// Reads the class that `GLOBAL` names.
    fn global(&mut self) -> Result<(), Fault> {
        let (module, name) = (self.line()?, self.line()?);
        // An object of protocol 0 begins with these two, around its own class.
        if let (b"copy_reg", b"_reconstructor") | (b"__builtin__", b"object") = (module, name) {
            return self.push(Item::Other);
        }
        Err(object(module, name))
    }

    /// Reads the class that the topmost two texts name.
    #[cold]
    fn stack_global(&self) -> Fault {
        match self.stack[self.floor()..] {
            [.., module, name] => {
                let text = |item| self.frame.str(item, self.pickle).unwrap_or("?").as_bytes();
                object(text(module), text(name))
            }
            _ => Fault("a value is missing".into()),
        }
    }

    fn protocol(&mut self) -> Result<(), Fault> {
        match self.array()? {
            [0..=MAX_PROTOCOL] => Ok(()),
            [later] => {
                let reason =
                    format!("pickle protocol {later} is unknown, latest is {MAX_PROTOCOL}");
                Err(Fault(reason.into()))
            }
        }
    }

    /// Skips the length of a part of the pickle, which says only how much to read at once.
    fn frame_length(&mut self) -> Result<(), Fault> {
        let length = u64::from_le_bytes(self.array()?);
        let rest = self.pickle.len() - self.at;
        if usize::try_from(length).is_ok_and(|length| length <= rest) {
            Ok(())
        } else {
            fault("it is cut short")
        }
    }
}

/// Names the class of an object, as carbon's log does.
#[cold]
fn object(module: &[u8], name: &[u8]) -> Fault {
    let class = excerpt_bytes(&[module, b".", name].concat());
    let reason = format!("it holds an object of class {class:?}, only texts and numbers are read");
    Fault(reason.into())
}

#[cold]
fn refused(opcode: u8) -> Fault {
    let name = match opcode {
        b'R' => " (REDUCE)",
        b'b' => " (BUILD)",
        b'o' => " (OBJ)",
        0x81 => " (NEWOBJ)",
        b'}' => " (EMPTY_DICT)",
        b'B' | b'C' => " (bytes)",
        _ => "",
    };
    Fault(format!("opcode 0x{opcode:02X}{name} has no place in a list of points").into())
}
