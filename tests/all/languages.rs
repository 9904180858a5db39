//! Bad input of every kind is refused in the caller's language and in no other.

use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use crate::support::{both_engines, language};
use serde_json::{Value, json};

const NOW: &str = "2026-06-20T01:00:00Z";

/// One bad request, sent in both languages.
struct Bad<'a> {
    client: &'a Client,
    method: &'a str,
    path: String,
    headers: Vec<(&'a str, String)>,
    body: String,
}

impl Bad<'_> {
    fn send(&self, language: &str) -> Answer {
        let mut request = self
            .client
            .request(self.method, &self.path)
            .header("accept-language", language)
            .body(self.body.as_str());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send()
    }

    /// The refusal in English. Checks the status, the code and the language of both answers.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Value {
        let what = format!("{} {}", self.method, self.path);
        let chinese = self.send("zh-CN").refused(status, code);
        assert_eq!(chinese.header("content-language"), Some("zh-CN"), "{what}");
        language::is_chinese(&chinese.json(), &what);
        let english = self.send("en").refused(status, code);
        assert_eq!(english.header("content-language"), Some("en"), "{what}");
        language::is_english(&english.json(), &what);
        english.json()
    }
}

fn with_body<'a>(client: &'a Client, path: &str, body: &Value) -> Bad<'a> {
    Bad {
        client,
        method: "POST",
        path: path.to_owned(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", fresh_key()),
        ],
        body: body.to_string(),
    }
}

fn query<'a>(client: &'a Client, path: impl Into<String>) -> Bad<'a> {
    Bad {
        client,
        method: "GET",
        path: path.into(),
        headers: Vec::new(),
        body: String::new(),
    }
}

/// The pointer of the first error and its text.
fn first(problem: &Value) -> (&str, &str) {
    let error = &problem["errors"][0];
    (
        error["pointer"].as_str().unwrap_or_default(),
        error["detail"].as_str().expect("a text"),
    )
}

