//! Changing the data key while the service runs (S-11): readers and writers notice nothing, and a second run of the
//! command continues after a kill.

use super::at_rest::{keys, not_under, resealing};
use crate::external;
use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::process::{self, Process};
use crate::support::world::{World, fresh_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use zhuanjie::app::App;
use zhuanjie::db::columns::Micros;
use zhuanjie::db::schema::{members, memberships};
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::domain::core::ids::{MemberId, OrganizationId};
use zhuanjie::domain::core::time::Month;
use zhuanjie::domain::member::{Certification, RealName, Standing};
use zhuanjie::files::Files;
use zhuanjie::security::vault::{SealPurpose, SealedRow, Vault};

const NOW: &str = "2026-03-02T02:00:00Z";
/// Several batches of the command.
const CROWD: u32 = 3_000;

/// A member of the crowd.
struct Somebody {
    id: MemberId,
    number: IdNumber,
}

/// Fills class 2.
fn crowd(world: &World) -> Vec<Somebody> {
    let vault = &world.app().vault;
    let branch = OrganizationId(world.org_key("class_2"));
    let mut conn = world.db.conn();
    let made = |conn: &mut zhuanjie::db::Conn, n: u32| {
        let born = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day") + chrono::TimeDelta::days(i64::from(n));
        let number = IdNumber::compose(420107, born, 7).expect("a number");
        let id = diesel::insert_into(members::table)
            .values((
                members::branch_id.eq(branch),
                members::branch_path.eq(world.path("class_2")),
                members::name.eq(format!("crowd {n}")),
                members::id_number_sealed.eq(Vec::<u8>::new()),
                members::id_number_digest.eq(vault.digest(SealPurpose::IdNumber, number.reveal())),
                members::joined_month.eq(Month::new(2019, 5).expect("a month")),
                members::standing.eq(Standing::Good),
                members::real_name_check.eq(RealName::Passed),
                members::certification.eq(Certification::NotRequired),
                members::created_at.eq(Micros::from(world.clock.now())),
            ))
            .returning(members::id)
            .get_result::<MemberId>(conn)?;
        let sealed = vault.seal(SealPurpose::IdNumber, SealedRow::Member(id), number.reveal());
        diesel::update(members::table.find(id))
            .set(members::id_number_sealed.eq(sealed))
            .execute(conn)?;
        diesel::insert_into(memberships::table)
            .values((
                memberships::member_id.eq(id),
                memberships::branch_id.eq(branch),
                memberships::since.eq(Micros::from(world.clock.now())),
            ))
            .execute(conn)?;
        QueryResult::Ok(Somebody { id, number })
    };
    conn.transaction(|conn| (0..CROWD).map(|n| made(conn, n)).collect::<QueryResult<_>>())
        .expect("room")
}

/// The parts of a server with other data keys.
fn with(app: App, data: &[(u8, [u8; 32])]) -> App {
    let vault = Vault::new(&data.iter().copied().collect::<BTreeMap<_, _>>(), &keys().2).expect("a key");
    let files = Files::new(app.files.folder().clone(), vault.clone());
    App { vault, files, ..app }
}

/// Checks that a member's page shows their masked number, whichever key it is sealed under.
fn reads(client: &Client, somebody: &Somebody) {
    let page = client.get(&format!("/v1/members/{}", somebody.id)).expect(200).json();
    assert_eq!(page["id_number"], somebody.number.masked());
}

/// Marks a member, or undoes the mark.
fn marks(client: &Client, somebody: &Somebody, marked: bool) {
    let (path, item) = if marked {
        (
            "/v1/member-marks",
            json!({"member": somebody.id, "identity": "teacher"}),
        )
    } else {
        ("/v1/member-marks/undo", json!({"member": somebody.id}))
    };
    let done = client
        .write(path, &json!({"mode": "all_or_nothing", "items": [item]}))
        .expect(200)
        .json();
    assert_eq!(done["done"], 1, "{done}");
}

/// Whether the clients should stop, and how many calls they made.
#[derive(Default)]
struct Traffic {
    over: AtomicBool,
    done: AtomicUsize,
}

impl Traffic {
    fn goes_on(&self) -> bool {
        self.done.fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

/// Tells the clients to stop, even if the test fails.
struct Over<'a>(&'a Traffic);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// Starts the command and kills it once it has reported its first stored batch.
fn killed_in_the_midst(world: &World, data_keys: &str) {
    let mut command = Process::start(resealing(world, data_keys));
    command.wait_for(|line| line.starts_with("members: 500 sealed again").then_some(()));
    command.kill();
}

both_engines! {
    fn s11_a_key_is_replaced_under_load_and_across_a_kill(db: TestDb) {
        let mut world = external::country(db, NOW);
        let everybody = crowd(&world);
        let months = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_2"), "month": "2026-07"}]});
        world.admin("college").write("/v1/graduation-marks", &months).expect(200);
        let system = external::token(&world, &external::issue(&world, "beijing")).expect(200).json();
        let (old, new, _) = keys();
        let both = world.another_server(|app| with(app, &[(0, old), (1, new)]));
        let at = |name: &str| both.with_token(&world.token(name));
        let (readers, writer) = ([at("class_2"), at("university")], at("college"));
        let beijing = both.with_token(system["access_token"].as_str().expect("a token"));
        let data_keys = format!("0:{},1:{}", STANDARD.encode(old), STANDARD.encode(new));
        let (traffic, before) = (Traffic::default(), not_under(&world.db, 1));
        assert!(before > i64::from(CROWD));
        let (marked, proposed) = std::thread::scope(|scope| {
            let _until_here = Over(&traffic);
            for (n, reader) in readers.iter().enumerate() {
                let (traffic, everybody) = (&traffic, &everybody);
                scope.spawn(move || {
                    let mut people = everybody.iter().cycle().skip(n).step_by(7);
                    while traffic.goes_on() {
                        reads(reader, people.next().expect("the cycle never ends"));
                    }
                });
            }
            let marked = scope.spawn(|| {
                let mut marked = BTreeMap::new();
                for (n, somebody) in everybody.iter().enumerate().cycle().step_by(11) {
                    if !traffic.goes_on() {
                        break;
                    }
                    let now: &mut bool = marked.entry(n).or_default();
                    *now = !*now;
                    marks(&writer, somebody, *now);
                }
                marked
            });
            let proposed = scope.spawn(|| {
                let mut proposed = 0;
                while traffic.goes_on() {
                    let body = external::going_to(&world, "village", "来人", &external::number(proposed + 1));
                    external::place(beijing.write(external::INBOUND, &body));
                    proposed += 1;
                }
                proposed
            });
            killed_in_the_midst(&world, &data_keys);
            let left = not_under(&world.db, 1);
            assert!(0 < left && left < before, "{left} of {before} are left: the kill was not in the middle");
            let (status, lines) = process::run(resealing(&world, &data_keys));
            traffic.over.store(true, Ordering::Relaxed);
            assert!(status.success(), "{lines:?}");
            assert!(lines.iter().any(|line| line.contains("everything is under key 1")), "{lines:?}");
            (marked.join().expect("every write is right"), proposed.join().expect("every case is proposed"))
        });
        assert_eq!(not_under(&world.db, 1), 0);
        assert!(world.db.count("audit_log WHERE action = 'personal_data.resealed'") > 0);
        assert!(traffic.done.into_inner() > 50 && !marked.is_empty() && proposed > 0, "there was too little traffic");
        // With the new key alone, every number opens and its digest is the stored one.
        let newest = Vault::new(&[(1, new)].into(), &keys().2).expect("a key");
        let stored: Vec<(MemberId, Vec<u8>, Vec<u8>)> = members::table
            .select((members::id, members::id_number_sealed, members::id_number_digest))
            .load(&mut world.db.conn())
            .expect("rows");
        assert!(stored.len() > everybody.len());
        for (id, sealed, digest) in &stored {
            let number = newest.open(SealPurpose::IdNumber, SealedRow::Member(*id), sealed).expect("the number opens");
            assert_eq!(&newest.digest(SealPurpose::IdNumber, &number), digest);
        }
        // No write was undone.
        let is_marked = |n: &usize| world.db.count(&format!("members WHERE id = {} AND mark = 'teacher'", everybody[*n].id.0)) == 1;
        for (n, marked) in marked.iter().take(200) {
            assert_eq!(is_marked(n), *marked, "crowd {n}");
        }
        assert_eq!(world.db.count("inbound_persons"), i64::from(proposed));
        let token = world.token("class_2");
        let alone = world.another_server(|app| with(app, &[(1, new)])).with_token(&token);
        everybody.iter().step_by(100).for_each(|somebody| reads(&alone, somebody));
        let one = &everybody[0];
        let revealed: Value = alone
            .request("POST", &format!("/v1/members/{}/reveal", one.id))
            .header("idempotency-key", &fresh_key())
            .json(&json!({"fields": ["id_number"], "purpose": "核对入团志愿书"}))
            .send()
            .expect(200)
            .json();
        assert!(revealed.to_string().contains(one.number.reveal()));
    }
}
