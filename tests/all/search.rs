//! O4: finding a target among the 47,000 real organizations of the demo country, on both engines.

use crate::support::http::Client;
use crate::support::world::{World, fresh_key};
use crate::support::{Engine, TestDb, block_on, both_engines};
use diesel::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;
use zhuanjie::config::Keys;
use zhuanjie::db::DatabaseSettings;
use zhuanjie::demo::Country;
use zhuanjie::demo::load::load;
use zhuanjie::domain::authority::actor::Actor;
use zhuanjie::domain::core::ids::{AccountId, MemberId, OrganizationId};
use zhuanjie::domain::core::time::Timestamp;
use zhuanjie::domain::organization::facts::{OrganizationPurpose, System};
use zhuanjie::repository::organizations::{Organization, find};
use zhuanjie::repository::search::index;
use zhuanjie::service::search::{Hit, Search, Within, search};

/// The directory of the whole country, loaded once for each engine. No test writes to it.
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
        let settings = DatabaseSettings {
            pool_size: 4,
            ..DatabaseSettings::default()
        };
        let db = TestDb::with_settings(engine, &settings)?;
        let now: Timestamp = "2026-06-15T00:00:00Z".parse().expect("an instant");
        let country = Country::new(1, 1_000, now);
        load(&mut db.conn(), &country, &Keys::demo().vault, "", &|_| ()).expect("the country is stored");
        Some(Self { db })
    }

    /// The two digits of the province in which an organization is.
    fn province_of(&self, name: &str) -> u8 {
        let code =
            format!("SELECT division_code AS value FROM organizations WHERE name = '{name}' ORDER BY id LIMIT 1");
        self.db.texts(&code)[0][..2].parse().expect("two digits")
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

/// `query,within,expected`: what a person types, where they search (the two digits of a province, a system, or
/// nothing), and the part of the formal name between 共青团 and 委员会. If others share that name, the superior's name and
/// `>` come first.
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

/// Whether a hit is the expected organization.
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
    assert!(all >= 150, "{all} queries");
    assert!(first * 100 >= all * 95, "only {first} of {all} are first");
    assert!(
        missed.is_empty(),
        "{} of {all} missed, {first} first:\n{}",
        missed.len(),
        missed.join("\n")
    );
}

#[test]
fn o4_the_right_one_is_among_the_first_five_on_sqlite() {
    the_right_one_is_among_the_first_five(Directory::of(Engine::Sqlite).expect("SQLite is built in"));
}

#[test]
fn o4_the_right_one_is_among_the_first_five_on_postgres() {
    if let Some(directory) = Directory::of(Engine::Postgres) {
        the_right_one_is_among_the_first_five(directory);
    }
}

/// The engine's plan for the look-up of a search.
fn plan(db: &TestDb) -> String {
    // The statement as diesel writes it (repository::search::postings).
    let sql = "SELECT organization_terms.term AS value FROM organization_terms INNER JOIN organizations ON \
               organization_terms.organization_id = organizations.id WHERE organization_terms.scope_id = 1 AND \
               organization_terms.term >= '武汉' AND organization_terms.term < '武汉\u{10ffff}' \
               ORDER BY organization_terms.term, organization_terms.organization_id LIMIT 200";
    match db.engine() {
        Engine::Sqlite => details(db, &format!("EXPLAIN QUERY PLAN {sql}")),
        Engine::Postgres => details(db, &format!("EXPLAIN {sql}")),
    }
}

