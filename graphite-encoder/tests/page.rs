//! The tables of the crate page say what the crate does.

use graphite_encoder::Scheme;

const SCHEMES: [Scheme; 4] = [Scheme::Portable, Scheme::Percent, Scheme::Idna, Scheme::Punycode];

#[test]
fn the_tables_are_true() {
    let page = include_str!("../src/lib.rs");
    let cells = |row: &str| -> Vec<String> {
        row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let mut rows = 0;
    let mut shown = Vec::new();
    for line in page.lines() {
        if let Some(schemes) = line.strip_prefix("//! | part | ") {
            shown = cells(schemes);
        }
        if line.starts_with("//! | `") {
            let cells = cells(line);
            for (name, result) in shown.iter().zip(&cells[2..]).filter(|(name, _)| !name.is_empty())
            {
                let scheme = SCHEMES.into_iter().find(|scheme| format!("{scheme:?}") == *name);
                assert_eq!(scheme.unwrap().encode(&cells[1]).unwrap(), *result, "{line}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 5 * SCHEMES.len());
    for (scheme, name) in SCHEMES.into_iter().zip(["Portable", "Percent", "Idna", "Punycode"]) {
        let start = format!("//! | [`{name}`]");
        let row = page.lines().find(|line| line.starts_with(&start)).unwrap();
        let (_, shown) = row.trim_end_matches("` |").rsplit_once("`Bücher` → `").unwrap();
        assert_eq!(scheme.encode("Bücher").unwrap(), shown);
    }
}
