//! `docs/invariants.md`: what always holds for everything stored and for every answer (`I-nn`), written from the checks
//! of `zhuanjie verify` and from the tests named after an invariant.
//!
//! `ZHUANJIE_BLESS=1 cargo test --test all page` writes it.

use crate::rule_pages::{hold, root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use zhuanjie::service::verify::{self, Method};

/// Invariants of answers and not of rows: no query can check them.
#[rustfmt::skip]
const OF_ANSWERS: &[(&str, &str)] = &[
    ("I-15", "A batch answers with one result for each item, and no item takes effect twice."),
    ("I-16", "Requests of one actor with the same idempotency key and the same body have one effect and get the same answer."),
    ("I-17", "A write that was acknowledged survives the sudden death of the process."),
    ("I-18", "A write that was acknowledged survives a loss of power."),
    ("I-19", "A write that was acknowledged survives the loss of the primary database server."),
    ("I-20", "A write whose outcome is unknown can be sent again under its key until it is answered, and has one effect."),
    ("I-26", "A person reads their own write at once, on every server and from every standby."),
    ("I-27", "A decision on an outdated version (`If-Match`) changes nothing."),
    ("I-32", "A refused or failed request changes nothing, except for its audit entry and the budget it used up."),
];

/// Tests and scripts that show an invariant, in addition to the tests named after it.
#[rustfmt::skip]
const ALSO_SHOWN: &[(&str, &str, &str)] = &[
    ("I-08", "tests/all/transfers/races.rs", "n4_a9_of_two_approvers_one_wins"),
    ("I-15", "tests/all/transfers/batch.rs", "a8_each_item_of_a_batch_has_its_own_result"),
    ("I-15", "tests/all/graduation.rs", "g3_a_batch_is_1_to_200_items_and_names_none_twice"),
    ("I-17", "tests/harness/kill9.py", ""),
    ("I-18", "tests/harness/power_cut.py", ""),
    ("I-19", "tests/failover/failover.py", ""),
    ("I-20", "tests/harness/kill9.py", ""),
    ("I-27", "tests/all/transfers/decisions.rs", "every_write_needs_a_key_and_every_decision_a_version"),
    ("I-27", "tests/all/transfers/decisions.rs", "a9_the_loser_learns_which_state_won"),
    ("I-28", "tests/all/authorization/every_write_is_audited.rs", "s18_i28_every_write_and_every_look_up_leaves_its_row"),
    ("I-32", "tests/all/transfers/bad_input.rs", "every_write_answers_bad_bodies_with_a_clear_problem_and_stores_nothing"),
    ("I-32", "src/domain/transfer/tests/machine.rs", "i06_i07_i09_i10_a_case_keeps_to_the_machine"),
];

/// The invariants in the name of a test, such as `i07` or `i_07`. A range such as `i01_to_i33` names none, because such
/// a test shows more than one thing.
fn named(test: &str) -> BTreeSet<String> {
    let test = test.replace("_i_", "_i");
    let test = test.strip_prefix("i_").map_or(test.clone(), |rest| format!("i{rest}"));
    let is_number =
        |part: &&str| part.len() == 3 && part.starts_with('i') && part[1..].bytes().all(|b| b.is_ascii_digit());
    if test.contains("_to_i") {
        return BTreeSet::new();
    }
    test.split('_')
        .filter(is_number)
        .map(|part| format!("I-{}", &part[1..]))
        .collect()
}

/// For each invariant, the file and the name of each test or script that shows it.
fn evidence() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut evidence: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
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
        for name in text
            .lines()
            .filter_map(|line| line.split_once("fn ")?.1.split('(').next())
        {
            for number in named(name) {
                evidence
                    .entry(number)
                    .or_default()
                    .insert((file.clone(), name.to_owned()));
            }
        }
    }
    for (number, file, name) in ALSO_SHOWN {
        let shown = evidence.entry((*number).to_owned()).or_default();
        shown.insert(((*file).to_owned(), (*name).to_owned()));
    }
    evidence
}

