//! The country in which the operations are tried: one object of each kind at a class and at its college, people whose
//! names say where they belong, and a caller in each relation to them.

use crate::external::{country, issued, signed_in, system};
use crate::support::database::texts;
use crate::support::http::Client;
use crate::support::rows::declared;
use crate::support::world::World;
use crate::support::{Engine, TestDb};
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use zhuanjie::config::Keys;
use zhuanjie::db::schema::members;
use zhuanjie::domain::authority::actor::{Actor, Role};
use zhuanjie::domain::authority::scope::{self, Grant};
use zhuanjie::domain::authority::{Object, SideScope, Sides};
use zhuanjie::domain::core::ids::{
    AccountId, AppointmentId, AppointmentRequestId, CertificationId, MemberId, MonthChangeId, OrganizationId,
    TransferId,
};
use zhuanjie::domain::office::OfficeRole;
use zhuanjie::domain::organization::facts::Path;
use zhuanjie::security::vault::{SealPurpose, SealedRow};
use zhuanjie::service::jobs::JobName;

const SPRING: &str = "2026-03-02T02:00:00Z";
/// 1 June 2026, 00:00 in Asia/Shanghai: class 1 turns into a graduate branch.
const SWITCH: &str = "2026-05-31T16:00:00Z";
/// A key that no row has.
const NOTHING: i64 = 9_999_999;
/// The administrators, each in a different relation to the class or the college.
const OFFICERS: &[&str] = &[
    "class_1",
    "class_2",
    "college",
    "university",
    "province",
    "nation",
    "employer",
    "village",
    "township",
    "beijing",
    "station",
];
/// The member, one of the same branch, one from far away, and one of a special unit.
const MEMBERS: &[&str] = &["class_1/1", "class_1/2", "village/1", "holding/1"];

/// What an operation acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Nothing. Everybody may call.
    Public,
    Oneself,
    Nation,
    Person,
    Organization,
    /// Everything below an organization, as lists show it.
    Subtree,
    Holding,
    Member,
    /// A member whose form waits.
    Uploading,
    Form,
    Office,
    /// An office that has ended.
    EndedOffice,
    OfficeRequest,
    /// A request to appoint somebody, as that person sees it.
    OwnRequest,
    MonthChange,
    Transfer,
    Integrator,
}

/// An object: its id, the id of a missing object of its kind, and its place for the rules.
pub struct Thing {
    pub about: About,
    pub name: String,
    pub id: String,
    pub ghost: String,
    pub place: Place,
    /// Whether it is in a special-unit holding (S-30).
    pub secret: bool,
}

/// The place of an object in the country.
pub enum Place {
    Oneself,
    Nation,
    Anyone,
    At {
        path: Path,
        member: Option<MemberId>,
        holders: Vec<OrganizationId>,
    },
    Between {
        sides: Box<Sides<'static>>,
        holders: Vec<OrganizationId>,
        /// The organization that proposed it, if one did.
        starter: Option<OrganizationId>,
        /// The names that occur in it.
        names: Vec<String>,
    },
}

