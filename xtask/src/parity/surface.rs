//! What a crate's users can name: followed from lib.rs through its modules and re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::{Item, Visibility};

use super::describe::{describe, implementation};
use super::modules::{Leaf, Module, is, leaves};
use crate::Result;
use crate::workspace::rust_files;

/// Lists what a crate exports, a line each, and its files.
pub(super) fn surface(src: &Path) -> Result<BTreeSet<String>> {
    let root = Module::read_crate(src)?;
    let mut surface =
        Surface { root: &root, lines: BTreeSet::new(), names: BTreeMap::new(), seen: Vec::new() };
    surface.module(&[], "");
    let Surface { mut lines, names, .. } = surface;
    // Methods and traits may be given to a type anywhere in the crate.
    for item in root.all_items() {
        if let Item::Impl(item) = item {
            implementation(item, &names, &mut lines);
        }
    }
    for path in rust_files(src)? {
        let shown = path.strip_prefix(src).unwrap_or(&path);
        lines.insert(format!("file {}", shown.display()));
    }
    Ok(lines)
}

struct Surface<'a> {
    root: &'a Module,
    lines: BTreeSet<String>,
    /// The types and traits that users can name: as they are called where they stand, and as
    /// users call them.
    names: BTreeMap<String, String>,
    seen: Vec<(Vec<String>, String)>,
}

impl Surface<'_> {
    /// Adds what a module makes public to those who call it `prefix`.
    fn module(&mut self, path: &[String], prefix: &str) {
        let entry = (path.to_vec(), prefix.to_owned());
        // Modules may re-export each other in a circle.
        if self.seen.contains(&entry) {
            return;
        }
        self.seen.push(entry);
        let Some(module) = self.root.find(path) else { return };
        for item in module.items.iter().filter(|item| is_public(item)) {
            match item {
                Item::Use(item) => {
                    for leaf in leaves(&item.tree) {
                        self.reexport(path, &leaf, prefix);
                    }
                }
                Item::Mod(item) => self.child(path, &item.ident.to_string(), prefix, None),
                item => self.item(item, prefix, None),
            }
        }
    }

    fn child(&mut self, parent: &[String], name: &str, prefix: &str, rename: Option<&str>) {
        let shown = format!("{prefix}{}", rename.unwrap_or(name));
        let path = [parent, &[name.to_owned()]].concat();
        self.lines.insert(format!("mod {shown}"));
        self.module(&path, &format!("{shown}::"));
    }

    fn item(&mut self, item: &Item, prefix: &str, rename: Option<&str>) {
        describe(item, prefix, rename, &mut self.lines, &mut self.names);
    }

    fn reexport(&mut self, from: &[String], leaf: &Leaf, prefix: &str) {
        let root = self.root;
        if leaf.name == "*" {
            let way = &leaf.path[..leaf.path.len() - 1];
            match root.resolve(from, way) {
                Some(place) => self.module(&[place.module, vec![place.name]].concat(), prefix),
                None => {
                    _ = self.lines.insert(format!("re-export {prefix}{}", leaf.path.join("::")))
                }
            }
            return;
        }
        let Some(place) = root.resolve(from, &leaf.path) else {
            self.lines.insert(format!("re-export {prefix}{}", leaf.name));
            return;
        };
        let Some(module) = root.find(&place.module) else { return };
        let rename = Some(leaf.name.as_str());
        if module.children.contains_key(&place.name) {
            self.child(&place.module, &place.name, prefix, rename);
        }
        for item in module.items.iter().filter(|item| is(item, &place.name)) {
            if !matches!(item, Item::Mod(_)) {
                self.item(item, prefix, rename);
            }
        }
    }
}

fn is_public(item: &Item) -> bool {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Mod(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Union(item) => &item.vis,
        Item::Use(item) => &item.vis,
        // A macro is public by an attribute, wherever it stands.
        Item::Macro(item) => {
            return item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
        }
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_))
}
