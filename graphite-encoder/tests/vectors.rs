//! Golden names: `vectors.json` was written by CPython 3.11, and says how in its `about`.

use graphite_encoder::Scheme;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).expect("vectors.json is JSON")
}

/// Compares one field of a case; `null` stands for an error in Python.
fn check(case: &Value, field: &str, ours: Option<String>, wrong: &mut Vec<String>) {
    let theirs = case[field].as_str().map(str::to_owned);
    if ours != theirs {
        wrong.push(format!("{field} of {case}: {ours:?}"));
    }
}

#[test]
fn encodes_and_decodes_as_python() {
    let vectors = vectors();
    let mut wrong = Vec::new();
    for case in vectors["encode"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        for (scheme, field, back) in [
            (Scheme::Idna, "idna", Some("idna_back")),
            (Scheme::Punycode, "punycode", Some("punycode_back")),
            (Scheme::Percent, "percent", None),
        ] {
            if case.get(field).is_none() {
                continue;
            }
            let encoded = scheme.encode(name).ok();
            let decoded = encoded.as_deref().and_then(|encoded| scheme.decode(encoded).ok());
            if let Some(back) = back {
                check(case, back, decoded.map(String::from), &mut wrong);
            } else {
                assert_eq!(decoded.as_deref(), Some(name));
            }
            check(case, field, encoded.map(String::from), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn decodes_as_python() {
    let vectors = vectors();
    let mut wrong = Vec::new();
    for case in vectors["decode"].as_array().unwrap() {
        let encoded = case["encoded"].as_str().unwrap();
        for (scheme, field) in [(Scheme::Idna, "idna"), (Scheme::Punycode, "punycode")] {
            check(case, field, scheme.decode(encoded).ok().map(String::from), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
