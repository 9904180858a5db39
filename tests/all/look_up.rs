//! Looking for a person by full name and ID number (§1.4.3, §2.5; T4).

use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use serde_json::{Value, json};
use zhuanjie::domain::core::id_number::IdNumber;

const LOOK_UP: &str = "/v1/members/look-up";
/// The hour in which the tests below use up budgets.
const NOON: &str = "2026-06-20T04:00:00Z";
const LAST_MINUTE: &str = "2026-06-20T04:59:59Z";
const NEXT_HOUR: &str = "2026-06-20T05:00:00Z";

fn look_up(client: &Client, name: &str, number: &str) -> Answer {
    client.post(LOOK_UP, &json!({"name": name, "id_number": number}))
}

/// An answer without the request's id, which always differs.
fn told(answer: &Answer) -> Value {
    let mut body = answer.json();
    body.as_object_mut().expect("an object").remove("request_id");
    body
}

both_engines! {
    fn t4_exact_name_and_number_tell_where_the_member_is(db: TestDb) {
        let world = World::new(db, NOON);
        let found = look_up(&world.admin("township"), "class_1/1", &world.id_number("class_1/1")).expect(200).json();
        assert_eq!(found["organization"]["id"], world.org("class_1"));
        // People type full-width digits and a small x.
        let wide: String = world.id_number("class_1/1").chars().map(wide).collect();
        look_up(&world.admin("township"), "class_1/1", &wide).expect(200);
    }

    fn t4_every_other_pair_gets_the_same_answer(db: TestDb) {
        let world = World::new(db, NOON);
        let township = world.admin("township");
        let number = world.id_number("class_1/1");
        let nobodys = IdNumber::compose(420106, "1980-01-01".parse().expect("a date"), 999).expect("a number");
        let wrong_name = look_up(&township, "class_1/2", &number).refused(404, "member.no_match");
        let nobody = look_up(&township, "class_1/1", nobodys.reveal()).refused(404, "member.no_match");
        // An administrator who is not a member of any branch.
        let no_member = look_up(&township, "nation", &world.id_number("nation")).refused(404, "member.no_match");
        assert_eq!(told(&wrong_name), told(&nobody));
        assert_eq!(told(&wrong_name), told(&no_member));
        assert!(!wrong_name.text.contains(&number));
        look_up(&world.person("class_1/2"), "class_1/1", &number).refused(403, "actor.not_administrator");
    }

    fn t4_every_look_up_is_recorded_with_or_without_a_match(db: TestDb) {
        let world = World::new(db, NOON);
        let township = world.admin("township");
        look_up(&township, "class_1/1", &world.id_number("class_1/1")).expect(200);
        look_up(&township, "class_1/2", &world.id_number("class_1/1")).refused(404, "member.no_match");
        assert_eq!(world.db.number("SELECT COUNT(*) AS value FROM look_ups"), 2);
        assert_eq!(world.db.number("SELECT COUNT(*) AS value FROM look_ups WHERE member_id IS NOT NULL"), 1);
        assert_eq!(world.db.number("SELECT COUNT(*) AS value FROM audit_log WHERE action = 'member.looked_up'"), 2);
    }

    fn t4_n12_a_person_can_be_looked_up_twenty_times_an_hour_by_all_callers_together(db: TestDb) {
        let world = World::new(db, NOON);
        let number = world.id_number("class_1/1");
        let seekers = [world.admin("township"), world.admin("employer")];
        for turn in 0..20 {
            look_up(&seekers[turn % 2], "class_1/1", &number).expect(200);
        }
        let limited = look_up(&seekers[0], "class_1/1", &number).refused(429, "rate_limited");
        assert!(limited.header("retry-after").is_some());
        // Somebody else can be looked up. The same person can be looked up again in the next hour, and not a second
        // before.
        look_up(&seekers[0], "class_1/2", &world.id_number("class_1/2")).expect(200);
        world.at(LAST_MINUTE);
        look_up(&world.admin("employer"), "class_1/1", &number).refused(429, "rate_limited");
        world.at(NEXT_HOUR);
        look_up(&world.admin("employer"), "class_1/1", &number).expect(200);
    }

    fn t4_a_proposal_by_name_counts_as_a_look_up(db: TestDb) {
        let world = World::new(db, NOON);
        let township = world.admin("township");
        let body = |name: &str| json!({
            "member": {"name": name, "id_number": world.id_number("class_1/1")},
            "reason": "unsettled", "target": world.org("township"),
            "details": {"home_address": {"division_code": "420106", "text": "珞喻路1号"}},
        });
        for _ in 0..20 {
            township.write("/v1/transfers", &body("class_1/2")).refused(404, "member.no_match");
        }
        township.write("/v1/transfers", &body("class_1/1")).refused(429, "rate_limited");
        township.post("/v1/transfers/preview", &body("class_1/1")).refused(429, "rate_limited");
    }

    fn q2_5_a_look_up_gives_the_organization_and_its_contact(db: TestDb) {
        let world = World::new(db, NOON);
        let contact = json!({"name": "王老师", "phone": "027-87654321"});
        world.admin("college").decide(&format!("/v1/organizations/{}/contact", world.org("class_1")), 1, &contact).expect(200);
        let branch = look_up(&world.admin("village"), "class_1/1", &world.id_number("class_1/1")).expect(200).json();
        let page = world.admin("village").get(&format!("/v1/organizations/{}", world.org("class_1"))).expect(200).json();
        assert_eq!(branch["organization"]["name"], page["name"]);
        assert_eq!(branch["contact"], page["contact"]);
    }
}

fn wide(digit: char) -> char {
    match digit {
        '0'..='9' => char::from_u32(digit as u32 - '0' as u32 + '０' as u32).expect("a full-width digit"),
        other => other.to_ascii_lowercase(),
    }
}
