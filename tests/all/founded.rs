//! A season of a country that was made by `bootstrap` and the interface alone: every kind of school, all five systems,
//! the three provinces both ways, and each reason of a transfer. Nothing is written to the database directly.

use crate::external::{TOKEN, issued};
use crate::support::both_engines;
use crate::support::http::{Answer, Client, fresh_key};
use crate::support::world::{PASSWORD, World};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use zhuanjie::domain::authority::actor::Actor;
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::service::Context;
use zhuanjie::service::accounts::bootstrap::{Founding, found};
use zhuanjie::service::jobs::JobName;

/// The second administrator of the nation.
const SECOND: &str = "the second";
const SPRING: &str = "2026-03-02T02:00:00Z";
const SUMMER: &str = "2026-06-15T02:00:00Z";

/// The country, with the organizations and people made so far.
struct Country {
    world: World,
    ids: HashMap<String, String>,
    /// The ID number of each administrator, by organization, and of each member.
    numbers: HashMap<String, String>,
    members: HashMap<String, String>,
    serial: u16,
    signed_in: RefCell<HashMap<String, Client>>,
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

fn id_number(serial: u16) -> String {
    let born = "2004-05-06".parse().expect("a day");
    IdNumber::compose(110101, born, serial)
        .expect("a number")
        .reveal()
        .to_owned()
}

fn address(division: &str) -> Value {
    json!({"division_code": division, "text": "某路1号"})
}

/// A write to the version that is stored now.
fn latest(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request("POST", path).header("if-match", "*");
    request.header("idempotency-key", &fresh_key()).json(body).send()
}

impl Country {
    /// The root and its first administrator.
    fn found(world: World) -> Self {
        let (number, second) = (id_number(1), id_number(2));
        let of = |name: &str, number: &str| {
            let today = "2026-03-02".parse().expect("a day");
            (name.to_owned(), IdNumber::parse(number, today).expect("a number"))
        };
        let founding = Founding {
            organization: "中国共产主义青年团中央委员会".into(),
            short_name: "团中央".into(),
            administrators: vec![of("范志远", &number), of("沈立新", &second)],
        };
        let context = Context {
            actor: Actor::system(),
            now: world.clock.now(),
            request_id: "bootstrap".into(),
        };
        let issued = found(&mut world.db.conn(), &context, &world.app().vault, &founding).expect("the root is made");
        let mut country = Self {
            world,
            ids: HashMap::new(),
            numbers: HashMap::new(),
            members: HashMap::new(),
            serial: 2,
            signed_in: RefCell::default(),
        };
        let codes = issued.expect("the database was empty");
        for (name, number, code) in [("nation", number, &codes[0]), (SECOND, second, &codes[1])] {
            country.set_password(&number, &code.code);
            country.numbers.insert(name.into(), number);
        }
        let me = country.admin("nation").get("/v1/me").expect(200).json();
        country
            .ids
            .insert("nation".into(), text(&me["offices"][0]["organization"]["id"]));
        country
    }

    fn next_number(&mut self) -> String {
        self.serial += 1;
        id_number(self.serial)
    }

    fn set_password(&self, number: &str, code: &str) {
        let reset = json!({"id_number": number, "code": code, "new_password": PASSWORD});
        self.world.anybody().post("/v1/auth/reset", &reset).expect(204);
    }

    /// The administrator of an organization, signed in with their password.
    fn admin(&self, organization: &str) -> Client {
        self.sign_in(organization, true)
    }

    /// A member, signed in with their password.
    fn member(&self, name: &str) -> Client {
        self.sign_in(name, false)
    }

    fn sign_in(&self, who: &str, from_office: bool) -> Client {
        if let Some(client) = self.signed_in.borrow().get(who) {
            return client.clone();
        }
        let sign_in = |office: &Value| {
            let body = json!({"id_number": self.numbers[who], "password": PASSWORD, "office": office});
            self.world.anybody().post("/v1/auth/sign-in", &body).expect(200).json()
        };
        let first = sign_in(&Value::Null);
        let signed_in = if from_office {
            sign_in(&first["offices"][0]["id"])
        } else {
            first
        };
        let client = self.world.anybody().with_token(&text(&signed_in["access_token"]));
        self.signed_in.borrow_mut().insert(who.to_owned(), client.clone());
        client
    }

    fn at(&self, instant: &str) {
        self.world.at(instant);
        self.signed_in.borrow_mut().clear();
    }

