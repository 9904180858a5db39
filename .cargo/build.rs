//! Tells the program the commit it is built from, for `--version`, the log and readiness. `ZHUANJIE_COMMIT` says it where
//! there is no repository, as in a container. A build for development does not ask: each commit would build everything anew.

use std::process::Command;

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

fn main() {
    println!("cargo::rerun-if-changed=.cargo/build.rs");
    println!("cargo::rerun-if-env-changed=ZHUANJIE_COMMIT");
    let is_given = std::env::var("ZHUANJIE_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty());
    let is_for_development = std::env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let commit = match is_given {
        Some(commit) => commit,
        None if is_for_development => "unknown, built for development".into(),
        None => {
            // It changes with every commit and checkout.
            let log = git(&["rev-parse", "--git-path", "logs/HEAD"]);
            log.iter().for_each(|log| println!("cargo::rerun-if-changed={log}"));
            git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".into())
        }
    };
    println!("cargo::rustc-env=ZHUANJIE_COMMIT={commit}");
}
