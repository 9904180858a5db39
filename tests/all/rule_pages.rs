//! `docs/rules.md` and `docs/errors.md`: written from the same tables as the refusals, with the tests that prove each
//! rule.
//!
//! `ZHUANJIE_BLESS=1 cargo test --test all page` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::catalogue::rule::Rule;
use zhuanjie::domain::core::language::Language;

/// Rules that come with the linkage statistics. Every other rule must have a test.
const NOT_YET: [Rule; 3] = [Rule::L2, Rule::L3, Rule::L4];

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The tests in a file: a whole test file, or what follows `#[cfg(test)]` in any other file.
fn tests_of(path: &Path, text: &str) -> String {
    let inside = path
        .strip_prefix(root())
        .expect("a file of the project")
        .to_string_lossy()
        .into_owned();
    let is_test_file = inside.starts_with("tests/") || inside.ends_with("tests.rs") || inside.contains("/tests/");
    match text.split_once("#[cfg(test)]") {
        _ if is_test_file => text.to_owned(),
        Some((_, tests)) => tests.to_owned(),
        None => String::new(),
    }
}

/// The rules that a test's name begins with: `g5_g7_a_month…` proves G5 and G7.
fn rules_of(name: &str) -> Vec<Rule> {
    name.split('_')
        .map_while(|part| part.to_uppercase().parse().ok())
        .collect()
}

/// The tests named after each rule, with the file they are in.
fn proofs() -> BTreeMap<Rule, BTreeSet<(String, String)>> {
    let mut proofs: BTreeMap<Rule, BTreeSet<(String, String)>> = BTreeMap::new();
    for path in sources(&root().join("src"))
        .into_iter()
        .chain(sources(&root().join("tests")))
    {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let file = path
            .strip_prefix(root())
            .expect("a file of the project")
            .to_string_lossy()
            .into_owned();
        for line in tests_of(&path, &text).lines() {
            let Some((_, rest)) = line.split_once("fn ") else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            for rule in rules_of(&name) {
                proofs.entry(rule).or_default().insert((file.clone(), name.clone()));
            }
        }
    }
    proofs
}

/// The rows of the tables in `src/domain/mod.rs`: the rules of a row, and the parts of the domain that it links to.
fn index() -> Vec<(Vec<Rule>, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("src/domain/mod.rs")).expect("the domain");
    let numbers = |cell: &&str| -> Vec<Rule> { cell.split(", ").map_while(|number| number.parse().ok()).collect() };
    let row = |line: &str| -> Option<(Vec<Rule>, Vec<String>)> {
        let cells: Vec<&str> = line.strip_prefix("//! | ")?.split(" | ").collect();
        let rules = cells.iter().map(numbers).max_by_key(Vec::len)?;
        let linked = cells.last()?.split("[`").skip(1);
        let parts = linked.filter_map(|rest| Some(rest.split_once("`]")?.0.to_owned()));
        Some((rules, parts.collect()))
    };
    text.lines().filter_map(row).collect()
}

/// The parts of the domain that a rule is in: those named after it, or else all of its rows.
fn code_of(rule: Rule, index: &[(Vec<Rule>, Vec<String>)]) -> Vec<&str> {
    let rows = index.iter().filter(|(rules, _)| rules.contains(&rule));
    let parts: Vec<&str> = rows.flat_map(|(_, parts)| parts).map(String::as_str).collect();
    let beginning = format!("::{}_", rule.number().to_lowercase());
    let own: Vec<&str> = parts.iter().copied().filter(|part| part.contains(&beginning)).collect();
    if own.is_empty() { parts } else { own }
}

