//! Lists that are read page by page while others work: what stays at its place in a list is shown exactly once, whatever
//! moves, is settled, renamed or closed between two pages.

use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_pcg::Pcg32;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use zhuanjie::domain::office::OfficeRole;
use zhuanjie::service::jobs::JobName;

const NOW: &str = "2026-06-15T00:00:00Z";
/// How often each list is read, each time with other numbers.
const ROUNDS: u64 = 6;

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What tells an item from the others of its list: its id, or all of it if it has none.
fn key(item: &Value) -> String {
    let id = item["id"].as_str().or(item["client_id"].as_str());
    id.map_or_else(|| item.to_string(), str::to_owned)
}

fn latest(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request("POST", path).header("if-match", "*");
    request.header("idempotency-key", &fresh_key()).json(body).send()
}

/// Reads a list with pages of two or three items, and does something between two pages. Returns how often each id was
/// shown.
fn read(
    client: &Client,
    list: &str,
    rng: &mut Pcg32,
    mut between: impl FnMut(&mut Pcg32, &[String]),
) -> BTreeMap<String, u32> {
    let mut shown: BTreeMap<String, u32> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let limit = rng.random_range(2..4);
        let page = client.get(&format!("{list}limit={limit}{cursor}")).expect(200).json();
        let items = page["items"].as_array().expect("items");
        let ids: Vec<String> = items.iter().map(key).collect();
        for id in &ids {
            *shown.entry(id.clone()).or_default() += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else {
            return shown;
        };
        cursor = format!("&cursor={next}");
        between(rng, &ids);
    }
}

fn each_once(shown: &BTreeMap<String, u32>, stayed: &BTreeSet<String>) {
    for id in stayed {
        assert_eq!(shown.get(id), Some(&1), "{id} of {shown:?}");
    }
}

/// Proposes a transfer to a branch and returns its address.
fn propose(world: &World, member: &str, target: &str) -> String {
    let details =
        json!({"employer_name": "某公司", "employer_address": {"division_code": "420106", "text": "某路1号"}});
    let body = json!({"reason": "employed_with_league", "details": details, "target": world.org(target)});
    let proposed = world.person(member).write("/v1/transfers", &body).expect(201);
    proposed.header("location").expect("an address").to_owned()
}

