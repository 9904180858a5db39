//! Blocking and unblocking an account: who may do it, what stops working, and who is told (S-08, API2, API5).

use super::{NOW, bearing, comparable, refresh, sign_in, text};
use crate::support::http::{Answer, Client};
use crate::support::process::{self, typed, zhuanjie};
use crate::support::world::{PASSWORD, World, fresh_key};
use crate::support::{Engine, both_engines};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;
use zhuanjie::app::App;
use zhuanjie::clock::tick;
use zhuanjie::domain::core::ids::AppointmentId;
use zhuanjie::domain::office::OfficeRole;
use zhuanjie::service::accounts::presence::{A_SECOND, ActorCache};

const NEW: &str = "a new password";
const THEFT: &str = "账号被盗";

fn member(world: &World, name: &str, what: &str) -> String {
    format!("/v1/members/{}/{what}", world.mem(name))
}

fn office(world: &World, name: &str, what: &str) -> String {
    format!("/v1/appointments/{}/{what}", AppointmentId(world.officer_key(name)))
}

fn block(by: &Client, path: &str) -> Answer {
    by.write(path, &json!({"reason": THEFT}))
}

fn unblock(by: &Client, path: &str) -> Answer {
    by.write(path, &json!({}))
}

fn try_to_sign_in(world: &World, name: &str, password: &str) -> Answer {
    let body = json!({"id_number": world.id_number(name), "password": password});
    world.anybody().post("/v1/auth/sign-in", &body)
}

fn code(world: &World, name: &str) -> String {
    let issued = world
        .admin("class_1")
        .post(&member(world, name, "reset-code"), &json!({}));
    text(&issued.expect(201).json(), "code").to_owned()
}

fn reset(world: &World, name: &str, code: &str) -> Answer {
    let body = json!({"id_number": world.id_number(name), "code": code, "new_password": NEW});
    world.anybody().post("/v1/auth/reset", &body)
}

/// Like a served program: it caches actors for a second.
fn remembering(app: App) -> App {
    App {
        actor_cache: ActorCache::new(A_SECOND),
        ..app
    }
}

/// How many inbox entries wait for the caller.
fn waiting(client: &Client) -> usize {
    let page = client.get("/v1/inbox?kind=approval_in").expect(200).json();
    page["items"].as_array().expect("items").len()
}