fn rules_page() -> String {
    let (proofs, index) = (proofs(), index());
    let mut page = String::from(
        "# The rules, and the tests that prove them\n\n\
         Written from `src/domain/catalogue/` and the tables in `src/domain/mod.rs`;\n\
         `ZHUANJIE_BLESS=1 cargo test --test all page` writes it anew. § is the section of the manual. A rule without one, or\n\
         marked so, is a decision of ours. \"Code\" names the parts of `src/domain/` that the rule is in.\n",
    );
    for rule in Rule::ALL {
        let source = match rule.section() {
            Some(section) => format!("§{section}"),
            None => "our decision".to_owned(),
        };
        let _ = write!(page, "\n## {} ({source})\n\n", rule.number());
        let _ = writeln!(
            page,
            "{}\n\n{}\n",
            rule.statement(Language::English),
            rule.statement(Language::Chinese)
        );
        let codes: Vec<String> = Code::ALL
            .iter()
            .filter(|code| code.rule() == Some(*rule))
            .map(|code| format!("`{}`", code.name()))
            .collect();
        if !codes.is_empty() {
            let _ = writeln!(page, "Refusals: {}\n", codes.join(", "));
        }
        let code: Vec<String> = code_of(*rule, &index).iter().map(|part| format!("`{part}`")).collect();
        if !code.is_empty() {
            let _ = writeln!(page, "Code: {}\n", code.join(", "));
        }
        match proofs.get(rule) {
            Some(tests) => {
                for (file, name) in tests {
                    let _ = writeln!(page, "- `{name}` in `{file}`");
                }
            }
            None => page.push_str("Not built yet: it comes with the linkage statistics.\n"),
        }
    }
    page
}

fn errors_page() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         Written from `src/domain/catalogue/code/mod.rs`; `ZHUANJIE_BLESS=1 cargo test --test all page` writes it anew.\n\
         Served at `GET /v1/errors`.\n\n\
         | code | rule | what is wrong | what to do |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let rule = code.rule().map_or("", |rule| rule.number());
        let both = |text: fn(Code, Language) -> &'static str| {
            format!(
                "{}<br>{}",
                text(*code, Language::English),
                text(*code, Language::Chinese)
            )
        };
        let (detail, next) = (both(Code::detail), both(Code::next_action));
        let _ = writeln!(page, "| `{}` | {rule} | {detail} | {next} |", code.name());
    }
    page
}

/// Fails if a page differs from what would be written now. `ZHUANJIE_BLESS=1` writes it.
pub fn hold(file: &str, page: &str) {
    let path = root().join(file);
    if std::env::var_os("ZHUANJIE_BLESS").is_some() {
        std::fs::write(&path, page).expect("the page can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == page,
        "{file} is stale: ZHUANJIE_BLESS=1 cargo test --test all page"
    );
}

#[test]
fn the_page_of_the_rules_is_true() {
    hold("docs/rules.md", &rules_page());
}

#[test]
fn the_page_of_the_errors_is_true() {
    hold("docs/errors.md", &errors_page());
}

#[test]
fn each_rule_has_a_test_named_after_it() {
    let proofs = proofs();
    let unproven: Vec<&str> = Rule::ALL
        .iter()
        .filter(|rule| !proofs.contains_key(rule) && !NOT_YET.contains(rule))
        .map(|rule| rule.number())
        .collect();
    assert!(unproven.is_empty(), "no test is named after {unproven:?}");
}

#[test]
fn the_code_of_a_rule_is_what_the_tables_of_the_domain_name() {
    let index = index();
    let marks = ["member::mark::m3_delayed", "member::mark::m3_teacher"];
    assert_eq!(code_of(Rule::M3, &index), marks);
    assert_eq!(code_of(Rule::G9, &index), ["graduation::g9_season_after"]);
}

#[test]
fn a_name_proves_the_rules_it_begins_with_and_no_others() {
    assert_eq!(rules_of("g5_g7_a_month_is_set"), [Rule::G5, Rule::G7]);
    assert_eq!(rules_of("t10_withdraw"), [Rule::T10]);
    assert_eq!(rules_of("a_case_with_t1"), []);
    assert_eq!(rules_of("i01_invariant"), []);
}
