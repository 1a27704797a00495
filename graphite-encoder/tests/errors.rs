//! Errors say which part, which character, where, and by which rule.

use graphite_encoder::{DecodeError, EncodeError, PathWarning, Scheme, TagError, Tagged};

fn refusal(name: &str) -> String {
    Scheme::Idna.join(["ok", name]).expect_err("a name that Python refuses").to_string()
}

#[test]
fn idna_names_the_rule() {
    for (name, message) in [
        (".fd", "part 1: empty label at byte 0"),
        ("é。。a", "part 1: empty label at byte 5"),
        ("a.\u{AD}", "part 1: empty label at byte 2"),
        ("é\u{6DD}", "part 1: character U+06DD at byte 2 is prohibited by RFC 3454, table C.2.2"),
        (
            "\u{5D0}bc",
            "part 1: left-to-right character U+0062 at byte 2 in a right-to-left label \
          (RFC 3454, section 6, requirement 2)",
        ),
        (
            "\u{5D0}1",
            "part 1: character U+0031 at byte 2 begins or ends a right-to-left label \
          without being right-to-left (RFC 3454, section 6, requirement 3)",
        ),
        ("a.XN--é", "part 1: label at byte 2 is not ASCII but begins with \"xn--\""),
    ] {
        assert_eq!(refusal(name), message);
    }
    let long = "part 1: label at byte 2 takes over 63 bytes encoded, limit is 63";
    assert_eq!(refusal(&format!("b.{}", "a".repeat(64))), long);
    assert_eq!(refusal(&format!("b.{}", "é".repeat(1_000))), long);
    assert_eq!(refusal(&format!("b.é{}", "a".repeat(60))), long);
}

#[test]
fn errors_can_be_asked() {
    let error = Scheme::Idna.join(["a", "b", "x\u{2028}y"]).unwrap_err();
    assert_eq!(error.part(), 2);
    assert_eq!(error.offset(), Some(1));
    assert_eq!(error.character(), Some('\u{2028}'));
    let expected =
        EncodeError::Prohibited { part: 2, offset: 1, character: '\u{2028}', table: "C.2.2" };
    assert_eq!(error, expected);
}

#[test]
fn decoding_says_where() {
    use DecodeError::{BadLabel, Incomplete, InvalidDigit, NotAscii, OutOfRange, Surrogate};
    for (scheme, encoded, error) in [
        (Scheme::Idna, "aé", NotAscii { offset: 1, byte: 0xC3 }),
        (Scheme::Idna, "a%20%C3%BC", NotAscii { offset: 4, byte: 0xC3 }),
        (Scheme::Idna, "a%2Exn--zca", BadLabel { offset: 4 }),
        (Scheme::Idna, "xn--", BadLabel { offset: 0 }),
        (Scheme::Idna, "a.xn--/", BadLabel { offset: 2 }),
        (Scheme::Punycode, "a%FF", NotAscii { offset: 1, byte: 0xFF }),
        (Scheme::Punycode, "ab-c", Incomplete { offset: 3 }),
        (Scheme::Punycode, "ab-%2F", InvalidDigit { offset: 3, character: '/' }),
        (Scheme::Punycode, "99999999a", OutOfRange { offset: 0 }),
        (Scheme::Punycode, &"9".repeat(1_000), Incomplete { offset: 0 }),
        (Scheme::Punycode, "ib9b", Surrogate { offset: 0, code: 0xD800 }),
    ] {
        assert_eq!(scheme.decode(encoded), Err(error), "{encoded}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes a long text")]
fn long_numbers_and_leading_hyphens_are_as_in_python() {
    // 32 bits do not hold this delta.
    let name = format!("{}\u{10FFFF}", "a".repeat(10_000));
    let encoded = Scheme::Punycode.encode(&name).unwrap();
    assert!(encoded.ends_with("-7k077502g"));
    assert_eq!(Scheme::Punycode.decode(&encoded).unwrap(), name);
    assert_eq!(Scheme::Punycode.decode("-9ca").unwrap(), "é");
}

#[test]
fn public_types_cross_threads() {
    fn check<T: Clone + PartialEq + Send + Sync + Unpin + 'static>() {}
    check::<Scheme>();
    check::<EncodeError>();
    check::<DecodeError>();
    check::<TagError>();
    check::<PathWarning>();
    check::<Tagged<'static>>();
}