/// The sentences of each invariant, each with how `verify` checks it.
fn sentences() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut sentences: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for invariant in verify::checked()
        .into_iter()
        .filter(|checked| checked.number.starts_with("I-"))
    {
        let how = match invariant.method {
            Method::Query => "`verify`, a query",
            Method::Replay => "`verify`, the replay",
            Method::Engine => "`verify`, the engine's own check",
        };
        sentences
            .entry(invariant.number)
            .or_default()
            .push((invariant.holds, how));
    }
    for (number, holds) in OF_ANSWERS {
        sentences.entry(number).or_default().push((holds, "tests only"));
    }
    sentences
}

fn page() -> String {
    let evidence = evidence();
    let mut page = String::from(
        "# Invariants\n\n\
         Written from `src/repository/invariants.rs`, `src/service/verify.rs` and `tests/all/invariants_page.rs`;\n\
         `ZHUANJIE_BLESS=1 cargo test --test all page` writes it anew.\n\n\
         An invariant holds for everything stored, or for every answer, at any time. Code and tests name it by its number.\n\
         `zhuanjie verify` checks what is stored, in three ways: a query finds the rows that break the invariant; the replay\n\
         applies the events of each case again; the engine checks its own structures. The harnesses in\n\
         [tests/harness](../tests/harness/README.md) end with `verify`. `tests/all/verify.rs` breaks each invariant that\n\
         `verify` checks, on both engines, and fails if `verify` does not find it. Invariants of answers are shown by tests\n\
         and harnesses only. The numbers have gaps. `verify` also checks S-08 of [security.md](security.md).\n",
    );
    for (number, sentences) in sentences() {
        let _ = write!(page, "\n## {number}\n\n| what holds | checked by |\n|---|---|\n");
        for (holds, how) in sentences {
            let _ = writeln!(page, "| {holds} | {how} |");
        }
        let shown = evidence.get(number).into_iter().flatten();
        let shown: Vec<String> = shown
            .map(|(file, name)| match name.as_str() {
                "" => format!("- `{file}`"),
                name => format!("- `{name}` in `{file}`"),
            })
            .collect();
        if !shown.is_empty() {
            let _ = write!(page, "\n{}\n", shown.join("\n"));
        }
    }
    page
}

#[test]
fn the_page_of_the_invariants_is_true() {
    hold("docs/invariants.md", &page());
}

#[test]
fn every_invariant_has_a_check_or_a_test() {
    let evidence = evidence();
    for (number, _) in OF_ANSWERS {
        assert!(evidence.contains_key(*number), "no test or script shows {number}");
    }
    for (number, file, name) in ALSO_SHOWN {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{number}: {file}: {e}"));
        assert!(
            text.contains(&format!("fn {name}")) || name.is_empty(),
            "{number}: {file} has no {name}"
        );
    }
}

/// The invariants that a text names, such as `I-09`.
fn numbers(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_number = |number: &str| number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    words
        .filter(|word| word.strip_prefix("I-").is_some_and(is_number))
        .map(str::to_owned)
        .collect()
}

/// The files below a folder that can name an invariant, except for the page itself.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if ["rs", "py", "md", "sql"].contains(&kind) && !path.ends_with("docs/invariants.md") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_invariant_that_is_named_is_explained() {
    let explained: BTreeSet<String> = sentences().into_keys().map(str::to_owned).collect();
    let mut all = BTreeSet::new();
    for file in ["src", "tests", "docs"]
        .iter()
        .flat_map(|folder| texts(&root().join(folder)))
    {
        let text = std::fs::read_to_string(&file).expect("UTF-8");
        let functions = text
            .lines()
            .filter_map(|line| line.split_once("fn ")?.1.split('(').next());
        let mut found = numbers(&text);
        found.extend(functions.flat_map(named));
        let missing: Vec<_> = found.difference(&explained).collect();
        assert!(missing.is_empty(), "{} names {missing:?}", file.display());
        all.extend(found);
    }
    assert_eq!(all, explained, "each is named somewhere");
}

#[test]
fn a_test_names_the_invariants_in_its_name() {
    let of = |name: &str| named(name).into_iter().collect::<Vec<_>>();
    assert_eq!(of("s18_i28_every_write"), ["I-28"]);
    assert_eq!(of("i_16_one_key"), ["I-16"]);
    assert_eq!(of("a9_i_08_one_winner"), ["I-08"]);
    assert_eq!(of("i06_i07_a_case"), ["I-06", "I-07"]);
    assert_eq!(of("i01_to_i33_hold"), [""; 0]);
    assert_eq!(of("it_is_so"), [""; 0]);
}
