//! No two files of `src/` import each other, directly or through other files.
//!
//! A re-export is followed to the file it comes from: a file that imports `db::Conn` depends on `db/connection.rs`.
//! Imports of a file's unit tests do not count.

use crate::support::rust::{paths, tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files of a crate by module (`["domain", "transfer"]`), each with its source text.
struct Crate {
    sources: BTreeMap<Vec<String>, String>,
}

impl Crate {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder of the source").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") && !is_for_tests(&path) {
                    let inside = path.strip_prefix(&root).expect("a file of src");
                    sources.insert(module_of(inside), fs::read_to_string(&path).expect("UTF-8"));
                }
            }
        }
        assert!(sources.len() > 150, "too few files were found");
        Self { sources }
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let sources = files
            .iter()
            .map(|(file, source)| (module_of(Path::new(file)), (*source).to_owned()));
        Self {
            sources: sources.collect(),
        }
    }

    /// What each file imports, by module.
    fn imports(&self) -> BTreeMap<&[String], BTreeSet<&[String]>> {
        let exported: BTreeMap<_, _> = self
            .sources
            .iter()
            .map(|(module, source)| (module.as_slice(), self.re_exports(module, source)))
            .collect();
        self.sources
            .iter()
            .map(|(module, source)| {
                let served = before_tests(source);
                let named = self.named(module, served);
                let found = named.iter().filter_map(|path| self.home(path, &exported));
                (module.as_slice(), found.filter(|home| *home != module).collect())
            })
            .collect()
    }

    /// The paths of this crate that a source names, without the leading `crate`.
    fn named(&self, module: &[String], source: &str) -> Vec<Vec<String>> {
        let absolute = |segments: Vec<String>| match segments[0].as_str() {
            "crate" => Some(segments[1..].to_vec()),
            child => {
                let mut inside = module.to_vec();
                inside.push(child.to_owned());
                let is_child = self.sources.contains_key(&inside);
                inside.extend_from_slice(&segments[1..]);
                is_child.then_some(inside)
            }
        };
        paths(source, module)
            .into_iter()
            .filter_map(|path| absolute(path.segments))
            .collect()
    }

    /// The names a module re-exports, with the paths they stand for.
    fn re_exports(&self, module: &[String], source: &str) -> BTreeMap<String, Vec<String>> {
        let words: Vec<String> = tokens(before_tests(source))
            .into_iter()
            .map(|token| token.text)
            .collect();
        let mut found = BTreeMap::new();
        for (at, _) in words.iter().enumerate().filter(|(_, word)| *word == "pub") {
            let rest = &words[at + 1..];
            let rest = match rest.first().map(String::as_str) {
                Some("(") => &rest[rest.iter().position(|word| word == ")").map_or(0, |end| end + 1)..],
                _ => rest,
            };
            if rest.first().is_none_or(|word| word != "use") {
                continue;
            }
            let end = rest.iter().position(|word| word == ";").unwrap_or(rest.len());
            let statement = rest[..end].join(" ") + ";";
            for path in self.named(module, &statement) {
                if let Some(name) = path.last() {
                    found.insert(name.clone(), path.clone());
                }
            }
        }
        found
    }

    /// The module whose file a path leads to.
    fn home(
        &self,
        path: &[String],
        exported: &BTreeMap<&[String], BTreeMap<String, Vec<String>>>,
    ) -> Option<&[String]> {
        let module = (1..=path.len())
            .rev()
            .find_map(|length| self.sources.get_key_value(&path[..length]))?
            .0;
        let item = path.get(module.len());
        match item.and_then(|item| exported[module.as_slice()].get(item)) {
            Some(origin) if origin.as_slice() != path => self.home(origin, exported),
            _ => Some(module),
        }
    }
}

/// `domain/transfer/mod.rs` is `["domain", "transfer"]`.
fn module_of(inside: &Path) -> Vec<String> {
    let parts = inside.with_extension("");
    let mut module: Vec<String> = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

fn is_for_tests(path: &Path) -> bool {
    path.iter()
        .any(|part| part == "tests" || part == "tests.rs" || part == "testing.rs")
}

/// The source before its unit tests.
fn before_tests(source: &str) -> &str {
    source.split("\n#[cfg(test)]\nmod ").next().unwrap_or(source)
}

/// The circles of a graph. Each is a set of files in which every file reaches every other.
fn circles<'a>(imports: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>) -> Vec<Vec<String>> {
    let reached = |from: &'a [String]| {
        let mut found = BTreeSet::new();
        let mut open: Vec<&[String]> = imports[from].iter().copied().collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(imports.get(next).into_iter().flatten().copied());
            }
        }
        found
    };
    let reach: BTreeMap<_, _> = imports.keys().map(|file| (*file, reached(file))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(file) {
            let circle = reached.iter().filter(|other| reach[**other].contains(file));
            found.insert(circle.map(|module| module.join("::")).collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_files_import_each_other() {
    let source = Crate::read();
    let found = circles(&source.imports());
    assert!(found.is_empty(), "files that import each other: {found:#?}");
}

#[test]
fn the_checker_finds_circles() {
    type Case = (
        &'static [(&'static str, &'static str)],
        &'static [&'static [&'static str]],
    );
    let cases: &[Case] = &[
        (&[("a.rs", "use crate::b::X;"), ("b.rs", "")], &[]),
        (
            &[("a.rs", "use crate::b::X;"), ("b.rs", "use crate::a::Y;")],
            &[&["a", "b"]],
        ),
        (
            &[
                ("a.rs", "fn f() { crate::b::g() }"),
                ("b.rs", "use super::c::X;"),
                ("c.rs", "use super::a;"),
            ],
            &[&["a", "b", "c"]],
        ),
        // A parent that uses its child, which uses what the parent defines.
        (
            &[("a/mod.rs", "mod b; use b::X;"), ("a/b.rs", "use super::Y;")],
            &[&["a", "a::b"]],
        ),
        // A parent that re-exports one child to another makes no circle.
        (
            &[
                ("a/mod.rs", "mod b; mod c; pub use b::X; pub(crate) use c::{Y, Z};"),
                ("a/b.rs", ""),
                ("a/c.rs", "use super::X;"),
            ],
            &[],
        ),
        // Imports of unit tests do not count.
        (
            &[
                ("a.rs", "use crate::b::X;"),
                ("b.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::a::Y; }"),
            ],
            &[],
        ),
    ];
    for (files, wanted) in cases {
        let source = Crate::of(files);
        let wanted: Vec<Vec<String>> = wanted
            .iter()
            .map(|circle| circle.iter().map(|&module| module.to_owned()).collect())
            .collect();
        assert_eq!(circles(&source.imports()), wanted, "{files:?}");
    }
}
