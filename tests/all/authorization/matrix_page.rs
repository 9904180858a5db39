//! `docs/authorization.md`: the whole matrix, printed from the function that decides.
//!
//! `ZHUANJIE_BLESS=1 cargo test authorization` writes it.

use super::operations;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use zhuanjie::domain::authority::{AccessDecision, Action, Capacity, ObjectKind, Relation, admit, verdict};
use zhuanjie::domain::core::language::Language;

const HEAD: &str = "# Who may see and do what

Printed from `src/domain/authority.rs`; `ZHUANJIE_BLESS=1 cargo test authorization` writes it anew. The tests in
`tests/all/authorization/` call every operation from every position and hold each answer against the same function.

Everything a caller can ask for is an **action** on some kind of object. In what **capacity** he calls decides whether he may
ask at all: the handler's signature names the action, and who may not ask is refused before it runs. His **relations** to the
object decide the rest, on the loaded object, inside the transaction; if he stands to it in several ways, the best counts.

- **yes**: he may. The workflow's rules come on top and can only refuse more (a case is closed, it is about himself, the
  branch is no school's).
- **403**: he sees it, but the rules give the act to somebody else.
- **404**: it does not exist for him: status, headers and body are those of an id that nobody has, byte for byte.

A superior sees all below and acts where the table says so. Where the rules give an act to whoever has the turn, the column is
*holder*: the organization itself, or the superior that stands in for a vacant one (A10). Acting in its place is written
down: the event names the person and the organization he acted from, and the audit row also the one on whose behalf
(`on_behalf_of`).

A transfer is seen from its sides, not by its place: *source side* and *target side* are the organization, all its
superiors, and the system of a province with one of its own. One to a special unit shows itself to the branch and the
approving province alone (S-30).
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    words(&mut page);
    for &capacity in Capacity::ALL {
        of_capacity(&mut page, capacity);
    }
    called_by(&mut page);
    page
}

fn words(page: &mut String) {
    page.push_str("\n## The relations\n\n| relation | | |\n|---|---|---|\n");
    for relation in Relation::ALL {
        let text = relation.text();
        let _ = writeln!(page, "| `{relation}` | {} | {} |", text.zh, text.en);
    }
}

fn of_capacity(page: &mut String, capacity: Capacity) {
    let text = capacity.text();
    let _ = writeln!(page, "\n## {} ({})", text.en, text.zh);
    for &kind in ObjectKind::ALL {
        let actions: Vec<Action> = Action::ALL
            .iter()
            .copied()
            .filter(|action| action.kind() == kind && admit(capacity, *action).is_ok())
            .collect();
        if !actions.is_empty() {
            table(page, capacity, kind, &actions);
        }
    }
    let refused: Vec<String> = Action::ALL
        .iter()
        .filter_map(|action| Some(format!("`{action}` (`{}`)", admit(capacity, *action).err()?.name())))
        .collect();
    if !refused.is_empty() {
        let _ = writeln!(
            page,
            "\nRefused at the door, whatever the relation: {}.",
            refused.join(", ")
        );
    }
}

fn table(page: &mut String, capacity: Capacity, kind: ObjectKind, actions: &[Action]) {
    let text = kind.text();
    let _ = write!(page, "\n### {} ({})\n\n| action |", text.en, text.zh);
    for relation in Relation::ALL {
        let _ = write!(page, " {relation} |");
    }
    let _ = writeln!(page, "\n|---|{}", "---|".repeat(Relation::ALL.len()));
    for &action in actions {
        let _ = write!(page, "| `{action}`: {} |", action.label(Language::English));
        for &relation in Relation::ALL {
            let cell = match verdict(capacity, action, relation) {
                AccessDecision::May => "**yes**",
                AccessDecision::MayNot(_) => "403",
                AccessDecision::Unseen(_) => "404",
            };
            let _ = write!(page, " {cell} |");
        }
        page.push('\n');
    }
}

/// The permission that each operation demands.
fn called_by(page: &mut String) {
    page.push_str(
        "\n## The operations\n\nWhat each handler's signature demands; the document says it as `x-permission`.\n\n",
    );
    page.push_str("| operation | permission |\n|---|---|\n");
    for (id, operation) in operations() {
        let permission = match operation.permission {
            Some(action) => format!("`{action}`"),
            None => "anybody".to_owned(),
        };
        let _ = writeln!(
            page,
            "| `{} {}` ({id}) | {permission} |",
            operation.method, operation.path
        );
    }
}

#[test]
fn o6_the_page_of_the_matrix_is_true() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/authorization.md");
    let page = page();
    if std::env::var_os("ZHUANJIE_BLESS").is_some() {
        fs::write(&path, &page).expect("the page is written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/authorization.md is stale; refresh it:\n\n    ZHUANJIE_BLESS=1 cargo test authorization\n"
    );
}