impl Thing {
    /// The object in the form that `decide` takes.
    pub fn with_object<T>(&self, then: impl FnOnce(Object<'_>) -> T) -> T {
        match &self.place {
            Place::Oneself => then(Object::Oneself),
            Place::Nation => then(Object::Nation),
            Place::Anyone => then(Object::Anyone),
            Place::At { path, member, holders } => then(Object::At {
                path,
                about: *member,
                holders,
                secret: self.secret,
            }),
            Place::Between { sides, holders, .. } => {
                let sides = Sides {
                    holders,
                    ..Sides::clone(sides)
                };
                then(Object::Between(&sides))
            }
        }
    }
}

/// A caller.
pub struct Position {
    pub name: String,
    pub client: Client,
    /// `None` if the caller is not signed in.
    pub actor: Option<Actor>,
}

pub struct Country {
    pub world: World,
    pub positions: Vec<Position>,
    pub things: Vec<Thing>,
    /// The full ID number and telephone of every person. No answer may contain one.
    pub secrets: BTreeSet<String>,
}

/// A name that says where a person belongs, in brackets that no other text contains.
pub fn marked(person: &str) -> String {
    format!("『{person}』")
}

impl Country {
    pub fn new(db: TestDb) -> Self {
        let mut world = country(db, SPRING);
        for number in [4, 5] {
            world.add_member(&format!("class_1/{number}"), "class_1", "2004-05-06");
        }
        world.add_member("holding/1", "holding", "2004-05-06");
        world.appoint_as("auditor", "college", OfficeRole::Auditor);
        for place in ["class_1", "college"] {
            world.appoint(&format!("former {place}"), place);
            world.db.execute(&format!(
                "UPDATE appointments SET ended_at = 1 WHERE id = {}",
                world.officer_key(&format!("former {place}"))
            ));
        }
        let secrets = mark(&world);
        let mut made = Made {
            things: Vec::new(),
            world,
        };
        made.school();
        made.transfers();
        made.plain();
        let Made { things, world } = made;
        let positions = positions(&world);
        Self {
            world,
            positions,
            things,
            secrets,
        }
    }

    pub fn of(&self, about: About) -> Vec<&Thing> {
        self.things.iter().filter(|thing| thing.about == about).collect()
    }

    /// All stored rows, table by table, except for the log and the budgets, which record denied requests too.
    pub fn stored(&self) -> BTreeMap<String, String> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for column in declared().into_keys() {
            let (table, column) = column.split_once('.').expect("a table and a column");
            tables.entry(table.to_owned()).or_default().push(column.to_owned());
        }
        tables.retain(|table, _| !["audit_log", "budgets"].contains(&table.as_str()) && !table.starts_with("audit_"));
        let mut conn = self.world.db.conn();
        let read = |(table, columns): (String, Vec<String>)| {
            let row = match self.world.db.engine() {
                Engine::Postgres => format!("{table}::text"),
                Engine::Sqlite => {
                    let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
                    quoted.join(" || ',' || ")
                }
            };
            let rows = texts(&mut conn, &format!("SELECT {row} AS value FROM {table} ORDER BY 1"));
            (table, rows.join("\n"))
        };
        tables.into_iter().map(read).collect()
    }
}

/// Gives every person a telephone and a name that says where they belong. Returns the values that no answer may show in
/// full.
fn mark(world: &World) -> BTreeSet<String> {
    world.db.execute("UPDATE members SET name = '『' || name || '』'");
    world
        .db
        .execute("UPDATE accounts SET name = '『' || name || '』' WHERE kind = 'person'");
    let vault = Keys::demo().vault;
    let mut secrets = BTreeSet::new();
    let people: Vec<String> = world.people().map(str::to_owned).collect();
    for (person, serial) in people.iter().zip(10_000_u32..) {
        secrets.insert(world.id_number(person));
        let phone = format!("139{:08}", u64::from(serial) * 4_567);
        if person.contains('/') {
            let member = MemberId(world.mem_key(person));
            diesel::update(members::table.find(member))
                .set((
                    members::phone_sealed.eq(vault.seal(SealPurpose::Phone, SealedRow::Member(member), &phone)),
                    members::phone_digest.eq(vault.digest(SealPurpose::Phone, &phone)),
                ))
                .execute(&mut world.db.conn())
                .expect("a telephone");
        }
        secrets.insert(phone);
    }
    secrets
}

struct Made {
    things: Vec<Thing>,
    world: World,
}

impl Made {
    fn key(&self, question: &str) -> i64 {
        self.world.db.number(question)
    }

    fn holders(&self, kind: &str, subject: i64) -> Vec<OrganizationId> {
        let question = format!(
            "SELECT CAST(organization_id AS TEXT) AS value FROM inbox_entries WHERE kind = '{kind}' AND subject_id = {subject}"
        );
        let found = self.world.db.texts(&question);
        assert!(!found.is_empty(), "{kind}: no organization holds the turn");
        found
            .iter()
            .map(|key| OrganizationId(key.parse().expect("a key")))
            .collect()
    }

