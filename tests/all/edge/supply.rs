//! The dependencies of the program: their licences and sources (S-26), and one provider of cryptography. The rules are in
//! `.cargo/deny.toml`, which cargo-deny reads too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The rules for dependencies.
fn rules() -> String {
    fs::read_to_string(root().join(".cargo/deny.toml")).expect("the rules")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts of a list in the rules. `field` begins the list, such as `allow = [`; `key` stands before each text, if
/// anything does.
fn list(rules: &str, section: &str, field: &str, key: &str) -> Vec<String> {
    let section = rules.split(section).nth(1).expect("the section");
    let list = section.split(field).nth(1).expect("the list");
    let list = list.split("\n]").next().unwrap_or_default();
    let lines = list.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let text = |line: &str| Some(line.split_once(&format!("{key}\""))?.1.split('"').next()?.to_owned());
    let found: Vec<String> = lines.filter_map(text).collect();
    assert!(!found.is_empty(), "{section}");
    found
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--locked", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every crate that is built for this machine, as `name version`, with its licence. Cargo asks the network only for crates
/// of other machines that were never fetched here.
fn built() -> BTreeMap<String, String> {
    let tree = cargo(&["tree", "--prefix", "none", "--format", "{p}|{l}"]);
    let found: BTreeMap<String, String> = tree
        .lines()
        .filter_map(|line| line.trim_end_matches(" (*)").split_once('|'))
        .map(|(package, licence)| {
            let name: Vec<&str> = package.split_whitespace().take(2).collect();
            (name.join(" "), licence.trim_end_matches(" (*)").to_owned())
        })
        .collect();
    assert!(found.len() > 150, "{}", found.len());
    found
}

/// Whether an SPDX expression allows a choice in which every licence is allowed.
fn is_allowed(allowed: &[String], expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let all = |part: &str| {
        part.split(" AND ")
            .all(|one| allowed.iter().any(|own| own == one.trim()))
    };
    // "(A OR B) AND C" is read as "A OR (B AND C)", which demands too little. So with AND, every part has to be
    // allowed.
    if expression.contains(" AND ") {
        expression.split(" OR ").all(all)
    } else {
        expression.split(" OR ").any(all)
    }
}

#[test]
fn s26_every_crate_has_an_allowed_licence() {
    let allowed = list(&rules(), "[licenses]", "allow = [", "");
    for (package, licence) in built() {
        assert!(is_allowed(&allowed, &licence), "{package}: {licence}");
    }
    for bad in [
        "GPL-3.0-only",
        "AGPL-3.0",
        "",
        "MIT AND GPL-2.0",
        "(MIT OR GPL-2.0) AND GPL-3.0",
    ] {
        assert!(!is_allowed(&allowed, bad), "{bad}");
    }
}

#[test]
fn one_provider_of_cryptography_is_built_in() {
    let built = built();
    let is_there = |name: &str| built.keys().any(|package| package.split(' ').next() == Some(name));
    assert!(is_there("aws-lc-rs") && is_there("rustls"), "known crates are found");
    assert!(!is_there("ring"));
}

#[test]
fn s26_no_banned_crate_is_built_for_any_machine_and_every_crate_comes_from_the_registry() {
    let rules = rules();
    let banned = list(&rules, "[bans]", "deny = [", "name = ");
    let everything = cargo(&[
        "tree",
        "--prefix",
        "none",
        "--all-features",
        "--target",
        "all",
        "--format",
        "{p}",
    ]);
    let names: BTreeSet<&str> = everything.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("rustls") && banned.iter().any(|name| name == "h2"));
    for name in &banned {
        assert!(!names.contains(name.as_str()), "{name} is banned in .cargo/deny.toml");
    }
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    let values = |field: &str| lock.lines().filter(|line| line.starts_with(field)).collect::<Vec<_>>();
    // Everything but the program itself has a source. Advisories are about what is locked.
    let (locked, sources) = (values("name = "), values("source = "));
    assert_eq!(sources.len(), locked.len() - 1);
    assert!(!locked.contains(&"name = \"h2\""));
    let registry = "https://github.com/rust-lang/crates.io-index";
    assert!(rules.contains(&format!("allow-registry = [\"{registry}\"]")));
    let source = format!("source = \"registry+{registry}\"");
    assert!(sources.iter().all(|own| **own == source), "{sources:?}");
}
