//! The preview and `allowed_actions` agree with what is decided later: property tests over generated requests, and
//! every action of every client on a case in each state.

use super::{Proposed, SUMMER, actions, address, busy, details, no, route, stored, to_beijing};
use crate::support::http::Client;
use crate::support::world::World;
use crate::support::{Engine, TestDb, both_engines};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A small generator (splitmix64). Every run makes the same requests, and a failure is named by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.roll().is_multiple_of(of)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll() as usize % from.len()]
    }
}

const ORGANIZATIONS: &[&str] = &[
    "nation",
    "province",
    "county",
    "beijing",
    "railway",
    "university",
    "college",
    "class_1",
    "class_2",
    "teachers",
    "floating",
    "abroad",
    "school",
    "township",
    "village",
    "home",
    "employer",
    "workshop",
    "beijing_branch",
    "station",
];
const MEMBERS: &[&str] = &[
    "class_1/1",
    "class_1/2",
    "class_1/3",
    "class_2/1",
    "class_2/2",
    "class_2/3",
    "teachers/1",
    "school/1",
    "village/1",
    "kid",
];
const REASONS: &[&str] = &[
    "further_study",
    "employed_with_league",
    "employed_without_league",
    "abroad",
    "unsettled",
    "special_unit",
];

/// Makes the country less regular: closed and turned organizations, vacant ones, and members of every standing.
fn shake(world: &mut World, dice: &mut Dice) {
    world.add_member("kid", "school", "2012-01-01");
    world.appoint("class_2/1", "township");
    for vacant in ["home", "workshop", "employer"] {
        if dice.one_in(2) {
            world.dismiss(vacant);
        }
    }
    for (name, what) in [
        ("workshop", "status = 'closed', closed_at = 1"),
        ("class_2", "graduated_season = 2026, graduation_month = 202606"),
        ("station", "status = 'closed', closed_at = 1"),
    ] {
        if dice.one_in(3) {
            let id = world.org_key(name);
            world
                .db
                .execute(&format!("UPDATE organizations SET {what} WHERE id = {id}"));
        }
    }
    for member in &MEMBERS[..9] {
        let what = dice.pick(&[
            "standing = 'good'",
            "standing = 'good'",
            "standing = 'good'",
            "standing = 'party_member'",
            "standing = 'left'",
            "joined_month = 202109, certification = 'waiting'",
            "joined_month = 202109, certification = 'certified'",
        ]);
        let id = world.mem_key(member);
        world.db.execute(&format!("UPDATE members SET {what} WHERE id = {id}"));
    }
}

fn request(world: &World, dice: &mut Dice) -> (Client, Value) {
    let member = dice.pick(MEMBERS);
    let reason = dice.pick(REASONS);
    // In half of the requests the target fits the reason, so that some proposals succeed.
    let fitting = match reason {
        "further_study" => "school",
        "employed_without_league" | "unsettled" => dice.pick(&["village", "township"]),
        "abroad" => "abroad",
        _ => "employer",
    };
    let target = if dice.one_in(2) {
        fitting
    } else {
        dice.pick(ORGANIZATIONS)
    };
    let mut body =
        json!({"reason": reason, "details": details(if dice.one_in(8) { dice.pick(REASONS) } else { reason })});
    if reason != "special_unit" || dice.one_in(6) {
        body["target"] = json!(world.org(target));
    }
    if dice.one_in(8) {
        body["details"]["external"] = to_beijing()["details"]["external"].clone();
        if dice.one_in(2) {
            body.as_object_mut().expect("an object").remove("target");
        }
    }
    if dice.one_in(10) {
        body["details"]["employer_address"] = json!({"division_code": "42", "text": " "});
    }
    if dice.one_in(10) {
        body["details"]["home_address"] = address();
    }
    if dice.one_in(3) {
        body["explanation"] = json!(dice.pick(&["随父母迁居", " "]));
    }
    let client = match dice.roll() % 3 {
        0 => world.person(member),
        1 => {
            body["member"] = json!({"id": world.mem(member)});
            world.admin(dice.pick(&[
                "class_1",
                "college",
                "university",
                "province",
                "school",
                "county",
                "railway",
            ]))
        }
        _ => {
            body["member"] = json!({"name": member, "id_number": world.id_number(member)});
            world.admin(dice.pick(&[
                "school",
                "village",
                "township",
                "college",
                "county",
                "nation",
                "class_2/1",
            ]))
        }
    };
    (client, body)
}