both_engines! {
    fn api2_s08_a_block_takes_effect_at_once_and_on_other_servers_within_a_second(db: TestDb) {
        let mut world = World::with(db, NOW, remembering);
        let (here, there) = (world.anybody(), world.another_server(remembering));
        let token = sign_in(&world, "class_1/1");
        let both = [bearing(&here, &token), bearing(&there, &token)];
        both.iter().for_each(|client| drop(client.get("/v1/me").expect(200)));
        let fellow = sign_in(&world, "class_1/2");
        block(&world.admin("class_1"), &member(&world, "class_1/1", "block")).expect(200);
        let out = tick();
        let [client, elsewhere] = both;
        client.get("/v1/me").refused(401, "request.unauthenticated");
        // The cache of the other server uses the machine's clock and expires by that clock.
        while elsewhere.get("/v1/me").status == 200 {
            assert!(out.elapsed() < Duration::from_secs(3), "the block has not reached the other server");
        }
        elsewhere.get("/v1/me").refused(401, "request.unauthenticated");
        refresh(&there, text(&token, "refresh_token")).refused(401, "request.refresh_failed");
        bearing(&there, &fellow).get("/v1/me").expect(200);
        assert_eq!(world.db.count("sessions WHERE ending = 'blocked'"), 1);
    }

    fn api2_s09_a_blocked_account_gets_the_answer_to_a_wrong_password(db: TestDb) {
        let world = World::new(db, NOW);
        let wrong = comparable(&try_to_sign_in(&world, "class_1/2", "wrong"));
        block(&world.admin("class_1"), &member(&world, "class_1/1", "block")).expect(200);
        let tried = try_to_sign_in(&world, "class_1/1", PASSWORD).refused(401, "request.sign_in_failed");
        assert_eq!(comparable(&tried), wrong);
    }

    fn api2_no_secret_from_before_a_block_opens_the_account_after_it(db: TestDb) {
        let world = World::new(db, NOW);
        let token = sign_in(&world, "class_1/1");
        let stolen = code(&world, "class_1/1");
        let account = format!("SELECT id AS value FROM accounts WHERE member_id = {}", world.mem_key("class_1/1"));
        let account = world.db.number(&account);
        let openid = if world.db.engine() == Engine::Sqlite { "x'00'" } else { "'\\x00'" };
        world.db.execute(&format!("INSERT INTO wechat_bindings (account_id, openid_digest, bound_at) VALUES ({account}, {openid}, 1)"));
        world.at("2026-06-15T09:00:00Z");
        let class = world.admin("class_1");
        block(&class, &member(&world, "class_1/1", "block")).expect(200);
        reset(&world, "class_1/1", &stolen).refused(422, "account.reset_code_invalid");
        // A session that began while the block was being written.
        let stray = world.person("class_1/1");
        unblock(&class, &member(&world, "class_1/1", "unblock")).expect(200);
        stray.get("/v1/me").refused(401, "request.unauthenticated");
        try_to_sign_in(&world, "class_1/1", PASSWORD).refused(401, "request.sign_in_failed");
        reset(&world, "class_1/1", &stolen).refused(422, "account.reset_code_invalid");
        bearing(&world.anybody(), &token).get("/v1/me").refused(401, "request.unauthenticated");
        refresh(&world.anybody(), text(&token, "refresh_token")).refused(401, "request.refresh_failed");
        assert_eq!(world.db.count("wechat_bindings"), 0);
        // A code issued after the block works.
        reset(&world, "class_1/1", &code(&world, "class_1/1")).expect(204);
        try_to_sign_in(&world, "class_1/1", NEW).expect(200);
    }

    fn s08_the_owner_is_told_of_a_block_until_thirty_days_after_its_end(db: TestDb) {
        let world = World::new(db, NOW);
        assert_eq!(sign_in(&world, "class_1/1").get("blocks"), None);
        block(&world.admin("college"), &member(&world, "class_1/1", "block")).expect(200);
        world.at("2026-06-15T09:00:00Z");
        unblock(&world.admin("college"), &member(&world, "class_1/1", "unblock")).expect(200);
        reset(&world, "class_1/1", &code(&world, "class_1/1")).expect(204);
        let told = json!([{"blocked_at": "2026-06-15T08:00:00Z", "unblocked_at": "2026-06-15T09:00:00Z", "reason": THEFT,
            "organization": {"id": world.org("college"), "name": "college"}}]);
        for (at, told) in [("2026-07-15T09:00:00Z", told), ("2026-07-15T09:00:00.000001Z", Value::Null)] {
            world.at(at);
            let signed_in = try_to_sign_in(&world, "class_1/1", NEW).expect(200).json();
            assert_eq!(signed_in["blocks"], told, "{at}");
            assert_eq!(bearing(&world.anybody(), &signed_in).get("/v1/me").expect(200).json()["blocks"], told, "{at}");
        }
        assert_eq!(sign_in(&world, "class_1/2").get("blocks"), None, "the block is told to another member");
    }

    fn api5_only_the_branch_and_its_direct_superior_block_a_member(db: TestDb) {
        let world = World::new(db, NOW);
        let (shut, open) = (member(&world, "class_1/1", "block"), member(&world, "class_1/1", "unblock"));
        for (by, status, refusal) in [
            ("university", 403, "account.block_not_allowed"),
            ("class_2", 404, "member.not_found"),
            ("township", 404, "member.not_found"),
        ] {
            block(&world.admin(by), &shut).refused(status, refusal);
            unblock(&world.admin(by), &open).refused(status, refusal);
        }
        block(&world.person("class_1/1"), &shut).refused(403, "actor.not_administrator");
        let class = world.admin("class_1");
        class.write(&shut, &json!({"reason": " "})).refused(422, "account.block_reason_required");
        unblock(&class, &open).refused(409, "account.not_blocked");
        let key = fresh_key();
        let first = class.write_with(&key, &shut, &json!({"reason": THEFT})).expect(200);
        let again = class.write_with(&key, &shut, &json!({"reason": THEFT})).expect(200);
        assert_eq!((again.text.as_str(), again.header("idempotent-replayed")), (first.text.as_str(), Some("true")));
        block(&class, &shut).refused(409, "account.blocked_already");
        let page = |client: &Client| client.get(&format!("/v1/members/{}", world.mem("class_1/1"))).expect(200).json();
        assert_eq!(page(&world.admin("college"))["account_blocked"], true);
        unblock(&class, &open).expect(200);
        assert_eq!(page(&class).get("account_blocked"), None);
        for action in ["account.blocked", "account.unblocked"] {
            assert_eq!(world.db.count(&format!("audit_log WHERE action = '{action}' AND outcome = 'done'")), 1, "{action}");
        }
    }

    fn api5_nobody_blocks_upward_or_sideways_or_their_own_account(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint("fellow", "college");
        world.appoint("class_1/2", "university");
        world.appoint("class_1/3", "class_2");
        let college = world.admin("college");
        for name in ["college", "fellow"] {
            block(&college, &office(&world, name, "block")).refused(403, "account.block_not_allowed");
        }
        block(&college, &office(&world, "university", "block")).refused(404, "appointment.not_found");
        // Members of a class below the caller. One holds an office above the caller's, the other an office beside it.
        block(&college, &member(&world, "class_1/2", "block")).refused(403, "account.block_not_allowed");
        block(&world.admin("class_1"), &member(&world, "class_1/2", "block")).refused(403, "account.block_not_allowed");
        block(&world.admin("class_1"), &member(&world, "class_1/3", "block")).refused(403, "account.block_not_allowed");
        block(&college, &member(&world, "class_1/3", "block")).expect(200);
        // An account with two offices can only be blocked by a superior of both.
        world.appoint("class_2", "village");
        block(&college, &office(&world, "class_2", "block")).refused(404, "appointment.not_found");
        block(&world.admin("township"), &office(&world, "class_2", "block")).refused(403, "account.block_not_allowed");
        block(&world.admin("province"), &office(&world, "class_2", "block")).expect(200);
        // The root has no superior. Its administrators block each other, but nobody blocks their own account.
        world.appoint("second", "nation");
        let nation = world.admin("nation");
        block(&nation, &office(&world, "nation", "block")).refused(403, "account.block_oneself");
        block(&nation, &office(&world, "second", "block")).expect(200);
        block(&world.admin("university"), &office(&world, "college", "block")).expect(200);
        college.get("/v1/me").refused(401, "request.unauthenticated");
    }

    fn api5_a_superiors_block_is_not_lifted_from_below(db: TestDb) {
        let world = World::new(db, NOW);
        let (shut, open) = (office(&world, "class_1", "block"), office(&world, "class_1", "unblock"));
        block(&world.admin("university"), &shut).expect(200);
        let list = format!("/v1/organizations/{}/appointments", world.org("class_1"));
        assert_eq!(world.admin("college").get(&list).expect(200).json()["items"][0]["blocked"], true);
        unblock(&world.admin("college"), &open).refused(403, "account.unblock_not_allowed");
        unblock(&world.admin("province"), &open).expect(200);
        block(&world.admin("college"), &shut).expect(200);
        unblock(&world.admin("university"), &open).expect(200);
        block(&world.admin("college"), &member(&world, "class_1/1", "block")).expect(200);
        unblock(&world.admin("class_1"), &member(&world, "class_1/1", "unblock")).refused(403, "account.unblock_not_allowed");
        world.db.execute(&format!("UPDATE appointments SET ended_at = 1 WHERE id = {}", world.officer_key("class_1")));
        block(&world.admin("college"), &shut).refused(409, "appointment.ended");
    }

    fn api5_of_two_mutual_blocks_at_once_one_succeeds(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint("second", "nation");
        let pairs = [("nation", "second"), ("second", "nation")].map(|(by, blocked)| (world.admin(by), office(&world, blocked, "block")));
        let mut answers = std::thread::scope(|scope| {
            let tried: Vec<_> = pairs.iter().map(|(client, path)| scope.spawn(|| block(client, path).status)).collect();
            tried.into_iter().map(|tried| tried.join().expect("no panic")).collect::<Vec<u16>>()
        });
        answers.sort_unstable();
        assert_eq!(answers, [200, 401]);
        assert_eq!(world.db.count("accounts WHERE status = 'blocked'"), 1);
    }

    fn a10_a_blocked_administrators_turns_pass_to_the_superior_and_come_back(db: TestDb) {
        let world = World::new(db, NOW);
        let body = json!({"reason": "unsettled", "target": world.org("township"),
            "details": {"home_address": {"division_code": "420106001", "text": "somewhere 1"}}});
        world.person("class_1/1").write("/v1/transfers", &body).expect(201);
        let county = world.admin("county");
        let counts = || (waiting(&county), world.db.count("inbox_entries"));
        let before = counts();
        assert_eq!((waiting(&world.admin("township")), before.0), (1, 0));
        let path = format!("/v1/organizations/{}", world.org("township"));
        block(&county, &office(&world, "township", "block")).expect(200);
        assert_eq!(waiting(&county), 1);
        assert_eq!(county.get(&path).expect(200).json()["administrators"], 0);
        unblock(&county, &office(&world, "township", "unblock")).expect(200);
        assert_eq!(counts(), before);
        // Signs in again, because the block ended the session.
        world.at("2026-06-15T08:00:01Z");
        assert_eq!(waiting(&world.admin("township")), 1);
    }

    fn a10_a_blocked_administrator_is_not_the_nations_last_one(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint("second", "nation");
        let nation = world.admin("nation");
        block(&nation, &office(&world, "second", "block")).expect(200);
        nation.write(&office(&world, "nation", "end"), &json!({})).refused(409, "appointment.last_of_nation");
        nation.write(&office(&world, "second", "end"), &json!({})).expect(200);
    }

    fn api5_the_appointing_superior_blocks_an_auditor_who_then_reads_nothing(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("auditor", "college", OfficeRole::Auditor);
        let auditor = world.admin("auditor");
        auditor.get("/v1/audit").expect(200);
        block(&world.admin("college"), &office(&world, "auditor", "block")).refused(403, "account.block_not_allowed");
        block(&auditor, &office(&world, "college", "block")).refused(403, "actor.audits_only");
        block(&world.admin("university"), &office(&world, "auditor", "block")).expect(200);
        auditor.get("/v1/audit").refused(401, "request.unauthenticated");
    }

    fn s08_operators_block_accounts_without_a_superior(db: TestDb) {
        let world = World::new(db, NOW);
        let operate = |args: &[&str], number: &str| {
            let (_, lines) = process::run(zhuanjie(["keys"]));
            let token = lines[0].split_once('=').expect("name=value").1.trim_matches('\'').to_owned();
            let key = |label: &str| STANDARD.encode(digest(&SHA256, label.as_bytes()));
            let mut command = zhuanjie(args.iter().copied());
            command
                .env("DATABASE_URL", world.db.address())
                .env("ZHUANJIE_TOKEN_KEY", token)
                .env("ZHUANJIE_DATA_KEYS", format!("0:{}", key("demo: invented people only")))
                .env("ZHUANJIE_INDEX_KEY", key("demo: index"))
                .stdin(typed(number));
            let (status, lines) = process::run(command);
            (status.success(), lines.join("\n"))
        };
        let shut = ["accounts", "block", "--reason", "密钥泄露"];
        let open = ["accounts", "unblock"];
        let number = world.id_number("nation");
        let nation = world.admin("nation");
        let (failed, said) = operate(&open, &number);
        assert!(!failed && said.contains("account.not_blocked"), "{said}");
        let (failed, said) = operate(&shut, "11010519491231002X");
        assert!(!failed && said.contains("member.no_match"), "{said}");
        assert!(operate(&shut, &number).0);
        nation.get("/v1/me").refused(401, "request.unauthenticated");
        try_to_sign_in(&world, "nation", PASSWORD).refused(401, "request.sign_in_failed");
        let (done, said) = operate(&open, &number);
        assert!(done && !said.contains(&number), "{said}");
        let code = said.split_once("one-time code: ").expect("a code").1.lines().next().expect("a line").to_owned();
        // The command uses the machine's clock.
        world.clock.set(zhuanjie::clock::Clock::system().now());
        reset(&world, "nation", &code).expect(204);
        let signed_in = try_to_sign_in(&world, "nation", NEW).expect(200).json();
        assert_eq!(signed_in["blocks"][0].get("organization"), None);
        assert_eq!(signed_in["blocks"][0]["reason"], "密钥泄露");
        // Only operators unblock what operators blocked.
        assert!(operate(&shut, &world.id_number("class_1/1")).0);
        unblock(&world.admin("class_1"), &member(&world, "class_1/1", "unblock")).refused(403, "account.unblock_not_allowed");
        assert_eq!(world.db.count("audit_log WHERE action = 'account.blocked' AND capacity = 'service'"), 2);
    }
}
