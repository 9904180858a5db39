//! A whole graduation season against a served program over a real socket: the story of `docs/walkthrough.md` on both
//! engines, with every person's history at the end. Also how `serve` starts and stops.

use crate::support::answers;
use crate::support::http::{Answer, Client, Heard};
use crate::support::process::{self, Process, typed, zhuanjie};
use crate::support::{TestDb, both_engines};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use zhuanjie::demo::{Country, DemoSignIn, PASSWORD};
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::domain::core::ids::OrganizationId;

/// Enough members for every part of the season.
const MEMBERS: u64 = 6_500;
const START: &str = "2026-06-20T09:00:00+08:00";

both_engines! {
    fn a_whole_season(db: TestDb) {
        let play = Play::begin(&db);
        probes_answer(&play);
        branches_are_marked_in_one_call(&play);
        the_yearly_switch_turns_them(&play, &db);
        a_delayed_graduate_and_a_teacher_are_marked(&play);
        let cases = transfers_are_proposed_from_three_sides(&play);
        the_target_approves_and_assigns(&play, &cases);
        one_is_refused_and_one_withdrawn(&play, &cases);
        the_members_side_approves_what_the_target_started(&play, &cases);
        one_left_alone_is_ended(&play, &cases, &db);
        everybodys_history_shows_what_happened(&play, &cases);
        a_mistyped_sign_in_and_a_refusal_name_nobody(&play);
        let (status, lines) = play.server.terminate();
        assert!(status.success(), "{lines:?}");
        s17_no_number_is_in_any_answer_or_line_of_the_log(&lines, &play.heard, &play.people);
    }

    fn whatever_was_accepted_before_the_end_is_answered(db: TestDb) {
        let play = Play::begin(&db);
        branches_are_marked_in_one_call(&play);
        let (class, home) = (play.of("class"), play.township());
        let members = play.graduates();
        assert!(members.len() >= 15, "many requests are under way when the server is told to stop");
        let (token, address) = (class.token.as_str(), play.base.trim_start_matches("http://"));
        let answers: Vec<Option<u16>> = std::thread::scope(|scope| {
            let propose = |member: &str| {
                let body = unsettled(Some(json!({"id": member})), &home);
                let request = raw_post("/v1/transfers", token, member, &body);
                scope.spawn(move || raw_status(address, &request))
            };
            let (first, rest) = members.split_first().expect("somebody");
            // The first is answered before the signal. The others race with it.
            let mut proposals = vec![propose(first)];
            while !proposals[0].is_finished() {
                std::thread::yield_now();
            }
            proposals.extend(rest.iter().map(|member| propose(member)));
            play.server.signal("TERM");
            proposals.into_iter().map(|proposal| proposal.join().expect("the proposal ends")).collect()
        });
        let (status, lines) = play.server.wait();
        assert!(status.success(), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("everything accepted is answered")));
        let proposed = answers.iter().filter(|answer| **answer == Some(201)).count() as i64;
        assert!(proposed >= 1);
        assert_eq!(proposed, db.count("transfers"), "every stored proposal was answered, and the reverse: {answers:?}");
        assert_eq!(proposed, db.count("transfer_events"));
    }

    fn serve_starts_with_generated_keys_and_again(db: TestDb) {
        let keys = keys();
        for start in 1..=2 {
            let (server, base) = Process::serve(serve(&db, &keys));
            let client = Client::new(&base);
            client.get("/healthz").expect(200);
            client.get("/readyz").expect(200);
            let answer = client.request("GET", "/v1/me").header("x-request-id", "my-own-id.7").send();
            assert_eq!(answer.header("x-request-id"), Some("my-own-id.7"));
            assert_eq!(answer.expect(401).json()["request_id"], "my-own-id.7");
            let other = client.get("/v1/rules").expect(200);
            assert!(other.header("x-request-id").is_some_and(|id| id.len() > 10), "an id that the service made");
            let (status, lines) = server.terminate();
            assert!(status.success(), "start {start}");
            let logged = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
            assert_eq!(logged("zhuanjie::access"), 4, "one line for each request: {lines:?}");
            assert_eq!(logged("request_id=my-own-id.7"), 1);
            assert_eq!(logged("route=/v1/rules status=200"), 1);
        }
    }

    fn an_empty_database_is_founded_and_its_first_administrator_signs_in(db: TestDb) {
        let keys = keys();
        let number = IdNumber::compose(110101, "1980-01-01".parse().expect("a date"), 1).expect("a number");
        let found = || {
            let mut command = zhuanjie(["bootstrap", "--administrator", "范志远"]);
            command.env("DATABASE_URL", db.address()).envs(keys.iter().cloned()).stdin(typed(number.reveal()));
            process::run(command)
        };
        let (status, lines) = found();
        assert!(status.success(), "{lines:?}");
        let code = lines.iter().find_map(|line| line.strip_prefix("one-time code: ")).expect("a code").to_owned();
        assert_eq!(db.count("audit_log WHERE action = 'service.bootstrapped'"), 1);
        let (again, lines) = found();
        assert!(!again.success() && lines.iter().any(|line| line.contains("holds organizations already")), "{lines:?}");

        let (_server, base) = Process::serve(serve(&db, &keys));
        let client = Client::new(&base);
        let reset = json!({"id_number": number.reveal(), "code": code, "new_password": "a better password"});
        client.post("/v1/auth/reset", &reset).expect(204);
        let sign_in = |office: &Value| {
            let body = json!({"id_number": number.reveal(), "password": "a better password", "office": office});
            client.post("/v1/auth/sign-in", &body).expect(200).json()
        };
        let office = sign_in(&Value::Null)["offices"][0]["id"].clone();
        let token = sign_in(&office)["access_token"].as_str().expect("a token").to_owned();
        let me = client.with_token(&token).get("/v1/me").expect(200).json();
        assert_eq!(me["offices"][0]["organization"]["name"], "中国共产主义青年团中央委员会");
    }

    fn serve_is_refused_without_its_keys(db: TestDb) {
        let keys = keys();
        for missing in ["ZHUANJIE_TOKEN_KEY", "ZHUANJIE_DATA_KEYS", "ZHUANJIE_INDEX_KEY"] {
            let (status, lines) = process::run(serve(&db, &keys.clone().into_iter().filter(|(name, _)| name != missing).collect::<Vec<_>>()));
            assert!(!status.success());
            let wanted = format!("{missing} is not set; `zhuanjie keys` prints a fresh set of keys");
            assert!(lines.iter().any(|line| line.contains(&wanted)), "{lines:?}");
        }
    }
}

