//! O4: finding a target among the 47,000 real organizations of the demo country, on both engines.

use crate::support::{Engine, Fault, TestDb, block_on};
use diesel::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use zhuanjie::db::schema::organizations;
use zhuanjie::db::{Conn, Settings};
use zhuanjie::demo::{Country, OrganizationRecord};
use zhuanjie::domain::actor::Actor;
use zhuanjie::domain::ids::{AccountId, MemberId, OrganizationId};
use zhuanjie::domain::organization::Purpose;
use zhuanjie::domain::search::{Named, scopes, terms};
use zhuanjie::domain::time::Timestamp;
use zhuanjie::on_each;
use zhuanjie::repository::search::{Entry, store};
use zhuanjie::service::search::{Hit, Search, Within, search};

/// The directory of the whole country, loaded once an engine; nobody writes to it.
struct Directory {
    db: TestDb,
}

impl Directory {
    fn of(engine: Engine) -> Option<&'static Self> {
        static SQLITE: LazyLock<Option<Directory>> = LazyLock::new(|| Directory::load(Engine::Sqlite));
        static POSTGRES: LazyLock<Option<Directory>> = LazyLock::new(|| Directory::load(Engine::Postgres));
        match engine {
            Engine::Sqlite => SQLITE.as_ref(),
            Engine::Postgres => POSTGRES.as_ref(),
        }
    }

    fn load(engine: Engine) -> Option<Self> {
        let settings = Settings {
            pool_size: 4,
            ..Settings::default()
        };
        let db = TestDb::with_settings(engine, &settings)?;
        let now: Timestamp = "2026-06-15T00:00:00Z".parse().expect("an instant");
        let country = Country::new(1, 1_000, now);
        let conn = &mut db.conn();
        conn.transaction(|conn| load(conn, &country))
            .expect("the country is stored");
        if engine == Engine::Postgres {
            db.execute("ANALYZE");
        }
        Some(Self { db })
    }

    fn search(&self, query: &str, within: Within) -> Vec<Hit> {
        let question = Search {
            query: query.to_owned(),
            within,
            reason: None,
            limit: 10,
        };
        let actor = Actor::member(AccountId(1), MemberId(1));
        block_on(self.db.db().read(move |conn| search(conn, &actor, &question))).expect("an answer")
    }
}

#[derive(Insertable)]
#[diesel(table_name = organizations)]
struct Row<'a> {
    id: i64,
    parent_id: Option<i64>,
    path: &'a str,
    kind: &'a str,
    level: &'a str,
    system: &'a str,
    sector: &'a str,
    stage: Option<&'a str>,
    township: bool,
    school_code: Option<&'a str>,
    purpose: &'a str,
    division_code: Option<&'a str>,
    province_id: Option<i64>,
    leading_organ_id: Option<i64>,
    school_id: Option<i64>,
    name: &'a str,
    short_name: &'a str,
    contact_name: Option<&'a str>,
    status: &'a str,
    created_at: i64,
}

impl<'a> From<&'a OrganizationRecord> for Row<'a> {
    fn from(record: &'a OrganizationRecord) -> Self {
        let number = |id: Option<OrganizationId>| id.map(|id| id.0);
        Self {
            id: record.id.0,
            parent_id: number(record.parent),
            path: record.path.as_str(),
            kind: record.kind.as_str(),
            level: record.level.as_str(),
            system: record.system.as_str(),
            sector: record.sector.as_str(),
            stage: record.stage.map(|stage| stage.as_str()),
            township: record.township,
            school_code: record.school_code,
            purpose: record.purpose.as_str(),
            division_code: record.division_code,
            province_id: number(record.province),
            leading_organ_id: number(record.leading_organ),
            school_id: number(record.school),
            name: &record.name,
            short_name: &record.short_name,
            contact_name: record.contact_name.as_deref(),
            status: "active",
            created_at: 0,
        }
    }
}

