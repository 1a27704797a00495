//! The reading machine: what Python wrote, cases told three ways, and where one error ends.
//!
//! Hostile bytes have a file of their own, `hostile.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use graphite_proto::{DecodeError, MAX_FRAME_BYTES, MAX_LINE_BYTES, Metric, Protocol, Receiver};
use graphite_proto::{Timestamp, Value};

type Decoded = Result<Metric<'static>, DecodeError>;

const T: u32 = 1_700_000_000;

fn drain(receiver: &mut Receiver) -> Vec<Decoded> {
    std::iter::from_fn(|| receiver.next_metric()).collect()
}

fn whole(protocol: Protocol, bytes: &[u8]) -> Vec<Decoded> {
    let mut receiver = Receiver::new(protocol);
    receiver.receive(bytes);
    drain(&mut receiver)
}

fn byte_by_byte(protocol: Protocol, bytes: &[u8]) -> Vec<Decoded> {
    let mut receiver = Receiver::new(protocol);
    let mut points = Vec::new();
    for byte in bytes {
        receiver.receive(&[*byte]);
        points.extend(drain(&mut receiver));
    }
    points
}

/// Tells a case whole, a byte at a time, and with a neighbour before and after it.
fn three_ways(protocol: Protocol, bytes: &[u8]) -> Vec<Decoded> {
    let points = whole(protocol, bytes);
    assert_eq!(byte_by_byte(protocol, bytes), points, "byte by byte");

    let mut neighbour = Vec::new();
    protocol.encode([("neighbour", 1, T)], 0, &mut neighbour).unwrap();
    let mut between = points.clone();
    between.insert(0, Ok(Metric::from(("neighbour", 1, T))));
    between.push(Ok(Metric::from(("neighbour", 1, T))));
    assert_eq!(whole(protocol, &[&neighbour, bytes, &neighbour].concat()), between, "between");
    points
}

fn frame(pickle: &[u8]) -> Vec<u8> {
    let length = u32::try_from(pickle.len()).unwrap().to_be_bytes();
    [&length, pickle].concat()
}

fn line(text: &str) -> Vec<Decoded> {
    three_ways(Protocol::Plaintext, format!("{text}\n").as_bytes())
}

fn texts(points: &[Decoded]) -> Vec<String> {
    let text = |point: &Decoded| match point {
        Ok(metric) => format!("{metric:?}"),
        Err(error) => error.to_string(),
    };
    points.iter().map(text).collect()
}

// What Python wrote (data/generate.py).

fn golden_points() -> Vec<Metric<'static>> {
    vec![
        Metric::from(("servers.web01.load", 0.42, T)),
        Metric::from(("int", 7, T)),
        Metric::from(("negative", -7, T)),
        Metric::from(("u8", 255, T)),
        Metric::from(("u16", 65_535, T)),
        Metric::from(("i32", i32::MIN, T)),
        Metric::from(("long", 2_147_483_648i64, T)),
        Metric::from(("huge", u64::MAX, T)),
        Metric::from(("beyond", 1e30, T)),
        Metric::from(("float.time", 1e300, T)),
        Metric::from(("latest", 0, u32::MAX)),
        Metric::from(("größe.汉.😀", 1.5, T)),
        Metric::from(("back\\slash \"and' space\nnewline", 2.5, T)),
    ]
}

fn golden(label: &str) -> Vec<Metric<'static>> {
    let load = "servers.web01.load";
    match label {
        "points" | "lists" | "tuple" => golden_points(),
        "repeated" => (0..5).map(|i| Metric::from((load, f64::from(i), T + i))).collect(),
        "many" => (0..1001).map(|i| Metric::from((load, i % 7, T))).collect(),
        "empty" => Vec::new(),
        other => panic!("no batch {other}"),
    }
}

