//! Transfers through the public API, from proposal to history: every rule T, A and X with its refusal, on both engines.

mod assignment;
mod bad_input;
mod batch;
mod decisions;
mod defects;
mod expiry;
mod external;
mod history;
mod inbox;
mod preview;
mod proposal;
mod questions;
mod races;
mod special_unit;

use crate::support::database::texts;
use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use serde_json::{Value, json};
use zhuanjie::db::sql::maintenance;
use zhuanjie::service::jobs::JobName;

/// A day in the season when nothing special happens.
const SUMMER: &str = "2026-06-15T00:00:00Z";

fn address() -> Value {
    json!({"division_code": "420106", "text": "珞珈山路1号"})
}

/// The details that a reason demands.
fn details(reason: &str) -> Value {
    match reason {
        "further_study" => {
            json!({"destination_stage": "regular_university", "school_name": "某大学", "school_address": address()})
        }
        "employed_with_league" | "employed_without_league" => {
            json!({"employer_name": "某公司", "employer_address": address()})
        }
        "unsettled" => json!({"home_address": address()}),
        _ => json!({}),
    }
}

/// A proposal by the member. [`about`] and [`named`] turn it into a proposal by others.
pub(crate) fn proposal(world: &World, reason: &str, target: &str) -> Value {
    json!({"reason": reason, "details": details(reason), "target": world.org(target)})
}

/// A proposal to Beijing.
fn to_beijing() -> Value {
    let external = json!({
        "province": 11, "name": "某公司", "organization": "共青团某公司委员会",
        "address": {"division_code": "110105", "text": "建国路1号"},
    });
    let mut body = json!({"reason": "employed_with_league", "details": details("employed_with_league")});
    body["details"]["external"] = external;
    body
}

fn to_special_unit() -> Value {
    json!({"reason": "special_unit"})
}

/// The source side's proposal: the member by id.
fn about(world: &World, member: &str, mut body: Value) -> Value {
    body["member"] = json!({"id": world.mem(member)});
    body
}

/// The target side's proposal: the member by name and ID number.
fn named(world: &World, member: &str, mut body: Value) -> Value {
    body["member"] = json!({"name": member, "id_number": world.id_number(member)});
    body
}

/// A proposed case.
#[derive(Debug, Clone)]
pub(crate) struct Proposed {
    id: String,
    version: i64,
}

impl Proposed {
    fn of(answer: &Answer) -> Self {
        let body = answer.json();
        Self {
            id: body["id"].as_str().expect("an id").to_owned(),
            version: body["version"].as_i64().expect("a version"),
        }
    }

    fn at(&self, action: &str) -> String {
        format!("/v1/transfers/{}/{action}", self.id)
    }

    fn path(&self) -> String {
        format!("/v1/transfers/{}", self.id)
    }

    /// Takes an action that must succeed. Returns the case after it.
    #[track_caller]
    pub(crate) fn take(&self, client: &Client, action: &str, body: &Value) -> Self {
        let answer = client.decide(&self.at(action), self.version, body).expect(200);
        let after = Self::of(&answer);
        assert_eq!(after.version, self.version + 1, "one event for each transition");
        after
    }

    /// The state of the case, as a client sees it.
    #[track_caller]
    fn state(&self, client: &Client) -> String {
        let case = client.get(&self.path()).expect(200).json();
        case["state"].as_str().expect("a state").to_owned()
    }
}

/// Proposes a transfer that must be allowed.
#[track_caller]
pub(crate) fn propose(client: &Client, body: &Value) -> Proposed {
    Proposed::of(&client.write("/v1/transfers", body).expect(201))
}

