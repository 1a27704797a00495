//! What holds for every text: it comes back (so that no two share an encoding), nothing panics.

use graphite_encoder::{DecodeError, EncodeError, Scheme, check_path, parse_tagged, tagged};
use proptest::prelude::*;

const SCHEMES: [Scheme; 4] = [Scheme::Idna, Scheme::Punycode, Scheme::Percent, Scheme::Portable];
const OWN: [Scheme; 2] = [Scheme::Percent, Scheme::Portable];

fn is_allowed(scheme: Scheme, encoded: &str) -> bool {
    encoded.bytes().all(|b| {
        b.is_ascii_alphanumeric()
            || b"_-".contains(&b)
            || (b == b'%' && scheme != Scheme::Portable)
            || (b"/~".contains(&b) && matches!(scheme, Scheme::Idna | Scheme::Punycode))
    })
}

/// Text of the characters that matter to some scheme.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-cxnA-F0-9_%.~/-]{0,20}",
        "(xn--)?[a-z0-9-]{0,12}",
        "[\\p{L}\\p{M}\\p{N}.。．｡]{0,12}",
        "[\\x{5d0}\\x{627}\\x{661}1a \\x{301}\\x{ad}\\x{200d}]{0,8}",
        // A name that looks encoded, of what a label should not hold: capitals and dots.
        "[a-cXN é汉\\x{5d0}。．｡․-]{1,6}".prop_map(|label| {
            format!("xn--{}", idna::punycode::encode_str(&label).unwrap_or_default())
        }),
    ]
}

/// Looks whether a name that was decoded is encoded to what it was, letter case aside.
///
/// It is, label by label: Python's codec (`ToUnicode` in its `encodings/idna.py`) decodes an
/// `xn--` label only if that is prepared and encoded to the same in lower case; others it leaves.
/// But that check takes a label for one, and of RFC 3490's four dots the ideographic full stop
/// survives the preparation (U+FF61 becomes it, U+FF0E a dot: both are refused). So a label may
/// hold one once it is decoded, and is two labels once that is encoded as a name.
///
/// A name as a whole may be refused for labels that are empty: preparing `‥` makes two dots.
fn idna_goes_back(encoded: &str, decoded: &str) -> Result<(), TestCaseError> {
    let labels: Vec<&str> = decoded.split('.').collect();
    let were: Vec<&str> = encoded.split("%2E").collect();
    prop_assert_eq!(were.len(), labels.len());
    for (was, label) in were.iter().zip(&labels) {
        let again = Scheme::Idna.encode(label);
        if label.contains('。') {
            prop_assert!(was.starts_with("xn--"), "{was} {label}");
            prop_assert!(again.is_err() || again.is_ok_and(|again| again.contains("%2E")));
        } else if label.is_ascii() {
            prop_assert_eq!(again.as_deref(), Ok(*was));
        } else {
            prop_assert!(again.is_ok_and(|again| again.eq_ignore_ascii_case(was)), "{was} {label}");
        }
    }
    let has_empty = labels[..labels.len() - 1].contains(&"");
    match Scheme::Idna.encode(decoded) {
        _ if decoded.contains('。') => {}
        Ok(again) => prop_assert!(!has_empty && again.eq_ignore_ascii_case(encoded), "{again}"),
        Err(error) => {
            prop_assert!(has_empty && matches!(error, EncodeError::EmptyLabel { .. }), "{error}");
        }
    }
    Ok(())
}

