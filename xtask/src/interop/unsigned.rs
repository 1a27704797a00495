//! A reader of pickles that takes `BININT` as unsigned: what it makes of the rows' load must be
//! what was sent.
//!
//! go-carbon reads so, by its decoder og-rek: a pickled -1 becomes 4294967295. It knows only the
//! opcodes that our frames hold. Not here: go-carbon itself, which no package brings.

use graphite_proto::Protocol;

use super::points::{Load, Names};

/// What stands on the stack of the pickle machine.
#[derive(Debug, PartialEq)]
enum Item {
    Mark,
    Text(String),
    Number(f64),
    Several(Vec<Self>),
}

/// Reads a pickle; returns what is on top of the stack at its end.
fn read(mut pickle: &[u8]) -> Option<Item> {
    let mut stack = Vec::new();
    loop {
        let item = match take(&mut pickle)? {
            // PROTO.
            [0x80] => {
                let [_version] = take(&mut pickle)?;
                continue;
            }
            // EMPTY_LIST.
            [b']'] => Item::Several(Vec::new()),
            [b'('] => Item::Mark,
            // BINUNICODE.
            [b'X'] => {
                let length = unsigned(take(&mut pickle)?) as usize;
                let (text, rest) = pickle.split_at_checked(length)?;
                pickle = rest;
                Item::Text(String::from_utf8(text.to_vec()).ok()?)
            }
            // BININT, the point of all this, and BININT2, BININT1, BINFLOAT.
            [b'J'] => Item::Number(unsigned(take(&mut pickle)?).into()),
            [b'M'] => Item::Number(u16::from_le_bytes(take(&mut pickle)?).into()),
            [b'K'] => Item::Number(u8::from_le_bytes(take(&mut pickle)?).into()),
            [b'G'] => Item::Number(f64::from_be_bytes(take(&mut pickle)?)),
            // TUPLE, TUPLE2.
            [b't'] => Item::Several(since_mark(&mut stack)?),
            [0x86] => Item::Several(stack.split_off(stack.len().checked_sub(2)?)),
            // APPENDS.
            [b'e'] => {
                let items = since_mark(&mut stack)?;
                let Item::Several(list) = stack.last_mut()? else { return None };
                list.extend(items);
                continue;
            }
            // STOP.
            [b'.'] => return stack.pop().filter(|_| pickle.is_empty()),
            _ => return None,
        };
        stack.push(item);
    }
}

fn unsigned(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn since_mark(stack: &mut Vec<Item>) -> Option<Vec<Item>> {
    let mark = stack.iter().rposition(|item| *item == Item::Mark)?;
    let items = stack.split_off(mark + 1);
    stack.pop();
    Some(items)
}

/// Reads frames, one behind the other; returns each point's path, timestamp and value.
fn points(mut frames: &[u8]) -> Option<Vec<(String, f64, f64)>> {
    let mut points = Vec::new();
    while !frames.is_empty() {
        let length = u32::from_be_bytes(take(&mut frames)?) as usize;
        let (pickle, rest) = frames.split_at_checked(length)?;
        frames = rest;
        let Item::Several(list) = read(pickle)? else { return None };
        for item in list {
            let Item::Several(point) = item else { return None };
            let [Item::Text(path), Item::Several(numbers)] = &point[..] else { return None };
            let [Item::Number(time), Item::Number(value)] = numbers[..] else { return None };
            points.push((path.clone(), time, value));
        }
    }
    Some(points)
}

#[test]
fn a_reader_that_takes_ints_as_unsigned_reads_what_was_sent() {
    let load = Load::new(10_000, 50, Names::All).unwrap();
    let edges = [0, 1 << 31, u32::MAX].map(|time| ("edge", -1, i64::from(time)).into());
    let sent: Vec<_> = load.points().chain(&edges).collect();
    let (mut frames, now) = (Vec::new(), 1_700_000_000);
    Protocol::Pickle.encode(sent.iter().copied(), now, &mut frames).unwrap();
    let read = points(&frames).expect("every opcode is known");
    assert_eq!(read.len(), sent.len());
    let mut differ = Vec::new();
    for (metric, read) in sent.into_iter().zip(read) {
        let time = metric.timestamp().map_or(now, |time| time.seconds() as i64);
        let sent = (metric.path().to_owned(), time as f64, metric.value().as_f64());
        if read != sent {
            differ.push(format!("{sent:?} is read as {read:?}"));
        }
    }
    assert_eq!(differ, [""; 0]);
}

#[test]
fn the_reader_takes_ints_as_unsigned() {
    let pickle = b"\x80\x02]((X\x01\0\0\0a(J\x01\0\0\0J\xff\xff\xff\xfftte.";
    let frame = [&(pickle.len() as u32).to_be_bytes()[..], pickle].concat();
    assert_eq!(points(&frame).unwrap(), [("a".to_owned(), 1.0, 4_294_967_295.0)]);
}
