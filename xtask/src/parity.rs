//! `cargo xtask parity`: both clients have the same files and export the same public names.
//!
//! Names, methods and the number of their arguments, variants, fields, traits and what implements
//! them, re-exports. Not bounds: those differ where the runtimes' traits do. Read from the
//! sources, so that it needs no nightly.

use std::collections::BTreeSet;
use std::path::Path;

use syn::{
    Fields, FnArg, ImplItem, Item, ReturnType, Signature, TraitItem, Type, UseTree, Visibility,
};

use crate::Result;
use crate::workspace::{CLIENTS, no_arguments, read, root, rust_files};

pub(crate) fn run(arguments: &[String]) -> Result {
    no_arguments(arguments)?;
    let mut surfaces = Vec::new();
    for name in CLIENTS {
        surfaces.push(surface(&root().join(name).join("src"))?);
    }
    let faults = differences(CLIENTS, &surfaces[0], &surfaces[1]);
    if faults.is_empty() {
        println!("parity: both clients export the same {} names", surfaces[0].len());
        return Ok(());
    }
    Err(format!("{} differences:\n  {}", faults.len(), faults.join("\n  ")).into())
}

fn differences(names: [&str; 2], a: &BTreeSet<String>, b: &BTreeSet<String>) -> Vec<String> {
    let only = |name: &str, mine: &BTreeSet<String>, other: &BTreeSet<String>| {
        let lines = mine.difference(other).map(|line| format!("only {name} has {line}"));
        lines.collect::<Vec<_>>()
    };
    [only(names[0], a, b), only(names[1], b, a)].concat()
}

/// Lists what a client's sources export, a line each, and their files.
fn surface(src: &Path) -> Result<BTreeSet<String>> {
    let mut items = Vec::new();
    let mut lines = BTreeSet::new();
    for path in rust_files(src)? {
        let text = read(&path)?;
        let file = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        let shown = path.strip_prefix(src).unwrap_or(&path).display().to_string();
        lines.insert(format!("file {shown}"));
        if shown == "lib.rs" {
            lines.extend(file.items.iter().flat_map(exports));
        }
        items.extend(file.items);
    }
    // What lib.rs names is public; what the other files hold is if lib.rs names it.
    let named: BTreeSet<String> =
        lines.iter().filter_map(|line| Some(line.strip_prefix("name ")?.to_owned())).collect();
    for item in &items {
        describe(item, &named, &mut lines);
    }
    Ok(lines)
}

/// Lists the names that an item of lib.rs makes public.
fn exports(item: &Item) -> Vec<String> {
    let mut lines = Vec::new();
    match item {
        Item::Use(item) if is_public(&item.vis) => leaves(&item.tree, &mut lines),
        Item::Mod(item) if is_public(&item.vis) => lines.push(format!("name {}", item.ident)),
        _ => {}
    }
    lines
}

fn leaves(tree: &UseTree, lines: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, lines),
        UseTree::Name(name) => lines.push(format!("name {}", name.ident)),
        UseTree::Rename(rename) => lines.push(format!("name {}", rename.rename)),
        UseTree::Glob(_) => lines.push("name *".to_owned()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, lines)),
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Lists what an item adds to the surface, if it belongs to a name of it.
fn describe(item: &Item, named: &BTreeSet<String>, lines: &mut BTreeSet<String>) {
    match item {
        Item::Struct(item) if named.contains(&item.ident.to_string()) => {
            fields(&format!("struct {}", item.ident), &item.fields, lines);
        }
        Item::Enum(item) if named.contains(&item.ident.to_string()) => {
            for variant in &item.variants {
                let name = format!("variant {}::{}", item.ident, variant.ident);
                let shape: Vec<String> = variant.fields.members().map(member).collect();
                lines.insert(format!("{name}({})", shape.join(", ")));
            }
        }
        Item::Trait(item) if named.contains(&item.ident.to_string()) => {
            for inner in &item.items {
                lines.extend(match inner {
                    TraitItem::Fn(inner) => Some(method(&item.ident.to_string(), &inner.sig)),
                    TraitItem::Type(inner) => Some(format!("type {}::{}", item.ident, inner.ident)),
                    _ => None,
                });
            }
        }
        Item::Fn(item) if named.contains(&item.sig.ident.to_string()) => {
            lines.insert(method("", &item.sig));
        }
        Item::Impl(item) => {
            let Some(owner) = type_name(&item.self_ty).filter(|name| named.contains(name)) else {
                return;
            };
            if let Some((_, path, _)) = &item.trait_ {
                let name = path.segments.last().map(|segment| segment.ident.to_string());
                lines.insert(format!("impl {} for {owner}", name.unwrap_or_default()));
                return;
            }
            for inner in &item.items {
                if let ImplItem::Fn(inner) = inner
                    && is_public(&inner.vis)
                {
                    lines.insert(method(&owner, &inner.sig));
                }
            }
        }
        _ => {}
    }
}

