//! What the rooms of a crate import from each other: farther down never imports farther up.
//!
//! A room is a module at the top of a crate with all that is in it, or one of the client layer. A
//! page, which is a crate's `lib.rs` or the layer's `client.rs`, shows them, and none imports from
//! it. Not here: how the paths of a source are found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The module whose own modules are rooms.
const LAYER: &str = "client";

/// The path of a module in its crate, and the paths that stand in its source.
type Module = (Vec<String>, Vec<Vec<String>>);

/// Returns the module that a file in `src` is.
pub(super) fn module(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "lib").collect()
}

/// Finds imports from a page, and circles.
pub(super) fn check(krate: &str, modules: &[Module]) -> Vec<String> {
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
    let circle = rooms.iter().find_map(|start| way(&imports, start, start));
    faults.extend(circle.map(|way| format!("{krate}: a circle of imports: {}", way.join(" > "))));
    faults.into_iter().collect()
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

    fn faults(files: &[(&str, &[&str])]) -> Vec<String> {
        let words = |path: &&str| path.split("::").map(str::to_owned).collect();
        let module = |(file, paths): &(&str, &[&str])| {
            (module(Path::new(file)), paths.iter().map(words).collect())
        };
        check("planted", &files.iter().map(module).collect::<Vec<_>>())
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
            ("client/handle.rs", &["crate::Metric"]),
            ("client/sink.rs", &["crate::client::Client"]),
        ];
        assert_eq!(faults(files).len(), 2);
    }

    #[test]
    fn a_room_may_import_what_is_below_and_within() {
        let files: &[(&str, &[&str])] = &[
            ("lib.rs", &["crate::sender::Sender"]),
            ("sender.rs", &["connection::Phase", "crate::config::Config"]),
            ("sender/connection.rs", &["super::Sender", "super::ending::End"]),
            ("config.rs", &[]),
            ("client/handle.rs", &["crate::sender::Sender", "super::error::SendError"]),
            ("client/error.rs", &["crate::config::Config"]),
        ];
        assert_eq!(faults(files), [""; 0]);
    }
}