#[test]
fn reads_what_python_pickles() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files = 0;
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pickle") {
            continue;
        }
        files += 1;
        let name = path.file_stem().unwrap().to_str().unwrap();
        let label = name.split('-').next().unwrap();
        let points = three_ways(Protocol::Pickle, &frame(&fs::read(&path).unwrap()));
        let expected: Vec<Decoded> = golden(label).into_iter().map(Ok).collect();
        assert_eq!(points, expected, "{name}");
    }
    assert!(files > 40, "only {files} pickles");
}

#[test]
fn reads_what_python_prints() {
    let lines = include_bytes!("data/points.lines");
    let expected: Vec<Decoded> = golden_points()
        .iter()
        .map(|point| {
            let path = point.path().split(' ').next().unwrap().to_owned();
            Ok(Metric::new(path, point.value()).at(point.timestamp().unwrap()))
        })
        .collect();
    assert_eq!(three_ways(Protocol::Plaintext, lines), expected);
}

// Lines.

#[test]
fn splits_lines_where_python_splits() {
    let expected = [Ok(Metric::from(("a.b", 1, T)))];
    let spaces = [
        " ", "  ", "\t", " \r ", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{1F}",
        "\u{85}", "\u{A0}", "\u{1680}", "\u{2000}", "\u{200A}", "\u{2028}", "\u{2029}", "\u{202F}",
        "\u{205F}", "\u{3000}",
    ];
    for space in spaces {
        for text in [
            format!("a.b{space}1{space}1700000000"),
            format!("{space}a.b 1{space}1700000000{space}"),
        ] {
            assert_eq!(line(&text), expected, "{text:?}");
        }
    }
    // No white space: a zero-width space, a control character, NUL.
    for path in ["a\u{200B}b", "a\u{1}b", "a\0b", "a\u{FEFF}b", "größe.汉"] {
        let expected = [Ok(Metric::new(path.to_owned(), 1).at(T))];
        assert_eq!(line(&format!("{path} 1 1700000000")), expected, "{path:?}");
    }
    assert_eq!(line("a.b 1 1700000000\r"), expected);
}

#[test]
fn reads_integers_exactly_and_the_rest_as_floats() {
    let cases: [(&str, Value); 20] = [
        ("0", Value::I64(0)),
        ("-0", Value::I64(0)),
        ("+5", Value::I64(5)),
        ("007", Value::I64(7)),
        ("9223372036854775807", Value::I64(i64::MAX)),
        ("-9223372036854775808", Value::I64(i64::MIN)),
        ("9223372036854775808", Value::U64(1 << 63)),
        ("18446744073709551615", Value::U64(u64::MAX)),
        ("18446744073709551616", Value::F64(18_446_744_073_709_551_616.0)),
        ("-9223372036854775809", Value::F64(-9_223_372_036_854_775_809.0)),
        ("0.1", Value::F64(0.1)),
        ("5.0", Value::F64(5.0)),
        ("5.", Value::F64(5.0)),
        (".5", Value::F64(0.5)),
        ("1e3", Value::F64(1000.0)),
        ("1E+3", Value::F64(1000.0)),
        ("-1.5e-300", Value::F64(-1.5e-300)),
        ("1.7976931348623157e308", Value::F64(f64::MAX)),
        ("5e-324", Value::F64(5e-324)),
        ("1e-400", Value::F64(0.0)),
    ];
    for (text, value) in cases {
        let expected = [Ok(Metric::new("a", value).at(T))];
        assert_eq!(line(&format!("a {text} 1700000000")), expected, "{text}");
    }
}

