//! What the program is made of: licences (S-26) and one provider of cryptography.

use serde_json::Value;
use std::collections::BTreeSet;
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

/// Every crate of `Cargo.lock` that is built for this machine, with its features, from what cargo has at hand.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Whether an expression (SPDX) leaves a choice of licences that are all allowed.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let all = |part: &str| part.split(" AND ").all(|one| ALLOWED.contains(&one.trim()));
    // With "(A OR B) AND C" read as "A OR (B AND C)" too little is demanded, so there every part has to be allowed.
    if expression.contains(" AND ") {
        expression.split(" OR ").all(all)
    } else {
        expression.split(" OR ").any(all)
    }
}

#[test]
fn s26_every_crate_bears_a_licence_that_is_allowed() {
    let metadata = metadata();
    let built: BTreeSet<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let mut count = 0;
    for package in packages.filter(|package| package["id"].as_str().is_some_and(|id| built.contains(id))) {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(is_allowed(licence), "{} {}: {licence}", package["name"], package["version"]);
        count += 1;
    }
    assert!(count > 150, "{count}");
    for bad in ["GPL-3.0-only", "AGPL-3.0", "none", "MIT AND GPL-2.0", "(MIT OR GPL-2.0) AND GPL-3.0"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn one_provider_of_cryptography_is_built_in() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let is_there = |name: &str| {
        nodes.iter().any(|node| {
            let id = node["id"].as_str().unwrap_or_default();
            id.contains(&format!("#{name}@")) || id.contains(&format!("/{name}#"))
        })
    };
    assert!(is_there("aws-lc-rs"), "it would be found");
    assert!(!is_there("ring"));
}
