//! Who may see and do what (O6). Every operation of the OpenAPI document is tried from every position on objects at a
//! class and at its college. The tests are named after OWASP's API Security Top 10 2023 (API1 objects, API3 properties,
//! API5 functions).
//!
//! Each answer is compared with [`zhuanjie::domain::authority::decide`], whose matrix is `docs/authorization.md`. A
//! hidden object must be answered byte for byte like a missing one. Every answer is searched for names of people
//! outside the caller's scope and for any full ID number or telephone. A refused request must not change any table.
//!
//! To show what the tests find, one filter was removed at a time:
//!
//! | broken on purpose | what fails |
//! |---|---|
//! | a member's page without the check of the caller (`members::visible`) | 182 findings, the first at `get_member` |
//! | a transfer without that check (`transfers::seen`) | 902, the first at `get_transfer` |
//! | lists and histories of any organization (`organizations::permitted`) | 331, the first at `list_organizations` |
//! | the list of transfers without the caller's subtree (`view::place`) | 54, all at `list_transfers` |
//! | no check of the permission at the entry (`Caller`) | 28, the first at `get_member`, by an auditor |
//! | a preview lists what blocks a member that the caller may not see (`file::hides`) | 18, all at `preview_transfer` |
//! | holdings in the directory (`organizations::is_visible`) | 68, the first at `get_organization` |
//! | 403 for hidden objects (`authority::verdict`) | 38, the first at `approve_month_change` |
//! | a body is read before the caller is known (`extract::once_authorized`) | `bodies::api5_…`, and 4 here, at `sign_out` |
//! | a missing member answered before the branch lookup (`members::with_access`) | `constant_work::s02_…` |
//! | a refresh without its row | `every_write_is_audited::s18_i28_…` |
//!
//! One that they do not find: marking a member without the check of authority (`marks::check_may_mark`), because rule
//! M2 checks again.

mod bodies;
mod constant_work;
mod country;
mod every_write_is_audited;
mod matrix_page;
mod reach;
mod recipes;

use crate::support::both_engines;
use crate::support::http::Answer;
use country::{About, Country, Place, Position, Thing};
use recipes::{RECIPES, Recipe};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use zhuanjie::api;
use zhuanjie::domain::authority::actor::Role;
use zhuanjie::domain::authority::scope::Reach;
use zhuanjie::domain::authority::{AccessDecision, Action, Capacity, Object, Relation, decide, enter, verdict};
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::catalogue::refusal_kind::RefusalKind;
use zhuanjie::domain::core::ids::IntegratorSecretId;

/// An operation of the document.
struct Operation {
    method: String,
    path: String,
    /// The permission that its handler demands. `None` if everybody may call it.
    permission: Option<Action>,
    /// Whether it takes JSON.
    takes_json: bool,
}

fn operations() -> BTreeMap<String, Operation> {
    let document: Value = serde_json::from_str(&api::document_text()).expect("a document");
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            let permission = operation["x-permission"].as_str();
            let operation = Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                permission: permission.map(|name| name.parse().expect("an action")),
                takes_json: operation["requestBody"]["content"].get("application/json").is_some(),
            };
            found.insert(id, operation);
        }
    }
    found
}

/// What the matrix decides for a position and an object, with what the workflow adds.
fn expected(position: &Position, operation: &Operation, recipe: &Recipe, thing: &Thing) -> AccessDecision {
    let Some(permission) = operation.permission else {
        return AccessDecision::May;
    };
    let Some(actor) = &position.actor else {
        return AccessDecision::MayNot(Code::RequestUnauthenticated);
    };
    let capacity = Capacity::of(actor);
    if let Err(code) = enter(actor, permission) {
        return AccessDecision::MayNot(code);
    }
    let action = match recipe.action.unwrap_or(permission) {
        // A holding is not in the directory (S-30).
        Action::ReadOrganization if thing.secret => Action::ReadHolding,
        action => action,
    };
    // A credential with the reach `self` has no subtree to list.
    if let (Action::ListOrganizations, Role::Integrator { grant, .. }) = (action, &actor.role)
        && grant.reach == Reach::Own
    {
        return AccessDecision::MayNot(Code::IntegratorScopeMissing);
    }
    // A member and the system of a province list their own cases, at any organization.
    if action == Action::ListTransfersBelow && (capacity == Capacity::Member || actor.speaks_for().is_some()) {
        return AccessDecision::May;
    }
    if recipe.operation == "find_targets" && thing.about == About::Oneself {
        return AccessDecision::May;
    }
    match (&thing.place, action) {
        (
            Place::Between {
                starter: Some(starter), ..
            },
            Action::WithdrawTransfer,
        ) if actor.acting_for() == Some(*starter) => verdict(capacity, action, Relation::Starter),
        (Place::Between { sides, .. }, Action::AnswerExternal)
            if actor.speaks_for().is_some() && actor.speaks_for() == sides.target.province =>
        {
            verdict(capacity, action, Relation::Holder)
        }
        // An organization with administrators of its own acts for itself (A10).
        (Place::At { path, .. }, Action::CreateOrganization) if !thing.secret => {
            decide(actor, action, Object::organization(path))
        }
        // M2: only administrators of the school sector mark members.
        (Place::At { .. }, Action::MarkMember)
            if thing.with_object(|object| decide(actor, action, object)) == AccessDecision::May
                && ["province", "nation"]
                    .iter()
                    .any(|organ| position.name.ends_with(organ)) =>
        {
            AccessDecision::MayNot(Code::MarkOutOfScope)
        }
        _ => thing.with_object(|object| decide(actor, action, object)),
    }
}