#[test]
fn cuts_timestamps_to_seconds_and_takes_minus_one_for_now() {
    let cases = [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("1700000000.999", Some(T)),
        ("-0.9", Some(0)),
        ("1.7e9", Some(T)),
        ("4294967295", Some(u32::MAX)),
        ("4294967295.9", Some(u32::MAX)),
        ("-1", None),
        ("-1.5", None),
    ];
    for (text, seconds) in cases {
        let metric = match seconds {
            Some(seconds) => Metric::from(("a", 1, seconds)),
            None => Metric::from(("a", 1)),
        };
        assert_eq!(line(&format!("a 1 {text}")), [Ok(metric)], "{text}");
    }
    for (text, hint) in [
        ("-2", ""),
        ("4294967296", ""),
        ("1e300", ""),
        ("-1e300", ""),
        ("nan", ""),
        ("inf", ""),
        ("x", ""),
        ("1_0", ""),
        ("1700000000000", ": milliseconds?"),
        ("1.7e12", ": milliseconds?"),
        ("1700000000000000", ": microseconds?"),
        ("1700000000000000000", ": nanoseconds?"),
    ] {
        let expected = [format!(
            "timestamp {text:?} of metric \"a\" is not in 0 to 4294967295 seconds since 1970{hint}"
        )];
        assert_eq!(texts(&line(&format!("a 1 {text}"))), expected);
    }
}

#[test]
fn a_bad_line_costs_only_itself() {
    let long = "x".repeat(200);
    let cut = format!("{}…", &long[..120]);
    let cases = [
        ("", "line \"\" has 0 fields, not path, value and timestamp".to_owned()),
        (" \t", "line \" \\t\" has 0 fields, not path, value and timestamp".to_owned()),
        ("a", "line \"a\" has 1 fields, not path, value and timestamp".to_owned()),
        ("a 1", "line \"a 1\" has 2 fields, not path, value and timestamp".to_owned()),
        (" 1 2", "line \" 1 2\" has 2 fields, not path, value and timestamp".to_owned()),
        ("a  2", "line \"a  2\" has 2 fields, not path, value and timestamp".to_owned()),
        ("a 1 ", "line \"a 1 \" has 2 fields, not path, value and timestamp".to_owned()),
        ("\t 1 2", "line \"\\t 1 2\" has 2 fields, not path, value and timestamp".to_owned()),
        ("a b 1 2 3", "line \"a b 1 2 3\" has 5 fields, not path, value and timestamp".to_owned()),
        (&long, format!("line \"{cut}\" has 1 fields, not path, value and timestamp")),
        ("a nan 1", "value \"nan\" of metric \"a\" is not a finite number".to_owned()),
        ("a inf 1", "value \"inf\" of metric \"a\" is not a finite number".to_owned()),
        ("a -Infinity 1", "value \"-Infinity\" of metric \"a\" is not a finite number".to_owned()),
        ("a 1e400 1", "value \"1e400\" of metric \"a\" is not a finite number".to_owned()),
        ("a 0x10 1", "value \"0x10\" of metric \"a\" is not a finite number".to_owned()),
        ("a 1_000 1", "value \"1_000\" of metric \"a\" is not a finite number".to_owned()),
        ("a ٣ 1", "value \"٣\" of metric \"a\" is not a finite number".to_owned()),
    ];
    for (text, expected) in cases {
        assert_eq!(texts(&line(text)), [expected]);
    }
    let invalid = three_ways(Protocol::Plaintext, b"a\xFFb 1 1700000000\n");
    assert_eq!(texts(&invalid), ["line \"a\u{FFFD}b 1 1700000000\" is not UTF-8 at byte 1"]);
}

#[test]
fn an_unterminated_line_is_no_point() {
    let mut receiver = Receiver::new(Protocol::Plaintext);
    receiver.receive(b"a 1 1700000000\nb 2 1700");
    assert_eq!(drain(&mut receiver), [Ok(Metric::from(("a", 1, T)))]);
    assert_eq!(receiver.pending_bytes(), "b 2 1700".len());
    assert!(!receiver.is_ended());
    receiver.receive(b"\n");
    assert_eq!(drain(&mut receiver), [Ok(Metric::from(("b", 2, 1700)))]);
    assert_eq!(receiver.pending_bytes(), 0);
}

