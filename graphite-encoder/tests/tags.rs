//! Tagged series: equal to carbon's (`tags.json`, written by `tags.py`), and the rules around.

use graphite_encoder::{PathWarning, Scheme, TagError, check_path, parse_tagged, tagged};
use serde_json::Value;

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("tags.json")).expect("tags.json is JSON")
}

#[test]
fn makes_and_reads_what_carbon_does() {
    for case in cases() {
        let path = case["path"].as_str().unwrap();
        let tags: Vec<(&str, &str)> = case["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| (tag[0].as_str().unwrap(), tag[1].as_str().unwrap()))
            .collect();
        let made = tagged(path, tags).ok();
        // White space is the one thing that carbon's class takes and a line does not.
        let expected = case["tagged"].as_str().filter(|series| !series.contains(' '));
        assert_eq!(made.as_deref(), expected, "{case}");

        let series = case["series"].as_str().unwrap();
        let parsed = parse_tagged(series).ok().map(|series| series.to_string());
        assert_eq!(parsed.as_deref(), case["parsed"].as_str(), "{case}");
    }
}

#[test]
fn refuses_what_a_line_cannot_hold() {
    for (character, offset) in [(' ', 4), ('\n', 4), ('\u{85}', 4), ('\u{3000}', 4), ('\0', 4)] {
        let expected = TagError::Blank { key: Some("k".to_owned()), offset, character };
        assert_eq!(tagged("a", [("k", character.to_string())]), Err(expected));
    }
    let long = "v".repeat(16_345);
    assert_eq!(
        tagged("a", [("k", &long)]),
        Err(TagError::TooLong { length: 16_349, limit: 16_348 })
    );
    assert_eq!(tagged("a", [("k", &long[1..])]).unwrap().len(), 16_348);
}

#[test]
fn refuses_what_carbon_reads_in_another_form() {
    assert_eq!(tagged("a{b", [("k", "v\"}")]), Err(TagError::OpenMetrics));
    assert_eq!(parse_tagged("a{k=\"v\"}"), Err(TagError::OpenMetrics));
    assert_eq!(tagged("a", [("k", "v\"}")]).unwrap(), "a;k=v\"}");
    // As it is carbon reads it, but not as it would write it.
    assert_eq!(parse_tagged("a;k=v\"};b={"), Err(TagError::OpenMetrics));
    assert_eq!(parse_tagged("a;b={;c=v\"};k=1").unwrap().to_string(), "a;b={;c=v\"};k=1");
}

#[test]
fn parsed_series_are_in_normal_form() {
    let series = parse_tagged("~~x.y;b=2;name=z;a=1;b=3;a-b=0").unwrap();
    assert_eq!(series.path(), "x.y");
    assert_eq!(series.tags(), [("a-b", "0"), ("a", "1"), ("b", "3")]);
    assert_eq!(tagged(series.path(), series.tags().iter().copied()).unwrap(), series.to_string());
    assert_eq!(parse_tagged("x.y").unwrap().tags(), []);
    assert_eq!(parse_tagged("x;"), Err(TagError::NoValue { segment: String::new() }));
    assert_eq!(parse_tagged("x;k"), Err(TagError::NoValue { segment: "k".to_owned() }));
}

#[test]
fn messages_name_the_tag() {
    let message = |result: Result<String, TagError>| result.unwrap_err().to_string();
    assert_eq!(message(tagged("", [("k", "v")])), "path is empty");
    assert_eq!(
        message(tagged("~~", [("k", "v")])),
        "path is nothing but \"~\", which carbon removes"
    );
    assert_eq!(parse_tagged(";a=b").unwrap_err().to_string(), "path is empty");
    assert_eq!(message(tagged("a", [("", "v")])), "key of tag 0 with value \"v\" is empty");
    assert_eq!(
        message(tagged("a;b", [("k", "v")])),
        "path \"a;b\" holds \";\" at byte 1, where tags would begin"
    );
    assert_eq!(
        message(tagged("a", [("k!", "v")])),
        "tag key \"k!\" holds U+0021 at byte 1, not allowed are ; ! ^ ="
    );
    assert_eq!(message(tagged("a", [("k", "")])), "value of tag \"k\" is empty");
    assert_eq!(message(tagged("a", [("k", "v;")])), "value of tag \"k\" holds \";\"");
    assert_eq!(message(tagged("a", [("k", "~v")])), "value of tag \"k\" begins with \"~\"");
    assert_eq!(parse_tagged("a;k").unwrap_err().to_string(), "tag \"k\" has no \"=\"");
    let odd = "holds white space or a control character, U+0020 at byte";
    for (path, tags, text) in [
        ("a", [("k", "v w"), ("l", "x")], format!("tag \"k\" of the series {odd} 5")),
        ("a", [("k", "v"), ("l", "x= y")], format!("tag \"l\" of the series {odd} 10")),
        ("a", [("k", "v"), ("l m", "x")], format!("tag \"l m\" of the series {odd} 7")),
        ("a b", [("k", "v"), ("l", "x")], format!("path of the series {odd} 1")),
    ] {
        assert_eq!(message(tagged(path, tags)), text);
    }
    let cut = format!("value of tag \"x{}…\" is empty", "ö".repeat(59));
    assert_eq!(message(tagged("a", [(format!("x{}", "ö".repeat(9_000)), "")])), cut);
    assert_eq!(message(tagged("a", [("k\n", "")])), "value of tag \"k\\n\" is empty");
}

#[test]
fn a_clean_path_has_no_warnings() {
    for path in ["servers.web01.cpu", "a", "a-b_c:d#e.f", "disk.used;device=sda1;server=web01"] {
        assert_eq!(check_path(path), [], "{path}");
    }
    let name = "汉 字/*?[]{}(),'\"\\|~;=.. é\u{1F600}\t";
    let path = Scheme::Portable.join([name, "", "x"]).unwrap();
    assert_eq!(check_path(&path), []);
}

#[test]
fn warnings_name_the_part() {
    let blank = PathWarning::Blank { part: 1, offset: 1, character: ' ' };
    let replaced = PathWarning::Replaced { part: 1, offset: 1, character: ' ' };
    assert_eq!(check_path("a.b c"), [blank, replaced]);
    assert_eq!(check_path(""), [PathWarning::EmptyPart { part: 0 }]);
    assert_eq!(
        check_path(".a."),
        [PathWarning::EmptyPart { part: 0 }, PathWarning::EmptyPart { part: 2 }]
    );
    let long = PathWarning::LongPart { part: 1, length: 252, limit: 251 };
    assert_eq!(check_path(&format!("a.{}", "b".repeat(252))), [long]);
    assert_eq!(check_path(&"b".repeat(251)), []);
    for character in "*?[]{}".chars() {
        let pattern = PathWarning::Pattern { part: 0, offset: 1, character };
        assert_eq!(check_path(&format!("a{character}"))[0], pattern);
    }
    for character in "(),'\"\\|é".chars() {
        let syntax = PathWarning::Syntax { part: 0, offset: 1, character };
        assert_eq!(check_path(&format!("a{character}"))[0], syntax);
    }
    assert_eq!(check_path("a/b")[0], PathWarning::Slash { part: 0, offset: 1 });
    assert_eq!(check_path("~a")[0], PathWarning::LeadingTilde);
    assert_eq!(check_path("a{b=\"c\"}").last(), Some(&PathWarning::OpenMetrics));
    let error = TagError::NoValue { segment: "b".to_owned() };
    assert_eq!(check_path("a;b"), [PathWarning::Tags(error)]);
}

#[test]
fn warnings_of_tagged_series_are_those_of_tags() {
    let series = format!("{};k=v/w", "a".repeat(300));
    assert_eq!(check_path(&series), [], "the file is named by a hash");
    assert_eq!(check_path("a/b;k").len(), 3, "an ordinary name after all");
    let blank = TagError::Blank { key: Some("k".to_owned()), offset: 5, character: '\u{A0}' };
    assert_eq!(check_path("a;k=v\u{A0}w"), [PathWarning::Tags(blank)]);
    let long = format!("a;k={}", "x".repeat(20_000));
    let length = long.len();
    let limit = 16_348;
    assert_eq!(check_path(&long), [PathWarning::Tags(TagError::TooLong { length, limit })]);
    let error = TagError::NoValue { segment: "b\"}".to_owned() };
    assert_eq!(check_path("a;b\"}"), [PathWarning::OpenMetrics, PathWarning::Tags(error)]);
}

#[test]
fn what_carbon_changes_of_tags_is_told() {
    let text = |path: &str| {
        let warnings = check_path(path);
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (path, expected) in [
        (
            "disk.used;server=web01;device=sda1",
            "tag \"device\" stands after \"server\", but carbon sorts tags and stores another name",
        ),
        // By the text, in which `-` stands before `=`.
        (
            "a;k=1;k-l=2",
            "tag \"k-l\" stands after \"k\", but carbon sorts tags and stores another name",
        ),
        ("a;b=1;name=x", "tag \"name\" is dropped by carbon, which names the path by it"),
        ("a;k=1;k=2", "tag \"k\" stands more than once, carbon keeps the last"),
    ] {
        assert_eq!(text(path), [expected]);
    }
    assert_eq!(
        check_path("a;z=1;name=x;b=2;z=3"),
        [
            PathWarning::NameTag,
            PathWarning::UnsortedTags { key: "b".to_owned(), after: "z".to_owned() },
            PathWarning::RepeatedTag { key: "z".to_owned() },
        ]
    );
    assert_eq!(check_path("a;k-l=1;k=2"), []);
}

#[test]
fn a_series_that_carbon_rewrites_has_a_warning_and_no_other_has() {
    let mut rewritten = 0;
    for case in cases() {
        let series = case["series"].as_str().unwrap();
        let Some(stored) = case["parsed"].as_str() else { continue };
        let told = check_path(series).iter().any(|warning| {
            matches!(
                warning,
                PathWarning::LeadingTilde
                    | PathWarning::NameTag
                    | PathWarning::UnsortedTags { .. }
                    | PathWarning::RepeatedTag { .. }
                    // No line holds that one.
                    | PathWarning::Tags(TagError::Blank { .. })
            )
        });
        let blank = series.contains(' ');
        assert_eq!(told, stored != series || (blank && series.contains(';')), "{series}");
        rewritten += u32::from(told);
    }
    assert!(rewritten > 50, "only {rewritten} series");
}

#[test]
fn errors_name_the_tag_and_the_place() {
    let tags = |second: &'static str| tagged("a", [("k", "v"), (second, "v")]).unwrap_err();
    assert_eq!(tags("").to_string(), "key of tag 1 with value \"v\" is empty");
    let text = "tag key \"é=\" holds U+003D at byte 2, not allowed are ; ! ^ =";
    assert_eq!(tags("é=").to_string(), text);
    assert_eq!(
        parse_tagged("a;k=v;=v").unwrap_err(),
        TagError::EmptyKey { index: 1, value: "v".to_owned() }
    );
}