    fn add(&mut self, about: About, name: &str, ids: (String, String), place: Place) {
        let (id, ghost) = ids;
        let name = name.to_owned();
        self.things.push(Thing {
            about,
            name,
            id,
            ghost,
            secret: matches!(&place, Place::At { path, .. } if *path == self.world.path("holding")),
            place,
        });
    }

    /// The place of an object at an organization.
    fn at(&self, organization: &str, member: Option<i64>, holders: Vec<OrganizationId>) -> Place {
        Place::At {
            path: self.world.path(organization),
            member: member.map(MemberId),
            holders,
        }
    }

    /// Marks, forms, offices and requests.
    fn school(&mut self) {
        let world = &self.world;
        let marks = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-07"}]});
        world.admin("college").write("/v1/graduation-marks", &marks).expect(200);
        let delayed = json!({"member": world.mem("class_1/1"), "identity": "delayed", "month": "2026-09",
            "reason": marked("class_1/1")});
        let marks = json!({"mode": "all_or_nothing", "items": [delayed]});
        world.admin("class_1").write("/v1/member-marks", &marks).expect(200);
        world.at(SWITCH);
        world.run(JobName::YearlySwitch, SWITCH);
        let change = json!({"branch": world.org("class_1"), "month": "2026-09", "reason": marked("college")});
        world.admin("college").write("/v1/month-changes", &change).expect(201);
        world.db.execute(
            "UPDATE members SET joined_month = 202105, certification = 'not_uploaded' WHERE name = '『class_1/2』'",
        );
        let path = format!("/v1/members/{}/certification", world.mem("class_1/2"));
        let client = world.admin("class_1");
        let request = client.request("POST", &path).header("content-type", "application/pdf");
        request.header("idempotency-key", "form").body(pdf()).send().expect(201);
        for place in ["class_1", "college"] {
            let path = format!("/v1/organizations/{}/appointments", world.org(place));
            let body = json!({"member": world.mem("class_1/2")});
            world.admin(place).write(&path, &body).expect(202);
        }
        self.things_of_the_school();
    }

    fn things_of_the_school(&mut self) {
        let change = self.key("SELECT id AS value FROM month_changes");
        let ids = (MonthChangeId(change).to_string(), MonthChangeId(NOTHING).to_string());
        let place = self.at("class_1", None, self.holders("month_change", change));
        self.add(About::MonthChange, "class_1", ids, place);

        let member = self.world.mem_key("class_1/2");
        let form = self.key("SELECT id AS value FROM certifications");
        let ids = (CertificationId(form).to_string(), CertificationId(NOTHING).to_string());
        let place = self.at("class_1", Some(member), self.holders("certification", form));
        self.add(About::Form, "class_1/2", ids, place);
        let ids = (MemberId(member).to_string(), MemberId(NOTHING).to_string());
        let branch = vec![OrganizationId(self.world.org_key("class_1"))];
        let place = self.at("class_1", Some(member), branch);
        self.add(About::Uploading, "class_1/2", ids, place);

        for (place, superior) in [("class_1", "college"), ("college", "university")] {
            let superior = vec![OrganizationId(self.world.org_key(superior))];
            let ghost = AppointmentId(NOTHING).to_string();
            let office = AppointmentId(self.world.officer_key(place)).to_string();
            let at = self.at(place, None, superior.clone());
            self.add(About::Office, place, (office, ghost.clone()), at);
            let former = AppointmentId(self.world.officer_key(&format!("former {place}"))).to_string();
            let at = self.at(place, None, superior);
            self.add(About::EndedOffice, place, (former, ghost), at);
            let organization = self.world.org_key(place);
            let request = self.key(&format!(
                "SELECT id AS value FROM appointment_requests WHERE organization_id = {organization}"
            ));
            let at = self.at(place, None, self.holders("appointment", request));
            let ids = (
                AppointmentRequestId(request).to_string(),
                AppointmentRequestId(NOTHING).to_string(),
            );
            self.add(About::OfficeRequest, place, ids.clone(), at);
            let at = self.at(place, Some(member), Vec::new());
            self.add(About::OwnRequest, place, ids, at);
        }
    }