fn fields(owner: &str, fields: &Fields, lines: &mut BTreeSet<String>) {
    lines.insert(owner.to_owned());
    for field in fields.iter().filter(|field| is_public(&field.vis)) {
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        lines.insert(format!("{owner} field {name}"));
    }
}

fn member(member: syn::Member) -> String {
    match member {
        syn::Member::Named(name) => name.to_string(),
        syn::Member::Unnamed(index) => index.index.to_string(),
    }
}

/// Writes a function as its name, its kind of call and the number of its arguments.
fn method(owner: &str, signature: &Signature) -> String {
    let itself = signature.inputs.iter().any(|input| matches!(input, FnArg::Receiver(_)));
    let count = signature.inputs.len() - usize::from(itself);
    let future = signature.asyncness.is_some() || returns_future(&signature.output);
    let kind = if future { "async " } else { "" };
    let dot = if itself { "." } else { "::" };
    format!("{kind}fn {owner}{dot}{}({count})", signature.ident)
}

fn returns_future(output: &ReturnType) -> bool {
    let ReturnType::Type(_, output) = output else { return false };
    let Type::ImplTrait(output) = &**output else { return false };
    output.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|segment| segment.ident == "Future")
        }
        _ => false,
    })
}

fn type_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "mod client; pub use client::{Client, Error}; pub use x as proto;";
    const CLIENT: &str = "
        pub struct Client { pub id: u8, secret: u8 }
        impl Client { pub async fn send(&self, a: u8) {} fn hidden(&self) {} }
        impl Clone for Client { fn clone(&self) -> Self { todo() } }
        pub enum Error { Closed, Full { limit: usize } }
        pub struct Inner; impl Inner { pub fn helper(&self) {} }";

    fn planted(name: &str, files: &[(&str, &str)]) -> BTreeSet<String> {
        let folder =
            std::env::temp_dir().join(format!("xtask-parity-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let surface = surface(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        surface.unwrap()
    }

    #[test]
    fn the_surface_is_what_a_user_can_name() {
        let surface = planted("surface", &[("lib.rs", LIB), ("client.rs", CLIENT)]);
        let expected = [
            "async fn Client.send(1)",
            "file client.rs",
            "file lib.rs",
            "impl Clone for Client",
            "name Client",
            "name Error",
            "name proto",
            "struct Client",
            "struct Client field id",
            "variant Error::Closed()",
            "variant Error::Full(limit)",
        ];
        assert_eq!(surface.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_one_client_alone_has_is_found() {
        let base = planted("base", &[("lib.rs", LIB), ("client.rs", CLIENT)]);
        for (index, (from, to)) in [
            ("fn hidden(&self)", "pub fn hidden(&self)"),
            ("pub async fn send(&self, a: u8)", "pub fn send(&self, a: u8)"),
            ("send(&self, a: u8)", "send(&self, a: u8, b: u8)"),
            ("Closed,", "Closed, Lost,"),
            ("impl Clone for", "impl Drop for"),
            ("pub id: u8", "id: u8"),
        ]
        .into_iter()
        .enumerate()
        {
            let changed = CLIENT.replace(from, to);
            let files = [("lib.rs", LIB), ("client.rs", changed.as_str())];
            let other = planted(&format!("changed-{index}"), &files);
            assert!(!differences(["a", "b"], &base, &other).is_empty(), "{to}");
        }
        let moved = planted("moved", &[("lib.rs", LIB), ("handle.rs", CLIENT)]);
        assert_eq!(differences(["a", "b"], &base, &moved).len(), 2);
    }
}
