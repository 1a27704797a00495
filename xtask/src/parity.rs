//! `cargo xtask parity`: both clients have the same files and export the same public names.
//!
//! Names, methods and the number of their arguments, variants, fields, traits and what implements
//! them, re-exports. Not bounds: those differ where the runtimes' traits do. Read from the
//! sources, so that it needs no nightly.

use std::collections::BTreeSet;

use self::surface::surface;
use crate::Result;
use crate::workspace::{CLIENTS, no_arguments, root};

mod describe;
mod modules;
mod surface;

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
    Err(format!("differences: {}\n  {}", faults.len(), faults.join("\n  ")).into())
}

fn differences(names: [&str; 2], a: &BTreeSet<String>, b: &BTreeSet<String>) -> Vec<String> {
    let only = |name: &str, mine: &BTreeSet<String>, other: &BTreeSet<String>| {
        let lines = mine.difference(other).map(|line| format!("only {name} has {line}"));
        lines.collect::<Vec<_>>()
    };
    [only(names[0], a, b), only(names[1], b, a)].concat()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LIB: &str = "
        mod client; pub use client::{Client, Error as Fault}; pub use x as proto;
        pub mod extra { pub use crate::client::*; pub fn help() {} }
        #[cfg(test)] mod tests { pub fn planted() {} }";
    const CLIENT: &str = "
        #[derive(Debug)] pub struct Client { pub id: u8, secret: u8 }
        impl Client { pub async fn send(&self, a: u8) {} fn hidden(&self) {} }
        impl From<u8> for Client { fn from(id: u8) -> Self { todo() } }
        pub enum Error { Closed, Full { limit: usize } }
        struct Inner; impl Inner { pub fn helper(&self) {} }";

    fn planted(name: &str, files: &[(&str, &str)]) -> BTreeSet<String> {
        let folder =
            std::env::temp_dir().join(format!("xtask-parity-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        let surface = surface(&folder);
        fs::remove_dir_all(&folder).unwrap();
        surface.unwrap()
    }

    #[test]
    fn the_surface_is_what_a_user_can_name() {
        let lib = LIB.replace("pub use crate::client::*; ", "");
        let surface = planted("surface", &[("lib.rs", &lib), ("client.rs", CLIENT)]);
        let expected = [
            "async fn Client.send(1)",
            "enum Fault",
            "field Client.id",
            "file client.rs",
            "file lib.rs",
            "fn extra::help(0)",
            "impl Debug for Client",
            "impl From<u8> for Client",
            "mod extra",
            "re-export proto",
            "struct Client",
            "variant Fault::Closed()",
            "variant Fault::Full(limit)",
        ];
        assert_eq!(surface.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_one_client_alone_has_is_found() {
        let base = planted("base", &[("lib.rs", LIB), ("client.rs", CLIENT)]);
        let plants = [
            ("mod client;", "mod client; pub fn planted() {}"),
            ("pub fn help() {}", "pub fn help() {} pub fn planted() {}"),
            ("pub use x as proto", "use x as proto"),
            ("struct Inner;", "struct Inner; pub fn planted() {}"),
            ("fn hidden(&self)", "pub fn hidden(&self)"),
            ("pub async fn send(&self, a: u8)", "pub fn send(&self, a: u8)"),
            ("send(&self, a: u8)", "send(&self, a: u8, b: u8)"),
            ("Closed,", "Closed, Lost,"),
            ("Full { limit: usize }", "Full { most: usize }"),
            ("#[derive(Debug)]", "#[derive(Debug, Clone)]"),
            ("impl From<u8> for", "impl From<u16> for"),
            ("pub id: u8", "id: u8"),
        ];
        for (index, (from, to)) in plants.into_iter().enumerate() {
            let (lib, client) = (LIB.replace(from, to), CLIENT.replace(from, to));
            assert!(lib != LIB || client != CLIENT, "{from}");
            let files = [("lib.rs", lib.as_str()), ("client.rs", client.as_str())];
            let other = planted(&format!("changed-{index}"), &files);
            assert!(!differences(["a", "b"], &base, &other).is_empty(), "{to}");
        }
    }

    #[test]
    fn a_moved_file_is_found_and_private_parts_may_differ() {
        let base = planted("kept", &[("lib.rs", LIB), ("client.rs", CLIENT)]);
        let lib = LIB.replace("mod client;", "mod handle;").replace("client::", "handle::");
        let moved = planted("moved", &[("lib.rs", &lib), ("handle.rs", CLIENT)]);
        let faults = differences(["a", "b"], &base, &moved);
        assert_eq!(faults, ["only a has file client.rs", "only b has file handle.rs"]);
        let client = CLIENT.replace("helper", "other").replace("hidden", "deep");
        let inside = planted("inside", &[("lib.rs", LIB), ("client.rs", &client)]);
        assert_eq!(differences(["a", "b"], &base, &inside), [""; 0]);
    }
}