/// The stored rows that a refusal must not change: the number of rows in each table, and the contents of cases, inboxes
/// and members.
fn stored(world: &World) -> Vec<String> {
    let mut conn = world.db.conn();
    let tables = maintenance::table_names(&mut conn).expect("tables");
    // A proposal by name and number is a look-up, which is recorded in any case (T4). A refusal is recorded too (I-28).
    // The tests' own clients begin a session at their first request.
    let of_look_ups = |table: &str| ["look_ups", "budgets", "sessions"].contains(&table);
    let besides = |table: &str| match table {
        "audit_log" => " WHERE action NOT IN ('member.looked_up', 'look_up.limited') AND outcome = 'done'",
        _ => "",
    };
    let counts: Vec<String> = tables
        .iter()
        .filter(|table| !of_look_ups(table))
        .map(|table| format!("SELECT '{table} ' || count(*) AS value FROM {table}{}", besides(table)))
        .collect();
    let questions = [
        &counts.join(" UNION ALL "),
        "SELECT id || ' ' || state || ' ' || version AS value FROM transfers ORDER BY id",
        "SELECT organization_id || ' ' || kind || ' ' || subject_id AS value FROM inbox_entries ORDER BY id",
        "SELECT id || ' ' || coalesce(branch_id, 0) || ' ' || standing || ' ' || version AS value FROM members ORDER BY id",
    ];
    questions
        .into_iter()
        .flat_map(|question| texts(&mut conn, question))
        .collect()
}

/// The expected refusal.
#[derive(Debug, Clone, Copy)]
struct No<'a> {
    status: u16,
    code: &'a str,
    rule: Option<&'a str>,
    pointer: Option<&'a str>,
    /// The organization that can help.
    helper: Option<&'a str>,
}

fn no<'a>(status: u16, code: &'a str, rule: &'a str) -> No<'a> {
    No {
        status,
        code,
        rule: Some(rule),
        pointer: None,
        helper: None,
    }
}

impl<'a> No<'a> {
    fn at(self, pointer: &'a str) -> Self {
        Self {
            pointer: Some(pointer),
            ..self
        }
    }

    fn ask(self, helper: &'a str) -> Self {
        Self {
            helper: Some(helper),
            ..self
        }
    }

    /// Checks one answer, in one language.
    #[track_caller]
    fn check(&self, world: &World, answer: &Answer, language: &str) {
        assert_eq!(answer.status, self.status, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("content-language"), Some(language));
        let body = answer.json();
        assert_eq!(body["code"], json!(self.code), "{body}");
        assert_eq!(body["status"], json!(self.status), "{body}");
        assert_eq!(body["rule"].as_str(), self.rule, "{body}");
        assert_eq!(body["errors"][0]["code"], body["code"], "{body}");
        assert_eq!(body["errors"][0]["pointer"].as_str(), self.pointer, "{body}");
        let helper = self.helper.map(|helper| world.org(helper));
        let actions = body["next_actions"].as_array().expect("what to do next");
        assert_eq!(actions[0]["organization_id"].as_str(), helper.as_deref(), "{body}");
        assert_eq!(
            actions[0]["organization"]["name"].as_str(),
            self.helper,
            "the organization to ask: {body}"
        );
        for text in [&body["detail"], &actions[0]["text"]] {
            let text = text.as_str().expect("a text");
            assert!(!text.is_empty() && !text.contains('{'), "{text}");
            let is_chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(is_chinese || language == "en", "{text}");
        }
    }
}

/// Sends a write that must be refused, in both languages. Checks that both answers say so and that nothing is stored.
#[track_caller]
fn refused(world: &World, client: &Client, path: &str, version: Option<i64>, body: &Value, no: No<'_>) -> Value {
    let before = stored(world);
    let mut last = Value::Null;
    for language in ["zh-CN", "en"] {
        let answer = send(client, path, version, body, language);
        no.check(world, &answer, language);
        last = answer.json();
    }
    assert_eq!(stored(world), before, "{path}: a refusal changed something");
    last
}

fn send(client: &Client, path: &str, version: Option<i64>, body: &Value, language: &str) -> Answer {
    let tag = version.map(|version| format!("\"{version}\""));
    let mut request = client
        .request("POST", path)
        .header("idempotency-key", &fresh_key())
        .header("accept-language", language);
    if let Some(tag) = &tag {
        request = request.header("if-match", tag);
    }
    request.json(body).send()
}