fn details(db: &TestDb, explain: &str) -> String {
    use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
    #[derive(QueryableByName)]
    struct Sqlite {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    #[derive(QueryableByName)]
    struct Postgres {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let conn = &mut db.conn();
    let lines: Vec<String> = match db.engine() {
        Engine::Sqlite => {
            let rows: Vec<Sqlite> = sql_query(explain).load(conn).expect("a plan");
            rows.into_iter().map(|row| row.detail).collect()
        }
        Engine::Postgres => {
            let rows: Vec<Postgres> = sql_query(explain).load(conn).expect("a plan");
            rows.into_iter().map(|row| row.line).collect()
        }
    };
    lines.join("\n")
}

#[test]
fn o4_a_look_up_is_one_range_of_the_index_on_sqlite() {
    let plan = plan(&Directory::of(Engine::Sqlite).expect("SQLite is built in").db);
    let range = "SEARCH organization_terms USING PRIMARY KEY (scope_id=? AND term>? AND term<?)";
    assert!(plan.contains(range), "{plan}");
    assert!(
        plan.contains("SEARCH organizations USING INTEGER PRIMARY KEY"),
        "{plan}"
    );
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn o4_a_look_up_is_one_range_of_the_index_on_postgres() {
    let Some(directory) = Directory::of(Engine::Postgres) else {
        return;
    };
    let plan = plan(&directory.db);
    let range = "Index Cond: ((scope_id = 1) AND (term >= '武汉'::text)";
    assert!(plan.contains(range), "{plan}");
    assert!(plan.contains("organizations_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

/// Queries that would find a holding if it were indexed.
#[test]
fn o4_holdings_are_never_found() {
    let directory = Directory::of(Engine::Sqlite).expect("SQLite is built in");
    for query in [
        "特殊单位专属库",
        "特殊单位",
        "团湖北省委特殊单位专属库",
        "湖北 特殊单位专属库",
        "tsdw",
        "teshudanwei",
    ] {
        for within in [Within::Nation, Within::Province(42)] {
            let hits = directory.search(query, within);
            assert!(
                hits.iter()
                    .all(|hit| hit.organization.purpose != OrganizationPurpose::SpecialUnit),
                "{query}"
            );
        }
    }
    let indexed = "SELECT count(*) AS value FROM organization_terms t JOIN organizations o ON o.id = t.organization_id \
                   WHERE o.purpose = 'special_unit'";
    assert_eq!(directory.db.number(indexed), 0);
}

#[test]
fn o4_a_province_and_a_system_each_show_only_their_own_organizations() {
    let directory = Directory::of(Engine::Sqlite).expect("SQLite is built in");
    let found = |query: &str, within| -> Vec<String> {
        let hits = directory.search(query, within);
        hits.into_iter().map(|hit| hit.organization.name).collect()
    };
    assert_eq!(found("关山街道", Within::Province(42)), ["共青团洪山区关山街道委员会"]);
    assert_eq!(found("关山街道", Within::Province(61)), ["共青团阎良区关山街道委员会"]);
    assert_eq!(found("关山街道", Within::Province(11)), [""; 0]);
    // T7: the railway bureau of Taiyuan is in Shanxi (14) and is found only in its system.
    let taiyuan = ["共青团中国铁路太原局集团有限公司委员会"];
    assert_eq!(found("太原铁路局", Within::System(System::Railway)), taiyuan);
    assert_eq!(found("太原铁路局", Within::Province(14)), [""; 0]);
}

/// Typed in traditional characters, or with a character that is missing, wrong or too many, wherever it stands.
#[test]
fn o4_traditional_characters_and_a_mistake_find_the_same() {
    let directory = Directory::of(Engine::Sqlite).expect("SQLite is built in");
    for (query, expected) in [
        ("華中科技大學", "共青团华中科技大学委员会"),
        ("武漢理工大學", "共青团武汉理工大学委员会"),
        ("廣東省", "共青团广东省委员会"),
        ("华中科枝大学", "共青团华中科技大学委员会"),
        ("华中科大学", "共青团华中科技大学委员会"),
        ("华中科技技大学", "共青团华中科技大学委员会"),
        ("武汉里工大学", "共青团武汉理工大学委员会"),
        ("清花大学", "共青团清华大学委员会"),
        ("北京航空航夭大学", "共青团北京航空航天大学委员会"),
        ("关山街到", "共青团洪山区关山街道委员会"),
    ] {
        for within in [Within::Nation, Within::Province(directory.province_of(expected))] {
            let hits = directory.search(query, within.clone());
            let names: Vec<&str> = hits.iter().take(5).map(|hit| hit.organization.name.as_str()).collect();
            assert!(names.contains(&expected), "{query} in {within:?}: {names:?}");
        }
    }
    // What is right comes first: 河南大学 and 湖南大学 differ by one character.
    for name in ["河南大学", "湖南大学", "海南大学"] {
        let hits = directory.search(name, Within::Nation);
        assert_eq!(hits[0].organization.name, format!("共青团{name}委员会"));
    }
}

#[test]
fn o4_branches_are_found_in_their_own_unit() {
    let directory = Directory::of(Engine::Sqlite).expect("SQLite is built in");
    let school = directory.search("华中科技大学", Within::Nation)[0].organization.id;
    let floating = directory.search("流动团员", Within::Organization(school));
    assert_eq!(floating[0].organization.name, "流动团员团支部");
    assert!(floating[0].organization.path.contains(school));
    // A search of the whole country does not find one of its thousands of floating branches.
    assert!(directory.search("流动团员", Within::Nation).is_empty());
    // With the name of the school in front, it is found from everywhere.
    let by_school = directory.search("华科 流动团员", Within::Nation);
    assert_eq!(by_school[0].organization.id, floating[0].organization.id);
}

#[test]
fn o4_strange_queries_find_nothing_and_harm_nothing() {
    let directory = Directory::of(Engine::Sqlite).expect("SQLite is built in");
    for query in [
        "",
        " ",
        "%",
        "'; DROP TABLE organizations; --",
        "\u{10ffff}",
        "囧囧",
        "团",
        "委员会",
        "大学",
        "🙂🙂",
        "％＿",
    ] {
        directory.search(query, Within::Nation);
    }
    assert!(directory.search("囧囧", Within::Nation).is_empty());
    assert!(directory.search("%%", Within::Nation).is_empty());
}

/// The small country with its organizations indexed.
fn world(db: TestDb) -> World {
    let world = World::new(db, "2026-06-15T00:00:00Z");
    reindex(&world);
    world
}

fn reindex(world: &World) {
    let conn = &mut world.db.conn();
    for organization in zhuanjie::db::schema::organizations::table
        .select(Organization::as_select())
        .load(conn)
        .expect("the organizations")
    {
        index(conn, &organization, &[]).expect("the organization is indexed");
    }
}

/// A text percent-encoded for a query (RFC 3986).
fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn hits(client: &Client, question: &str) -> Vec<Value> {
    let answer = client.get(&format!("/v1/targets?{question}")).expect(200).json();
    answer["items"].as_array().expect("items").clone()
}

/// The codes of what speaks against the first hit.
fn because(client: &Client, question: &str) -> Vec<String> {
    let hit = hits(client, question)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("{question} finds nothing"));
    let because = hit["because"].as_array().expect("because");
    assert_eq!(hit["can_be_chosen"], because.is_empty());
    let code = |refusal: &Value| refusal["code"].as_str().expect("a code").to_owned();
    because.iter().map(code).collect()
}

both_engines! {
    fn o4_q2_6_a_hit_that_can_not_be_chosen_says_why(db: TestDb) {
        let world = world(db);
        let me = world.person("class_1/1");
        let college = world.org("college");
        let in_college = |q: &str| format!("q={q}&under={college}");
        assert_eq!(because(&me, "q=university"), [""; 0]);
        assert_eq!(because(&me, "q=county"), ["transfer.target_leading_organ"]);
        assert_eq!(because(&me, "q=employer&reason=further_study"), ["transfer.target_not_allowed_for_reason"]);
        assert_eq!(because(&me, "q=employer&reason=employed_with_league"), [""; 0]);
        assert_eq!(because(&me, &in_college("class_1")), ["transfer.target_same"]);
        assert_eq!(because(&me, &in_college("class_2")), [""; 0]);
        assert_eq!(because(&me, "q=beijing_branch"), ["transfer.target_other_system"]);
        assert_eq!(because(&me, "q=station&system=railway"), [""; 0]);
        world.db.execute("UPDATE organizations SET graduated_season = 2026 WHERE name = 'class_2'");
        assert_eq!(because(&me, &in_college("class_2")), ["transfer.target_graduate_branch"]);
        world.db.execute("UPDATE organizations SET status = 'closed', closed_at = 1 WHERE name = 'class_2'");
        assert_eq!(
            because(&me, &in_college("class_2")),
            ["transfer.target_graduate_branch", "transfer.target_closed"]
        );
        // The abroad branch of a school is for the school's own members.
        let abroad = format!("q=abroad&under={}&reason=abroad", world.org("university"));
        assert_eq!(because(&me, &abroad), [""; 0]);
        assert_eq!(because(&world.person("village/1"), &abroad), ["transfer.target_not_allowed_for_reason"]);
        // A target without members gets a warning, and the warning blocks nothing.
        let employer = &hits(&me, "q=employer")[0];
        assert_eq!(employer["warnings"][0]["code"], "no_members");
        assert_eq!(hits(&me, "q=university")[0]["warnings"], serde_json::json!([]));
        assert_eq!(hits(&me, "q=township")[0]["superiors"], serde_json::json!(["province", "city", "county"]));
        assert_eq!(hits(&me, "q=holding"), [Value::Null; 0]);
    }

    fn o4_a_search_needs_a_sign_in_and_valid_parameters(db: TestDb) {
        let world = world(db);
        world.anybody().get("/v1/targets?q=university").expect(401);
        let me = world.person("class_1/1");
        let code = |question: &str, status| {
            let answer = me.get(&format!("/v1/targets?{question}")).expect(status).json();
            answer["code"].as_str().expect("a code").to_owned()
        };
        let long = "a".repeat(64);
        assert_eq!(hits(&me, &format!("q={long}")), [Value::Null; 0]);
        assert_eq!(code(&format!("q={long}a"), 400), "request.malformed");
        for question in ["", "q=", "q=x&colour=red", "q=x&limit=0", "q=x&limit=51", "q=x&province=42&system=railway", "q=x&reason=boredom"] {
            assert_eq!(code(question, 400), "request.malformed", "{question}");
        }
        assert_eq!(hits(&me, "q=class&limit=50"), [Value::Null; 0]);
        assert_eq!(hits(&me, "q=class&limit=50&province=42").len(), 2);
        assert_eq!(hits(&me, &format!("q=class&limit=1&under={}", world.org("college"))).len(), 1);
        assert_eq!(hits(&me, &format!("q=class&limit=50&under={}", world.org("college"))).len(), 2);
        assert_eq!(code("q=x&province=99", 422), "division.unknown");
        assert_eq!(code(&format!("q=x&under={}", world.org("holding")), 404), "organization.not_found");
    }

    fn o4_a_branch_is_found_by_its_name_and_its_former_name_in_its_province(db: TestDb) {
        let world = world(db);
        let me = world.person("class_1/1");
        let college = world.admin("college");
        let rename = |name: &str| {
            let path = format!("/v1/organizations/{}/rename", world.org("class_1"));
            let request = college.request("POST", &path).header("if-match", "*").header("idempotency-key", &fresh_key());
            request.json(&serde_json::json!({"name": name})).send().expect(200);
        };
        rename("软件工程2201班团支部");
        rename("人工智能2201班团支部");
        for query in ["人工智能2201班团支部", "人工智能2201", "软件工程2201班", "軟件工程2201班"] {
            let question = |place: &str| format!("q={}{place}", percent_encoded(query));
            assert_eq!(hits(&me, &question("&province=42"))[0]["id"], world.org("class_1").as_str(), "{query}");
            assert_eq!(hits(&me, &question("")), [Value::Null; 0]);
            let under = format!("&under={}", world.org("university"));
            assert_eq!(hits(&me, &question(&under))[0]["id"], world.org("class_1").as_str(), "{query}");
        }
    }

    fn o4_a_renamed_organization_is_found_by_both_names(db: TestDb) {
        let world = world(db);
        let me = world.person("class_1/1");
        world.db.execute("UPDATE organizations SET name = '共青团晨星公司委员会', short_name = '晨星' WHERE name = 'employer'");
        let conn = &mut world.db.conn();
        let employer = find(conn, OrganizationId(world.org_key("employer"))).expect("a read").expect("the employer is found");
        index(conn, &employer, &["共青团启明公司委员会".to_owned()]).expect("the employer is indexed");
        for query in ["晨星", "启明公司", "chenxing", "qmgs"] {
            let question = format!("q={}", percent_encoded(query));
            assert_eq!(hits(&me, &question)[0]["id"], world.org("employer").as_str(), "{query}");
        }
        assert_eq!(hits(&me, "q=employer"), [Value::Null; 0]);
    }
}