#[test]
fn serve_is_refused_without_a_database() {
    let (status, lines) = process::run(zhuanjie(["serve"]));
    assert!(!status.success());
    assert!(
        lines.iter().any(|line| line.contains("DATABASE_URL is not set")),
        "{lines:?}"
    );
}

/// The keys that `zhuanjie keys` prints, as a shell would read them into its environment.
pub fn keys() -> Vec<(String, String)> {
    let (status, lines) = process::run(zhuanjie(["keys"]));
    assert!(status.success());
    let pair = |line: &String| {
        let (name, value) = line.split_once('=').expect("name=value");
        (name.to_owned(), value.trim_matches('\'').to_owned())
    };
    lines.iter().map(pair).collect()
}

/// Standard input with a line on it.
fn serve(db: &TestDb, keys: &[(String, String)]) -> Command {
    let mut command = zhuanjie(["serve", "--listen", "127.0.0.1:0"]);
    command.env("DATABASE_URL", db.address()).envs(keys.iter().cloned());
    command
}

/// The served demo and the people who play in it.
struct Play {
    server: Process,
    base: String,
    people: Vec<DemoSignIn>,
    heard: Heard,
}

/// A step of a history: the event, the person, and whether the service acted automatically.
type Step = (String, Option<String>, bool);

/// A person who is signed in.
struct Player {
    client: Client,
    token: String,
}