/// A proposal that must be refused. The preview must report the same refusal.
#[track_caller]
fn not_proposed(world: &World, client: &Client, body: &Value, no: No<'_>) -> Value {
    let answer = refused(world, client, "/v1/transfers", None, body, no);
    let preview = client.post("/v1/transfers/preview", body);
    if preview.status == 200 {
        let preview = preview.json();
        assert_eq!(preview["may_be_proposed"], json!(false));
        assert_eq!(preview["blocking"][0]["code"], json!(no.code));
    } else {
        assert_eq!(preview.json()["code"], json!(no.code));
    }
    answer
}

impl Proposed {
    /// An action that must be refused.
    #[track_caller]
    fn not(&self, world: &World, client: &Client, action: &str, body: &Value, no: No<'_>) -> Value {
        refused(world, client, &self.at(action), Some(self.version), body, no)
    }
}

/// Every action on a case, with a body that is valid in itself.
fn actions(world: &World, branch: &str) -> Vec<(&'static str, Value)> {
    let no = json!({"reason": "信息错误"});
    vec![
        ("approve", json!({})),
        ("refuse", no.clone()),
        ("assign", json!({"branch": world.org(branch)})),
        ("withdraw", json!({})),
        ("accept_external", json!({})),
        ("refuse_external", no),
    ]
}

/// The last part of the action's path.
fn route(action: &str) -> String {
    action.replace('_', "-")
}

/// A case in each state, some of them with the complications of T11 and A10. Today is 13 October.
pub(crate) fn busy(world: &mut World) -> Vec<Proposed> {
    let reason = json!({"reason": "信息错误"});
    world.at(SUMMER);
    let to_village = proposal(world, "unsettled", "village");
    let to_township = proposal(world, "unsettled", "township");
    world.add_member("kid", "school", "2012-01-01");
    let escalated = propose(&world.person("school/1"), &to_township);
    let escalated = escalated.take(&world.admin("township"), "approve", &json!({}));
    let expired = propose(&world.person("school/2"), &to_village);
    world.at("2026-10-13T00:00:00Z");
    world.run(JobName::Expiry, "2026-10-13T00:00:00Z");
    world.run(JobName::Escalation, "2026-10-13T00:00:00Z");
    let mut explained = to_village.clone();
    explained["explanation"] = json!("随父母迁居");
    // One of the township's two administrators is a member who wants to move there.
    world.appoint("class_1/1", "township");
    world.dismiss("employer");
    let withdrawn = propose(&world.person("teachers/1"), &to_village);
    let refused = propose(&world.person("teachers/2"), &to_village);
    let completed = propose(&world.person("teachers/3"), &to_village);
    let accepted = propose(&world.person("class_2/3"), &to_township);
    let fetched = propose(
        &world.admin("class_1/1"),
        &named(world, "village/1", proposal(world, "unsettled", "township")),
    );
    vec![
        Proposed {
            version: escalated.version + 1,
            ..escalated
        },
        Proposed { version: 2, ..expired },
        withdrawn.take(&world.person("teachers/1"), "withdraw", &json!({})),
        refused.take(&world.admin("village"), "refuse", &reason),
        completed.take(&world.admin("township"), "approve", &json!({})),
        propose(&world.person("class_1/1"), &to_township),
        propose(&world.admin("college"), &about(world, "class_1/2", to_village.clone())),
        propose(&world.admin("village"), &named(world, "class_1/3", to_village)),
        propose(&world.person("class_2/1"), &to_beijing()),
        propose(&world.person("class_2/2"), &to_special_unit()),
        accepted.take(&world.admin("township"), "approve", &json!({})),
        propose(&world.person("kid"), &explained),
        propose(
            &world.person("school/3"),
            &proposal(world, "employed_with_league", "employer"),
        ),
        fetched.take(&world.admin("village"), "approve", &json!({})),
    ]
}
