//! What is written: golden bytes, every rule of a valid point at its borders, and the way back
//! through our own reader and Python's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use graphite_proto::{FRAME_BYTES, MAX_FRAME_BYTES, MAX_LINE_BYTES, Metric, Protocol, Receiver};
use graphite_proto::{Timestamp, Value};
use proptest::prelude::*;

const T: u32 = 1_700_000_000;
const BOTH: [Protocol; 2] = [Protocol::Plaintext, Protocol::Pickle];

fn encode<'a>(protocol: Protocol, metrics: impl IntoIterator<Item: Into<Metric<'a>>>) -> Vec<u8> {
    let mut out = Vec::new();
    protocol.encode(metrics, T, &mut out).unwrap();
    out
}

/// Encodes what cannot be sent behind a good point, and returns the cause that the error names.
fn refused<'a>(protocol: Protocol, metric: impl Into<Metric<'a>>) -> String {
    let mut out = b"before".to_vec();
    let good = Metric::from(("good", 1));
    let error = protocol.encode([good.clone(), metric.into(), good], T, &mut out).unwrap_err();
    assert_eq!(out, b"before", "the output is unchanged");
    assert!(std::error::Error::source(&error).is_none(), "the text says it already");
    error.to_string().strip_prefix("point 1 of the batch: ").unwrap().to_owned()
}

fn decode(protocol: Protocol, bytes: &[u8], piece: usize) -> Vec<Metric<'static>> {
    let mut receiver = Receiver::new(protocol);
    let mut points = Vec::new();
    for piece in bytes.chunks(piece) {
        receiver.receive(piece);
        points.extend(std::iter::from_fn(|| receiver.next_metric()).map(Result::unwrap));
    }
    assert_eq!(receiver.pending_bytes(), 0);
    points
}

/// The timestamp that a metric is sent with.
fn sent_at(metric: &Metric<'_>) -> Timestamp {
    metric.timestamp().unwrap_or_else(|| T.into())
}

/// What a metric is on the other side: integers in the first variant that holds them, and in a
/// pickle those outside 0 to 2^31-1 as floats.
fn arrived(protocol: Protocol, metric: &Metric<'_>) -> Metric<'static> {
    let integer = match metric.value() {
        Value::I64(value) => Some(i128::from(value)),
        Value::U64(value) => Some(i128::from(value)),
        _ => None,
    };
    let value = match integer {
        Some(value) if protocol == Protocol::Pickle => match i32::try_from(value) {
            Ok(value) if value >= 0 => value.into(),
            _ => metric.value().as_f64().into(),
        },
        Some(value) => i64::try_from(value).map_or_else(|_| metric.value(), Value::from),
        None => metric.value(),
    };
    let timestamp = sent_at(metric);
    Metric::new(metric.path().to_owned(), value).at(timestamp)
}

fn split_frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some(header) = bytes.first_chunk() {
        let (frame, rest) = bytes.split_at(4 + u32::from_be_bytes(*header) as usize);
        frames.push(frame);
        bytes = rest;
    }
    frames
}

// Golden bytes.