/// Asks for a preview and then proposes. Both must agree. Returns the code of the refusal, or `None` if it was
/// proposed.
fn agree(world: &World, client: &Client, body: &Value) -> Option<String> {
    let before = stored(world);
    // Only the rules of a proposal are compared, so the budgets of look-ups (T4) are reset.
    world.db.execute("DELETE FROM budgets");
    let preview = client.post("/v1/transfers/preview", body);
    assert_eq!(stored(world), before, "a preview stores nothing: {body}");
    let proposed = client.write("/v1/transfers", body);
    let seen = proposed.json();
    if preview.status != 200 {
        assert_eq!(
            (preview.status, preview.json()["code"].as_str()),
            (proposed.status, seen["code"].as_str()),
            "{body}"
        );
        return Some(proposed.code());
    }
    let preview = preview.json();
    assert_eq!(
        preview["may_be_proposed"] == json!(true),
        proposed.status == 201,
        "{body}\n{preview}\n{seen}"
    );
    if proposed.status == 201 {
        // The case is held by the deciders of the preview, until the instant of the preview.
        let ids = |list: &Value| -> Vec<String> {
            let mut ids: Vec<String> = list
                .as_array()
                .expect("a list")
                .iter()
                .map(|o| o["id"].to_string())
                .collect();
            ids.sort();
            ids
        };
        assert_eq!(
            ids(&preview["route"][0]["decided_by"]),
            ids(&seen["waiting_for"]),
            "{body}"
        );
        assert_eq!(preview["route"][0]["due_at"], seen["deadline"], "{body}");
        return None;
    }
    let codes = |list: &Value| -> Vec<String> {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|e| format!("{} {}", e["code"], e["pointer"]))
            .collect()
    };
    assert_eq!(
        codes(&preview["blocking"]),
        codes(&seen["errors"]),
        "all blocking rules, in order: {body}"
    );
    assert_eq!(preview["blocking"][0]["code"], seen["code"]);
    assert_eq!(stored(world), before, "a refusal changed something: {body}");
    Some(proposed.code())
}

fn property(engine: Engine, seeds: std::ops::Range<u64>, requests: usize) -> BTreeMap<String, usize> {
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds {
        let Some(db) = TestDb::new(engine) else { return answers };
        let mut dice = Dice(seed);
        let mut world = World::new(db, if seed % 2 == 0 { SUMMER } else { "2026-10-05T00:00:00Z" });
        shake(&mut world, &mut dice);
        for _ in 0..requests {
            let (client, body) = request(&world, &mut dice);
            let answer = agree(&world, &client, &body).unwrap_or_else(|| "proposed".into());
            *answers.entry(answer).or_default() += 1;
            // Some cases are ended, so that not every member has an open one.
            if dice.one_in(2) {
                world.db.execute("DELETE FROM inbox_entries");
                world.db.execute("UPDATE transfers SET state = 'withdrawn', organization_id = NULL, side = NULL, province = NULL, closed_at = 1");
            }
        }
    }
    answers
}

#[test]
fn t5_preview_and_proposal_agree_on_a_thousand_requests_sqlite() {
    let answers = property(Engine::Sqlite, 0..10, 100);
    assert_eq!(answers.values().sum::<usize>(), 1000);
    // The requests contain both allowed proposals and refused ones.
    assert!(answers["proposed"] >= 100, "{answers:?}");
    for code in [
        "transfer.already_open",
        "transfer.identity_not_certified",
        "transfer.member_not_active",
        "transfer.field_required",
        "transfer.target_out_of_scope",
        "member.not_found",
        "transfer.target_not_allowed_for_reason",
    ] {
        assert!(answers.contains_key(code), "{code} never came up: {answers:?}");
    }
}

#[test]
fn t5_preview_and_proposal_agree_postgres() {
    property(Engine::Postgres, 100..102, 50);
}

/// Every client that might have a say: each office, and the members with a case.
fn everybody(world: &World) -> Vec<(String, Client)> {
    let members = [
        "class_1/1",
        "class_1/2",
        "class_2/1",
        "class_2/2",
        "teachers/1",
        "kid",
        "village/1",
        "village/2",
    ];
    let offices = world
        .offices()
        .into_iter()
        .map(|name| (format!("office {name}"), world.admin(&name)));
    offices
        .chain(members.iter().map(|name| ((*name).to_owned(), world.person(name))))
        .collect()
}

