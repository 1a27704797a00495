//! The lines of pickle protocol 0, which other senders write by hand: read as CPython reads them,
//! by its own answers (`data/protocol0.py`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphite_proto::{DecodeError, Metric, Protocol, Receiver};

type Decoded = Result<Metric<'static>, DecodeError>;

fn unhex(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// Reads a pickle of one point of protocol 0, with these lines for its path and its value.
fn protocol_0(path: &[u8], value: &[u8]) -> Vec<Decoded> {
    let pickle = [b"(l(", path, b"\n(L1L\n", value, b"\ntta."].concat();
    let length = u32::try_from(pickle.len()).unwrap().to_be_bytes();
    let mut receiver = Receiver::new(Protocol::Pickle);
    receiver.receive(&[&length, &pickle[..]].concat());
    std::iter::from_fn(|| receiver.next_metric()).collect()
}

/// Checks that a text is read as CPython reads it; `None` for one that it refuses.
fn check_text(opcode: &str, argument: &[u8], path: Option<&[u8]>) {
    let points = protocol_0(&[opcode.as_bytes(), argument].concat(), b"L1L");
    match path {
        Some(path) => {
            let path = String::from_utf8(path.to_vec()).unwrap();
            assert_eq!(points, [Ok(Metric::new(path, 1).at(1))], "{opcode} {argument:?}");
        }
        None => {
            assert!(matches!(points[..], [Err(_)]), "{opcode} {argument:?}: {points:?}");
        }
    }
}

/// Checks a run of escapes, from one last byte to another.
fn check_escapes(opcode: &str, before: u8, run: &str) {
    let (range, answer) = run.split_once(':').unwrap();
    for last in unhex(&range[..2])[0]..=unhex(&range[3..])[0] {
        let escape = [b'\\', before, last];
        // A text ends there, and what follows are opcodes. In quotes, it has lost one of them.
        if opcode == "V" && escape.contains(&b'\n') {
            assert_eq!(answer, "!");
            continue;
        }
        let path = match answer.strip_suffix('+') {
            Some(begin) => Some([unhex(begin), vec![last]].concat()),
            None if answer == "!" => None,
            None if answer == "=" && opcode == "S" => Some(escape.to_vec()),
            None if answer == "=" => Some(escape.map(char::from).iter().collect::<String>().into()),
            None => Some(unhex(answer)),
        };
        match opcode {
            "S" => {
                check_text(opcode, &[b"'", &escape[..], b"'"].concat(), path.as_deref());
                // The other quotes are as good, but for what ends them.
                if before != b'"' && last != b'"' {
                    check_text(opcode, &[b"\"", &escape[..], b"\""].concat(), path.as_deref());
                }
            }
            _ => check_text(opcode, &escape, path.as_deref()),
        }
    }
}

#[test]
fn reads_the_lines_of_protocol_0_as_cpython_does() {
    let mut escapes = 0;
    for line in include_str!("data/protocol0.txt").lines() {
        let words: Vec<_> = line.split(' ').collect();
        let answer = |answer| (answer != "!").then(|| unhex(answer));
        match words[..] {
            ["escape", opcode, before, ref runs @ ..] => {
                escapes += 256;
                runs.iter().for_each(|run| check_escapes(opcode, unhex(before)[0], run));
            }
            ["text", opcode, argument, path] => {
                check_text(opcode, &unhex(argument), answer(path).as_deref());
            }
            ["number", opcode, argument, value] => {
                let argument = unhex(argument);
                let points = protocol_0(b"S'a'", &[opcode.as_bytes(), &argument].concat());
                let read = match &points[..] {
                    [Ok(point)] => Some(point.value().as_f64().to_be_bytes().to_vec()),
                    [Err(_)] => None,
                    _ => panic!("{line}: {points:?}"),
                };
                assert_eq!(
                    read,
                    answer(value),
                    "{opcode} {:?}",
                    String::from_utf8_lossy(&argument)
                );
            }
            _ => panic!("no vector: {line}"),
        }
    }
    assert_eq!(escapes, 2 * 65_536);
}

#[test]
fn a_text_of_protocol_0_is_read_or_refused_with_its_reason() {
    let path = |text: &[u8]| protocol_0(text, b"L1L");
    let sent: [(&[u8], &str); 3] = [
        (b"S'path.my\\040disk'", "path.my disk"),
        (b"S'win.C:\\data.used'", "win.C:\\data.used"),
        (b"S'\\a\\b\\f\\v\\303\\266'", "\u{7}\u{8}\u{C}\u{B}ö"),
    ];
    for (text, expected) in sent {
        assert_eq!(path(text), [Ok(Metric::from((expected, 1, 1)))]);
    }
    let refused: [(&[u8], &str); 8] = [
        (b"Sa", "a text stands in no quotes"),
        (b"S'a'\r", "a text stands in no quotes"),
        (b"S'", "a text stands in no quotes"),
        (b"S'a\\'", "a text ends with a backslash"),
        (b"S'\\x4'", "a \\x in a text has too few hexadecimal digits"),
        (b"S'\\377'", "a text is not UTF-8"),
        (b"V\\u004", "a \\u in a text has too few hexadecimal digits"),
        (b"V\\ud83d", "a \\u in a text is no character"),
    ];
    for (text, reason) in refused {
        let bytes = b"(l(\n(L1L\nL1L\ntta.".len() + text.len();
        let expected = format!("pickle of {bytes} bytes is unreadable at byte 3: {reason}");
        let points = path(text);
        let error = points[0].as_ref().unwrap_err();
        assert_eq!((points.len(), error.to_string()), (1, expected));
    }
}
