//! Every write and every look-up leaves its row (S-18, I-28). Each operation of the document that is not a GET is done
//! once with success. Its row is found by the request's id and has the capacity and the place of the caller.

use super::country::{Country, marked, pdf};
use super::{Operation, operations};
use crate::accounts::stand_in::{SECRET, StandIn};
use crate::audit_page::BY_OPERATION;
use crate::external::{INBOUND, going_to, number, to_beijing};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{PASSWORD, fresh_key};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use zhuanjie::app::App;
use zhuanjie::config::Wechat;
use zhuanjie::domain::audit::{AuditAction, AuditSubject};

/// The operation that leaves no row although it is not a GET: it answers what proposing would answer and stores
/// nothing. If it names a person by name and number, it is a look-up and leaves a row: see
/// [`a_preview_that_names_somebody_is_a_look_up`].
const SILENT: &[&str] = &["preview_transfer"];

/// A caller, with the capacity and the place that the log must record.
#[derive(Clone)]
struct Doer {
    client: Client,
    kind: &'static str,
    place: String,
}

struct WriteDriver<'a> {
    country: &'a Country,
    operations: BTreeMap<String, Operation>,
    done: BTreeSet<String>,
    /// The actions that each operation recorded.
    recorded: BTreeMap<String, BTreeSet<AuditAction>>,
}

impl<'a> WriteDriver<'a> {
    fn new(country: &'a Country) -> Self {
        Self {
            country,
            operations: operations(),
            done: BTreeSet::new(),
            recorded: BTreeMap::new(),
        }
    }

    fn admin(&self, name: &str) -> Doer {
        let world = &self.country.world;
        Doer {
            client: world.admin(name),
            kind: "administrator",
            place: world.path(name).to_string(),
        }
    }

    fn person(&self, name: &str) -> Doer {
        self.as_person(name, self.country.world.person(name))
    }

    /// A member with a client. The client may still have to sign in.
    fn as_person(&self, name: &str, client: Client) -> Doer {
        let (branch, _) = name.split_once('/').expect("a branch and a number");
        Doer {
            client,
            kind: "member",
            place: self.country.world.path(branch).to_string(),
        }
    }

    fn system(&self, organization: &str) -> Doer {
        let name = format!("system of {organization}");
        let position = self.country.positions.iter().find(|position| position.name == name);
        Doer {
            client: position.expect("a position").client.clone(),
            kind: "integrator",
            place: self.country.world.path(organization).to_string(),
        }
    }

    /// The id of an object of the country.
    fn thing(&self, about: super::About, name: &str) -> String {
        let things = self.country.of(about);
        let thing = things.iter().find(|thing| thing.name == name);
        thing.expect("an object of that name").id.clone()
    }

    /// The id of a member's open transfer.
    fn transfer_of(&self, member: &str) -> String {
        let things = self.country.of(super::About::Transfer);
        let names = |place: &super::Place| match place {
            super::Place::Between { names, .. } => names.iter().any(|name| name == member),
            _ => false,
        };
        let thing = things.iter().find(|thing| names(&thing.place));
        thing.expect("a transfer").id.clone()
    }

