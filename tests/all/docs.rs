//! The links of the pages lead to files, the code they show exists, and so do the tests, files and types they name.

use crate::rule_pages::sources;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use zhuanjie::domain::authority::Action;

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

/// The anchor of a heading, as GitHub makes it: lower case, blanks as `-`, and no punctuation.
fn anchor(heading: &str) -> String {
    let letters = heading.trim().to_lowercase().replace(' ', "-");
    let is_kept = |c: &char| c.is_alphanumeric() || *c == '-' || *c == '_';
    letters.chars().filter(is_kept).collect()
}

/// The anchors of a page's headings.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).expect("a page");
    let outside_of_code = text.split("```").step_by(2);
    let headings = outside_of_code
        .flat_map(str::lines)
        .filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_into_a_file_leads_to_a_heading() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        let folder = page.parent().expect("a folder");
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(')')?.0));
        for (file, heading) in targets.filter_map(|target| target.split_once('#')) {
            if !file.contains("://") && (file.is_empty() || file.ends_with(".md")) {
                let target = if file.is_empty() {
                    page.clone()
                } else {
                    folder.join(file)
                };
                let is_there = anchors(&target).contains(heading);
                assert!(is_there, "{}: {file} has no #{heading}", page.display());
            }
        }
    }
}

#[test]
fn a_heading_has_the_anchor_that_links_use() {
    assert_eq!(
        anchor(" Limits of what we depend on (S-25)"),
        "limits-of-what-we-depend-on-s-25"
    );
    assert_eq!(anchor(" 4. The tables"), "4-the-tables");
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

/// The pages that name parts of the source and are written by hand.
const HAND_WRITTEN: &[&str] = &[
    "docs/adding-a-job.md",
    "docs/adding-an-endpoint.md",
    "docs/architecture.md",
    "docs/changing-the-schema.md",
    "docs/glossary.md",
    "docs/security.md",
    "docs/testing.md",
];

/// The texts of a page between backticks, and those of its code blocks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// The name of a test that a quoted text gives, and whether it gives only its beginning: `module::name` or `name…`. A
/// short word such as `on_behalf_of` may name something else.
fn test_name(text: &str) -> Option<(&str, bool)> {
    let last = text.rsplit("::").next().unwrap_or(text);
    let (name, is_beginning) = match last.strip_suffix('…') {
        Some(beginning) => (beginning, true),
        None => (last, false),
    };
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let parts = name.split('_').count();
    let is_name = name.bytes().all(is_letter) && parts >= if is_beginning { 2 } else { 4 };
    is_name.then_some((name, is_beginning))
}

/// The names of all functions of the source and of the tests.
fn functions() -> BTreeSet<String> {
    let files = ["src", "tests"].map(|folder| sources(&root().join(folder)));
    let mut found = BTreeSet::new();
    for file in files.into_iter().flatten() {
        let text = fs::read_to_string(&file).expect("UTF-8");
        let after = text.lines().filter_map(|line| Some(line.split_once("fn ")?.1));
        let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        found.extend(after.map(|rest| rest.chars().take_while(is_name).collect::<String>()));
    }
    found
}

#[test]
fn every_test_that_a_page_names_exists() {
    let functions = functions();
    let exists = |(name, is_beginning): (&str, bool)| {
        if is_beginning {
            functions.iter().any(|function| function.starts_with(name))
        } else {
            functions.contains(name)
        }
    };
    let (mut count, mut missing) = (0, Vec::new());
    for file in HAND_WRITTEN {
        let page = fs::read_to_string(root().join(file)).expect("a page");
        for text in quoted(&page) {
            let Some(name) = test_name(text) else { continue };
            count += 1;
            if !exists(name) {
                missing.push(format!("{file}: {text}"));
            }
        }
    }
    assert!(count > 50, "only {count} names were found");
    assert!(missing.is_empty(), "no such test: {missing:#?}");
}

#[test]
fn every_file_and_every_permission_that_a_page_names_exists() {
    let actions: BTreeSet<String> = Action::ALL.iter().map(|action| format!("{action:?}")).collect();
    let folders = ["src/", "tests/", "docs/", "openapi/"];
    let mut missing = Vec::new();
    for file in HAND_WRITTEN {
        let page = fs::read_to_string(root().join(file)).expect("a page");
        for text in quoted(&page) {
            let path = text.split("::").next().unwrap_or(text);
            let is_path = folders.iter().any(|folder| path.starts_with(folder))
                && path
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
            if is_path && !root().join(path).exists() {
                missing.push(format!("{file}: {path}"));
            }
            for after in text.split("can::").skip(1) {
                let name: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
                if !name.is_empty() && !actions.contains(&name) {
                    missing.push(format!("{file}: can::{name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_name_is_read_with_its_module_or_cut_short() {
    assert_eq!(test_name("s09_…"), Some(("s09_", true)));
    assert_eq!(
        test_name("audit::a10_the_row_names_both"),
        Some(("a10_the_row_names_both", false))
    );
    for other in [
        "on_behalf_of",
        "GET /v1/me",
        "…",
        "word…",
        "cargo test s09_",
        "src/a_b_c_d.rs",
    ] {
        assert_eq!(test_name(other), None, "{other}");
    }
    assert_eq!(
        quoted("a `b` c\n```rust\nd\n```\n`e`").collect::<Vec<_>>(),
        ["b", "", "rust\nd\n", "", "e"]
    );
}

#[test]
fn one_command_writes_everything_that_is_generated() {
    const COMMAND: &str = "ZHUANJIE_BLESS=1 cargo test --test all page";
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for (at, _) in text.match_indices("ZHUANJIE_BLESS=1 cargo") {
            assert!(text[at..].starts_with(COMMAND), "{}: another command", page.display());
        }
    }
}