/// Tries the actions that are not allowed, by every client. Returns the number of those that are allowed.
fn promises_hold(world: &World, case: &Proposed) -> usize {
    let mut taken = 0;
    for (who, client) in everybody(world) {
        let answer = client.get(&case.path());
        if answer.status == 404 {
            for (action, body) in actions(world, "home") {
                let status = client.decide(&case.at(&route(action)), case.version, &body).status;
                assert!(matches!(status, 403 | 404), "{who}: {action}");
            }
            continue;
        }
        let seen = answer.expect(200).json();
        let promised = seen["allowed_actions"].as_array().expect("actions");
        assert_eq!(promised.len(), actions(world, "home").len(), "an action is not listed");
        for (action, body) in actions(world, "home") {
            let promise = promised
                .iter()
                .find(|promise| promise["action"] == json!(action))
                .expect("the action is listed");
            if promise["allowed"] == json!(true) {
                // Allowed actions are only counted here, because taking one would change the case.
                taken += 1;
                continue;
            }
            let before = stored(world);
            let answer = client.decide(&case.at(&route(action)), case.version, &body);
            let because = &promise["because"];
            assert!(
                because["next_action"]["text"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            );
            // A member can not act as an administrator at all, and is told that first.
            let code = answer.code();
            let is_desk = code == "actor.not_administrator" && !who.starts_with("office");
            assert!(
                is_desk || json!(code) == because["code"],
                "{who} {action}: {because} but {}",
                answer.text
            );
            assert!(is_desk || answer.json()["rule"] == because["rule"], "{who} {action}");
            assert_eq!(stored(world), before);
        }
    }
    taken
}

both_engines! {
    fn a1_an_action_that_is_not_allowed_is_refused_with_the_code_that_was_shown(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let cases = busy(&mut world);
        let promised: usize = cases.iter().map(|case| promises_hold(&world, case)).sum();
        assert!(promised >= 20, "{promised}: too few actions are allowed");
    }

    fn a1_an_allowed_action_succeeds(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let cases = busy(&mut world);
        let mut tried = 0;
        for case in &cases {
            for (who, client) in everybody(&world) {
                let answer = client.get(&case.path());
                if answer.status != 200 {
                    continue;
                }
                let seen = answer.json();
                let allowed: Vec<&str> = seen["allowed_actions"].as_array().expect("actions").iter()
                    .filter(|promise| promise["allowed"] == json!(true))
                    .map(|promise| promise["action"].as_str().expect("a name"))
                    .collect();
                for (action, body) in actions(&world, "home") {
                    if !allowed.contains(&action) {
                        continue;
                    }
                    // A stale version is checked last, and only if the action itself would be allowed.
                    let answer = client.decide(&case.at(&route(action)), case.version + 7, &body);
                    let no = no(412, "request.stale", "A9");
                    assert_eq!((answer.status, answer.code().as_str()), (no.status, no.code), "{who} {action}: {}", answer.text);
                    tried += 1;
                }
            }
        }
        assert!(tried >= 20, "{tried}");
        // The first allowed action on each case succeeds.
        for case in &cases {
            for (who, client) in everybody(&world) {
                let seen = client.get(&case.path());
                if seen.status != 200 {
                    continue;
                }
                let seen = seen.json();
                let allowed = seen["allowed_actions"].as_array().expect("actions").iter()
                    .find(|promise| promise["allowed"] == json!(true))
                    .map(|promise| promise["action"].as_str().expect("a name").to_owned());
                if let Some(action) = allowed {
                    let (_, body) = actions(&world, "home").into_iter().find(|(name, _)| *name == action).expect("the action is known");
                    let body = if action == "assign" && seen["target"]["name"] == json!("employer") {
                        json!({"branch": world.org("workshop")})
                    } else {
                        body
                    };
                    let version = seen["version"].as_i64().expect("a version");
                    let answer = client.decide(&case.at(&route(&action)), version, &body);
                    assert_eq!(answer.status, 200, "{who} {action}: {}", answer.text);
                }
            }
        }
    }
}