    fn body(&mut self, by: &Doer, operation: &str, id: &str, body: (&str, Vec<u8>)) -> Value {
        let Operation { method, path, .. } = &self.operations[operation];
        let path = path.replace("{id}", id).replace("{season}", "2026");
        // The id of a secret follows that of its credential.
        let path = match id.split_once(' ') {
            Some((client, secret)) => path.replace(id, client).replace("{secret}", secret),
            None => path,
        };
        let request_id = format!("{operation}-{}", fresh_key());
        let (kind, content) = body;
        let request = by.client.request(method, &path).header("x-request-id", &request_id);
        let request = request.header("idempotency-key", &fresh_key()).header("if-match", "*");
        let answer = request.header("content-type", kind).body(content).send();
        assert!((200..300).contains(&answer.status), "{operation}: {}", answer.text);
        self.find(operation, &request_id, by);
        self.done.insert(operation.to_owned());
        let Answer { text, .. } = answer;
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn json(&mut self, by: &Doer, operation: &str, id: &str, body: &Value) -> Value {
        self.body(by, operation, id, ("application/json", body.to_string().into_bytes()))
    }

    /// Checks that the rows of a request name the caller.
    fn find(&mut self, operation: &str, request_id: &str, by: &Doer) {
        let question = format!(
            "SELECT capacity || ' ' || coalesce(scope_path, '-') || ' ' || outcome || ' ' ||
             CASE WHEN account_id IS NULL THEN 'nobody' ELSE 'somebody' END AS value
             FROM audit_log WHERE request_id = '{request_id}'"
        );
        let rows = self.country.world.db.texts(&question);
        let wanted = format!("{} {} done somebody", by.kind, by.place);
        assert!(
            rows.iter().all(|row| *row == wanted),
            "{operation}: {rows:?}, not {wanted}"
        );
        assert_eq!(rows.is_empty(), SILENT.contains(&operation), "{operation}: {rows:?}");
        let query = format!(
            "SELECT action || ' ' || coalesce(subject, '') AS value FROM audit_log WHERE request_id = '{request_id}'"
        );
        for row in self.country.world.db.texts(&query) {
            let (action, subject) = row.split_once(' ').expect("an action and a subject");
            let action: AuditAction = action
                .parse()
                .unwrap_or_else(|_| panic!("{operation}: {action} is not an action"));
            assert!(
                action.takes(&AuditSubject::read(subject)),
                "{operation}: {action} of {subject}"
            );
            self.recorded.entry(operation.to_owned()).or_default().insert(action);
        }
    }

    fn transfers(&mut self) {
        let country = self.country;
        let world = &country.world;
        let none = json!({});
        let reason = json!({"reason": "查无此人"});
        let home = json!({"reason": "unsettled", "target": world.org("village"),
            "details": {"home_address": {"division_code": "420106", "text": "一号"}}});
        let proposer = self.person("class_2/2");
        self.json(&proposer, "preview_transfer", "", &home);
        let proposed = self.json(&proposer, "propose_transfer", "", &home);
        self.json(
            &proposer,
            "withdraw_transfer",
            proposed["id"].as_str().expect("an id"),
            &none,
        );
        let (village, homes, township) = (self.admin("village"), self.admin("home"), self.admin("township"));
        self.json(&village, "approve_transfer", &self.transfer_of("class_1/1"), &none);
        self.json(&homes, "refuse_transfer", &self.transfer_of("class_2/1"), &reason);
        let item = json!({"transfer": self.transfer_of("teachers/1"), "action": "approve"});
        let batch = json!({"mode": "all_or_nothing", "items": [item]});
        self.json(&homes, "decide_transfers", "", &batch);
        let branch = json!({"branch": world.org("village")});
        self.json(&township, "assign_transfer", &self.transfer_of("class_1/4"), &branch);
        let beijing = self.system("beijing");
        self.json(
            &beijing,
            "accept_external_transfer",
            &self.transfer_of("class_1/3"),
            &none,
        );
        let second = to_beijing(world, "class_2/3");
        let second = second.rsplit('/').next().expect("an id");
        self.json(&self.admin("beijing"), "refuse_external_transfer", second, &reason);
        let newcomer = going_to(world, "village", "张三", &number(7));
        self.json(&beijing, "preview_inbound_transfer", "", &newcomer);
        self.json(&beijing, "propose_inbound_transfer", "", &newcomer);
    }

    fn branches(&mut self) {
        use super::About;
        let country = self.country;
        let world = &country.world;
        let none = json!({});
        let reason = json!({"reason": "不属实"});
        let (college, province, class) = (self.admin("college"), self.admin("province"), self.admin("class_1"));
        let change = self.thing(About::MonthChange, "class_1");
        self.json(&province, "refuse_month_change", &change, &reason);
        let again = json!({"branch": world.org("class_1"), "month": "2026-10", "reason": "学制延长"});
        let change = self.json(&college, "propose_month_change", "", &again);
        self.json(
            &province,
            "approve_month_change",
            change["id"].as_str().expect("an id"),
            &none,
        );
        let batch = |item: Value| json!({"mode": "all_or_nothing", "items": [item]});
        let month = batch(json!({"branch": world.org("class_2"), "month": "2027-07"}));
        self.json(&college, "mark_graduation", "", &month);
        self.json(
            &class,
            "undo_marks",
            "",
            &batch(json!({"member": world.mem("class_1/1")})),
        );
        let mark =
            json!({"member": world.mem("class_1/1"), "identity": "delayed", "month": "2026-12", "reason": "休学"});
        self.json(&class, "mark_members", "", &batch(mark));
        let person = json!({"name": "张三", "id_number": number(77), "joined_month": "2019-09",
            "development_number": "201900000077"});
        self.json(&class, "preview_registration", &world.org("class_1"), &person);
        let new = self.json(&class, "register_member", &world.org("class_1"), &person);
        let new = new["id"].as_str().expect("an id").to_owned();
        self.json(&class, "change_member", &new, &json!({"phone": "13800000001"}));
        let form = self.thing(About::Form, "class_1/2");
        self.json(&college, "refuse_certification", &form, &reason);
        let uploading = self.thing(About::Uploading, "class_1/2");
        let form = self.body(&class, "upload_form", &uploading, ("application/pdf", pdf()));
        self.json(
            &college,
            "approve_certification",
            form["id"].as_str().expect("an id"),
            &none,
        );
        let new = json!({"parent": world.org("college"), "kind": "branch", "sector": "school",
            "stage": "regular_university", "name": "三班团支部"});
        let made = self.json(&college, "create_organization", "", &new);
        let made = made["id"].as_str().expect("an id");
        self.json(&college, "rename_organization", made, &json!({"name": "四班团支部"}));
        self.json(&college, "change_contact", made, &json!({"name": "老师"}));
        self.json(&college, "close_organization", made, &none);
    }

    fn people(&mut self) {
        use super::About;
        let country = self.country;
        let world = &country.world;
        let none = json!({});
        let (college, university) = (self.admin("college"), self.admin("university"));
        let asked = json!({"member": world.mem("class_2/1")});
        self.json(&self.admin("class_2"), "appoint", &world.org("class_2"), &asked);
        let class = self.thing(About::OfficeRequest, "class_1");
        self.json(&college, "approve_appointment_request", &class, &none);
        let own = self.thing(About::OfficeRequest, "college");
        self.json(
            &university,
            "refuse_appointment_request",
            &own,
            &json!({"reason": "不同意"}),
        );
        for (name, answer) in [
            ("village/1", "consent_to_appointment"),
            ("village/2", "decline_appointment"),
        ] {
            let outsider = json!({"name": marked(name), "id_number": world.id_number(name)});
            let offer = self.json(&college, "appoint", &world.org("class_2"), &outsider);
            let offer = offer["request"]["id"].as_str().expect("an id").to_owned();
            self.json(&self.person(name), answer, &offer, &none);
        }
        let begun = self.json(
            &college,
            "appoint",
            &world.org("class_2"),
            &json!({"member": world.mem("class_2/2")}),
        );
        let office = begun["appointment"]["id"].as_str().expect("an id").to_owned();
        self.json(&college, "issue_office_code", &office, &none);
        let why = json!({"reason": "账号被盗"});
        self.json(&college, "block_officer", &office, &why);
        self.json(&college, "unblock_officer", &office, &none);
        self.json(&college, "block_member", &world.mem("teachers/2"), &why);
        self.json(&college, "unblock_member", &world.mem("teachers/2"), &none);
        self.json(&college, "end_appointment", &office, &none);
        let wanted = json!({"name": marked("class_2/1"), "id_number": world.id_number("class_2/1")});
        self.json(&self.admin("township"), "look_up_member", "", &wanted);
        let purpose = json!({"fields": ["id_number"], "purpose": "核对入团志愿书"});
        self.json(
            &self.admin("class_1"),
            "reveal_member",
            &world.mem("class_1/2"),
            &purpose,
        );
        let many = json!({"items": [world.mem("village/3")]});
        self.json(&self.admin("village"), "issue_member_codes", "", &many);
    }

    fn accounts(&mut self) {
        let country = self.country;
        let world = &country.world;
        let none = json!({});
        let village = self.admin("village");
        let code = self.json(&village, "issue_member_code", &world.mem("village/2"), &none);
        let number = world.id_number("village/2");
        let (first, second) = ("correct horse 2026", "battery staple 2026");
        let stranger = self.as_person("village/2", world.anybody());
        let reset = json!({"id_number": number, "code": code["code"], "new_password": first});
        self.json(&stranger, "reset_password", "", &reset);
        let signed_in = self.json(
            &stranger,
            "sign_in",
            "",
            &json!({"id_number": number, "password": first}),
        );
        let next = self.json(
            &stranger,
            "refresh",
            "",
            &json!({"refresh_token": signed_in["refresh_token"]}),
        );
        let token = next["access_token"].as_str().expect("a token");
        let signed_in_person = self.as_person("village/2", world.anybody().with_token(token));
        let change = json!({"current_password": first, "new_password": second});
        self.json(&signed_in_person, "change_password", "", &change);
        self.json(&signed_in_person, "sign_out", "", &json!({"everywhere": false}));
        let again = json!({"id_number": number, "password": second});
        let again = self.json(&stranger, "sign_in", "", &again);
        let token = again["access_token"].as_str().expect("a token");
        let signed_in_person = self.as_person("village/2", world.anybody().with_token(token));
        self.json(&signed_in_person, "sign_out", "", &json!({"everywhere": true}));
        // A session that begins at an office is for the auditors of its organization, from its first row on.
        let officer = |client: Client| Doer {
            client,
            ..self.admin("college")
        };
        let (nobody, own) = (officer(world.anybody()), officer(world.admin("college")));
        let office = own.client.get("/v1/me").expect(200).json()["offices"][0]["id"].take();
        let body = json!({"id_number": world.id_number("college"), "password": PASSWORD, "office": office});
        let signed_in = self.json(&nobody, "sign_in", "", &body);
        self.json(
            &nobody,
            "refresh",
            "",
            &json!({"refresh_token": signed_in["refresh_token"]}),
        );
    }

    /// Uses another program that has a mini-program configured.
    fn mini_program(&mut self, client: &Client) {
        let number = self.country.world.id_number("village/1");
        let stranger = self.as_person("village/1", client.clone());
        let body = json!({"code": "alice", "id_number": number, "password": PASSWORD});
        self.json(&stranger, "wechat_bind", "", &body);
        let signed_in = self.json(&stranger, "wechat_login", "", &json!({"code": "alice"}));
        let token = signed_in["access_token"].as_str().expect("a token");
        let signed_in_person = self.as_person("village/1", client.with_token(token));
        self.json(&signed_in_person, "wechat_unbind", "", &json!({}));
    }

    fn nation(&mut self) {
        let country = self.country;
        let world = &country.world;
        let none = json!({});
        let nation = self.admin("nation");
        let policy = nation.client.get("/v1/policies/2026").expect(200).json();
        self.json(&nation, "change_policy", "", &policy);
        let wanted = json!({"name": "another system", "organization": world.org("guangdong")});
        let issued = self.json(&nation, "issue_integrator", "", &wanted);
        let client = issued["client_id"].as_str().expect("an id");
        let secret = issued["client_secret"].as_str().expect("a secret");
        let credential = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        let system = Doer {
            client: world.anybody(),
            ..self.system("guangdong")
        };
        let form = ("application/x-www-form-urlencoded", credential.into_bytes());
        self.body(&system, "get_token", "", form);
        let added = self.json(&nation, "add_integrator_secret", client, &none);
        let secret = format!("{client} {}", added["secret_id"].as_str().expect("an id"));
        self.json(&nation, "retire_integrator_secret", &secret, &none);
        self.json(&nation, "revoke_integrator", client, &none);
    }
}

both_engines! {
    fn s18_i28_every_write_and_every_look_up_leaves_its_row(db: TestDb) {
        let mut country = Country::new(db);
        let upstream = StandIn::start();
        let wechat = Wechat {
            url: upstream.url,
            app_id: "wx0123456789".into(),
            secret: SECRET.into(),
            patience: Duration::from_secs(5),
        };
        let mini_program = country.world.another_server(|app| App { wechat: Some(wechat), ..app });
        let mut driver = WriteDriver::new(&country);
        driver.branches();
        driver.transfers();
        driver.people();
        driver.accounts();
        driver.mini_program(&mini_program);
        driver.nation();
        let is_write = |operation: &Operation| operation.method != "GET";
        let writes = driver.operations.iter().filter(|(_, operation)| is_write(operation));
        let left_out: Vec<&String> = writes.map(|(id, _)| id).filter(|id| !driver.done.contains(*id)).collect();
        assert_eq!(left_out, Vec::<&String>::new(), "operations that were not tried");
        let told = BY_OPERATION.iter().map(|(id, actions)| ((*id).to_owned(), actions.iter().copied().collect()));
        let told: BTreeMap<String, BTreeSet<AuditAction>> = told.collect();
        assert_eq!(driver.recorded, told, "the table in audit_page.rs");
    }

    fn s18_a_preview_that_names_somebody_is_a_look_up(db: TestDb) {
        let country = Country::new(db);
        let world = &country.world;
        let looked_up = || world.db.count("audit_log WHERE action = 'member.looked_up'");
        let body = json!({"member": {"name": marked("class_2/2"), "id_number": world.id_number("class_2/2")},
            "reason": "unsettled", "target": world.org("township"),
            "details": {"home_address": {"division_code": "420106", "text": "一号"}}});
        let before = looked_up();
        world.admin("township").post("/v1/transfers/preview", &body).expect(200);
        assert_eq!(looked_up(), before + 1);
        let newcomer = going_to(world, "village", "张三", &number(8));
        WriteDriver::new(&country).system("beijing").client.post(&format!("{INBOUND}/preview"), &newcomer).expect(200);
        assert_eq!(looked_up(), before + 2);
    }
}