/// The address of an operation for an object.
fn address(operation: &Operation, id: &str) -> String {
    operation
        .path
        .replace("{id}", id)
        .replace("{season}", "2026")
        .replace("{secret}", &IntegratorSecretId(9_999_999).to_string())
        .replace("{code}", "transfer.not_found")
}

fn call(country: &Country, position: &Position, operation: &Operation, recipe: &Recipe, id: &str) -> Answer {
    let path = format!("{}{}", address(operation, id), recipe.query.replace("{id}", id));
    let request = position
        .client
        .request(&operation.method, &path)
        .header("x-request-id", "tried")
        // A kept connection may be closed while the tables are read.
        .header("connection", "close")
        .header(
            "idempotency-key",
            &format!("{}-{}", recipe.operation, &id[id.len().saturating_sub(13)..]),
        )
        .header("if-match", "\"999\"");
    match recipe.content(id, country) {
        Some((kind, body)) => request.header("content-type", kind).body(body).send(),
        None => request.send(),
    }
}

/// Everything a client sees of an answer, without what always differs and without the id in the request.
fn seen(answer: &Answer, id: &str) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "ratelimit"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    let text = format!("{} {}\n{}", answer.status, headers.join("\n"), answer.text);
    if id.is_empty() { text } else { text.replace(id, "…") }
}

/// The refusal in an answer: of the request, or of the only item of a batch.
fn refusal(answer: &Answer) -> Option<Code> {
    let body: Value = serde_json::from_str(&answer.text).ok()?;
    let item = &body["results"][0]["errors"][0]["code"];
    let name = item.as_str().or(body["code"].as_str())?;
    Code::ALL.iter().copied().find(|code| code.name() == name)
}

/// Whether an answer agrees with a decision.
fn fits(answer: &Answer, verdict: AccessDecision, missing: Code) -> bool {
    let code = refusal(answer);
    match verdict {
        AccessDecision::May => !code.is_some_and(|code| {
            matches!(code.kind(), RefusalKind::Forbidden | RefusalKind::Unauthenticated) || code == missing
        }),
        AccessDecision::MayNot(wanted) | AccessDecision::Unseen(wanted) => code == Some(wanted),
    }
}

/// Whose names a position may read: people in its scope, the caller, the administrators above (who act on the caller's
/// cases), and the names in a transfer that the caller may see (A7).
fn readable(country: &Country, position: &Position) -> impl Fn(&str) -> bool {
    let world = &country.world;
    let mut known: BTreeSet<String> = BTreeSet::new();
    if let Some(actor) = &position.actor {
        let home = actor.office().map(|office| office.path.clone());
        let own_name = world
            .people()
            .find(|name| world.account(name) == actor.account.map(|account| account.to_string()).unwrap_or_default());
        let home = home.or(own_name
            .and_then(|name| name.split_once('/'))
            .map(|(branch, _)| world.path(branch)));
        for name in world.people() {
            let place = name.split('/').next().unwrap_or_default();
            let place = place.strip_prefix("former ").unwrap_or(place);
            let place = if place == "auditor" { "college" } else { place };
            let path = world.path(place);
            let inside = match &actor.role {
                // Only the direct superior sees the members of a special unit (S-30).
                _ if place == "holding" => position.name == "administrator of province",
                Role::Administrator(office) | Role::Auditor(office) => path.is_within(&office.path),
                Role::Integrator { grant, .. } => grant.reaches(&path),
                Role::Member | Role::System => false,
            };
            let above = !name.contains('/') && home.as_ref().is_some_and(|home| home.is_within(&path));
            if inside || above || Some(name) == own_name {
                known.insert(name.to_owned());
            }
        }
        for thing in country.of(About::Transfer) {
            let visible =
                thing.with_object(|object| decide(actor, Action::ReadTransfer, object)) == AccessDecision::May;
            if let (true, Place::Between { names, .. }) = (visible, &thing.place) {
                known.extend(names.iter().cloned());
            }
        }
    }
    move |name| known.contains(name)
}

