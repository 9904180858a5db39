//! Beijing, Guangdong and Fujian through HTTP (§1.4.5; X1 to X3), and the credentials of their systems.

mod credentials;
mod scopes;
mod token;
mod x1;
mod x2;
mod x3;

use crate::support::TestDb;
use crate::support::http::{Answer, Client};
use crate::support::world::{Org, World};
use serde_json::{Value, json};
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::domain::organization::facts::Level;

pub const INBOUND: &str = "/v1/inbound-transfers";
pub const TOKEN: &str = "/v1/auth/token";

/// The credential of another system.
pub struct Credential {
    pub id: String,
    pub secret: String,
}

impl Credential {
    /// A request for a token, with the credential in the form.
    pub fn form(&self) -> [(&str, &str); 3] {
        [
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
        ]
    }
}

/// The country with Guangdong in addition to Beijing, at an instant.
pub fn country(db: TestDb, at: &str) -> World {
    let mut world = World::new(db, at);
    world.add_organization(
        "guangdong",
        &Org::organ(Some("nation"), Level::Province, Some("440000")),
    );
    world.appoint("guangdong", "guangdong");
    world
}

pub fn issue(world: &World, organization: &str) -> Credential {
    let body = json!({"name": format!("{organization} system"), "organization": world.org(organization)});
    issued(world.admin("nation").post("/v1/integrators", &body))
}

pub fn issued(answer: Answer) -> Credential {
    let answer = answer.expect(201).json();
    let text = |field: &str| answer[field].as_str().expect("a text").to_owned();
    Credential {
        id: text("client_id"),
        secret: text("client_secret"),
    }
}

pub fn token(world: &World, credential: &Credential) -> Answer {
    world.anybody().form(TOKEN, &credential.form())
}

/// The system of an organization, signed in now.
pub fn system(world: &World, organization: &str) -> Client {
    signed_in(world, &issue(world, organization))
}

pub fn signed_in(world: &World, credential: &Credential) -> Client {
    let answer = token(world, credential).expect(200).json();
    world
        .anybody()
        .with_token(answer["access_token"].as_str().expect("a token"))
}

pub fn address(division: &str) -> Value {
    json!({"division_code": division, "text": "某路1号"})
}

/// A member proposes their own transfer to Beijing. Returns the address of the case.
pub fn to_beijing(world: &World, member: &str) -> String {
    let external = json!({"province": 11, "name": "北京某大学", "organization": "共青团北京某大学委员会", "address": address("110108")});
    let details = json!({
        "destination_stage": "regular_university", "school_name": "北京某大学", "school_address": address("110108"),
        "external": external,
    });
    let body = json!({"reason": "further_study", "details": details});
    place(world.person(member).write("/v1/transfers", &body))
}

/// The address of a proposed case.
pub fn place(proposed: Answer) -> String {
    let proposed = proposed.expect(201);
    proposed.header("location").expect("an address").to_owned()
}

/// The ID number of an invented person.
pub fn number(serial: u16) -> String {
    let born = "2005-03-04".parse().expect("a day");
    let number = IdNumber::compose(110108, born, serial).expect("a number");
    number.reveal().to_owned()
}

/// An inbound proposal: a person from Beijing goes home to a place in the national tree.
pub fn going_to(world: &World, target: &str, name: &str, id_number: &str) -> Value {
    json!({
        "person": {"name": name, "id_number": id_number, "phone": "13800000042", "joined_month": "2021-09",
            "development_number": format!("202100000{}", &id_number[14..17]), "political_status": "共青团员"},
        "reason": "unsettled",
        "details": {"home_address": address("420106")},
        "target": world.org(target),
    })
}

pub fn page(client: &Client, path: &str) -> Value {
    client.get(path).expect(200).json()
}

/// The addresses of a list of cases.
pub fn listed(client: &Client, query: &str) -> Vec<String> {
    let found = page(client, &format!("/v1/transfers?{query}"));
    let items = found["items"].as_array().expect("items").iter();
    items
        .map(|case| format!("/v1/transfers/{}", case["id"].as_str().expect("an id")))
        .collect()
}

pub fn events(client: &Client, case: &str) -> Vec<String> {
    let found = page(client, &format!("{case}/history"));
    let items = found["items"].as_array().expect("items").iter();
    items
        .map(|event| event["event"].as_str().expect("a word").to_owned())
        .collect()
}
