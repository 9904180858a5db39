//! The dependencies of the program: their licences (S-26), and one provider of cryptography.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Licences that let a public body run, change and pass on the program.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "PostgreSQL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "blessing",
];

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--offline", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every crate that is built for this machine, as `name version`, with its licence. Cargo answers without the network.
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
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let all = |part: &str| part.split(" AND ").all(|one| ALLOWED.contains(&one.trim()));
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
    for (package, licence) in built() {
        assert!(is_allowed(&licence), "{package}: {licence}");
    }
    for bad in [
        "GPL-3.0-only",
        "AGPL-3.0",
        "",
        "MIT AND GPL-2.0",
        "(MIT OR GPL-2.0) AND GPL-3.0",
    ] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn one_provider_of_cryptography_is_built_in() {
    let built = built();
    let is_there = |name: &str| built.keys().any(|package| package.split(' ').next() == Some(name));
    assert!(is_there("aws-lc-rs") && is_there("rustls"), "known crates are found");
    assert!(!is_there("ring"));
}