#[test]
fn a_line_over_the_limit_ends_the_stream() {
    let point = " 1 1700000000";
    let fits = "x".repeat(MAX_LINE_BYTES - point.len());
    assert_eq!(
        line(&format!("{fits}{point}")),
        [Ok(Metric::new(fits.clone(), 1).at(T))],
        "{MAX_LINE_BYTES} bytes"
    );

    let text = format!("line \"{}…\" is longer than the limit of 16384 bytes", &fits[..120]);
    for bytes in [
        format!("a 1 {T}\nx{fits}{point}\nb 2 {T}\n"),
        format!("a 1 {T}\n{}", "x".repeat(MAX_LINE_BYTES + 1)),
        format!("a 1 {T}\n{}", "x".repeat(3 * MAX_LINE_BYTES)),
    ] {
        let points = whole(Protocol::Plaintext, bytes.as_bytes());
        assert_eq!(points, byte_by_byte(Protocol::Plaintext, bytes.as_bytes()));
        assert_eq!(points[0], Ok(Metric::from(("a", 1, T))));
        assert_eq!(texts(&points[1..]), [text.as_str()]);
    }
    assert_eq!(whole(Protocol::Plaintext, "x".repeat(MAX_LINE_BYTES).as_bytes()), []);
}

// Pickles.

/// A pickle of protocol 2 from its middle.
fn pickle(body: &[u8]) -> Vec<Decoded> {
    three_ways(Protocol::Pickle, &frame(&[b"\x80\x02", body, b"."].concat()))
}

#[test]
fn a_bad_element_costs_only_itself() {
    const SHAPE: &str = "element 1 of a pickle is not (path, (timestamp, value))";
    // Elements between two good ones.
    let cases: [(&[u8], &str); 17] = [
        (b"N", SHAPE),
        (b"K\x05", SHAPE),
        (b"U\x01a", SHAPE),
        (b")", SHAPE),
        (b"]", SHAPE),
        (b"U\x01aK\x01K\x01\x87", SHAPE),
        (b"U\x01aK\x01\x86", SHAPE),
        (b"U\x01aK\x01\x85\x86", SHAPE),
        (b"U\x01aK\x01K\x01K\x01\x87\x86", SHAPE),
        (b"U\x01aK\x01K\x01\x86K\x01K\x01\x86\x87", SHAPE),
        (b"K\x01K\x01K\x01\x86\x86", SHAPE),
        (b"U\x01aK\x01N\x86\x86", "value \"None\" of metric \"a\" is not a finite number"),
        (b"U\x01aK\x01)\x86\x86", "value \"a sequence\" of metric \"a\" is not a finite number"),
        (b"U\x01aK\x01U\x01x\x86\x86", "value \"x\" of metric \"a\" is not a finite number"),
        (
            b"U\x01aK\x01G\x7F\xF0\0\0\0\0\0\0\x86\x86",
            "value \"inf\" of metric \"a\" is not a finite number",
        ),
        (
            b"U\x01aG\x7F\xF8\0\0\0\0\0\0K\x01\x86\x86",
            "timestamp \"NaN\" of metric \"a\" is not in 0 to 4294967295 seconds since 1970",
        ),
        (
            b"U\x01aJ\xFE\xFF\xFF\xFFK\x01\x86\x86",
            "timestamp \"-2\" of metric \"a\" is not in 0 to 4294967295 seconds since 1970",
        ),
    ];
    let good = b"U\x01gK\x05K\x07\x86\x86";
    for (element, text) in cases {
        let points = pickle(&[b"](", &good[..], element, good, b"e"].concat());
        assert_eq!(points.len(), 3, "{element:?}");
        assert_eq!(points[0], Ok(Metric::from(("g", 7, 5))));
        assert_eq!(points[2], points[0]);
        assert_eq!(texts(&points[1..2]), [text], "{element:?}");
    }
}

