//! What the rooms of a crate import from each other: farther down never imports farther up.
//!
//! A room is a module at the top of a crate with all that is in it, or one of the client layer. A
//! page, which is a crate's `lib.rs` or the layer's `client.rs`, shows them, and none imports from
//! it. Which room stands on which is told by the table of the crate's page; without one there must
//! be no circle. Not here: how the paths of a source are found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The module whose own modules are rooms.
const LAYER: &str = "client";

/// What the table begins with.
const TABLE: &str = "| room of ";

/// The path of a module in its crate, and the paths that stand in its source.
type Module = (Vec<String>, Vec<Vec<String>>);

/// Returns the module that a file in `src` is.
pub(super) fn module(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "lib").collect()
}

/// Returns the rooms in the order of the table on a crate's page, if there is one.
pub(super) fn order(page: &str) -> Vec<String> {
    let lines = page.lines().map(|line| line.trim_start_matches("//!").trim());
    let rows = lines.skip_while(|line| !line.starts_with(TABLE)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let rooms = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    rooms.map(|room| room.replace('/', "::")).collect()
}

/// Finds imports from a page, against the order of the table, and in circles, and what the table
/// does not name or wrongly names.
pub(super) fn check(krate: &str, order: &[String], modules: &[Module]) -> Vec<String> {
    let rooms: BTreeSet<String> = modules.iter().filter_map(|(module, _)| room(module)).collect();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut faults = BTreeSet::new();
    for (module, paths) in modules {
        let Some(own) = room(module).and_then(|own| rooms.get(&own)) else { continue };
        for path in paths.iter().filter_map(|path| absolute(path, module)) {
            match room(&path).and_then(|other| rooms.get(&other)) {
                Some(other) if other != own => {
                    imports.entry(own).or_default().insert(other);
                }
                Some(_) => {}
                None => {
                    faults
                        .insert(format!("{krate}: {own} imports {} from a page", path.join("::")));
                }
            }
        }
    }
    if order.is_empty() {
        let circle = rooms.iter().find_map(|start| way(&imports, start, start));
        faults
            .extend(circle.map(|way| format!("{krate}: a circle of imports: {}", way.join(" > "))));
    } else {
        faults.extend(against(krate, order, &rooms, &imports));
    }
    faults.into_iter().collect()
}

/// Finds what is not as the table says.
fn against(
    krate: &str,
    order: &[String],
    rooms: &BTreeSet<String>,
    imports: &BTreeMap<&str, BTreeSet<&str>>,
) -> Vec<String> {
    let place = |room: &str| order.iter().position(|named| named == room);
    let all = imports.iter().flat_map(|(own, others)| others.iter().map(move |other| (own, other)));
    let up = all.filter(|(own, other)| place(other) >= place(own));
    let up =
        up.map(|(own, other)| format!("{krate}: {own} imports {other}, which the table has below"));
    let unnamed = rooms.iter().filter(|room| place(room).is_none());
    let unnamed = unnamed.map(|room| format!("{krate}: {room} is not in the table"));
    let gone = order.iter().filter(|named| !rooms.contains(*named));
    let gone = gone.map(|named| format!("{krate}: {named} is in the table, and is no room"));
    up.chain(unnamed).chain(gone).collect()
}

/// Returns the room that a path leads into; none is that of a page.
fn room(path: &[String]) -> Option<String> {
    match path {
        [layer, room, ..] if layer == LAYER => Some(format!("{layer}::{room}")),
        [layer] if layer == LAYER => None,
        [room, ..] => Some(room.clone()),
        [] => None,
    }
}

/// Returns where in its crate a path leads that stands in a module.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    match path.first()?.as_str() {
        // As in `pub(crate)`.
        _ if path.len() == ups.max(1) => None,
        "crate" => Some(path[1..].to_vec()),
        "super" => {
            let parent = &module[..module.len().saturating_sub(ups)];
            Some(parent.iter().chain(&path[ups..]).cloned().collect())
        }
        _ => None,
    }
}

