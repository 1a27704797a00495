//! One item as lines: its name, methods, variants, fields, traits. Not its bounds.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, Fields, FnArg, GenericArgument, ImplItem, Item, ItemImpl, Path, PathArguments,
    ReturnType, Signature, TraitItem, Type, TypeParamBound, Visibility,
};

/// Adds what users see of an item, and its name to `names` if it may have methods or traits.
pub(super) fn describe(
    item: &Item,
    prefix: &str,
    rename: Option<&str>,
    lines: &mut BTreeSet<String>,
    names: &mut BTreeMap<String, String>,
) {
    let call = |ident: &syn::Ident| match rename {
        Some(name) => format!("{prefix}{name}"),
        None => format!("{prefix}{ident}"),
    };
    let (ident, kind, attributes) = match item {
        Item::Struct(item) => (&item.ident, "struct", &item.attrs),
        Item::Enum(item) => (&item.ident, "enum", &item.attrs),
        Item::Union(item) => (&item.ident, "union", &item.attrs),
        Item::Trait(item) => (&item.ident, "trait", &item.attrs),
        Item::Type(item) => (&item.ident, "type", &item.attrs),
        Item::Const(item) => (&item.ident, "const", &item.attrs),
        Item::Static(item) => (&item.ident, "static", &item.attrs),
        Item::Fn(item) => {
            lines.insert(function(&call(&item.sig.ident), &item.sig));
            return;
        }
        Item::Macro(item) => {
            lines.extend(item.ident.iter().map(|ident| format!("macro {ident}")));
            return;
        }
        _ => return,
    };
    let name = call(ident);
    lines.insert(format!("{kind} {name}"));
    names.insert(ident.to_string(), name.clone());
    derives(&name, attributes, lines);
    match item {
        Item::Struct(item) => fields(&name, &item.fields, lines),
        Item::Enum(item) => {
            for variant in &item.variants {
                let fields: Vec<String> = variant.fields.members().map(member).collect();
                lines.insert(format!("variant {name}::{}({})", variant.ident, fields.join(", ")));
            }
        }
        Item::Trait(item) => {
            for inner in &item.items {
                lines.extend(match inner {
                    TraitItem::Fn(inner) => Some(method(&name, &inner.sig)),
                    TraitItem::Type(inner) => Some(format!("type {name}::{}", inner.ident)),
                    TraitItem::Const(inner) => Some(format!("const {name}::{}", inner.ident)),
                    _ => None,
                });
            }
        }
        _ => {}
    }
}

/// Adds the public methods of an `impl`, or the trait it is of, if users can name its type.
pub(super) fn implementation(
    item: &ItemImpl,
    names: &BTreeMap<String, String>,
    lines: &mut BTreeSet<String>,
) {
    let owner = names.get(&last_word(&item.self_ty));
    if let Some((_, path, _)) = &item.trait_ {
        let of = path.segments.last().and_then(|segment| names.get(&segment.ident.to_string()));
        // A trait of the crate itself may be given to types that are not its own.
        let Some(owner) = owner.map(String::as_str).or_else(|| of.map(|_| "others")) else {
            return;
        };
        lines.insert(format!("impl {} for {owner}", with_arguments(path)));
        return;
    }
    let Some(owner) = owner else { return };
    for inner in &item.items {
        match inner {
            ImplItem::Fn(inner) if is_public(&inner.vis) => {
                lines.insert(method(owner, &inner.sig));
            }
            ImplItem::Const(inner) if is_public(&inner.vis) => {
                lines.insert(format!("const {owner}::{}", inner.ident));
            }
            _ => {}
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn derives(name: &str, attributes: &[Attribute], lines: &mut BTreeSet<String>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        // What does not parse is not Rust, and the compiler says so.
        let _ = attribute.parse_nested_meta(|meta| {
            lines.insert(format!("impl {} for {name}", with_arguments(&meta.path)));
            Ok(())
        });
    }
}

fn fields(owner: &str, fields: &Fields, lines: &mut BTreeSet<String>) {
    for (field, at) in fields.iter().zip(fields.members()) {
        if is_public(&field.vis) {
            lines.insert(format!("field {owner}.{}", member(at)));
        }
    }
}

fn member(member: syn::Member) -> String {
    match member {
        syn::Member::Named(name) => name.to_string(),
        syn::Member::Unnamed(index) => index.index.to_string(),
    }
}

fn method(owner: &str, signature: &Signature) -> String {
    let itself = signature.inputs.iter().any(|input| matches!(input, FnArg::Receiver(_)));
    let dot = if itself { "." } else { "::" };
    function(&format!("{owner}{dot}{}", signature.ident), signature)
}

/// Writes a function as its name, its kind of call and the number of its arguments.
fn function(name: &str, signature: &Signature) -> String {
    let arguments = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
    let future = signature.asyncness.is_some() || returns_future(&signature.output);
    let kind = if future { "async " } else { "" };
    format!("{kind}fn {name}({})", arguments.count())
}

fn returns_future(output: &ReturnType) -> bool {
    let ReturnType::Type(_, output) = output else { return false };
    let Type::ImplTrait(output) = &**output else { return false };
    output.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|s| s.ident == "Future")
        }
        _ => false,
    })
}

/// Writes a trait with the last words of its arguments: a type may be made from several others.
fn with_arguments(path: &Path) -> String {
    let Some(segment) = path.segments.last() else { return String::new() };
    let mut text = segment.ident.to_string();
    if let PathArguments::AngleBracketed(arguments) = &segment.arguments {
        let words: Vec<String> = arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(last_word(ty)),
                _ => None,
            })
            .collect();
        if !words.is_empty() {
            text = format!("{text}<{}>", words.join(", "));
        }
    }
    text
}

fn last_word(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Reference(reference) => return last_word(&reference.elem),
        _ => None,
    }
    .unwrap_or_else(|| "_".to_owned())
}