#[test]
fn takes_what_carbon_takes() {
    let cases: [(&[u8], Metric<'static>); 12] = [
        (b"U\0K\x01K\x02\x86\x86", Metric::from(("", 2, 1))),
        (b"U\x03a bK\x01K\x02\x86\x86", Metric::from(("a b", 2, 1))),
        (b"U\x01aU\x031.9U\x05 1.5 \x86\x86", Metric::from(("a", 1.5, 1))),
        (b"U\x01aJ\xFF\xFF\xFF\xFFK\x02\x86\x86", Metric::new("a", 2)),
        (b"U\x01aK\x01\x88\x86\x86", Metric::from(("a", 1, 1))),
        (b"(T\x01\0\0\0a(K\x01K\x02lt", Metric::from(("a", 2, 1))),
        (b"U\x01aK\x01\x8A\0\x86\x86", Metric::from(("a", 0, 1))),
        (b"U\x01aK\x01\x8A\x09\0\0\0\0\0\0\0\x80\0\x86\x86", Metric::from(("a", 1u64 << 63, 1))),
        (b"U\x01aK\x01\x8A\x08\0\0\0\0\0\0\0\x80\x86\x86", Metric::from(("a", i64::MIN, 1))),
        (b"U\x01aK\x01I01\n\x86\x86", Metric::from(("a", 1, 1))),
        (
            b"V\\u6c49\\U0001f600\\ud83d\\ude00\\\\u0041\nK\x01K\x02\x86\x86",
            Metric::from(("汉😀😀\\\\u0041", 2, 1)),
        ),
        (b"S'\\xc3\\xb6\\'\\n'\nK\x01K\x02\x86\x86", Metric::from(("ö'\n", 2, 1))),
    ];
    for (element, metric) in cases {
        let expected = [Ok(metric)];
        assert_eq!(pickle(&[b"](", element, b"e"].concat()), expected, "{element:?}");
        assert_eq!(pickle(&[b"]", element, b"a"].concat()), expected, "{element:?}");
        assert_eq!(pickle(&[element, b"\x85"].concat()), expected, "{element:?}");
    }
}

#[test]
fn an_unreadable_pickle_costs_only_itself() {
    let cases: [(&[u8], &str); 26] = [
        (b"", "pickle of 0 bytes is unreadable at byte 0: it is cut short"),
        (b".", "pickle of 1 bytes is unreadable at byte 0: a value is missing"),
        (b"K\x01.", "pickle of 3 bytes is unreadable at byte 2: it is no list"),
        (b"U\x01a.", "pickle of 4 bytes is unreadable at byte 3: it is no list"),
        (
            b"\x80\x06].",
            "pickle of 4 bytes is unreadable at byte 0: pickle protocol 6 is unknown, latest is 5",
        ),
        (b"]U\x02\xC3(a.", "pickle of 7 bytes is unreadable at byte 1: a text is not UTF-8"),
        (
            b"(cos\nsystem\n.",
            "pickle of 13 bytes is unreadable at byte 1: it holds an object of class \"os.system\", only texts and numbers are read",
        ),
        (b"]\x93.", "pickle of 3 bytes is unreadable at byte 1: a value is missing"),
        (
            b"]R.",
            "pickle of 3 bytes is unreadable at byte 1: opcode 0x52 (REDUCE) has no place in a list of points",
        ),
        (
            b"]b.",
            "pickle of 3 bytes is unreadable at byte 1: opcode 0x62 (BUILD) has no place in a list of points",
        ),
        (
            b"}.",
            "pickle of 2 bytes is unreadable at byte 0: opcode 0x7D (EMPTY_DICT) has no place in a list of points",
        ),
        (
            b"]C\x01aa.",
            "pickle of 6 bytes is unreadable at byte 1: opcode 0x43 (bytes) has no place in a list of points",
        ),
        (
            b"]2.",
            "pickle of 3 bytes is unreadable at byte 1: opcode 0x32 has no place in a list of points",
        ),
        (b"]e.", "pickle of 3 bytes is unreadable at byte 1: a sequence ends that has not begun"),
        (b"(e.", "pickle of 3 bytes is unreadable at byte 1: a value is missing"),
        (b"N(\x85t.", "pickle of 5 bytes is unreadable at byte 2: a value is missing"),
        (b"NNa.", "pickle of 4 bytes is unreadable at byte 2: it appends to no list"),
        (b"]h\0.", "pickle of 4 bytes is unreadable at byte 1: a memo entry is missing"),
        (b"q\0].", "pickle of 4 bytes is unreadable at byte 0: a value is missing"),
        (
            b"]r\xFF\xFF\xFF\xFF.",
            "pickle of 7 bytes is unreadable at byte 1: a memo index is larger than the pickle",
        ),
        (
            b"]g-1\n.",
            "pickle of 6 bytes is unreadable at byte 1: a memo index is not written in digits",
        ),
        (
            b"I1.5\n.",
            "pickle of 6 bytes is unreadable at byte 0: a number is not written in digits",
        ),
        (
            b"F1,5\n.",
            "pickle of 6 bytes is unreadable at byte 0: a number is not written in digits",
        ),
        (
            b"V\\ud83d\n.",
            "pickle of 9 bytes is unreadable at byte 0: a \\u in a text is no character",
        ),
        (b"Sa\n.", "pickle of 4 bytes is unreadable at byte 0: a text stands in no quotes"),
        (
            b"\x80\x04\x95\x03\0\0\0\0\0\0\0].",
            "pickle of 13 bytes is unreadable at byte 2: it is cut short",
        ),
    ];
    for (bytes, text) in cases {
        assert_eq!(texts(&three_ways(Protocol::Pickle, &frame(bytes))), [text], "{bytes:?}");
    }
}

/// What Python 2.7 and 3 and numpy write for a point whose value is an object.
#[test]
fn an_object_in_a_pickle_is_named_by_its_class() {
    let long = [b"(lc", &[b'\x1B'; 300][..], b"\nn\n."].concat();
    let cut = format!("{}…", r"\u{1b}".repeat(120));
    let cases: [(&[u8], &str); 11] = [
        (
            b"\x80\x02]q\0X\x01\0\0\0aq\x01K\x01cnumpy.core.multiarray\nscalar\nq\x02cnumpy\ndtype\n.",
            "numpy.core.multiarray.scalar",
        ),
        (
            b"\x80\x04]\x94\x8C\x01a\x94K\x01\x8C\x16numpy._core.multiarray\x94\x8C\x06scalar\x94\x93\x94.",
            "numpy._core.multiarray.scalar",
        ),
        (b"(lp0\n(S'a'\np1\n(I1\ncdecimal\nDecimal\np2\n(S'0.5'\np3\ntp4\nRp5\n.", "decimal.Decimal"),
        (b"\x80\x04]\x94\x8C\x07decimal\x94\x8C\x07Decimal\x94\x93\x94.", "decimal.Decimal"),
        (b"\x80\x02]q\0U\x01aq\x01cdatetime\ndatetime\nq\x02.", "datetime.datetime"),
        // Texts from the memo, as for the second object of a class.
        (b"\x80\x04]\x8C\x01d\x94\x8C\x01D\x94h\0h\x01\x93.", "d.D"),
        // An object of a class of one's own, by protocols 0, 0 of Python 2's old classes, and 2.
        (
            b"(lp0\n(S'a'\np1\n(ccopy_reg\n_reconstructor\np2\n(c__main__\nLoad\np3\nc__builtin__\nobject\np4\n.",
            "__main__.Load",
        ),
        (b"(lp0\n(S'a'\np1\n((i__main__\nOld\np2\n(dp3\nb.", "__main__.Old"),
        (b"\x80\x02]q\0U\x01aq\x01c__main__\nLoad\nq\x02)\x81q\x03.", "__main__.Load"),
        // Hostile names.
        (&long, &cut),
        (b"]NK\x01\x93.", "?.?"),
    ];
    for (bytes, class) in cases {
        let text = texts(&three_ways(Protocol::Pickle, &frame(bytes))).concat();
        let (_, reason) = text.split_once(": ").unwrap();
        let expected =
            format!("it holds an object of class \"{class}\", only texts and numbers are read");
        assert_eq!(reason, expected);
    }
}

#[test]
fn pickles_on_the_plaintext_port_are_asked_about() {
    let mut bytes = Vec::new();
    Protocol::Pickle.encode([("a", 0.5, T), ("b", 0.5, T)], T, &mut bytes).unwrap();
    bytes.push(b'\n');
    let hint = ": pickles on the plaintext port?";
    let text = texts(&whole(Protocol::Plaintext, &bytes)).concat();
    assert!(text.contains("is not UTF-8 at byte 4") && text.ends_with(hint), "{text}");
    let text = texts(&whole(Protocol::Plaintext, &frame(b"(lp0\n."))).concat();
    assert!(text.contains("has 1 fields") && text.ends_with(hint), "{text}");
    let text = texts(&whole(Protocol::Plaintext, &[0; MAX_LINE_BYTES + 1])).concat();
    assert!(text.contains("is longer than the limit") && text.ends_with(hint), "{text}");
}

#[test]
fn a_frame_over_the_limit_ends_the_stream() {
    let mut good = Vec::new();
    Protocol::Pickle.encode([("a", 1, T)], 0, &mut good).unwrap();
    for (length, text) in [
        (MAX_FRAME_BYTES + 1, "pickle is announced as 1048577 bytes, limit is 1048576"),
        (u32::MAX as usize, "pickle is announced as 4294967295 bytes, limit is 1048576"),
        (
            0x73_79_73_74,
            "pickle is announced as 1937339252 bytes, limit is 1048576: these four bytes are the \
             text \"syst\": lines or HTTP on the pickle port?",
        ),
    ] {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        let bytes = [&good, &length[..], &good, &good].concat();
        let points = whole(Protocol::Pickle, &bytes);
        assert_eq!(points, byte_by_byte(Protocol::Pickle, &bytes));
        assert_eq!(points[0], Ok(Metric::from(("a", 1, T))));
        assert_eq!(texts(&points[1..]), [text]);
    }

    let body = MAX_FRAME_BYTES - b"](X\0\0\0\0K\x01K\x02\x86\x86e.".len();
    let path = "x".repeat(body);
    let length = u32::try_from(body).unwrap().to_le_bytes();
    let full = [b"](X", &length[..], path.as_bytes(), b"K\x01K\x02\x86\x86e."].concat();
    assert_eq!(full.len(), MAX_FRAME_BYTES);
    assert_eq!(whole(Protocol::Pickle, &frame(&full)), [Ok(Metric::new(path, 2).at(1))]);
}

#[test]
fn an_ended_receiver_stays_silent_and_empty() {
    for (protocol, bytes) in
        [(Protocol::Plaintext, vec![b'x'; MAX_LINE_BYTES + 1]), (Protocol::Pickle, vec![0xFF; 4])]
    {
        let mut receiver = Receiver::new(protocol);
        receiver.receive(&bytes);
        assert!(!receiver.is_ended(), "points before the end can still be taken");
        assert!(receiver.next_metric().is_some_and(|end| end.is_err()));
        assert!(receiver.is_ended());
        receiver.receive(b"a 1 1\n");
        assert_eq!(receiver.next_metric(), None);
        assert_eq!(receiver.pending_bytes(), 0);
        assert_eq!(receiver.protocol(), protocol);
    }
}

#[test]
fn the_largest_timestamp_is_the_one_that_can_be_sent() {
    let error = whole(Protocol::Plaintext, b"a 1 4294967296\n").remove(0).unwrap_err();
    assert!(matches!(error, DecodeError::Timestamp { limit, .. } if limit == Timestamp::MAX));
}