    /// A case that waits at a village, one for Beijing that the college proposed, an accepted one, and one to a special
    /// unit.
    fn transfers(&mut self) {
        let world = &self.world;
        let address = json!({"division_code": "420106", "text": "一号"});
        let home = |member: &str, target: &str| {
            json!({"reason": "unsettled", "target": world.org(target), "explanation": marked(member),
                "details": {"home_address": {"division_code": "420106", "text": marked(member)}}})
        };
        let propose = |client: &Client, body: &Value| client.write("/v1/transfers", body).expect(201).json();
        propose(&world.person("class_1/1"), &home("class_1/1", "village"));
        let external = json!({"province": 11, "name": "某公司", "organization": "某公司团委",
            "address": {"division_code": "110105", "text": "建国路1号"}});
        let body = json!({"reason": "employed_with_league", "member": {"id": world.mem("class_1/3")},
            "details": {"employer_name": "某公司", "employer_address": address, "external": external}});
        propose(&world.admin("college"), &body);
        let accepted = propose(&world.person("class_1/4"), &home("class_1/4", "township"));
        let path = format!("/v1/transfers/{}/approve", accepted["id"].as_str().expect("an id"));
        world.admin("township").decide(&path, 1, &json!({})).expect(200);
        propose(&world.person("class_1/5"), &json!({"reason": "special_unit"}));
        // Cases that concern no position here. A list without its filter would show them.
        propose(&world.person("class_2/1"), &home("class_2/1", "home"));
        propose(&world.person("teachers/1"), &home("teachers/1", "home"));
        for (name, duty, target, starter) in [
            ("class_1/1", "approval_in", "village", None),
            ("class_1/3", "external_answer", "beijing", Some("college")),
            ("class_1/4", "assignment", "township", None),
            ("class_1/5", "province", "province", None),
            ("class_2/1", "approval_in", "home", None),
            ("teachers/1", "approval_in", "home", None),
        ] {
            self.transfer(name, duty, target, starter);
        }
    }

    fn transfer(&mut self, name: &str, duty: &str, target: &str, starter: Option<&str>) {
        let member = self.world.mem_key(name);
        let key = self.key(&format!("SELECT id AS value FROM transfers WHERE member_id = {member}"));
        let (branch, _) = name.split_once('/').expect("a branch and a number");
        let secret = duty == "province";
        let sides = Sides {
            member: Some(MemberId(member)),
            secret,
            source: SideScope {
                organization: Some(OrganizationId(self.world.org_key(branch))),
                path: Some(self.world.path(branch)),
                province: None,
            },
            target: SideScope {
                organization: Some(OrganizationId(self.world.org_key(target))),
                path: (!secret).then(|| self.world.path(target)),
                province: (duty == "external_answer").then_some(11),
            },
            holders: &[],
        };
        let place = Place::Between {
            sides: Box::new(sides),
            holders: self.holders(duty, key),
            starter: starter.map(|starter| OrganizationId(self.world.org_key(starter))),
            names: [Some(name), starter, (duty == "assignment").then_some(target)]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
        };
        let ids = (TransferId(key).to_string(), TransferId(NOTHING).to_string());
        self.add(About::Transfer, duty, ids, place);
    }