#[test]
fn lines_are_these_bytes() {
    let cases: [(Metric<'_>, &str); 12] = [
        (Metric::from(("a.b", 0.5)), "a.b 0.5 1700000000\n"),
        (Metric::from(("a.b", 0.5, 0)), "a.b 0.5 0\n"),
        (Metric::from(("a.b", 5.0, u32::MAX)), "a.b 5.0 4294967295\n"),
        (Metric::from(("a", 7)), "a 7 1700000000\n"),
        (Metric::from(("a", -0.0)), "a -0.0 1700000000\n"),
        (Metric::from(("a", 0.1f32)), "a 0.1 1700000000\n"),
        (Metric::from(("a", 1e300)), "a 1e+300 1700000000\n"),
        (Metric::from(("a", f64::MIN_POSITIVE)), "a 2.2250738585072014e-308 1700000000\n"),
        (Metric::from(("a", -f64::MAX)), "a -1.7976931348623157e+308 1700000000\n"),
        (Metric::from(("a", u64::MAX)), "a 18446744073709551615 1700000000\n"),
        (Metric::from(("a", i64::MIN)), "a -9223372036854775808 1700000000\n"),
        (Metric::from(("größe;é=ü", 1)), "größe;é=ü 1 1700000000\n"),
    ];
    for (metric, line) in cases {
        assert_eq!(encode(Protocol::Plaintext, [&metric]), line.as_bytes(), "{metric:?}");
    }
    assert_eq!(
        encode(Protocol::Plaintext, [("a", 1), ("b", 2)]),
        b"a 1 1700000000\nb 2 1700000000\n"
    );
}

#[test]
fn frames_are_these_bytes() {
    let begin = "80025d28"; // PROTO 2, EMPTY_LIST, MARK
    let a = "285801000000612"; // MARK, BINUNICODE "a", half of MARK
    let end = "652e"; // APPENDS, STOP
    let cases: [(Metric<'_>, &str); 17] = [
        (Metric::from(("a", 0.5)), "84a00f15365473fe0000000000000"),
        (Metric::from(("a", 0)), "84a00f153654a00000000"),
        (Metric::from(("a", 0, 0)), "84a000000004a00000000"),
        (Metric::from(("a", 0, i32::MAX)), "84affffff7f4a00000000"),
        (Metric::from(("a", 0, 2_147_483_648u32)), "84741e00000000000004a00000000"),
        (Metric::from(("a", 0, u32::MAX)), "84741efffffffe000004a00000000"),
        (Metric::from(("a", 255)), "84a00f153654aff000000"),
        (Metric::from(("a", 256)), "84a00f153654a00010000"),
        (Metric::from(("a", i32::MAX)), "84a00f153654affffff7f"),
        // go-carbon reads `BININT` as unsigned: a negative one would be stored as 2^32 more.
        (Metric::from(("a", -1)), "84a00f1536547bff0000000000000"),
        (Metric::from(("a", -1i8)), "84a00f1536547bff0000000000000"),
        (Metric::from(("a", -7i64)), "84a00f1536547c01c000000000000"),
        (Metric::from(("a", i32::MIN)), "84a00f1536547c1e0000000000000"),
        (Metric::from(("a", 1i64 << 31)), "84a00f153654741e0000000000000"),
        (Metric::from(("a", -(1i64 << 31) - 1)), "84a00f1536547c1e0000000200000"),
        (Metric::from(("a", u64::MAX)), "84a00f153654743f0000000000000"),
        (Metric::from(("a", 0.1f32)), "84a00f15365473fb999999999999a"),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (metric, numbers) in cases {
        let bytes = encode(Protocol::Pickle, [&metric]);
        let pickle = format!("{begin}{a}{numbers}7474{end}");
        assert_eq!(hex(&bytes), format!("{:08x}{pickle}", pickle.len() / 2), "{metric:?}");
    }
    let two = encode(Protocol::Pickle, [("a", 1), ("ö", 2)]);
    let point = |name: &str, value: u8| format!("2858{name}284a00f153654a{value:02x}0000007474");
    let points = point("0100000061", 1) + &point("02000000c3b6", 2);
    assert_eq!(hex(&two), format!("0000002f{begin}{points}{end}"));
}

#[test]
fn an_empty_batch_is_no_bytes() {
    for protocol in BOTH {
        assert_eq!(encode(protocol, [] as [Metric<'_>; 0]), b"");
    }
}

// The rules of a valid point.

#[test]
fn a_path_is_refused_by_its_characters() {
    for protocol in BOTH {
        assert_eq!(refused(protocol, ("", 1)), "metric path is empty");
        for (path, text) in [
            ("a b", "metric path \"a b\" holds white space (U+0020) at byte 1"),
            ("a\n", "metric path \"a\\n\" holds white space (U+000A) at byte 1"),
            ("ö\u{A0}", "metric path \"ö\\u{a0}\" holds white space (U+00A0) at byte 2"),
            ("\u{2028}", "metric path \"\\u{2028}\" holds white space (U+2028) at byte 0"),
            ("a\u{1C}", "metric path \"a\\u{1c}\" holds a control character (U+001C) at byte 1"),
            ("a\0", "metric path \"a\\0\" holds a control character (U+0000) at byte 1"),
            ("a\u{7F}", "metric path \"a\\u{7f}\" holds a control character (U+007F) at byte 1"),
            ("a\u{9F}", "metric path \"a\\u{9f}\" holds a control character (U+009F) at byte 1"),
        ] {
            assert_eq!(refused(protocol, (path, 1)), text);
        }
        // What a store may dislike is not refused here.
        for path in ["..", "a..b", "/", ";", "a;b=c", "~a", "a*[b]", "\u{200B}", "\u{FEFF}", "😀"]
        {
            let metric = Metric::from((path, 1, T));
            let expected = [arrived(protocol, &metric)];
            assert_eq!(decode(protocol, &encode(protocol, [&metric]), 1), expected);
        }
    }
}

#[test]
fn a_value_is_refused_when_it_is_not_finite() {
    for protocol in BOTH {
        for (value, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-f64::INFINITY, "-inf")]
        {
            let text = format!("value of metric \"a\" is {shown}, only finite values can be sent");
            assert_eq!(refused(protocol, ("a", value)), text);
            #[expect(clippy::cast_possible_truncation, reason = "the same in 32 bits")]
            let narrow = value as f32;
            assert_eq!(refused(protocol, ("a", narrow)), text);
        }
    }
}

#[test]
fn a_timestamp_is_refused_outside_32_bits() {
    for protocol in BOTH {
        for (timestamp, hint) in [
            (-1, ": a point without a timestamp means now"),
            (-2, ""),
            (4_294_967_296, ""),
            (99_999_999_999, ""),
            (1_520_372_931_562, ": milliseconds?"),
            (1_520_372_931_562_000, ": microseconds?"),
            (1_520_372_931_562_000_000, ": nanoseconds?"),
            (i64::MIN, ""),
            (i64::MAX, ": nanoseconds?"),
        ] {
            let text = format!(
                "timestamp {timestamp} of metric \"a.b\" is outside 0 to 4294967295 seconds \
                 since 1970{hint}"
            );
            assert_eq!(refused(protocol, ("a.b", 1, timestamp)), text);
            let mut out = Vec::new();
            assert!(protocol.encode([("a", 1)], timestamp, &mut out).is_err(), "as default");
            assert!(protocol.encode([("a", 1, T)], timestamp, &mut out).is_ok(), "not needed");
        }
        for timestamp in [0, 1, 2_147_483_647, 2_147_483_648, 4_294_967_295i64] {
            let metric = Metric::from(("a", 1, timestamp));
            assert_eq!(decode(protocol, &encode(protocol, [&metric]), 7), [metric]);
        }
    }
}

#[test]
fn a_line_is_refused_over_16384_bytes() {
    for metric in [
        Metric::from(("", 7)),
        Metric::from(("", -f64::MIN_POSITIVE)),
        Metric::from(("", u64::MAX, u32::MAX)),
        Metric::from(("", 0, 0)),
    ] {
        let numbers = format!(" {} {}", metric.value(), sent_at(&metric));
        let named = |path: String| {
            let named = Metric::new(path, metric.value());
            named.at(sent_at(&metric))
        };
        let room = MAX_LINE_BYTES - numbers.len();
        let bytes = encode(Protocol::Plaintext, [named("x".repeat(room))]);
        assert_eq!(bytes.len(), MAX_LINE_BYTES + 1, "with its newline");
        assert_eq!(decode(Protocol::Plaintext, &bytes, 1000).len(), 1);
        let text =
            format!("line of metric \"{}…\" is 16385 bytes, limit is 16384", "x".repeat(120));
        assert_eq!(refused(Protocol::Plaintext, named("x".repeat(room + 1))), text);
    }
    // Cut at a character, and by bytes.
    let text = format!("line of metric \"x{}…\" is 17014 bytes, limit is 16384", "ö".repeat(59));
    assert_eq!(refused(Protocol::Plaintext, (format!("x{}", "ö".repeat(8_500)), 1)), text);
}

#[test]
fn a_point_is_refused_over_a_mebibyte_of_pickle() {
    // The bytes of one point's pickle beside its path: numbers in 5 bytes and in 9.
    for (value, timestamp, beside) in [
        (Value::I64(i64::from(i32::MAX)), T, 25),
        (Value::F64(0.5), T, 29),
        (Value::F64(0.5), u32::MAX, 33),
    ] {
        let point = |path| Metric::new("x".repeat(path), value).at(timestamp);
        let room = MAX_FRAME_BYTES - beside;
        let bytes = encode(Protocol::Pickle, [point(room)]);
        assert_eq!(bytes.len(), 4 + MAX_FRAME_BYTES);
        assert_eq!(decode(Protocol::Pickle, &bytes, 100_000).len(), 1);
        let text = format!(
            "pickle of metric \"{}…\" alone is 1048577 bytes, limit is 1048576",
            "x".repeat(120)
        );
        assert_eq!(refused(Protocol::Pickle, point(room + 1)), text);
    }
}

#[test]
fn a_batch_is_cut_into_frames() {
    let path = "servers.web01.cpu.core1.user";
    let many: Vec<_> = (0..10_000).map(|i| Metric::from((path, f64::from(i), T + i))).collect();
    let bytes = encode(Protocol::Pickle, &many);
    let frames = split_frames(&bytes);
    assert!(frames.len() > 5);
    for (index, frame) in frames.iter().enumerate() {
        assert!(frame.len() <= FRAME_BYTES, "{} bytes", frame.len());
        // No further point of this path would have fitted: 27 bytes are the most around it.
        let full = frame.len() + path.len() + 27 > FRAME_BYTES;
        assert!(index + 1 == frames.len() || full, "cut early, at {} bytes", frame.len());
    }
    assert_eq!(decode(Protocol::Pickle, &bytes, 65_536), many);
    assert_eq!(decode(Protocol::Plaintext, &encode(Protocol::Plaintext, &many), 65_536), many);

    // A point that is larger than a frame has one of its own.
    let large = Metric::new("x".repeat(FRAME_BYTES), 1).at(T);
    let small = Metric::from(("a", 1, T));
    let batch = [&small, &large, &small, &small];
    let bytes = encode(Protocol::Pickle, batch);
    let lengths: Vec<_> = split_frames(&bytes).iter().map(|frame| frame.len()).collect();
    assert_eq!(lengths.len(), 3);
    assert!(lengths[0] < 100 && lengths[1] > FRAME_BYTES && lengths[2] < 100, "{lengths:?}");
    assert_eq!(decode(Protocol::Pickle, &bytes, 1), batch.map(Metric::clone));
}

// The way back.

fn metrics() -> impl Strategy<Value = Vec<Metric<'static>>> {
    let character =
        any::<char>().prop_filter("forbidden", |c| !c.is_whitespace() && !c.is_control());
    let path = prop_oneof![
        "[a-z.;=_-]{1,40}",
        proptest::collection::vec(character, 1..20).prop_map(String::from_iter),
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(Value::I64),
        any::<i32>().prop_map(Value::from),
        any::<u64>().prop_map(Value::U64),
        any::<f64>().prop_filter("not finite", |value| value.is_finite()).prop_map(Value::F64),
        any::<f32>().prop_filter("not finite", |value| value.is_finite()).prop_map(Value::from),
    ];
    let timestamp = proptest::option::of(any::<u32>());
    let metric = (path, value, timestamp).prop_map(|(path, value, timestamp)| match timestamp {
        Some(timestamp) => Metric::new(path, value).at(timestamp),
        None => Metric::new(path, value),
    });
    proptest::collection::vec(metric, 0..40)
}

proptest! {
    #[test]
    fn what_is_written_is_read(metrics in metrics(), piece in 1usize..200) {
        for protocol in BOTH {
            let expected: Vec<_> = metrics.iter().map(|metric| arrived(protocol, metric)).collect();
            prop_assert_eq!(decode(protocol, &encode(protocol, &metrics), piece), expected);
        }
    }
}

/// Values that carbon sees as floats, by their bits.
fn as_carbon(metrics: &[Metric<'_>]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut text = String::new();
    for metric in metrics {
        let seconds = sent_at(metric).seconds();
        let seconds = f64::from(u32::try_from(seconds).unwrap()).to_be_bytes();
        let value = metric.value().as_f64().to_be_bytes();
        let path = hex(metric.path().as_bytes());
        text += &format!("{path} {} {}\n", hex(&seconds), hex(&value));
    }
    text
}

#[test]
fn what_is_written_is_read_by_python() {
    let mut batch: Vec<_> = [0.0, -0.0, 0.1, 5e-324, f64::MAX, -f64::MAX, 1e16, 123_456_789.125]
        .map(|value| Metric::from(("float", value)))
        .to_vec();
    for edge in [0, 1 << 8, 1 << 16, 1 << 31, 1 << 32, 1 << 53, i64::MAX] {
        for value in [edge.wrapping_sub(1), edge, edge.saturating_add(1), -edge, 1 - edge] {
            batch.push(Metric::from(("integer", value)));
        }
    }
    batch.push(Metric::from(("unsigned", u64::MAX)));
    batch.push(Metric::from(("narrow", 0.1f32)));
    for timestamp in [0, 1 << 8, 1 << 16, i32::MAX as u32, 1 << 31, u32::MAX] {
        batch.push(Metric::from(("größe.汉.😀;tag=\"q'\\", 1, timestamp)));
    }
    batch.extend((0..5_000).map(|i| Metric::from(("many", f64::from(i) * 0.37, T + i))));
    batch.push(Metric::new("x".repeat(MAX_LINE_BYTES - 15), 7));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/read_as_carbon.py");
    for protocol in BOTH {
        let bytes = encode(protocol, &batch);
        let mut python = Command::new("python3")
            .arg(&script)
            .arg(protocol.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests need python3");
        let mut stdin = python.stdin.take().unwrap();
        let writer = std::thread::scope(|scope| {
            let writer = scope.spawn(move || stdin.write_all(&bytes));
            let output = python.wait_with_output().unwrap();
            assert!(output.status.success(), "{protocol}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), as_carbon(&batch), "{protocol}");
            writer.join().unwrap()
        });
        writer.unwrap();
    }
}
