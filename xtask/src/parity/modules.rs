//! A crate's sources as the tree of its modules, and where a path in it leads.
//!
//! Not here: what is public.

use std::collections::BTreeMap;
use std::path::Path;

use syn::{Attribute, Item, UseTree};

use crate::Result;
use crate::workspace::read;

/// A module: its items, without those of tests, and the modules in it.
pub(super) struct Module {
    pub(super) items: Vec<Item>,
    pub(super) children: BTreeMap<String, Self>,
}

/// What a path leads to: the module that holds it, and its name there.
pub(super) struct Place {
    pub(super) module: Vec<String>,
    pub(super) name: String,
}

impl Module {
    /// Reads a crate from the folder of its lib.rs.
    pub(super) fn read_crate(src: &Path) -> Result<Self> {
        Self::read(&src.join("lib.rs"), src)
    }

    fn read(file: &Path, folder: &Path) -> Result<Self> {
        let text = read(file)?;
        let parsed = syn::parse_file(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        Self::new(parsed.items, folder)
    }

    /// Takes the items of a module whose modules stand in that folder.
    fn new(items: Vec<Item>, folder: &Path) -> Result<Self> {
        let mut module = Self { items: Vec::new(), children: BTreeMap::new() };
        for mut item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            if let Item::Mod(inner) = &mut item {
                let name = inner.ident.to_string();
                let folder = folder.join(&name);
                let child = match inner.content.take() {
                    Some((_, items)) => Self::new(items, &folder)?,
                    None if folder.join("mod.rs").is_file() => {
                        Self::read(&folder.join("mod.rs"), &folder)?
                    }
                    None => Self::read(&folder.with_extension("rs"), &folder)?,
                };
                module.children.insert(name, child);
            }
            module.items.push(item);
        }
        Ok(module)
    }

    pub(super) fn find(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |module, name| module.children.get(name))
    }

    /// Lists the items of this module and of all in it.
    pub(super) fn all_items(&self) -> Vec<&Item> {
        let inner = self.children.values().flat_map(Self::all_items);
        self.items.iter().chain(inner).collect()
    }

    /// Finds where a path that is written in the module `from` leads, seen from the crate's root;
    /// `None` is out of the crate.
    pub(super) fn resolve(&self, from: &[String], path: &[String]) -> Option<Place> {
        let mut module = from.to_vec();
        let (name, way) = path.split_last()?;
        for (index, step) in way.iter().enumerate() {
            match step.as_str() {
                "crate" if index == 0 => module.clear(),
                "self" => {}
                "super" => _ = module.pop(),
                _ => module.push(step.clone()),
            }
        }
        let found = self.find(&module)?;
        if found.children.contains_key(name) || found.items.iter().any(|item| is(item, name)) {
            return Some(Place { module, name: name.clone() });
        }
        // That module may itself only pass it on. A path that leads to itself is out of the crate.
        let leaves = found.items.iter().filter_map(use_tree).flat_map(leaves);
        let passed = leaves.into_iter().find(|leaf| leaf.name == *name)?;
        if module == from && passed.path == path {
            return None;
        }
        self.resolve(&module, &passed.path)
    }
}

/// One name that a `use` brings.
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    /// `*` for everything.
    pub(super) name: String,
}

fn use_tree(item: &Item) -> Option<&UseTree> {
    if let Item::Use(item) = item { Some(&item.tree) } else { None }
}

/// Lists the names that a `use` brings, with the whole path of each.
pub(super) fn leaves(tree: &UseTree) -> Vec<Leaf> {
    let leaf = |ident: &syn::Ident, name: &syn::Ident| {
        vec![Leaf { path: vec![ident.to_string()], name: name.to_string() }]
    };
    match tree {
        UseTree::Path(path) => {
            let mut inner = leaves(&path.tree);
            for leaf in &mut inner {
                // `a::{self}` is `a`.
                if leaf.path == ["self"] {
                    if leaf.name == "self" {
                        leaf.name = path.ident.to_string();
                    }
                    leaf.path.clear();
                }
                leaf.path.insert(0, path.ident.to_string());
            }
            inner
        }
        UseTree::Name(name) => leaf(&name.ident, &name.ident),
        UseTree::Rename(rename) => leaf(&rename.ident, &rename.rename),
        UseTree::Glob(_) => vec![Leaf { path: vec!["*".to_owned()], name: "*".to_owned() }],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// Tells whether an item is the one of that name; an `impl` and a `use` have none.
pub(super) fn is(item: &Item, name: &str) -> bool {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return false,
    };
    ident == name
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}