both_engines! {
    fn a_bad_body_is_refused_in_the_callers_language(db: TestDb) {
        let world = World::new(db, NOW);
        let college = world.admin("college");
        let mark = json!({"branch": world.org("class_1"), "month": "2026-06"});
        let marks = |item: Value| json!({"mode": "all_or_nothing", "items": [item]});
        let with = |name: &str, value: Value| {
            let mut item = mark.clone();
            item[name] = value;
            marks(item)
        };
        for (body, pointer, says) in [
            (with("month", json!("2026-13")), "/items/0/month", "must be a month, written YYYY-MM"),
            (with("month", json!(202606)), "/items/0/month", "must be a string"),
            (with("branch", json!("mem_0000000000000")), "/items/0/branch", "must be an id that begins with org_"),
            (with("undetermined", json!("none")), "/items/0/undetermined", "must be one of: teacher_branch, mixed_branch"),
            (with("surprise", json!(1)), "/items/0/surprise", "is not a known field; the fields are: branch, month"),
            (marks(json!({"month": "2026-06"})), "/items/0/branch", "is required"),
            (json!({"items": []}), "/mode", "is required"),
            (json!({"mode": "per_item", "items": {}}), "/items", "must be a list"),
            (json!({"mode": "per_item", "items": []}), "/items", "must have 1 to 200 items"),
            (json!({"mode": "per_item", "dry_run": "yes", "items": []}), "/dry_run", "must be a boolean"),
            (json!("text"), "", "the body must be an object"),
            (with("month", json!("\u{0}")), "", "no text may contain the character U+0000"),
        ] {
            let problem = with_body(&college, "/v1/graduation-marks", &body).refused(422, "request.invalid");
            let (at, said) = first(&problem);
            assert_eq!(at, pointer, "{problem}");
            assert!(said.contains(says), "{problem}");
        }
        let broken = |text: &str| Bad { body: text.to_owned(), ..with_body(&college, "/v1/graduation-marks", &Value::Null) };
        for (text, says) in [
            ("{", "the body is not JSON"),
            ("", "the body is not JSON"),
            (&format!("{} {{}}", marks(mark.clone())), "something follows the JSON value"),
            (&"[".repeat(20), "the body is nested deeper than 16 levels"),
        ] {
            let problem = broken(text).refused(400, "request.malformed");
            assert!(first(&problem).1.contains(says), "{problem}");
        }
        let member = json!({"member": {"id": world.mem("class_1/1"), "name": "x"}, "reason": "unsettled"});
        let problem = with_body(&world.admin("village"), "/v1/transfers", &member).refused(422, "request.invalid");
        assert_eq!(first(&problem).0, "/member", "{problem}");
        let nation = world.admin("nation");
        let integrator = json!({"name": "x", "organization": world.org("province"), "expires_at": "tomorrow"});
        let problem = with_body(&nation, "/v1/integrators", &integrator).refused(422, "request.invalid");
        let (at, said) = first(&problem);
        assert!(at == "/expires_at" && said.contains("must be a time with its zone"), "{problem}");
    }

    fn bad_parameters_are_refused_in_the_callers_language(db: TestDb) {
        let world = World::new(db, NOW);
        let nation = world.admin("nation");
        for (path, pointer, says) in [
            ("transfers?limit=x", "/limit", "must be a whole number"),
            ("transfers?limit=0", "/limit", "must be a whole number from 1 to 200"),
            ("transfers?limit=99999999999999999999", "/limit", "is a number out of range"),
            ("transfers?limit=1&limit=2", "/limit", "is given twice"),
            ("transfers?cursor=x", "/cursor", "is not a cursor of this list"),
            ("transfers?surprise=1", "/surprise", "is not a known field"),
            ("transfers?420106199901011239=1", "/?", "is not a known field"),
            ("transfers?cursor=%ff", "", "the query is not UTF-8"),
            ("transfers?side=up", "/side", "must be one of: out, in"),
            ("targets", "/q", "is required"),
            ("targets?q=", "/q", "must have 1 to"),
            ("targets?q=x&province=300", "/province", "is a number out of range"),
            ("targets?q=x&province=42&system=railway", "", "give at most one of province, system and under"),
            ("targets?q=x&under=trf_0000000000000", "/under", "must be an id that begins with org_"),
        ] {
            let problem = query(&nation, format!("/v1/{path}")).refused(400, "request.malformed");
            let (at, said) = first(&problem);
            assert_eq!(at, pointer, "{problem}");
            assert!(said.contains(says), "{problem}");
        }
        for path in ["members/x", "organizations/trf_0000000000000", "transfers/420106199901011239", "nothing"] {
            let bad = query(&nation, format!("/v1/{path}"));
            let code = bad.send("en").code();
            bad.refused(404, &code);
        }
        query(&nation, "/v1/policies/20260").refused(404, "policy.not_found");
    }

    fn bad_headers_are_refused_in_the_callers_language(db: TestDb) {
        let world = World::new(db, NOW);
        let (college, nation, member) = (world.admin("college"), world.admin("nation"), world.person("class_1/1"));
        let marks = json!({"mode": "per_item", "items": []});
        let mut bad = with_body(&college, "/v1/graduation-marks", &marks);
        bad.headers[0].1 = "text/plain".to_owned();
        bad.refused(415, "request.media_type");
        let transfer = json!({"reason": "unsettled"});
        let mut bad = with_body(&member, "/v1/transfers", &transfer);
        for key in ["", " ", "with blank", &"x".repeat(65)] {
            bad.headers[1].1 = key.to_owned();
            bad.refused(400, "request.idempotency_key_required");
        }
        let policy = nation.get("/v1/policies/2026").expect(200).text;
        let mut bad = Bad { method: "PUT", body: policy, ..with_body(&nation, "/v1/policies/2026", &Value::Null) };
        bad.refused(428, "request.precondition_required");
        bad.headers.push(("if-match", "yesterday".to_owned()));
        bad.refused(412, "request.stale");
        let mut bad = query(&nation, "/v1/me");
        bad.headers.push(("x-long", "x".repeat(17 << 10)));
        bad.refused(431, "request.head_too_large");
        query(&nation, format!("/v1/transfers?cursor={}", "x".repeat(5000))).refused(414, "request.address_too_long");
        Bad { method: "DELETE", ..query(&nation, "/v1/transfers") }.refused(405, "request.method_not_allowed");
        let anybody = world.anybody();
        query(&anybody, "/v1/me").refused(401, "request.unauthenticated");
    }
}