    /// Makes an organization and appoints its first administrator, who sets a password.
    fn make(&mut self, key: &str, parent: &str, mut body: Value) {
        body["parent"] = json!(self.ids[parent]);
        let superior = self.admin(parent);
        let made = superior.write("/v1/organizations", &body).expect(201).json();
        let id = text(&made["id"]);
        let number = self.next_number();
        let person = json!({"name": format!("{key}管理员"), "id_number": number});
        let path = format!("/v1/organizations/{id}/appointments");
        let appointed = superior.write(&path, &person).expect(201).json();
        let path = format!("/v1/appointments/{}/reset-code", text(&appointed["appointment"]["id"]));
        let mut code = superior.write(&path, &json!({}));
        if code.status == 202 {
            // O5: the office is above a branch.
            code = self.admin(SECOND).write(&path, &json!({}));
        }
        self.set_password(&number, &text(&code.expect(201).json()["code"]));
        self.numbers.insert(key.to_owned(), number);
        self.ids.insert(key.to_owned(), id);
    }

    fn branch(&mut self, key: &str, parent: &str, sector: &str) {
        let stage = self
            .admin(parent)
            .get(&format!("/v1/organizations/{}", self.ids[parent]))
            .expect(200)
            .json();
        let mut body = json!({"kind": "branch", "sector": sector, "name": format!("{key}团支部")});
        if let Some(stage) = stage.get("stage").filter(|_| sector == "school") {
            body["stage"] = stage.clone();
        }
        self.make(key, parent, body);
    }

    fn register(&mut self, name: &str, branch: &str) {
        let number = self.next_number();
        let person = json!({"name": name, "id_number": number, "joined_month": "2019-09",
            "development_number": format!("20190000{:04}", self.serial), "phone": "13800000042", "ethnic_group": "01",
            "political_status": "共青团员", "education": "大学本科"});
        let clerk = self.admin(branch);
        let path = format!("/v1/organizations/{}/members", self.ids[branch]);
        let id = text(&clerk.write(&path, &person).expect(201).json()["id"]);
        let code = clerk
            .write(&format!("/v1/members/{id}/reset-code"), &json!({}))
            .expect(201)
            .json();
        self.set_password(&number, &text(&code["code"]));
        self.numbers.insert(name.to_owned(), number);
        self.members.insert(name.to_owned(), id);
    }

    /// A member proposes their own transfer. Returns the address of the case.
    fn propose(&self, name: &str, reason: &str, details: Value, target: Option<&str>) -> String {
        let mut body = json!({"reason": reason, "details": details});
        if let Some(target) = target {
            body["target"] = json!(self.ids[target]);
        }
        let proposed = self.member(name).write("/v1/transfers", &body).expect(201);
        proposed.header("location").expect("an address").to_owned()
    }

    fn decide(&self, by: &str, case: &str, action: &str, body: &Value) -> String {
        text(
            &latest(&self.admin(by), &format!("{case}/{action}"), body)
                .expect(200)
                .json()["state"],
        )
    }

    fn approve(&self, by: &str, case: &str) -> String {
        self.decide(by, case, "approve", &json!({}))
    }