    fn plain(&mut self) {
        for (place, superior) in [("class_1", "college"), ("college", "university")] {
            let ids = (self.world.org(place), OrganizationId(NOTHING).to_string());
            let holders = vec![OrganizationId(self.world.org_key(superior))];
            let at = self.at(place, None, holders);
            self.add(About::Organization, place, ids, at);
        }
        let province = OrganizationId(self.world.org_key("province"));
        for about in [About::Holding, About::Organization] {
            let ids = (self.world.org("holding"), OrganizationId(NOTHING).to_string());
            let at = self.at("holding", None, vec![province]);
            self.add(about, "holding", ids, at);
        }
        for place in ["college", "province", "nation"] {
            let ids = (self.world.org(place), OrganizationId(NOTHING).to_string());
            let at = self.at(place, None, Vec::new());
            self.add(About::Subtree, place, ids, at);
        }
        let ids = (self.world.mem("holding/1"), MemberId(NOTHING).to_string());
        let at = self.at("holding", Some(self.world.mem_key("holding/1")), Vec::new());
        self.add(About::Member, "holding/1", ids, at);
        for name in ["class_1/1", "class_1/2"] {
            let ids = (self.world.mem(name), MemberId(NOTHING).to_string());
            let at = self.at("class_1", Some(self.world.mem_key(name)), Vec::new());
            self.add(About::Member, name, ids, at);
        }
        let integrator = crate::external::issue(&self.world, "university").id;
        let revoke = format!("/v1/integrators/{integrator}/revoke");
        self.world.admin("nation").write(&revoke, &json!({})).expect(200);
        self.add(
            About::Integrator,
            "university",
            (integrator, AccountId(NOTHING).to_string()),
            Place::Nation,
        );
        for (about, place) in [
            (About::Public, Place::Anyone),
            (About::Oneself, Place::Oneself),
            (About::Nation, Place::Nation),
            (About::Person, Place::Anyone),
        ] {
            self.add(about, "", (String::new(), String::new()), place);
        }
    }
}

/// A PDF, to judge by its first and last bytes.
pub fn pdf() -> Vec<u8> {
    b"%PDF-1.7\n<</Type/Page>>\nstartxref\n9\n%%EOF\n".to_vec()
}

fn positions(world: &World) -> Vec<Position> {
    let mut all = vec![Position {
        name: "nobody".to_owned(),
        client: world.anybody(),
        actor: None,
    }];
    all.extend(OFFICERS.iter().map(|name| Position {
        name: format!("administrator of {name}"),
        client: world.admin(name),
        actor: Some(world.officer(name)),
    }));
    all.extend(MEMBERS.iter().map(|name| Position {
        name: format!("member {name}"),
        client: world.person(name),
        actor: Some(world.actor(name)),
    }));
    let auditor = world.officer("auditor");
    let office = auditor.office().cloned().expect("an office");
    all.push(Position {
        name: "auditor of college".to_owned(),
        client: world.admin("auditor"),
        actor: Some(Actor {
            role: Role::Auditor(office),
            ..auditor
        }),
    });
    for (name, province) in [
        ("beijing", Some(11)),
        ("guangdong", Some(44)),
        ("railway", None),
        ("college", None),
    ] {
        // The college's credential reads everything below it. The others have the default scopes and reach.
        let client = match name {
            "college" => {
                let body = json!({"name": "a reader", "organization": world.org(name), "reach": "self_and_below",
                    "scopes": ["organizations:read", "members:read", "transfers:read"]});
                signed_in(world, &issued(world.admin("nation").post("/v1/integrators", &body)))
            }
            _ => system(world, name),
        };
        let account = world.db.number("SELECT max(account_id) AS value FROM integrators");
        let of_account = |column: &str| {
            let question = format!("SELECT {column} AS value FROM integrators WHERE account_id = {account}");
            world.db.texts(&question).remove(0)
        };
        all.push(Position {
            name: format!("system of {name}"),
            client,
            actor: Some(Actor {
                account: Some(AccountId(account)),
                member: None,
                role: Role::Integrator {
                    organization: OrganizationId(world.org_key(name)),
                    province,
                    grant: Grant {
                        path: world.path(name),
                        reach: of_account("reach").parse().expect("a reach"),
                        scopes: scope::parse(&of_account("scopes")).expect("scopes"),
                    },
                },
            }),
        });
    }
    all
}