impl Play {
    fn begin(db: &TestDb) -> Self {
        let members = MEMBERS.to_string();
        let mut demo = zhuanjie([
            "demo",
            "--members",
            &members,
            "--listen",
            "127.0.0.1:0",
            "--database",
            &db.address(),
        ]);
        // Everything is logged, and no line may name anybody (S-17).
        demo.env("RUST_LOG", "trace");
        let (server, base) = Process::serve(demo);
        let start = START.parse().expect("an instant");
        let people = Country::new(1, MEMBERS, start).sign_ins();
        Self {
            server,
            base,
            people,
            heard: Heard::default(),
        }
    }

    fn person(&self, role: &str) -> &DemoSignIn {
        let found = self.people.iter().find(|person| person.part.role == role);
        found.unwrap_or_else(|| panic!("no person has the role {role}"))
    }

    /// Signs a person in. Administrators sign in to their office.
    fn of(&self, role: &str) -> Player {
        let person = self.person(role);
        let mut credentials = json!({"id_number": person.id_number.as_str(), "password": PASSWORD});
        if let Some(office) = person.office {
            credentials["office"] = office.to_string().into();
        }
        self.signed_in(&credentials)
    }

    /// Signs a person in as a member.
    fn member(&self, role: &str) -> Player {
        let number = self.person(role).id_number.as_str();
        self.signed_in(&json!({"id_number": number, "password": PASSWORD}))
    }

    fn signed_in(&self, credentials: &Value) -> Player {
        let client = Client::new(&self.base).heard_by(&self.heard);
        let answer = client.post("/v1/auth/sign-in", credentials).expect(200).json();
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        let client = client.with_token(&token);
        Player { client, token }
    }

    fn township(&self) -> OrganizationId {
        self.person("township").organization
    }

    fn class(&self) -> OrganizationId {
        self.person("class").organization
    }

    /// The members of the class that have no other part in the season.
    fn graduates(&self) -> Vec<String> {
        let list = format!("/v1/organizations/{}/members?limit=200", self.class());
        let page = self.of("class").get(&list);
        let players = ["class", "graduate"].map(|role| self.person(role).name.as_str());
        let items = page["items"].as_array().expect("members").iter();
        items
            .filter(|member| member["standing"] == "good" && member["certification"] != "not_certified")
            .filter(|member| players.iter().all(|name| member["name"] != *name))
            .map(|member| text(&member["id"]))
            .collect()
    }
}

impl Player {
    fn get(&self, path: &str) -> Value {
        self.client.get(path).expect(200).json()
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.client.request("POST", path);
        request.header("idempotency-key", key).json(body).send()
    }

    /// Takes a decision on the current version of the case.
    fn decide(&self, id: &str, action: &str, body: Value) -> Value {
        let case = format!("/v1/transfers/{id}");
        let seen = self.client.get(&case).expect(200);
        let tag = seen.header("etag").expect("an ETag");
        let path = format!("{case}/{action}");
        let request = self.client.request("POST", &path).header("if-match", tag);
        let request = request.header("idempotency-key", &format!("{action}-{id}"));
        request.json(&body).send().expect(200).json()
    }

    fn propose(&self, key: &str, body: &Value) -> String {
        let answer = self.post("/v1/transfers", key, body).expect(201);
        let id = text(&answer.json()["id"]);
        assert_eq!(answer.header("location"), Some(format!("/v1/transfers/{id}").as_str()));
        id
    }