/// The names in brackets in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('『')
        .skip(1)
        .map(|rest| rest.split('』').next().unwrap_or_default())
}

/// Everything that is wrong with an operation's answers.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, recipe: &Recipe, position: &Position, thing: &Thing, what: &str) {
        let Recipe { operation, query, .. } = recipe;
        self.0.push(format!(
            "{operation}{query} of {} ({:?}) by {}: {what}",
            thing.name, thing.about, position.name
        ));
    }
}

/// Tries an operation from every position on all objects of its kind. The refused calls come first.
fn try_out(country: &Country, operation: &Operation, recipe: &Recipe, findings: &mut Findings) {
    let things = country.of(recipe.about);
    assert!(!things.is_empty(), "{}: no object to try it on", recipe.operation);
    let before = country.stored();
    let mut allowed = Vec::new();
    for thing in &things {
        for position in &country.positions {
            match expected(position, operation, recipe, thing) {
                AccessDecision::May => allowed.push((*thing, position)),
                refused => deny(country, operation, recipe, (thing, position), refused, findings),
            }
        }
    }
    let after = country.stored();
    for (table, rows) in &before {
        if after[table] != *rows {
            findings
                .0
                .push(format!("{}: a refused request changed {table}", recipe.operation));
        }
    }
    for (thing, position) in allowed {
        let answer = call(country, position, operation, recipe, &thing.id);
        let missing = recipe
            .action
            .or(operation.permission)
            .map_or(Code::RequestNotFound, |action| action.kind().missing());
        let decides = recipe.only.is_none_or(|only| only == thing.name);
        let public = operation.permission.is_none();
        if decides && !public && !fits(&answer, AccessDecision::May, missing) {
            findings.add(
                recipe,
                position,
                thing,
                &format!("may, but {} {}", answer.status, answer.text),
            );
        }
        search(country, recipe, (thing, position), &answer, findings);
    }
}

fn deny(
    country: &Country,
    operation: &Operation,
    recipe: &Recipe,
    (thing, position): (&Thing, &Position),
    refused: AccessDecision,
    findings: &mut Findings,
) {
    let answer = call(country, position, operation, recipe, &thing.id);
    search(country, recipe, (thing, position), &answer, findings);
    let unseen = matches!(refused, AccessDecision::Unseen(_));
    let decides = recipe.only.is_none_or(|only| only == thing.name);
    if refusal(&answer).is_none() || (decides || unseen) && !fits(&answer, refused, Code::RequestNotFound) {
        findings.add(
            recipe,
            position,
            thing,
            &format!("{refused:?}, but {} {}", answer.status, answer.text),
        );
    }
    if unseen {
        let nothing = call(country, position, operation, recipe, &thing.ghost);
        let (hidden, nothing) = (seen(&answer, &thing.id), seen(&nothing, &thing.ghost));
        if hidden != nothing {
            findings.add(
                recipe,
                position,
                thing,
                &format!("differs from the answer for a missing object:\n{hidden}\n{nothing}"),
            );
        }
    }
}

/// Searches an answer for texts that the position may not read.
fn search(
    country: &Country,
    recipe: &Recipe,
    (thing, position): (&Thing, &Position),
    answer: &Answer,
    findings: &mut Findings,
) {
    let text = seen(answer, "");
    if text.contains('『') {
        let may_read = readable(country, position);
        // A look-up names an administrator to contact (§2.5).
        let is_contact = |name: &&str| recipe.operation == "look_up_member" && !name.contains('/');
        for name in names(&text).filter(|name| !may_read(name) && !is_contact(name)) {
            let what = format!("shows a name of {name}: {}", answer.text);
            findings.add(recipe, position, thing, &what);
        }
    }
    // Only `reveal_member` shows a number in full. It leaves a row that the member reads.
    let revealed = recipe.operation == "reveal_member" && answer.status == 200;
    let in_full = country.secrets.iter().find(|secret| text.contains(secret.as_str()));
    if in_full.is_some() && !revealed {
        findings.add(recipe, position, thing, "shows an ID number or a telephone in full");
    }
}

