//! Scopes and reach: a system does what its credential allows, where it allows it, and nothing else (S-01, API5).

use super::{INBOUND, country, going_to, issued, number, page, signed_in, to_beijing};
use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;
use serde_json::{Value, json};

const NOW: &str = "2026-11-02T02:00:00Z";

const ALL: [&str; 3] = ["organizations:read", "members:read", "transfers:read"];

fn with_scopes(world: &World, organization: &str, scopes: &[&str], reach: &str) -> Client {
    let body = json!({"name": "x", "organization": world.org(organization), "scopes": scopes, "reach": reach});
    signed_in(world, &issued(world.admin("nation").post("/v1/integrators", &body)))
}

/// The requests about the college that each scope allows.
fn questions(world: &World) -> Vec<(&'static str, String)> {
    let college = world.org("college");
    vec![
        ("organizations:read", format!("/v1/organizations/{college}")),
        ("organizations:read", "/v1/organizations?limit=1".into()),
        (
            "members:read",
            format!("/v1/organizations/{}/members", world.org("class_1")),
        ),
        ("members:read", format!("/v1/members/{}", world.mem("class_1/1"))),
        ("transfers:read", "/v1/transfers?side=out".into()),
    ]
}

both_engines! {
    fn api5_each_scope_allows_its_own_operations_and_a_missing_one_is_named(db: TestDb) {
        let world = country(db, NOW);
        for held in ALL {
            let client = with_scopes(&world, "college", &[held], "self_and_below");
            client.get("/v1/me").expect(200);
            for (needed, question) in questions(&world) {
                let answer = client.get(&question);
                if needed == held {
                    answer.expect(200);
                    continue;
                }
                let answer = answer.refused(403, "integrator.scope_missing");
                let wanted = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
                assert_eq!(answer.header("www-authenticate"), Some(wanted.as_str()));
            }
        }
    }

    fn api5_a_credential_reaches_as_far_as_its_reach_allows(db: TestDb) {
        let world = country(db, NOW);
        let member = |name: &str| format!("/v1/members/{}", world.mem(name));
        let members = |name: &str| format!("/v1/organizations/{}/members", world.org(name));
        let college = with_scopes(&world, "college", &ALL, "self_and_below");
        college.get(&member("class_1/1")).expect(200);
        college.get(&members("class_2")).expect(200);
        let branch = with_scopes(&world, "class_1", &ALL, "self");
        branch.get(&member("class_1/1")).expect(200);
        branch.get(&members("class_1")).expect(200);
        let own = with_scopes(&world, "college", &ALL, "self");
        for client in [&college, &branch, &own] {
            client.get(&member("village/1")).refused(404, "member.not_found");
            client.get(&members("village")).refused(404, "organization.not_found");
        }
        branch.get(&member("class_2/1")).refused(404, "member.not_found");
        own.get(&member("class_1/1")).refused(404, "member.not_found");
        own.get("/v1/transfers?side=out").refused(403, "integrator.scope_missing");
        own.get(&format!("{}?subtree=true", members("college"))).refused(403, "integrator.scope_missing");
        // No system sees the special-unit holding, not even the province's own.
        let province = with_scopes(&world, "province", &ALL, "self_and_below");
        let holding = format!("/v1/organizations/{}", world.org("holding"));
        province.get(&holding).refused(404, "organization.not_found");
        world.admin("province").get(&holding).expect(200);
    }

    fn api5_a_system_reads_and_never_decides_or_proposes_for_an_organization(db: TestDb) {
        let world = country(db, NOW);
        let case = to_beijing(&world, "class_1/1");
        let client = with_scopes(&world, "college", &ALL, "self_and_below");
        assert_eq!(page(&client, &case)["reason"], "further_study");
        let found = page(&client, "/v1/transfers?side=out");
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
        let before = world.db.count("transfer_events");
        for action in ["approve", "refuse", "withdraw"] {
            let request = client.request("POST", &format!("{case}/{action}")).send().status;
            assert!([400, 403, 404, 415, 428].contains(&request), "{action}: {request}");
            let body = if action == "refuse" { json!({"reason": "x"}) } else { json!({}) };
            let answer = client.decide(&format!("{case}/{action}"), 1, &body);
            assert_eq!(answer.status, 403, "{action}: {}", answer.text);
        }
        let proposal = json!({"reason": "unsettled", "details": {}});
        client.write("/v1/transfers", &proposal).refused(403, "actor.not_administrator");
        client.get("/v1/inbox?kind=approval_in").refused(403, "actor.not_administrator");
        client.get(&format!("/v1/members/{}/certification", world.mem("class_1/1"))).expect(200);
        assert_eq!(world.db.count("transfer_events"), before);
    }

    fn x2_a_province_s_system_needs_its_scopes_too_and_nobody_else_gets_them(db: TestDb) {
        let world = country(db, NOW);
        let reader = with_scopes(&world, "beijing", &["transfers:read"], "self");
        let body = going_to(&world, "village", "张三", &number(7));
        reader.write(INBOUND, &body).refused(403, "integrator.scope_missing");
        reader.get("/v1/transfers?side=out").expect(200);
        let proposer = with_scopes(&world, "beijing", &["inbound:propose"], "self");
        proposer.write(INBOUND, &body).expect(201);
        proposer.get("/v1/transfers?side=out").refused(403, "integrator.scope_missing");
        for scope in ["inbound:propose", "transfers:answer"] {
            let body = json!({"name": "x", "organization": world.org("college"), "scopes": [scope]});
            let refused = world.admin("nation").post("/v1/integrators", &body).refused(422, "request.invalid");
            assert_eq!(refused.json()["errors"][0]["pointer"], "/scopes");
        }
        for scopes in [json!([]), json!(["everything"]), json!("members:read"), json!(vec!["members:read"; 6])] {
            let body = json!({"name": "x", "organization": world.org("college"), "scopes": scopes});
            world.admin("nation").post("/v1/integrators", &body).refused(422, "request.invalid");
        }
    }

    fn what_is_not_said_is_granted_sparingly(db: TestDb) {
        let world = country(db, NOW);
        for (organization, scopes) in [
            ("college", json!(["organizations:read"])),
            ("beijing", json!(["organizations:read", "transfers:read", "transfers:answer", "inbound:propose"])),
        ] {
            let body = json!({"name": "x", "organization": world.org(organization)});
            let made: Value = world.admin("nation").post("/v1/integrators", &body).expect(201).json();
            assert_eq!((&made["scopes"], &made["reach"]), (&scopes, &json!("self")));
        }
    }
}