both_engines! {
    fn a_list_of_members_shows_who_stays_once_while_others_move(db: TestDb) {
        let mut world = World::new(db, NOW);
        let classes = ["class_1", "class_2", "teachers"];
        let mut where_they_are: BTreeMap<String, &str> = BTreeMap::new();
        for class in classes {
            for number in 1..=7 {
                let name = format!("{class}/{number}");
                if number > 3 {
                    world.add_member(&name, class, "2004-05-06");
                }
                where_they_are.insert(name, class);
            }
        }
        let list = format!("/v1/organizations/{}/members?subtree=true&", world.org("college"));
        let college = world.admin("college");
        for seed in 0..ROUNDS {
            let mut moved: BTreeSet<String> = BTreeSet::new();
            let shown = read(&college, &list, &mut Pcg32::new(seed, 1), |rng, page| {
                // The last one shown moves as often as anybody else.
                let names: Vec<String> = where_they_are.keys().cloned().collect();
                let last = names.iter().find(|name| page.last() == Some(&world.mem(name)));
                let name = match last {
                    Some(last) if rng.random_bool(0.5) => last.clone(),
                    _ => names.choose(rng).expect("a member").clone(),
                };
                let target = classes.iter().filter(|class| **class != where_they_are[&name]);
                let target = *target.collect::<Vec<_>>().choose(rng).expect("a class");
                let case = propose(&world, &name, target);
                latest(&world.admin(target), &format!("{case}/approve"), &json!({})).expect(200);
                where_they_are.insert(name.clone(), target);
                moved.insert(name);
            });
            let stayed = where_they_are.keys().filter(|name| !moved.contains(*name)).map(|name| world.mem(name)).collect();
            each_once(&shown, &stayed);
        }
    }

    fn an_inbox_shows_what_still_waits_once_while_entries_are_settled(db: TestDb) {
        let world = World::new(db, NOW);
        let village = world.admin("village");
        let members: Vec<String> = ["class_1", "class_2", "teachers"].iter()
            .flat_map(|class| (1..=3).map(move |number| format!("{class}/{number}"))).collect();
        for seed in 0..ROUNDS {
            let mut open: BTreeSet<String> = members.iter().map(|member| propose(&world, member, "village")).collect();
            let shown = read(&village, "/v1/inbox?kind=approval_in&", &mut Pcg32::new(seed, 2), |rng, page| {
                let entry = page.last().expect("an entry");
                let subject = village.whole("/v1/inbox?kind=approval_in&", 200).into_iter()
                    .find(|row| row["id"] == json!(entry)).map(|row| format!("/v1/transfers/{}", text(&row["subject_id"])));
                let case = match subject {
                    Some(case) if rng.random_bool(0.6) => case,
                    _ => open.iter().collect::<Vec<_>>().choose(rng).expect("a case").to_string(),
                };
                if open.remove(&case) {
                    latest(&village, &format!("{case}/refuse"), &json!({"reason": "信息有误"})).expect(200);
                }
            });
            let waiting = village.whole("/v1/inbox?kind=approval_in&", 200);
            assert_eq!(waiting.len(), open.len());
            each_once(&shown, &waiting.iter().map(|row| text(&row["id"])).collect());
            for case in &open {
                latest(&village, &format!("{case}/refuse"), &json!({"reason": "信息有误"})).expect(200);
            }
        }
    }

    fn a_list_of_transfers_shows_each_once_while_they_are_decided(db: TestDb) {
        let world = World::new(db, NOW);
        let village = world.admin("village");
        let members: Vec<String> = ["class_1", "class_2", "teachers"].iter()
            .flat_map(|class| (1..=3).map(move |number| format!("{class}/{number}"))).collect();
        for seed in 0..ROUNDS {
            let mut open: Vec<String> = members.iter().map(|member| propose(&world, member, "village")).collect();
            let all: BTreeSet<String> = world.db.texts("SELECT CAST(id AS TEXT) AS value FROM transfers").into_iter().collect();
            for (client, list) in [(world.admin("college"), "/v1/transfers?side=out&"), (world.admin("township"), "/v1/transfers?side=in&")] {
                let shown = read(&client, list, &mut Pcg32::new(seed, 3), |rng, _| {
                    if open.len() > 2 {
                        let case = open.remove(rng.random_range(0..open.len()));
                        latest(&village, &format!("{case}/refuse"), &json!({"reason": "信息有误"})).expect(200);
                    }
                });
                assert_eq!(shown.len(), all.len());
                assert!(shown.values().all(|times| *times == 1), "{shown:?}");
            }
            for case in open.drain(..) {
                latest(&village, &format!("{case}/refuse"), &json!({"reason": "信息有误"})).expect(200);
            }
        }
    }

    fn a_list_of_organizations_shows_each_once_while_they_are_renamed_and_closed(db: TestDb) {
        let world = World::new(db, NOW);
        let employer = world.admin("employer");
        let mut branches: Vec<String> = Vec::new();
        for number in 0..12 {
            let new = json!({"parent": world.org("employer"), "kind": "branch", "sector": "enterprise", "name": format!("第{number}团支部")});
            branches.push(text(&employer.write("/v1/organizations", &new).expect(201).json()["id"]));
        }
        for (seed, list) in (0..ROUNDS).flat_map(|seed| [(seed, "/v1/organizations?subtree=true&"), (seed, "/v1/organizations?")]) {
            let shown = read(&employer, list, &mut Pcg32::new(seed, 4), |rng, page| {
                let last = page.last().filter(|last| branches.contains(*last)).cloned();
                let branch = last.unwrap_or_else(|| branches.choose(rng).expect("a branch").clone());
                let name = json!({"name": format!("改名{}团支部", rng.random_range(0..1_000_000))});
                let renamed = latest(&employer, &format!("/v1/organizations/{branch}/rename"), &name);
                assert!([200, 409].contains(&renamed.status), "{}", renamed.text);
                if rng.random_bool(0.1) {
                    latest(&employer, &format!("/v1/organizations/{branch}/close"), &json!({}));
                }
            });
            each_once(&shown, &branches.iter().cloned().collect());
        }
    }

    fn a_list_by_age_shows_each_once_while_entries_are_added(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("the auditor", "nation", OfficeRole::Auditor);
        let (world, auditor) = (&world, world.admin("the auditor"));
        let (class, college, province, nation) =
            (world.admin("class_1"), world.admin("college"), world.admin("province"), world.admin("nation"));
        let (branch, member) = (world.org("class_1"), format!("/v1/members/{}", world.mem("class_1/1")));
        let month = |branch: &str, month: &str| json!({"mode": "all_or_nothing", "items": [{"branch": world.org(branch), "month": month}]});
        for class in ["class_1", "class_2"] {
            college.write("/v1/graduation-marks", &month(class, "2026-06")).expect(200);
        }
        world.run(JobName::YearlySwitch, NOW);
        let appointments = format!("/v1/organizations/{branch}/appointments");
        let mut turn = 0;
        // Each adds something to one of the lists, and to the audit log.
        let mut add = |rng: &mut Pcg32| {
            turn += 1;
            world.at(&format!("2026-06-15T{:02}:{:02}:00Z", 1 + turn / 60, turn % 60));
            let year = 2027 + turn % 4;
            match rng.random_range(0..7) {
                0 => {
                    let mark = json!({"member": world.mem("class_1/1"), "identity": "delayed", "month": format!("{}-07", year + 4), "reason": "因病休学"});
                    class.write("/v1/member-marks", &json!({"mode": "all_or_nothing", "items": [mark]})).expect(200);
                }
                1 => drop(latest(&class, &format!("{member}/record"), &json!({"education": format!("大学本科{turn}")})).expect(200)),
                2 => drop(class.write(&format!("{member}/reveal"), &json!({"fields": ["id_number"], "purpose": "核对入团志愿书"})).expect(200)),
                3 => drop(college.write("/v1/graduation-marks", &month("teachers", &format!("{year}-07"))).expect(200)),
                4 => {
                    let change = json!({"branch": world.org("class_2"), "month": format!("{year}-06"), "reason": "学制延长"});
                    let asked = college.write("/v1/month-changes", &change).expect(201).json();
                    let path = format!("/v1/month-changes/{}/refuse", text(&asked["id"]));
                    latest(&province, &path, &json!({"reason": "信息有误"})).expect(200);
                }
                5 => {
                    let issued = nation.write("/v1/integrators", &json!({"name": format!("系统{turn}"), "organization": world.org("university"),
                        "scopes": ["members:read"]})).expect(201).json();
                    if rng.random_bool(0.5) {
                        latest(&nation, &format!("/v1/integrators/{}/revoke", text(&issued["client_id"])), &json!({})).expect(200);
                    }
                }
                _ => {
                    let begun = college.write(&appointments, &json!({"member": world.mem("class_1/2")})).expect(201).json();
                    let end = format!("/v1/appointments/{}/end", text(&begun["appointment"]["id"]));
                    latest(&college, &end, &json!({})).expect(200);
                }
            }
        };
        let mut rng = Pcg32::new(5, 5);
        (0..50).for_each(|_| add(&mut rng));
        let lists = [
            (&nation, "/v1/integrators?".to_owned()),
            (&class, format!("{member}/mark-history?")),
            (&class, format!("{member}/changes?")),
            (&world.person("class_1/1"), "/v1/me/disclosures?".to_owned()),
            (&college, format!("/v1/organizations/{}/graduation-history?", world.org("teachers"))),
            (&college, "/v1/month-changes?".to_owned()),
            (&college, format!("{appointments}?")),
            (&auditor, "/v1/audit?action=member.changed&".to_owned()),
        ];
        for (client, list) in &lists {
            let keys = || -> BTreeSet<String> { client.whole(list, 200).iter().map(key).collect() };
            let before = keys();
            assert!(before.len() > 2 || list.contains("appointments"), "{list}: {}", before.len());
            let shown = read(client, list, &mut rng, |rng, _| (0..3).for_each(|_| add(rng)));
            each_once(&shown, &before.intersection(&keys()).cloned().collect());
        }
    }
}
