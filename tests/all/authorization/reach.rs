//! An administrator of one place tries to reach another (API1): by cursors, batches, filters and proposals, and by
//! trying all ids. The parent module tries every operation on single objects. This module tries everything else.

use super::country::{About, Country, Position, Thing, marked};
use super::{Operation, operations, seen};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use zhuanjie::api;
use zhuanjie::domain::authority::{AccessDecision, Action, Object, decide};
use zhuanjie::domain::core::ids::{
    AppointmentRequestId, CertificationId, MemberId, MonthChangeId, OrganizationId, TransferId,
};

const NOTHING: i64 = 9_999_999;

/// The outside form of a key.
type Id = fn(i64) -> String;

fn get(client: &Client, path: &str) -> Answer {
    let request = client.request("GET", path).header("x-request-id", "tried");
    request.header("connection", "close").send()
}

fn items(answer: &Answer) -> BTreeSet<String> {
    let page = answer.json();
    let items = page["items"].as_array().expect("items").iter();
    items.map(Value::to_string).collect()
}

fn thing<'a>(country: &'a Country, about: About, name: &str) -> &'a Thing {
    let things = country.of(about);
    things.into_iter().find(|thing| thing.name == name).expect("a thing")
}

/// The names of the query parameters of each operation that has any.
fn queries() -> Vec<(String, Vec<String>)> {
    let document: Value = serde_json::from_str(&api::document_text()).expect("a document");
    let paths = document["paths"].as_object().expect("paths").values();
    let all = paths.flat_map(|item| item.as_object().expect("operations").values());
    let parameters = |operation: &Value| {
        let all = operation["parameters"].as_array().into_iter().flatten();
        let own = all.filter(|parameter| parameter["in"] == "query");
        own.map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let id = |operation: &Value| operation["operationId"].as_str().expect("an id").to_owned();
    all.map(|operation| (id(operation), parameters(operation)))
        .filter(|(_, names): &(String, Vec<String>)| !names.is_empty())
        .collect()
}

/// Makes sure that each list has two items for some caller. Returns the operation, a client and the path of each list.
fn lists(country: &Country) -> Vec<(&'static str, Client, String)> {
    let world = &country.world;
    let (class, college) = (world.org("class_1"), world.org("college"));
    let by = |name: &str| world.admin(name);
    for _ in 0..2 {
        let wanted = json!({"name": marked("class_2/1"), "id_number": world.id_number("class_2/1")});
        by("township").post("/v1/members/look-up", &wanted).expect(200);
    }
    let member = world.mem("class_1/1");
    for phone in ["13800000001", "13800000002"] {
        let path = format!("/v1/members/{member}/record");
        let client = by("class_1");
        let request = client.request("POST", &path).header("if-match", "*");
        let request = request
            .header("idempotency-key", &fresh_key())
            .json(&json!({"phone": phone}));
        request.send().expect(200);
    }
    let undo = json!({"mode": "all_or_nothing", "items": [{"member": member}]});
    by("class_1").write("/v1/member-marks/undo", &undo).expect(200);
    let path = |about: About, verdict: &str| {
        let (kind, name) = match about {
            About::MonthChange => ("month-changes", "class_1"),
            _ => ("appointment-requests", "class_1"),
        };
        format!("/v1/{kind}/{}/{verdict}", thing(country, about, name).id)
    };
    let refusal = json!({"reason": "不属实"});
    by("province")
        .decide(&path(About::MonthChange, "refuse"), 1, &refusal)
        .expect(200);
    let again = json!({"branch": class, "month": "2026-10", "reason": "学制延长"});
    by("college").write("/v1/month-changes", &again).expect(201);
    by("college")
        .decide(&path(About::OfficeRequest, "approve"), 1, &json!({}))
        .expect(200);
    vec![
        ("list_audit", by("auditor"), "/v1/audit?".into()),
        ("list_inbox", by("home"), "/v1/inbox?kind=approval_in&".into()),
        ("list_integrators", by("nation"), "/v1/integrators?".into()),
        (
            "my_disclosures",
            world.person("class_2/1"),
            "/v1/me/disclosures?".into(),
        ),
        (
            "mark_history",
            by("class_1"),
            format!("/v1/members/{member}/mark-history?"),
        ),
        (
            "list_member_changes",
            by("class_1"),
            format!("/v1/members/{member}/changes?"),
        ),
        ("list_month_changes", by("college"), "/v1/month-changes?".into()),
        (
            "list_organizations",
            by("college"),
            format!("/v1/organizations?under={college}&subtree=true&"),
        ),
        (
            "list_appointments",
            by("class_1"),
            format!("/v1/organizations/{class}/appointments?"),
        ),
        (
            "graduation_history",
            by("college"),
            format!("/v1/organizations/{class}/graduation-history?"),
        ),
        (
            "list_members",
            by("college"),
            format!("/v1/organizations/{college}/members?subtree=true&"),
        ),
        ("list_transfers", by("college"), "/v1/transfers?side=out&".into()),
    ]
}

/// Compares what a caller gets with the cursor of another caller with what they get without it.
fn goes_on(position: &Position, list: &str, cursor: &str) {
    let plain = get(&position.client, &format!("{list}limit=200"));
    let with = get(&position.client, &format!("{list}limit=200&cursor={cursor}"));
    let who = &position.name;
    match (plain.status, with.status) {
        // The cursor fits a list of the caller too: then they get a part of their own list.
        (200, 200) => assert!(items(&with).is_subset(&items(&plain)), "{who}: {list}: {}", with.text),
        (200, status) => assert_eq!(status, 400, "{who}: {list}: {}", with.text),
        _ => assert_eq!(seen(&with, ""), seen(&plain, ""), "{who}: {list}"),
    }
}

/// A batch with one item of the caller's own and one foreign item.
struct Batch {
    path: &'static str,
    by: &'static str,
    own: Value,
    foreign: fn(&str) -> Value,
    ids: (String, String),
}

fn batches(country: &Country) -> Vec<Batch> {
    let world = &country.world;
    let member = |name: &str| (world.mem(name), MemberId(NOTHING).to_string());
    let waits = |name: &str| thing(country, About::Transfer, name).id.clone();
    let foreign = thing(country, About::Transfer, "assignment").id.clone();
    vec![
        Batch {
            path: "/v1/transfers/decisions",
            by: "village",
            own: json!({"transfer": waits("approval_in"), "action": "approve"}),
            foreign: |id| json!({"transfer": id, "action": "approve"}),
            ids: (
                thing(country, About::Transfer, "external_answer").id.clone(),
                TransferId(NOTHING).to_string(),
            ),
        },
        Batch {
            path: "/v1/transfers/decisions",
            by: "village",
            own: json!({"transfer": waits("approval_in"), "action": "approve"}),
            foreign: |id| json!({"transfer": id, "action": "refuse", "reason": ""}),
            ids: (foreign, TransferId(NOTHING).to_string()),
        },
        Batch {
            path: "/v1/graduation-marks",
            by: "college",
            own: json!({"branch": world.org("class_2"), "month": "2027-07"}),
            foreign: |id| json!({"branch": id, "month": "2027-07"}),
            ids: (world.org("village"), OrganizationId(NOTHING).to_string()),
        },
        Batch {
            path: "/v1/member-marks",
            by: "class_1",
            own: json!({"member": world.mem("class_1/2"), "identity": "teacher"}),
            foreign: |id| json!({"member": id, "identity": "teacher"}),
            ids: member("class_2/1"),
        },
        Batch {
            path: "/v1/member-marks/undo",
            by: "class_1",
            own: json!({"member": world.mem("class_1/1")}),
            foreign: |id| json!({"member": id}),
            ids: member("class_2/1"),
        },
        Batch {
            path: "/v1/members/reset-codes",
            by: "class_1",
            own: json!(world.mem("class_1/2")),
            foreign: |id| json!(id),
            ids: member("class_2/1"),
        },
    ]
}

/// The answer of a batch, with its status and length. The second item is the one under test.
fn of_the_second(world: &World, batch: &Batch, mode: &str, id: &str) -> String {
    let items = json!([batch.own, (batch.foreign)(id)]);
    let body = match batch.path {
        "/v1/members/reset-codes" => json!({"items": items}),
        _ => json!({"mode": mode, "dry_run": true, "items": items}),
    };
    let admin = world.admin(batch.by);
    let request = admin.request("POST", batch.path).header("x-request-id", "tried");
    let answer = request.header("idempotency-key", &fresh_key()).json(&body).send();
    let mut told = answer.json();
    // The code for the caller's own member is different each time.
    if let Some(code) = told.pointer_mut("/results/0/code") {
        *code = Value::Null;
    }
    let length = answer.header("content-length").map(str::to_owned);
    format!("{} {length:?} {told}", answer.status).replace(id, "…")
}

both_engines! {
    fn api1_another_callers_cursor_shows_nothing_of_their_list(db: TestDb) {
        let country = Country::new(db);
        let lists = lists(&country);
        for (operation, owner, list) in &lists {
            let page = get(owner, &format!("{list}limit=1")).expect(200).json();
            let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("{operation} has only one page"));
            for position in &country.positions {
                goes_on(position, list, cursor);
            }
        }
        let tried: BTreeSet<&str> = lists.iter().map(|(operation, ..)| *operation).collect();
        let with_cursor = |names: &[String]| names.iter().any(|name| name == "cursor");
        let left_out: Vec<String> = queries().into_iter()
            .filter(|(operation, names)| with_cursor(names) && !tried.contains(operation.as_str()))
            .map(|(operation, _)| operation)
            .collect();
        assert_eq!(left_out, Vec::<String>::new(), "operations that were not tried");
    }

    fn api1_a_foreign_item_of_a_batch_is_answered_like_a_missing_one(db: TestDb) {
        let country = Country::new(db);
        for batch in batches(&country) {
            for mode in ["per_item", "all_or_nothing"] {
                let answer = |id: &str| of_the_second(&country.world, &batch, mode, id);
                let (hidden, nothing) = (&batch.ids.0, &batch.ids.1);
                assert_eq!(answer(hidden), answer(nothing), "{} {mode}", batch.path);
            }
        }
    }

    fn api1_a_filter_by_a_hidden_id_is_answered_like_one_by_an_invented_id(db: TestDb) {
        let country = Country::new(db);
        let world = &country.world;
        let operations = operations();
        let foreign = |place: &str, member: &str| [
            (world.org(place), OrganizationId(NOTHING).to_string()),
            (world.mem(member), MemberId(NOTHING).to_string()),
        ];
        let callers = [
            (world.admin("employer"), foreign("class_1", "class_1/1")),
            (world.person("village/1"), foreign("class_1", "class_1/1")),
            (world.admin("auditor"), foreign("village", "village/1")),
            (world.admin("nation"), foreign("holding", "holding/1")),
        ];
        let mut tried = 0;
        for (operation, names) in queries() {
            let Operation { path, .. } = &operations[&operation];
            // Everybody may name the organizations of the directory, except for a holding.
            let is_public = |id: &str| operation == "find_targets" && id != world.org("holding");
            for (client, ids) in &callers {
                for name in names.iter().filter(|name| ["under", "organization", "subject", "member"].contains(&name.as_str())) {
                    for (id, ghost) in ids.iter().filter(|(id, _)| !is_public(id)) {
                        let ask = |id: &str| {
                            let rest = if operation == "find_targets" { "&q=class" } else { "" };
                            seen(&get(client, &format!("{path}?{name}={id}{rest}")), id)
                        };
                        assert_eq!(ask(id), ask(ghost), "{operation}?{name}");
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 30, "{tried}");
        // Counts cover only the caller's own inbox.
        assert_eq!(world.admin("employer").get("/v1/inbox/counts").expect(200).json()["total"], json!(0));
    }

    fn api1_trying_all_ids_does_not_reveal_which_exist(db: TestDb) {
        let country = Country::new(db);
        let employer = country.world.admin("employer");
        let kinds: [(&str, &str, Id); 5] = [
            ("members", "", |key| MemberId(key).to_string()),
            ("transfers", "", |key| TransferId(key).to_string()),
            ("certifications", "/form", |key| CertificationId(key).to_string()),
            ("appointment-requests", "", |key| AppointmentRequestId(key).to_string()),
            ("month-changes", "", |key| MonthChangeId(key).to_string()),
        ];
        for (kind, rest, id) in kinds {
            let of_key = |key: i64| {
                let id = id(key);
                let answer = get(&employer, &format!("/v1/{kind}/{id}{rest}"));
                // The length depends on the length of the id.
                seen(&answer, &id).replace(&format!("content-length: {}", answer.text.len()), "")
            };
            let nothing = of_key(NOTHING);
            for key in 1..=40 {
                assert_eq!(of_key(key), nothing, "{kind} {key}");
            }
        }
    }

    fn api5_a_target_side_proposes_only_for_targets_in_its_subtree(db: TestDb) {
        let country = Country::new(db);
        let world = &country.world;
        let refusal = "transfer.target_out_of_scope";
        let mut met = BTreeSet::new();
        for position in &country.positions {
            let Some(actor) = position.actor.as_ref().filter(|actor| actor.office().is_some()) else {
                continue;
            };
            for place in ["class_1", "college", "village", "township"] {
                let path = world.path(place);
                let verdict = decide(actor, Action::ProposeAsTarget, Object::organization(&path));
                let body = json!({"reason": "unsettled", "details": {}, "target": world.org(place),
                    "member": {"name": marked("school/1"), "id_number": world.id_number("school/1")}});
                for path in ["/v1/transfers", "/v1/transfers/preview"] {
                    // Each request is a look-up and uses up a budget.
                    world.db.execute("DELETE FROM budgets");
                    let answer = position.client.write(path, &body);
                    let is_refused = answer.text.contains(refusal);
                    assert_eq!(verdict != AccessDecision::May, is_refused, "{} into {place}: {}", position.name, answer.text);
                    assert!(path.ends_with("preview") || answer.status >= 400, "{}", answer.text);
                }
                met.insert(verdict == AccessDecision::May);
            }
        }
        assert_eq!(met.len(), 2, "all positions were decided alike");
        assert_eq!(world.db.number(&format!("SELECT count(*) AS value FROM transfers WHERE member_id = {}", world.mem_key("school/1"))), 0);
    }

    fn s30_no_look_up_finds_a_member_of_a_special_unit(db: TestDb) {
        let country = Country::new(db);
        let world = &country.world;
        let wanted = json!({"name": marked("holding/1"), "id_number": world.id_number("holding/1")});
        for seeker in ["nation", "province", "village"] {
            world.admin(seeker).post("/v1/members/look-up", &wanted).refused(404, "member.no_match");
        }
        let body = json!({"reason": "unsettled", "details": {}, "target": world.org("township"), "member": wanted});
        world.admin("township").write("/v1/transfers", &body).refused(404, "member.no_match");
    }
}