/// Returns a way from one room to another, over what they import.
fn way(imports: &BTreeMap<&str, BTreeSet<&str>>, from: &str, to: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in imports.get(way.last()?.as_str()).into_iter().flatten() {
            let longer = way.iter().cloned().chain([(*next).to_owned()]).collect();
            if *next == to {
                return Some(longer);
            }
            if seen.insert(*next) {
                ways.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "//! Text.\n//!\n//! | room of `planted` | what it is for |\n//! |---|---|\n\
        //! | `config` | settings |\n//! | `sender`, `client/error` | the machine |\n\
        //! | `client/handle` | what callers hold |\n//!\n//! | a change | `metric` |\n";

    fn faults_in(order: &[String], files: &[(&str, &[&str])]) -> Vec<String> {
        let words = |path: &&str| path.split("::").map(str::to_owned).collect();
        let module = |(file, paths): &(&str, &[&str])| {
            (module(Path::new(file)), paths.iter().map(words).collect())
        };
        check("planted", order, &files.iter().map(module).collect::<Vec<_>>())
    }

    fn faults(files: &[(&str, &[&str])]) -> Vec<String> {
        faults_in(&[], files)
    }

    #[test]
    fn a_circle_is_found_with_its_way() {
        let files: &[(&str, &[&str])] = &[
            ("lib.rs", &["metric::Metric", "error::Error"]),
            ("metric.rs", &["crate::error::Error", "std::fmt"]),
            ("error.rs", &["crate::metric::Value"]),
        ];
        assert_eq!(faults(files), ["planted: a circle of imports: error > metric > error"]);
        let files: &[(&str, &[&str])] = &[
            ("client/builder.rs", &["super::handle::Client"]),
            ("client/handle.rs", &["crate::client::sink::MetricSink"]),
            ("client/sink.rs", &["crate::client::builder::Builder"]),
        ];
        assert_eq!(faults(files).len(), 1);
    }

    #[test]
    fn an_import_from_a_page_is_found() {
        let files: &[(&str, &[&str])] = &[
            ("client.rs", &["handle::Client"]),
            ("client/handle.rs", &["crate::Metric", "super::*"]),
            ("client/sink.rs", &["crate::client::Client"]),
            ("event.rs", &["crate::*"]),
        ];
        assert_eq!(faults(files).len(), 4);
    }

    /// All that is below and within may be imported.
    const GOOD: [(&str, &[&str]); 6] = [
        ("lib.rs", &["crate::sender::Sender"]),
        ("sender.rs", &["connection::Phase", "crate::config::Config", "crate"]),
        ("sender/connection.rs", &["super::Sender", "super::ending::End", "super::*"]),
        ("config.rs", &[]),
        ("client/handle.rs", &["crate::sender::Sender", "super::error::SendError"]),
        ("client/error.rs", &["crate::config::Config"]),
    ];

    #[test]
    fn a_room_may_import_what_is_below_and_within() {
        assert_eq!(order(PAGE), ["config", "sender", "client::error", "client::handle"]);
        assert_eq!(faults(&GOOD), [""; 0]);
        assert_eq!(faults_in(&order(PAGE), &GOOD), [""; 0]);
    }

    #[test]
    fn an_import_against_the_table_is_found_without_a_circle() {
        let mut files = GOOD;
        files[3].1 = &["crate::client::error::SendError"];
        files[5].1 = &[];
        assert_eq!(faults(&files), [""; 0]);
        let fault = "planted: config imports client::error, which the table has below";
        assert_eq!(faults_in(&order(PAGE), &files), [fault]);
    }

    #[test]
    fn the_table_names_every_room_and_no_other() {
        let page = PAGE.replace("`config`", "`settings`").replace(", `client/error`", "");
        let faults = faults_in(&order(&page), &GOOD);
        for room in ["config", "client::error"] {
            assert!(faults.contains(&format!("planted: {room} is not in the table")), "{faults:?}");
        }
        let gone = "planted: settings is in the table, and is no room".to_owned();
        assert!(faults.contains(&gone), "{faults:?}");
    }

    #[test]
    fn a_path_is_found_wherever_it_stands() {
        let mut paths = Vec::new();
        let source = "use super::*; use crate::a::{self, b::*}; \
            struct S { x: super::builder::B } fn f(y: crate::c::D) -> u8 { 2 * y.g }";
        super::super::collect_paths(source.parse().unwrap(), &[], &mut paths);
        let paths: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
        for path in
            ["super::*", "crate::a::self", "crate::a::b::*", "super::builder::B", "crate::c::D"]
        {
            assert!(paths.iter().any(|found| found == path), "{path} in {paths:?}");
        }
    }
}