    /// The history of a case.
    fn history(&self, id: &str) -> Vec<Step> {
        let history = self.get(&format!("/v1/transfers/{id}/history"));
        let items = history["items"].as_array().expect("steps").iter().zip(1..);
        items
            .map(|(step, number)| {
                assert_eq!(step["number"], number);
                let who = step["by"]["name"].as_str().map(str::to_owned);
                (text(&step["event"]), who, step["automatic"] == true)
            })
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn run_job(db: &TestDb, name: &str, at: &str) -> String {
    let mut command = zhuanjie(["jobs", "run", name, "--yes", "--at", at]);
    command.env("DATABASE_URL", db.address());
    let (status, lines) = process::run(command);
    assert!(status.success(), "{lines:?}");
    let said = lines.into_iter().find(|line| line.starts_with(name));
    said.expect("the job prints what it did")
}

fn unsettled(member: Option<Value>, target: &OrganizationId) -> Value {
    let mut body = json!({
        "reason": "unsettled",
        "target": target.to_string(),
        "details": {"home_address": {"division_code": "420111001", "text": "珞喻路1037号"}},
    });
    if let Some(member) = member {
        body["member"] = member;
    }
    body
}

fn employed(member: &str, target: OrganizationId) -> Value {
    json!({
        "member": {"id": member},
        "reason": "employed_with_league",
        "target": target.to_string(),
        "details": {
            "employer_name": "晨星精密制造",
            "employer_address": {"division_code": "420111001", "text": "光谷大道1号"},
        },
    })
}

fn probes_answer(play: &Play) {
    let client = Client::new(&play.base);
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(client.get(probe).expect(200).json(), json!({"status": "ok"}));
    }
    client.get("/docs/").expect(200);
    assert_eq!(client.get("/v1/openapi.json").expect(200).json()["openapi"], "3.1.0");
}

fn branches_are_marked_in_one_call(play: &Play) {
    let college = play.of("college");
    let unmarked = "/v1/organizations?subtree=true&kind=branch&graduation_marked=false&limit=200";
    let before = college.get(unmarked)["items"].as_array().expect("branches").clone();
    let class = play.class().to_string();
    assert!(
        before.iter().any(|branch| branch["id"] == class.as_str()),
        "the class too"
    );
    let mark = |branch: &Value| {
        let name = text(&branch["name"]);
        match name {
            name if name.contains("教职工") => json!({"branch": branch["id"], "undetermined": "teacher_branch"}),
            name if name.contains("混合") => json!({"branch": branch["id"], "undetermined": "mixed_branch"}),
            name if name.contains("22") => json!({"branch": branch["id"], "month": "2026-06"}),
            _ => json!({"branch": branch["id"], "month": "2027-06"}),
        }
    };
    let items: Vec<Value> = before.iter().map(mark).collect();
    assert!(items.len() > 5, "many at once");
    let answer = college.post(
        "/v1/graduation-marks",
        "marks",
        &json!({"mode": "all_or_nothing", "items": items}),
    );
    let answer = answer.expect(200).json();
    assert_eq!((&answer["done"], &answer["refused"]), (&items.len().into(), &0.into()));
    assert_eq!(college.get(unmarked)["items"], json!([]));
}

fn the_yearly_switch_turns_them(play: &Play, db: &TestDb) {
    let college = play.of("college");
    let class = format!("/v1/organizations/{}", play.class());
    assert!(college.get(&class).get("graduated_season").is_none());
    let said = run_job(db, "yearly-switch", "2026-06-20T10:00:00+08:00");
    assert!(
        said.ends_with(", 0 failed") && !said.contains(": 0 processed"),
        "{said}"
    );
    assert_eq!(college.get(&class)["graduated_season"], 2026);
    // A second run changes nothing more (G6).
    let said = run_job(db, "yearly-switch", "2026-06-20T11:00:00+08:00");
    assert!(said.contains(": 0 processed"), "{said}");
    let history = college.get(&format!("{class}/graduation-history"));
    let steps: Vec<(&Value, &Value)> = history["items"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| (&step["event"], &step["automatic"]))
        .collect();
    assert_eq!(
        steps,
        [(&"marked".into(), &false.into()), (&"turned".into(), &true.into())]
    );
}

fn a_delayed_graduate_and_a_teacher_are_marked(play: &Play) {
    let (class, graduates) = (play.of("class"), play.graduates());
    let [.., delayed, teacher] = graduates.as_slice() else {
        panic!("a class of more than two")
    };
    let items = json!([
        {"member": delayed, "identity": "delayed", "month": "2027-06", "reason": "two courses to repeat"},
        {"member": teacher, "identity": "teacher"},
    ]);
    let body = json!({"mode": "all_or_nothing", "items": items});
    let answer = class.post("/v1/member-marks", "people", &body).expect(200).json();
    assert_eq!(answer["done"], 2);
    let of = |identity: &str| {
        let path = format!("/v1/organizations/{}/members?identity={identity}", play.class());
        class.get(&path)["items"].clone()
    };
    assert_eq!(of("delayed")[0]["id"], delayed.as_str());
    assert_eq!(of("delayed")[0]["graduation_month"], "2027-06");
    assert_eq!(of("teacher")[0]["id"], teacher.as_str());
    let history = class.get(&format!("/v1/members/{delayed}/mark-history"));
    assert_eq!(
        history["items"][0]["new"],
        json!({"identity": "delayed", "month": "2027-06"})
    );
}

/// The cases of the season.
struct Cases {
    by_member: String,
    by_target: String,
    refused: String,
    withdrawn: String,
    left_alone: String,
}

fn transfers_are_proposed_from_three_sides(play: &Play) -> Cases {
    let (home, employer) = (play.township(), play.person("employer").organization);
    let (member, class, university) = (play.of("graduate"), play.of("class"), play.of("second_university"));

    let preview = member.client.post("/v1/transfers/preview", &unsettled(None, &home));
    let preview = preview.expect(200).json();
    assert_eq!(preview["may_be_proposed"], true, "{preview}");
    let duties: Vec<&Value> = preview["route"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|s| &s["duty"])
        .collect();
    assert_eq!(duties, ["approval_in", "assignment"]);
    let by_member = member.propose("by-member", &unsettled(None, &home));

    // T2, whichever side starts: the refusal names the open case.
    let me = text(&member.get("/v1/me")["member"]["id"]);
    let twice = class.post("/v1/transfers", "twice", &unsettled(Some(json!({"id": me})), &home));
    let twice = twice.expect(409).json();
    assert_eq!(twice["code"], "transfer.already_open");
    assert!(text(&twice["detail"]).contains(&by_member), "{twice}");

    let graduates = play.graduates();
    let [first, second, third, ..] = graduates.as_slice() else {
        panic!("a class of more than three")
    };
    let refused = class.propose("by-source-1", &employed(first, employer));
    let withdrawn = class.propose("by-source-2", &employed(second, employer));
    let left_alone = class.propose("by-source-3", &unsettled(Some(json!({"id": third})), &home));

    // The target side knows the name and the ID number, and need not name itself (§1.4.6).
    let named = play.person("class");
    let mut body = json!({
        "member": {"name": named.name, "id_number": named.id_number.as_str()},
        "reason": "further_study",
        "details": {
            "destination_stage": "regular_university",
            "school_name": "武汉大学",
            "school_address": {"division_code": "420106", "text": "八一路299号"},
        },
    });
    let by_target = university.propose("by-target", &body);
    let case = university.get(&format!("/v1/transfers/{by_target}"));
    assert_eq!(case["started_by"], "target");
    let itself = play.person("second_university").organization.to_string();
    assert_eq!(case["target"]["organization_id"], itself);
    // T4: any pair that is not exact gets the same answer.
    body["member"]["name"] = "somebody else".into();
    let stranger = university.post("/v1/transfers", "stranger", &body).expect(404).json();
    assert_eq!(stranger["code"], "member.no_match");
    Cases {
        by_member,
        by_target,
        refused,
        withdrawn,
        left_alone,
    }
}

fn the_target_approves_and_assigns(play: &Play, cases: &Cases) {
    let (township, member) = (play.of("township"), play.of("graduate"));
    let inbox = township.get("/v1/inbox?kind=approval_in");
    let waiting: Vec<&Value> = inbox["items"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|t| &t["subject_id"])
        .collect();
    assert_eq!(waiting, [cases.by_member.as_str(), &cases.left_alone]);
    let approved = township.decide(&cases.by_member, "approve", json!({}));
    assert_eq!(approved["state"], "awaiting_assignment");
    // An accepted case has not moved the member yet (A2).
    assert_eq!(belongs_to(&member), play.class().to_string());
    let community = play.person("community").organization.to_string();
    let assigned = township.decide(&cases.by_member, "assign", json!({"branch": community}));
    assert_eq!(assigned["state"], "completed");
    assert_eq!(belongs_to(&member), community);
    assert_eq!(township.get("/v1/inbox/counts")["total"], 1);
}

fn belongs_to(player: &Player) -> String {
    text(&player.get("/v1/me")["member"]["branch"]["id"])
}

fn the_members_side_approves_what_the_target_started(play: &Play, cases: &Cases) {
    let (class, college) = (play.of("class"), play.of("college"));
    let university = play.of("second_university");
    // T11: the member is the only administrator of their branch, so the turn of the source side has passed to the
    // superior.
    let path = format!("/v1/transfers/{}/approve", cases.by_target);
    let request = class.client.request("POST", &path).header("if-match", "*");
    let own = request.header("idempotency-key", "own-case").json(&json!({})).send();
    assert_eq!(own.expect(403).json()["rule"], "T11");
    let approved = college.decide(&cases.by_target, "approve", json!({}));
    assert_eq!(approved["state"], "awaiting_assignment");
    let branches = university.get("/v1/organizations?subtree=true&kind=branch&graduation_marked=false&limit=200");
    let branches = branches["items"].as_array().expect("branches");
    let branch = branches.iter().find(|branch| text(&branch["name"]).contains("25"));
    let branch = text(&branch.expect("a first year's class")["id"]);
    university.decide(&cases.by_target, "assign", json!({"branch": branch}));
    assert_eq!(belongs_to(&play.member("class")), branch);
    // P6: the office in the class they left has ended with the move.
    assert!(class.client.get("/v1/inbox/counts").status >= 401);
}

fn one_is_refused_and_one_withdrawn(play: &Play, cases: &Cases) {
    let (employer, class) = (play.of("employer"), play.of("class"));
    let refused = employer.decide(&cases.refused, "refuse", json!({"reason": "no contract"}));
    assert_eq!(
        (&refused["state"], &refused["closing_reason"]),
        (&"refused".into(), &"no contract".into())
    );
    let withdrawn = class.decide(&cases.withdrawn, "withdraw", json!({}));
    assert_eq!(withdrawn["state"], "withdrawn");
    assert_eq!(employer.get("/v1/inbox/counts")["total"], 0);
}

fn one_left_alone_is_ended(play: &Play, cases: &Cases, db: &TestDb) {
    let township = play.of("township");
    let state = || text(&township.get(&format!("/v1/transfers/{}", cases.left_alone))["state"]);
    // A6: exactly ten days after 1 October the case still waits. Just after that, it is ended.
    let said = run_job(db, "expiry", "2026-10-11T00:00:00+08:00");
    assert!(said.contains(": 0 processed"), "{said}");
    assert_eq!(state(), "awaiting_approval");
    let said = run_job(db, "expiry", "2026-10-12T00:00:00+08:00");
    assert!(said.contains(": 1 processed, 0 failed"), "{said}");
    assert_eq!(state(), "expired");
    assert_eq!(township.get("/v1/inbox/counts")["total"], 0);
}

fn everybodys_history_shows_what_happened(play: &Play, cases: &Cases) {
    let name = |role: &str| Some(play.person(role).name.clone());
    let by = |event: &str, role: &str| (event.to_owned(), name(role), false);
    let (graduate, class) = (play.of("graduate"), play.member("class"));
    let (township, college, employer) = (play.of("township"), play.of("college"), play.of("employer"));

    let moved = [
        by("proposed", "graduate"),
        by("approved", "township"),
        by("assigned", "township"),
    ];
    for reader in [&graduate, &college, &township] {
        assert_eq!(reader.history(&cases.by_member), moved);
    }
    let taken = [
        by("proposed", "second_university"),
        by("approved", "college"),
        by("assigned", "second_university"),
    ];
    for reader in [&class, &college, &play.of("second_university")] {
        assert_eq!(reader.history(&cases.by_target), taken);
    }
    let refused = [by("proposed", "class"), by("refused", "employer")];
    let withdrawn = [by("proposed", "class"), by("withdrawn", "class")];
    for reader in [&college, &employer] {
        assert_eq!(reader.history(&cases.refused), refused);
        assert_eq!(reader.history(&cases.withdrawn), withdrawn);
    }
    let ended = [by("proposed", "class"), ("expired".to_owned(), None, true)];
    for reader in [&college, &township] {
        assert_eq!(reader.history(&cases.left_alone), ended);
    }
    // Strangers to a case do not learn that it exists (O6).
    let path = format!("/v1/transfers/{}/history", cases.by_member);
    assert_eq!(
        employer.client.get(&path).expect(404).json()["code"],
        "transfer.not_found"
    );

    let own = graduate.get("/v1/transfers");
    assert_eq!(own["items"].as_array().map(Vec::len), Some(1));
    let member = text(&graduate.get("/v1/me")["member"]["id"]);
    let memberships = graduate.get(&format!("/v1/members/{member}"))["memberships"].clone();
    assert_eq!(memberships.as_array().map(Vec::len), Some(2));
    assert_eq!(memberships[0]["until"], memberships[1]["since"]);
    assert_eq!(memberships[1]["transfer_id"], cases.by_member.as_str());
}

/// A request as bytes. The client sends nothing more, reads everything, and can tell no answer from an answer.
fn raw_post(path: &str, token: &str, key: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         idempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The answer's status; `None` if none came.
fn raw_status(address: &str, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answers::hold_raw(request, &answer);
    answer.split(' ').nth(1)?.parse().ok()
}

/// A refusal does not repeat what was sent.
fn a_mistyped_sign_in_and_a_refusal_name_nobody(play: &Play) {
    let client = Client::new(&play.base).heard_by(&play.heard);
    let graduate = play.person("graduate");
    let number = graduate.id_number.as_str();
    let wrong = json!({"id_number": number, "password": "a wrong password"});
    client.post("/v1/auth/sign-in", &wrong).expect(401);
    let unknown = json!({"id_number": number, "password": PASSWORD, number: number});
    client.post("/v1/auth/sign-in", &unknown).expect(422);
    let broken = client.request("POST", "/v1/auth/sign-in");
    let broken = broken.header("content-type", "application/json");
    broken
        .body(format!("{{\"id_number\": \"{number}\", "))
        .send()
        .expect(400);
    let township = play.of("township");
    let wanted = json!({"name": graduate.name, "id_number": number});
    township.client.post("/v1/members/look-up", &wanted).expect(200);
    let nobody = json!({"name": "无此人", "id_number": number});
    township.client.post("/v1/members/look-up", &nobody).expect(404);
}

/// Looks for any text that is an ID number (GB 11643), not for the numbers of certain people.
fn s17_no_number_is_in_any_answer_or_line_of_the_log(lines: &[String], heard: &Heard, people: &[DemoSignIn]) {
    let said = |person: &DemoSignIn| lines.iter().any(|line| line.contains(person.id_number.as_str()));
    assert!(
        people.iter().any(said),
        "the demo prints numbers to sign in with on standard output, so a search there finds some"
    );
    let logged = lines.iter().filter(|line| line.starts_with('['));
    assert!(logged.clone().count() > 1000, "everything is logged");
    let told = heard.lock().expect("not poisoned");
    assert!(told.len() > 50, "the answers of a season are kept");
    for text in logged.chain(told.iter()) {
        assert_eq!(id_numbers(text), Vec::<&str>::new(), "{text}");
    }
    for person in people {
        assert_eq!(
            id_numbers(person.id_number.as_str()).len(),
            1,
            "the search finds numbers"
        );
    }
}

/// Every ID number in a text.
fn id_numbers(text: &str) -> Vec<&str> {
    let today = "2026-12-31".parse().expect("a date");
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    runs.filter(|run| run.len() == 18 && IdNumber::parse(run, today).is_ok())
        .collect()
}