proptest! {
    // More by PROPTEST_CASES.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1_000)))]

    #[test]
    fn text_comes_back(name in text()) {
        for scheme in [Scheme::Punycode, Scheme::Percent, Scheme::Portable] {
            match scheme.encode(&name) {
                Ok(encoded) => {
                    prop_assert!(is_allowed(scheme, &encoded), "{scheme:?} {encoded}");
                    let decoded = scheme.decode(&encoded);
                    prop_assert_eq!(decoded.as_deref(), Ok(name.as_str()));
                }
                Err(error) => {
                    let too_long = matches!(error, EncodeError::TooLong { length: 252.., .. });
                    prop_assert!(scheme != Scheme::Punycode && too_long);
                }
            }
        }
    }

    #[test]
    fn only_what_encode_makes_is_decoded(encoded in text()) {
        for scheme in OWN {
            if let Ok(name) = scheme.decode(&encoded) {
                let again = scheme.encode(&name);
                prop_assert_eq!(again.as_deref(), Ok(encoded.as_str()));
            }
        }
    }

    #[test]
    fn nothing_panics(text in text()) {
        for scheme in SCHEMES {
            let _ = scheme.decode(&text);
            match scheme.encode(&text) {
                Ok(encoded) => prop_assert!(is_allowed(scheme, &encoded)),
                Err(error) => {
                    let offset = error.offset().unwrap_or(0);
                    prop_assert!(text.is_char_boundary(offset));
                    if let Some(character) = error.character() {
                        prop_assert!(text[offset..].starts_with(character));
                    }
                }
            }
        }
        let _ = check_path(&text);
        if let Ok(series) = parse_tagged(&text) {
            let again = parse_tagged(&series.to_string()).map(|again| again == series);
            prop_assert_eq!(again, Ok(true));
        }
    }

    #[test]
    fn what_idna_decodes_is_encoded_to_what_it_was(name in text()) {
        if let Ok(encoded) = Scheme::Idna.encode(&name)
            && let Ok(decoded) = Scheme::Idna.decode(&encoded)
        {
            idna_goes_back(&encoded, &decoded)?;
        }
    }

    #[test]
    fn a_join_is_its_parts(parts in prop::collection::vec(text(), 0..5)) {
        for scheme in SCHEMES {
            let each: Result<Vec<String>, EncodeError> =
                parts.iter().map(|part| scheme.encode(part).map(String::from)).collect();
            match (scheme.join(&parts), each) {
                (Ok(path), Ok(each)) => prop_assert_eq!(path, each.join(".")),
                (Err(error), Err(_)) => {
                    let part = &parts[error.part()];
                    let of_encode = scheme.encode(part).map_err(|error| error.offset());
                    prop_assert_eq!(of_encode, Err(error.offset()));
                }
                (path, each) => prop_assert!(false, "{path:?} {each:?}"),
            }
        }
    }

    #[test]
    fn punycode_is_the_idna_crates(name in "[a-z\\-\\x{e9}\\x{5d0}汉字\\x{1F600}]{1,30}") {
        let theirs = idna::punycode::encode_str(&name);
        let encoded = Scheme::Punycode.encode(&name).ok().map(String::from);
        prop_assert_eq!(&encoded, &theirs);
        if let Some(encoded) = encoded {
            let theirs = idna::punycode::decode_to_string(&encoded);
            prop_assert_eq!(Scheme::Punycode.decode(&encoded).ok().map(String::from), theirs);
        }
    }

    #[test]
    fn tags_are_read_back(
        path in "[a-z~.]{0,6}",
        tags in prop::collection::vec(("[a-c~=;!-]{0,2}|name", "[a-c~=;汉]{0,2}"), 0..4),
    ) {
        if let Ok(series) = tagged(&path, tags) {
            let parsed = parse_tagged(&series).map(|parsed| parsed.to_string());
            prop_assert_eq!(parsed, Ok(series));
        }
    }
}

#[test]
fn idna_goes_back_as_far_as_python_does() {
    // CPython's results: a name that looks encoded, what it is decoded to, what that is encoded to.
    for (encoded, decoded, again) in [
        ("xn--bcher-kva", "bücher", Some("xn--bcher-kva")),
        ("xn--BCHER-kva", "BüCHER", Some("xn--bcher-kva")),
        ("XN--bcher-kva", "XN--bcher-kva", Some("XN--bcher-kva")),
        ("xn--ab-r13a", "a。b", Some("a%2Eb")),
        ("xn--b-eha8227a1hyb", "bü。字", Some("xn--b-eha%2Exn--p8s")),
        ("xn--r6j", "。", None),
        ("xn--1-zhcb1234b", "א1。א", None),
    ] {
        assert_eq!(Scheme::Idna.encode(encoded).unwrap(), encoded);
        assert_eq!(Scheme::Idna.decode(encoded).unwrap(), decoded);
        assert_eq!(Scheme::Idna.encode(decoded).ok().as_deref(), again, "{decoded}");
        idna_goes_back(encoded, decoded).unwrap();
    }
    // Of `a｡b`, `a．b` and `Bücher`, which no preparation leaves as they are.
    for encoded in ["xn--ab-213n", "xn--ab-yu3n", "xn--Bcher-2pa"] {
        assert_eq!(Scheme::Idna.decode(encoded), Err(DecodeError::BadLabel { offset: 0 }));
    }
    // A dot that comes of the preparation of `‥`, `⒈` and `․` is one of the name's.
    for (name, encoded, again) in [("a‥", "a%2E%2E", false), ("⒈⒉", "1%2E2%2E", true)] {
        assert_eq!(Scheme::Idna.encode(name).unwrap(), encoded);
        let decoded = Scheme::Idna.decode(encoded).unwrap();
        assert_eq!(Scheme::Idna.encode(&decoded).is_ok(), again);
        idna_goes_back(encoded, &decoded).unwrap();
    }
    assert_eq!(Scheme::Idna.encode("é․b").unwrap(), "xn--%2Eb-9ia");
    assert_eq!(Scheme::Idna.decode("xn--%2Eb-9ia"), Err(DecodeError::BadLabel { offset: 0 }));
}

