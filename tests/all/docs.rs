//! The pages lead where they say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut pages = vec![root().join("README.md")];
    collect(&root().join("docs"), &mut pages);
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
    let canonical = |path: &PathBuf| path.canonicalize().expect("it exists");
    let linked: BTreeSet<PathBuf> = pages()
        .iter()
        .flat_map(|page| links(page))
        .map(|link| canonical(&link))
        .collect();
    for page in pages() {
        assert!(
            linked.contains(&canonical(&page)),
            "nothing leads to {}",
            page.display()
        );
    }
}