/// Tries the operations that act on some kinds of objects.
fn try_all(country: &Country, wanted: impl Fn(About) -> bool) {
    let operations = operations();
    let mut findings = Findings::default();
    for recipe in RECIPES.iter().filter(|recipe| wanted(recipe.about)) {
        let operation = operations
            .get(recipe.operation)
            .unwrap_or_else(|| panic!("{} is not an operation", recipe.operation));
        try_out(country, operation, recipe, &mut findings);
    }
    let Findings(found) = findings;
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn api5_every_operation_is_tried_and_the_list_of_those_that_are_not_is_empty() {
    let tried: BTreeSet<&str> = RECIPES.iter().map(|recipe| recipe.operation).collect();
    let operations = operations();
    let not_tried: Vec<&String> = operations.keys().filter(|id| !tried.contains(id.as_str())).collect();
    assert_eq!(not_tried, Vec::<&String>::new());
    assert!(operations.len() > 60, "too few operations were found");
}

#[test]
fn api5_every_action_is_needed_by_an_operation_or_asked_for_inside_one() {
    let by_signature = operations().into_values().filter_map(|operation| operation.permission);
    let inside = RECIPES.iter().filter_map(|recipe| recipe.action);
    let used: BTreeSet<Action> = by_signature.chain(inside).collect();
    // The target side's permission is checked for the target in the body, after the person it names (T1): see `reach`.
    let elsewhere = BTreeSet::from([Action::ProposeAsTarget]);
    let unused: Vec<&Action> = Action::ALL
        .iter()
        .filter(|action| !used.contains(action) && !elsewhere.contains(action))
        .collect();
    assert_eq!(unused, Vec::<&Action>::new());
}

both_engines! {
    fn api1_organizations_are_acted_on_from_their_subtree_and_are_hidden_elsewhere(db: TestDb) {
        try_all(&Country::new(db), |about| matches!(about, About::Organization | About::Subtree | About::Holding));
    }

    fn api1_members_and_their_forms_are_visible_to_themselves_and_from_above(db: TestDb) {
        try_all(&Country::new(db), |about| matches!(about, About::Member | About::Uploading | About::Form));
    }

    fn api1_offices_and_requests_are_visible_at_and_above_their_organization(db: TestDb) {
        let kinds = [About::Office, About::EndedOffice, About::OfficeRequest, About::OwnRequest, About::MonthChange];
        try_all(&Country::new(db), |about| kinds.contains(&about));
    }

    fn api1_transfers_are_visible_to_both_sides_and_decided_by_the_holders_of_the_turn(db: TestDb) {
        try_all(&Country::new(db), |about| about == About::Transfer);
    }

    fn api5_functions_are_for_their_capacities_and_lists_show_what_is_in_scope(db: TestDb) {
        let kinds = [About::Public, About::Oneself, About::Nation, About::Person, About::Integrator];
        try_all(&Country::new(db), |about| kinds.contains(&about));
    }
}

#[test]
fn o6_the_positions_stand_in_every_relation_of_the_tree() {
    let Some(db) = crate::support::TestDb::new(crate::support::Engine::Sqlite) else {
        return;
    };
    let country = Country::new(db);
    let mut met: BTreeSet<Relation> = BTreeSet::from([Relation::Starter]);
    for position in &country.positions {
        for (thing, actor) in country
            .things
            .iter()
            .flat_map(|thing| position.actor.iter().map(move |a| (thing, a)))
        {
            met.extend(thing.with_object(|object: Object<'_>| zhuanjie::domain::authority::relations(actor, object)));
        }
    }
    let missing: Vec<&Relation> = Relation::ALL
        .iter()
        .filter(|relation| !met.contains(relation))
        .collect();
    assert_eq!(missing, Vec::<&Relation>::new());
    let auditors = country.positions.iter().filter_map(|position| position.actor.as_ref());
    assert_eq!(
        auditors.filter(|actor| matches!(actor.role, Role::Auditor(_))).count(),
        1
    );
}