fn load(conn: &mut Conn, country: &Country) -> QueryResult<()> {
    let mut former: BTreeMap<OrganizationId, Vec<String>> = BTreeMap::new();
    for name in country.former_names() {
        former.entry(name.organization).or_default().push(name.name);
    }
    let records: Vec<OrganizationRecord> = country.organizations().collect();
    for records in records.chunks(1_000) {
        let rows: Vec<Row<'_>> = records.iter().map(Row::from).collect();
        on_each!(conn, |c| diesel::insert_into(organizations::table)
            .values(&rows)
            .execute(c))?;
    }
    let entries: Vec<Entry> = records.iter().flat_map(|record| entries(record, &former)).collect();
    store(conn, &entries)
}

fn entries(record: &OrganizationRecord, former: &BTreeMap<OrganizationId, Vec<String>>) -> Vec<Entry> {
    if record.purpose == Purpose::SpecialUnit {
        return Vec::new();
    }
    let named = Named {
        name: &record.name,
        short_name: &record.short_name,
        former_names: former.get(&record.id).map_or(&[], Vec::as_slice),
        school_code: record.school_code,
        kind: record.kind,
    };
    let scopes = scopes(&record.path, record.kind, record.province, record.leading_organ);
    Entry::all(record.id, &scopes, terms(&named)).collect()
}

/// `query,within,expected`: what a person types; where (a province's two digits, a system, or nothing); what the formal
/// name says between 共青团 and 委员会, behind a superior's and `>` if others share it.
const QUERIES: &str = include_str!("data/target_queries.csv");

fn queries() -> impl Iterator<Item = (&'static str, Within, &'static str)> {
    QUERIES.lines().skip(1).map(|line| {
        let mut fields = line.split(',');
        let mut field = || fields.next().unwrap_or_else(|| panic!("{line}"));
        let (query, within, expected) = (field(), field(), field());
        let within = match within {
            "" => Within::Nation,
            code if code.len() == 2 => Within::Province(code.parse().expect("a province")),
            system => Within::System(system.parse().expect("a system")),
        };
        (query, within, expected)
    })
}

/// Whether a hit is the organization meant.
fn is_meant(hit: &Hit, expected: &str) -> bool {
    let is_called = |name: &str, core: &str| name == core || name == format!("共青团{core}委员会");
    match expected.split_once('>') {
        None => is_called(&hit.organization.name, expected),
        Some((superior, own)) => {
            is_called(&hit.organization.name, own) && hit.superiors.iter().any(|name| is_called(name, superior))
        }
    }
}

fn title(hit: &Hit) -> String {
    format!("{} ({})", hit.organization.name, hit.superiors.join(" › "))
}

fn the_right_one_is_among_the_first_five(directory: &Directory) {
    let (mut all, mut first, mut missed) = (0, 0, Vec::new());
    for (query, within, expected) in queries() {
        let hits = directory.search(query, within.clone());
        let place = hits.iter().position(|hit| is_meant(hit, expected));
        all += 1;
        first += usize::from(place == Some(0));
        if place.is_none_or(|place| place >= 5) {
            let found: Vec<String> = hits.iter().take(5).map(title).collect();
            missed.push(format!(
                "{query} {within:?}: not {expected} but\n    {}",
                found.join("\n    ")
            ));
        }
    }
    println!("{first} of {all} are first");
    assert!(all >= 150, "{all} queries");
    assert!(
        missed.is_empty(),
        "{} of {all} missed, {first} first:\n{}",
        missed.len(),
        missed.join("\n")
    );
}

#[test]
fn o4_the_right_one_is_among_the_first_five_on_sqlite() {
    the_right_one_is_among_the_first_five(Directory::of(Engine::Sqlite).expect("SQLite is always there"));
}

#[test]
fn o4_the_right_one_is_among_the_first_five_on_postgres() {
    if let Some(directory) = Directory::of(Engine::Postgres) {
        the_right_one_is_among_the_first_five(directory);
    }
}