#[test]
fn every_code_point_comes_back_alone() {
    let mut buffer = [0; 4];
    for scheme in OWN {
        for c in '\0'..=char::MAX {
            let name = c.encode_utf8(&mut buffer);
            let encoded = scheme.encode(name).unwrap();
            assert!(is_allowed(scheme, &encoded) && !encoded.is_empty());
            assert_eq!(scheme.decode(&encoded).unwrap(), *name);
        }
    }
}

#[test]
fn every_short_text_comes_back() {
    // Everything that takes part in Portable's escapes, in all texts up to five characters.
    let alphabet = ['_', '5', 'F', 'f', '%', 'g'];
    for scheme in OWN {
        let mut names = vec![String::new()];
        for _ in 0..=5 {
            let longer = names.iter().flat_map(|name| alphabet.map(|c| format!("{name}{c}")));
            let longer = longer.collect();
            for name in &names {
                let encoded = scheme.encode(name).unwrap();
                assert_eq!(scheme.decode(&encoded).unwrap(), *name);
            }
            names = longer;
        }
    }
}

#[test]
fn the_empty_text_has_a_form_of_its_own() {
    for (scheme, form) in [(Scheme::Percent, "%FF"), (Scheme::Portable, "_FF")] {
        assert_eq!(scheme.encode("").unwrap(), form);
        assert_eq!(scheme.decode(form).unwrap(), "");
        assert_eq!(scheme.decode(""), Err(DecodeError::Empty));
        assert_ne!(scheme.encode(form).unwrap(), form);
    }
}

#[test]
fn results_fit_a_file_name() {
    for scheme in OWN {
        let longest = "a".repeat(251);
        assert_eq!(scheme.encode(&longest).unwrap(), longest);
        assert_eq!(scheme.decode(&longest).unwrap(), longest);
        let spaces = " ".repeat(84);
        let error = EncodeError::TooLong { part: 0, length: 252, limit: 251 };
        assert_eq!(scheme.encode(&spaces), Err(error));
        assert_eq!(scheme.encode(&spaces[1..]).unwrap().len(), 249);
        let error = DecodeError::TooLong { length: 252, limit: 251 };
        assert_eq!(scheme.decode(&"a".repeat(252)), Err(error));
        let error = EncodeError::TooLong { part: 2, length: 252, limit: 251 };
        assert_eq!(scheme.join(["a", "b", &"a".repeat(252)]), Err(error));
    }
}

#[test]
fn portable_escapes_an_underscore_only_before_a_digit() {
    for (name, encoded) in [
        ("cpu_user", "cpu_user"),
        ("_", "_"),
        ("__", "__"),
        ("a_b", "a_b"),
        ("a_B", "a_5FB"),
        ("eth_0", "eth_5F0"),
        ("_5F", "_5F5F"),
        ("_ ", "__20"),
        ("100%", "100_25"),
        ("汉", "_E6_B1_89"),
    ] {
        assert_eq!(Scheme::Portable.encode(name).unwrap(), encoded);
        assert_eq!(Scheme::Portable.decode(encoded).unwrap(), name);
    }
}

#[test]
fn decoding_is_strict() {
    use DecodeError::{BadEscape, NeedlessEscape, NotAllowed, NotUtf8};
    for (scheme, encoded, error) in [
        (Scheme::Percent, "a%2f", BadEscape { offset: 1 }),
        (Scheme::Percent, "a%2", BadEscape { offset: 1 }),
        (Scheme::Percent, "a%", BadEscape { offset: 1 }),
        (Scheme::Percent, "%41", NeedlessEscape { offset: 0 }),
        (Scheme::Percent, "%5F", NeedlessEscape { offset: 0 }),
        (Scheme::Percent, "a.b", NotAllowed { offset: 1, character: '.' }),
        (Scheme::Percent, "aé", NotAllowed { offset: 1, character: 'é' }),
        (Scheme::Percent, "%FF%FF", NotUtf8 { offset: 0 }),
        (Scheme::Percent, "a%20%C3%BC%C0%80", NotUtf8 { offset: 10 }),
        (Scheme::Portable, "a_2", BadEscape { offset: 1 }),
        (Scheme::Portable, "a_2f", BadEscape { offset: 1 }),
        (Scheme::Portable, "_5F", NeedlessEscape { offset: 0 }),
        (Scheme::Portable, "_5Fa", NeedlessEscape { offset: 0 }),
        (Scheme::Portable, "_41", NeedlessEscape { offset: 0 }),
        (Scheme::Portable, "a%20", NotAllowed { offset: 1, character: '%' }),
        (Scheme::Portable, "a_b_20_ED_A0_80", NotUtf8 { offset: 6 }),
    ] {
        assert_eq!(scheme.decode(encoded), Err(error), "{encoded}");
    }
}
