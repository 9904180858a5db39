//! The links of the pages lead to files, and the code they show exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                collect(&path, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "tests"] {
        collect(&root().join(folder), &mut pages);
    }
    pages
}

/// The targets of a page's links to files of the project.
fn links(page: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(page).expect("a page");
    let folder = page.parent().expect("a folder");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .map(|target| folder.join(target))
        .collect()
}

#[test]
fn every_link_leads_to_a_file() {
    for page in pages() {
        for link in links(&page) {
            assert!(link.exists(), "{} links to {}", page.display(), link.display());
        }
    }
}

#[test]
fn every_page_is_linked() {
    let canonical = |path: &PathBuf| path.canonicalize().expect("the file exists");
    let linked: BTreeSet<PathBuf> = pages()
        .iter()
        .flat_map(|page| links(page))
        .map(|link| canonical(&link))
        .collect();
    for page in pages() {
        assert!(
            linked.contains(&canonical(&page)),
            "no page links to {}",
            page.display()
        );
    }
}

/// The Rust blocks of a page that name their file: the line before reads "From `path`:".
fn snippets(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (head, rest) in page
        .match_indices("\n```rust\n")
        .map(|(at, fence)| page.split_at(at + fence.len()))
    {
        let said = head
            .trim_end_matches("```rust\n")
            .trim_end()
            .lines()
            .last()
            .unwrap_or_default();
        let Some(file) = said.strip_prefix("From `").and_then(|said| said.strip_suffix("`:")) else {
            continue;
        };
        let code = rest.split("\n```").next().unwrap_or_default();
        found.push((file.to_owned(), code.to_owned()));
    }
    found
}

#[test]
fn every_snippet_stands_in_the_file_it_names() {
    let mut count = 0;
    for page in pages() {
        for (file, code) in snippets(&fs::read_to_string(&page).expect("a page")) {
            let source = fs::read_to_string(root().join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert!(
                source.contains(&code),
                "{} shows code that is not in {file}:\n{code}",
                page.display()
            );
            count += 1;
        }
    }
    assert!(count > 0, "no page shows code");
}

#[test]
fn a_snippet_is_read_with_the_file_it_names() {
    let page = "x\n\nFrom `src/a.rs`:\n\n```rust\nfn a() {\n}\n```\n\ntext\n\n```rust\nfn b() {}\n```\n";
    assert_eq!(snippets(page), [("src/a.rs".to_owned(), "fn a() {\n}".to_owned())]);
}

/// The security requirements a text names, such as `S-09`; `AES-256` names none.
fn requirements(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_number = |number: &str| number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    words
        .filter(|word| word.strip_prefix("S-").is_some_and(is_number))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_security_requirement_that_is_named_is_explained() {
    fn collect(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") {
                found.extend(requirements(&fs::read_to_string(path).expect("UTF-8")));
            }
        }
    }
    let page = fs::read_to_string(root().join("docs/security.md")).expect("the page");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| S-")?.split_once(" |"));
    let explained: BTreeSet<String> = rows.map(|(number, _)| format!("S-{number}")).collect();
    let mut named = BTreeSet::new();
    collect(&root().join("src"), &mut named);
    collect(&root().join("tests"), &mut named);
    assert!(named.len() > 20, "only {named:?}");
    let missing: Vec<_> = named.difference(&explained).collect();
    assert!(missing.is_empty(), "docs/security.md does not explain {missing:?}");
}
