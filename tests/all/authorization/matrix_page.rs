//! `docs/authorization.md`: the whole matrix, printed from the function that decides.
//!
//! `ZHUANJIE_BLESS=1 cargo test --test all page` writes it.

use super::operations;
use crate::rule_pages::hold;
use std::fmt::Write;
use zhuanjie::domain::authority::{AccessDecision, Action, Capacity, ObjectKind, Relation, check_capacity, verdict};
use zhuanjie::domain::core::language::Language;

const HEAD: &str = "# Who may see and do what

Printed from `src/domain/authority/mod.rs` by `ZHUANJIE_BLESS=1 cargo test --test all page`. The tests in
`tests/all/authorization/` call every operation from every position and compare each answer with the same function.

Everything a caller can ask for is an **action** on some kind of object. The caller's **capacity** decides whether they
may ask at all: the handler's signature names the action, and the check comes before the handler runs. Their
**relations** to the object decide the rest, on the loaded object, inside the transaction. If a caller has several
relations to the object, the best one counts.

- **yes**: the caller may do it. The rules of the workflow can only refuse more: the case is closed, it is about the
  caller, the branch belongs to no school.
- **403**: the caller sees the object, but only others may do this to it.
- **404**: the object does not exist for the caller. Status, headers and body are exactly those of an id that does not
  exist.

A superior sees every object below. What it may do with one, and which details it may read, the table says. Where an
action belongs to the organization whose turn it is, the column is *holder*: the organization itself, or the superior
that acts for a vacant one (A10). The event then names the person and the organization they acted from. The audit row
also names the organization they acted for (`on_behalf_of`).

A transfer is seen from its two sides: *source side* and *target side* are the organization, all its superiors, and the
system of an external province. Only the branch and the approving province see a transfer to a special unit (S-30).
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
            .filter(|action| action.kind() == kind && check_capacity(capacity, *action).is_ok())
            .collect();
        if !actions.is_empty() {
            table(page, capacity, kind, &actions);
        }
    }
    let refused: Vec<String> = Action::ALL
        .iter()
        .filter_map(|action| {
            Some(format!(
                "`{action}` (`{}`)",
                check_capacity(capacity, *action).err()?.name()
            ))
        })
        .collect();
    if !refused.is_empty() {
        let _ = writeln!(
            page,
            "\nRefused in this capacity, in any relation: {}.",
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
        "\n## The operations\n\nThe permission that each handler's signature demands. In the OpenAPI document it is `x-permission`. The\n\
         scope is what an integrator's credential needs. Without a scope the operation is for people only, except for reading\n\
         the caller's own account and a season's policy.\n\n",
    );
    page.push_str("| operation | permission | scope |\n|---|---|---|\n");
    for (id, operation) in operations() {
        let permission = match operation.permission {
            Some(action) => format!("`{action}`"),
            None => "anybody".to_owned(),
        };
        let scope = operation.permission.and_then(Action::scope);
        let scope = scope.map(|scope| format!("`{scope}`")).unwrap_or_default();
        let _ = writeln!(
            page,
            "| `{} {}` ({id}) | {permission} | {scope} |",
            operation.method, operation.path
        );
    }
}

#[test]
fn o6_the_page_of_the_matrix_is_true() {
    hold("docs/authorization.md", &page());
}