    fn branch_of(&self, name: &str) -> Option<String> {
        let page = self
            .member(name)
            .get(&format!("/v1/members/{}", self.members[name]))
            .expect(200)
            .json();
        page["branch"]["id"].as_str().map(str::to_owned)
    }
}

/// The stages of schools, with the code that an independent school of the stage has.
const SCHOOLS: [(&str, &str); 5] = [
    ("regular_university", "4142010486"),
    ("higher_vocational", "4142010834"),
    ("secondary_vocational", "3642010011"),
    ("senior_high", "3142010001"),
    ("junior_high", "3142010002"),
];
const SYSTEMS: [&str; 5] = [
    "railway",
    "civil_aviation",
    "finance",
    "central_enterprises",
    "central_government",
];
const EXTERNAL: [(&str, u8, &str, &str); 3] = [
    ("北京", 11, "110000", "110101"),
    ("福建", 35, "350000", "350102"),
    ("广东", 44, "440000", "440103"),
];

/// The whole tree with its administrators and members.
fn country(world: World) -> Country {
    let mut country = Country::found(world);
    let organ = |level: &str, name: &str, division: &str| json!({"kind": "leading_organ", "level": level, "sector": "institution", "name": name, "division_code": division});
    country.make("湖北", "nation", organ("province", "共青团湖北省委员会", "420000"));
    country.make("武汉", "湖北", organ("city", "共青团武汉市委员会", "420100"));
    country.make("武昌", "武汉", organ("county", "共青团武昌区委员会", "420106"));
    for (name, _, division, _) in EXTERNAL {
        country.make(
            name,
            "nation",
            organ("province", &format!("共青团{name}委员会"), division),
        );
    }
    for system in SYSTEMS {
        let body = json!({"kind": "leading_organ", "level": "province", "sector": "institution", "system": system,
            "name": format!("共青团{system}委员会")});
        country.make(system, "nation", body);
        country.branch(&format!("{system}站"), system, "enterprise");
    }
    for (stage, code) in SCHOOLS {
        let parent = if stage == "regular_university" {
            "湖北"
        } else {
            "武昌"
        };
        let body = json!({"kind": "committee", "sector": "school", "stage": stage, "school_code": code,
            "name": format!("共青团{stage}委员会")});
        country.make(stage, parent, body);
        let class = format!("{stage}班");
        country.branch(&class, stage, "school");
        country.register(&format!("{stage}甲"), &class);
        country.register(&format!("{stage}乙"), &class);
    }
    let floating = json!({"kind": "branch", "sector": "school", "stage": "regular_university", "purpose": "floating",
        "name": "流动团员团支部"});
    country.make("流动", "regular_university", floating);
    let abroad = json!({"kind": "branch", "sector": "school", "stage": "regular_university", "purpose": "abroad",
        "name": "出国(境)学习研究团员团支部"});
    country.make("出国", "regular_university", abroad);
    for name in ["丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"] {
        country.register(name, "regular_university班");
    }
    country.make(
        "街道",
        "武昌",
        json!({"kind": "committee", "sector": "street_community", "township": true, "name": "共青团水果湖街道委员会"}),
    );
    country.branch("社区", "街道", "street_community");
    country.make(
        "公司",
        "武昌",
        json!({"kind": "committee", "sector": "enterprise", "name": "共青团长江公司委员会"}),
    );
    country.branch("车间", "公司", "enterprise");
    country
}

/// Marks every class, and lets the switch turn the classes into graduate branches.
fn switch(country: &Country) {
    for (stage, _) in SCHOOLS {
        let class = &country.ids[&format!("{stage}班")];
        let month = json!({"mode": "all_or_nothing", "items": [{"branch": class, "month": "2026-06"}]});
        country.admin(stage).write("/v1/graduation-marks", &month).expect(200);
    }
    country.at(SUMMER);
    country.world.run(JobName::YearlySwitch, SUMMER);
    for (stage, _) in SCHOOLS {
        let path = format!("/v1/organizations/{}", country.ids[&format!("{stage}班")]);
        let class = country.admin(stage).get(&path).expect(200).json();
        assert_eq!(class["graduated_season"], json!(2026), "{class}");
    }
}

fn employer() -> Value {
    json!({"employer_name": "某公司", "employer_address": address("420106")})
}

fn home() -> Value {
    json!({"home_address": address("420106")})
}

both_engines! {
    fn a_season_of_a_country_made_by_bootstrap_and_the_interface_alone(db: TestDb) {
        let mut country = country(World::empty(db, SPRING));
        switch(&country);
        let school = |stage: &str| json!({"destination_stage": stage, "school_name": "某学校", "school_address": address("420106")});

        // Further study: a class of each lower school moves up to the school above it.
        for (name, to) in [("junior_high甲", "senior_high"), ("junior_high乙", "secondary_vocational"),
            ("senior_high甲", "regular_university"), ("secondary_vocational甲", "higher_vocational"),
            ("higher_vocational甲", "regular_university")] {
            let class = format!("{to}新生");
            if !country.ids.contains_key(&class) {
                country.branch(&class, to, "school");
            }
            let case = country.propose(name, "further_study", school(to), Some(to));
            assert_eq!(country.approve(to, &case), "awaiting_assignment");
            let state = country.decide(to, &case, "assign", &json!({"branch": country.ids[&class]}));
            assert_eq!((state.as_str(), country.branch_of(name).as_ref()), ("completed", country.ids.get(&class)));
        }

        // Employed with and without a League organization, unsettled at home and with the school, abroad.
        for (name, reason, details, target) in [
            ("丙", "employed_with_league", employer(), "车间"),
            ("丁", "employed_without_league", employer(), "社区"),
            ("戊", "unsettled", home(), "社区"),
            ("己", "unsettled", home(), "流动"),
            ("庚", "abroad", json!({}), "出国"),
        ] {
            let case = country.propose(name, reason, details, Some(target));
            assert_eq!(country.approve(target, &case), "completed", "{name}");
            assert_eq!(country.branch_of(name).as_ref(), country.ids.get(target), "{name}");
        }

        // All five systems.
        for (name, system) in [("辛", 0), ("壬", 1), ("癸", 2), ("senior_high乙", 3), ("secondary_vocational乙", 4)]
            .map(|(name, at)| (name, SYSTEMS[at])) {
            let target = format!("{system}站");
            let found = country.member(name).get(&format!("/v1/targets?q={system}&system={system}")).expect(200).json();
            assert_eq!(found["items"][0]["id"], json!(country.ids[system]), "{found}");
            let case = country.propose(name, "employed_with_league", employer(), Some(&target));
            assert_eq!(country.approve(&target, &case), "completed", "{name}");
            assert_eq!(country.branch_of(name).as_ref(), country.ids.get(&target), "{name}");
        }

        // The three provinces with systems of their own, there and back.
        country.at("2026-09-07T02:00:00Z");
        for ((name, province, _, county), person) in EXTERNAL.into_iter().zip(["regular_university甲", "regular_university乙", "higher_vocational乙"]) {
            let external = json!({"province": province, "name": "某公司", "organization": "共青团某公司委员会", "address": address(county)});
            let details = json!({"employer_name": "某公司", "employer_address": address("420106"), "external": external});
            let case = country.propose(person, "employed_with_league", details, None);
            assert_eq!(country.decide(name, &case, "accept-external", &json!({})), "completed");
            assert_eq!(country.branch_of(person), None);

            let credential = country.admin("nation").write("/v1/integrators", &json!({"name": "外省系统", "organization": country.ids[name]}));
            let issued = issued(credential);
            let token = country.world.anybody().form(TOKEN, &issued.form()).expect(200).json();
            let system = country.world.anybody().with_token(&text(&token["access_token"]));
            let page = country.member(person).get(&format!("/v1/members/{}", country.members[person])).expect(200).json();
            let returned = json!({"name": person, "id_number": country.numbers[person], "phone": "13800000042", "joined_month": "2019-09",
                "development_number": page["development_number"], "political_status": "共青团员"});
            let newcomer = json!({"name": format!("{name}来人"), "id_number": id_number(900 + u16::from(province)), "phone": "13800000042",
                "joined_month": "2021-09", "development_number": format!("2021000009{province}"), "political_status": "共青团员"});
            for (who, expected) in [(returned, person), (newcomer, "")] {
                let body = json!({"person": who, "reason": "unsettled", "details": home(), "target": country.ids["社区"]});
                let inbound = system.write("/v1/inbound-transfers", &body).expect(201);
                let case = inbound.header("location").expect("an address").to_owned();
                assert_eq!(country.approve("社区", &case), "completed");
                if !expected.is_empty() {
                    assert_eq!(country.branch_of(expected).as_ref(), country.ids.get("社区"), "{expected}");
                }
            }
        }

        // A special unit, whose holding nobody made by hand.
        country.branch("研究院", "公司", "enterprise");
        country.register("某人", "研究院");
        let case = country.propose("某人", "special_unit", json!({}), None);
        let turn = country.member("某人").get(&case).expect(200).json();
        assert_eq!(turn["waiting_for"][0]["id"], json!(country.ids["湖北"]), "{turn}");
        assert_eq!(country.approve("湖北", &case), "completed");
        country.admin("公司").get(&format!("/v1/members/{}", country.members["某人"])).refused(404, "member.not_found");

        // Nobody is in two places, no case is open, and every stored fact holds.
        let mut members = BTreeSet::new();
        for item in country.admin("nation").whole(&format!("/v1/organizations/{}/members?subtree=true&", country.ids["nation"]), 200) {
            assert!(members.insert(text(&item["id"])), "{item}");
        }
        assert_eq!(country.world.db.count("transfers WHERE closed_at IS NULL"), 0);
        assert_eq!(country.world.db.count("inbox_entries"), 0);
        let mut broken = Vec::new();
        zhuanjie::service::verify::run(&mut country.world.db.conn(), |finding| {
            if !finding.broken.is_empty() {
                broken.push(finding.holds);
            }
        }).expect("the database answers");
        assert_eq!(broken, [""; 0]);
    }
}
