//! A type's name means one thing: no two files of `src/` define types of the same name.
//!
//! Types are structs, enums, traits, type aliases and the enums of `vocabulary!`. Types defined in unit tests do not
//! count.

use crate::support::rust::{Token, tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Names that are still defined more than once. Remove a name when it is settled. Add none.
const SHARED: &[&str] = &["Answer", "Bearer", "Caller", "NewOrganization", "TargetView"];

/// The names of the types that a source defines outside of its unit tests.
fn defined(source: &str) -> Vec<String> {
    let served = source.split("\n#[cfg(test)]\nmod ").next().unwrap_or(source);
    let tokens = tokens(served);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut vocabulary = None;
    for (at, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(at + ahead).map(|token: &Token| token.text.as_str());
        let name = match token.text.as_str() {
            "{" => {
                depth += 1;
                None
            }
            "}" => {
                depth -= 1;
                vocabulary = vocabulary.filter(|&inside| depth >= inside);
                None
            }
            "struct" | "enum" | "trait" => next(1),
            // An associated type of a trait.
            "type" if depth == 0 => next(1),
            "vocabulary" if next(1) == Some("!") => {
                vocabulary = Some(depth + 1);
                None
            }
            name if vocabulary == Some(depth) && next(1) == Some("{") => Some(name),
            _ => None,
        };
        found.extend(
            name.filter(|name| name.starts_with(char::is_uppercase))
                .map(str::to_owned),
        );
    }
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the source").flatten() {
            let path = entry.path();
            let is_for_tests = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs" || part == "testing.rs";
            if path.iter().any(is_for_tests) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("UTF-8");
                let inside = path.strip_prefix(&root).expect("a file of src").to_owned();
                found.push((inside, source));
            }
        }
    }
    assert!(found.len() > 150, "too few files were found");
    found
}

#[test]
fn a_types_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, source) in sources() {
        for name in defined(&source) {
            places.entry(name).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 500, "too few types were found");
    places.retain(|_, paths| paths.len() > 1);
    let allowed: BTreeSet<&str> = SHARED.iter().copied().collect();
    let settled: Vec<&&str> = allowed.iter().filter(|name| !places.contains_key(**name)).collect();
    assert!(
        settled.is_empty(),
        "no longer defined twice, so take them off the list: {settled:?}"
    );
    places.retain(|name, _| !allowed.contains(name.as_str()));
    assert!(places.is_empty(), "types of the same name: {places:#?}");
}

#[test]
fn the_checker_finds_every_kind_of_type() {
    let source = r#"
        //! struct Comment
        pub struct Struct<'a>(&'a str);
        pub(crate) enum Enum { Variant { field: u8 } }
        trait Trait { type Associated; }
        type Alias = Enum;
        impl Trait for Enum { type Associated = u8; }
        row! { pub struct Row in table { pub id: i64, } }
        vocabulary! {
            /// A vocabulary.
            First { One = "one", "一", "one"; }
            Second { Two = "two", "二", "two"; }
        }
        struct After { text: String }
        fn f(s: &str) { if s == "enum Text" { match s { _ => Local { } } } }
    "#;
    let found = defined(source);
    assert_eq!(
        found,
        ["Struct", "Enum", "Trait", "Alias", "Row", "First", "Second", "After"]
    );
    assert!(defined("struct A;\n#[cfg(test)]\nmod tests {\n    struct B;\n}").eq(&["A"]));
}
