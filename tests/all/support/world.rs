//! A small invented country and a program that serves it. Everything has a short name.
//!
//! ```text
//! nation ⊃ province ⊃ city ⊃ county ⊃ township ⊃ village, home (floating)
//!                   ⊃ university (school code) ⊃ college ⊃ class_1, class_2, teachers
//!                                             ⊃ floating, abroad
//!                   ⊃ school (a school that is one branch), employer ⊃ workshop, holding (special unit)
//!        ⊃ beijing ⊃ beijing_branch
//!        ⊃ railway (system committee) ⊃ station
//! ```
//!
//! Each organization but the holding has one administrator with the organization's name: `world.admin("college")`. Each
//! branch with members has three, `class_1/1` to `class_1/3`: `world.person("class_1/2")`. All have accounts with
//! [`PASSWORD`].

pub use super::http::fresh_key;

use super::http::Client;
use super::{TestDb, block_on};
use actix_web::dev::Server;
use diesel::prelude::*;
use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use zhuanjie::api::{self, Servers};

use zhuanjie::app::App;
use zhuanjie::clock::Clock;
use zhuanjie::config::Keys;
use zhuanjie::config::proxies::Proxies;
use zhuanjie::db::Conn;
use zhuanjie::db::columns::Micros;
use zhuanjie::db::schema::{accounts, appointments, members, memberships, organizations};
use zhuanjie::domain::authority::actor::{AccountKind, Actor, Office, Role};
use zhuanjie::domain::core::id_number::IdNumber;
use zhuanjie::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId, SessionId};
use zhuanjie::domain::core::time::{Month, Timestamp};
use zhuanjie::domain::member::{Certification, RealName, Standing};
use zhuanjie::domain::office::OfficeRole;
use zhuanjie::domain::organization::facts::{
    Level, OrganizationKind, OrganizationPurpose, Path, Sector, Stage, Status, System,
};
use zhuanjie::domain::retention::{AUDIT_FLOOR, RetentionPeriods};
use zhuanjie::files::{Files, Folder};
use zhuanjie::jobs::{self, Ending, Environment, ScheduleSettings};
use zhuanjie::repository::identity;
use zhuanjie::repository::sessions::{self, NewSession};
use zhuanjie::security::passwords::{Passwords, hash};
use zhuanjie::security::refresh::Refresh;
use zhuanjie::security::tokens::Bearer;
use zhuanjie::security::vault::{SealPurpose, SealedRow};
use zhuanjie::service::accounts::presence::ActorCache;
use zhuanjie::service::jobs::{JobName, Run};
use zhuanjie::service::transfers;

/// The password of every account.
pub const PASSWORD: &str = "open sesame 2026";

/// Hashing is slow on purpose, so it is done once in a run.
static HASH: LazyLock<String> = LazyLock::new(|| hash(PASSWORD));

/// An organization to be added. [`Org::below`] gives an ordinary one.
#[derive(Debug, Clone)]
pub struct Org<'a> {
    pub under: Option<&'a str>,
    pub kind: OrganizationKind,
    pub level: Level,
    pub system: System,
    pub sector: Sector,
    pub township: bool,
    pub school_code: Option<&'a str>,
    pub purpose: OrganizationPurpose,
    pub division: Option<&'a str>,
}

impl<'a> Org<'a> {
    /// A grassroots organization below another.
    pub fn below(under: &'a str, kind: OrganizationKind, sector: Sector) -> Self {
        Self {
            under: Some(under),
            kind,
            level: Level::Grassroots,
            system: System::Place,
            sector,
            township: false,
            school_code: None,
            purpose: OrganizationPurpose::Ordinary,
            division: Some("420106"),
        }
    }

    /// A leading organ of a level.
    pub fn organ(under: Option<&'a str>, level: Level, division: Option<&'a str>) -> Self {
        Self {
            under,
            kind: OrganizationKind::LeadingOrgan,
            level,
            division,
            ..Self::below("", OrganizationKind::LeadingOrgan, Sector::Institution)
        }
    }
}

#[derive(Clone)]
struct Placed {
    id: OrganizationId,
    path: Path,
    kind: OrganizationKind,
    province: Option<OrganizationId>,
    leading_organ: Option<OrganizationId>,
    school: Option<OrganizationId>,
}

#[derive(Clone, Copy)]
struct Person {
    account: AccountId,
    member: Option<MemberId>,
}

/// A session: the account, the office if there is one, and the instant of its start.
type Sitting = (AccountId, Option<AppointmentId>, Timestamp);

/// The country, and the program that serves it in this process.
pub struct World {
    /// The database behind it.
    pub db: TestDb,
    /// The clock that everything uses.
    pub clock: Clock,
    /// The directory of uploaded files.
    pub files: PathBuf,
    app: App,
    base: String,
    frontend: Servers,
    servers: Vec<Served>,
    organizations: HashMap<String, Placed>,
    people: HashMap<String, Person>,
    offices: HashMap<String, (AccountId, AppointmentId)>,
    serial: u16,
    sessions: Mutex<HashMap<Sitting, SessionId>>,
}

impl World {
    /// The country at an instant (RFC 3339).
    pub fn new(db: TestDb, at: &str) -> Self {
        Self::set_up(db, at, Keys::demo(), &api::ServerSettings::default(), |app| app)
    }

    /// The country with keys that other programs know too.
    pub fn with_keys(db: TestDb, at: &str, keys: Keys) -> Self {
        Self::set_up(db, at, keys, &api::ServerSettings::default(), |app| app)
    }

    /// The country served with these settings.
    pub fn behind(db: TestDb, at: &str, settings: &api::ServerSettings) -> Self {
        Self::set_up(db, at, Keys::demo(), settings, |app| app)
    }

    /// The country served by a program that `change` sets up differently.
    pub fn with(db: TestDb, at: &str, change: impl FnOnce(App) -> App) -> Self {
        Self::set_up(db, at, Keys::demo(), &api::ServerSettings::default(), change)
    }

    /// No country yet: an empty database and the program that serves it.
    pub fn empty(db: TestDb, at: &str) -> Self {
        Self::unbuilt(db, at, Keys::demo(), &api::ServerSettings::default(), |app| app)
    }

    /// The country with all of these.
    pub fn set_up(
        db: TestDb,
        at: &str,
        keys: Keys,
        settings: &api::ServerSettings,
        change: impl FnOnce(App) -> App,
    ) -> Self {
        let mut world = Self::unbuilt(db, at, keys, settings, change);
        world.build();
        world
    }

    fn unbuilt(
        db: TestDb,
        at: &str,
        keys: Keys,
        settings: &api::ServerSettings,
        change: impl FnOnce(App) -> App,
    ) -> Self {
        let clock = Clock::manual(instant(at));
        let files = super::scratch::dir().join(format!("files-{}", fresh_key()));
        let id = identity::database_id(&mut db.conn()).expect("the database has an id");
        let _within = RUNTIME.enter();
        let app = App {
            proposals: transfers::proposal_queue(db.db()),
            db: db.db(),
            clock: clock.clone(),
            vault: keys.vault.clone(),
            tokens: keys.tokens,
            passwords: Passwords::new(2),
            files: Files::new(Folder::new(files.clone(), &id), keys.vault),
            // Tests write directly to the database, so the program must not cache actors.
            actor_cache: ActorCache::new(Duration::ZERO),
            proxies: Proxies::default(),
            wechat: None,
            retention: RetentionPeriods::default(),
        };
        let app = change(app);
        let (base, frontend, server) = serve(app.clone(), settings);
        Self {
            db,
            clock,
            app,
            files,
            base,
            frontend,
            servers: vec![server],
            organizations: HashMap::new(),
            people: HashMap::new(),
            offices: HashMap::new(),
            serial: 0,
            sessions: Mutex::default(),
        }
    }

    fn build(&mut self) {
        use OrganizationKind::*;
        use Sector::*;
        self.organ("nation", None, Level::Nation, None);
        self.organ("province", Some("nation"), Level::Province, Some("420000"));
        self.organ("city", Some("province"), Level::City, Some("420100"));
        self.organ("county", Some("city"), Level::County, Some("420106"));
        self.organ("beijing", Some("nation"), Level::Province, Some("110000"));
        let railway = Org {
            system: System::Railway,
            ..Org::organ(Some("nation"), Level::Province, None)
        };
        self.staffed("railway", &railway);
        let university = Org {
            school_code: Some("4142010486"),
            ..Org::below("province", Committee, School)
        };
        self.staffed("university", &university);
        self.staffed("college", &Org::below("university", Committee, School));
        for class in ["class_1", "class_2", "teachers"] {
            self.peopled(class, &Org::below("college", Branch, School));
        }
        for (name, purpose) in [
            ("floating", OrganizationPurpose::Floating),
            ("abroad", OrganizationPurpose::Abroad),
        ] {
            let branch = Org::below("university", Branch, School);
            self.staffed(name, &Org { purpose, ..branch });
        }
        let school = Org {
            school_code: Some("3142010001"),
            ..Org::below("county", Branch, School)
        };
        self.peopled("school", &school);
        let township = Org {
            township: true,
            ..Org::below("county", Committee, TownshipVillage)
        };
        self.staffed("township", &township);
        self.peopled("village", &Org::below("township", Branch, TownshipVillage));
        let home = Org {
            purpose: OrganizationPurpose::Floating,
            ..Org::below("township", Branch, TownshipVillage)
        };
        self.staffed("home", &home);
        self.staffed("employer", &Org::below("county", Committee, Enterprise));
        self.staffed("workshop", &Org::below("employer", Branch, Enterprise));
        let holding = Org {
            purpose: OrganizationPurpose::SpecialUnit,
            ..Org::below("province", Branch, Institution)
        };
        self.add_organization("holding", &holding);
        let beijing = Org {
            division: Some("110105"),
            ..Org::below("beijing", Branch, Enterprise)
        };
        self.staffed("beijing_branch", &beijing);
        let station = Org {
            system: System::Railway,
            ..Org::below("railway", Branch, Enterprise)
        };
        self.staffed("station", &station);
    }

    fn organ(&mut self, name: &str, under: Option<&str>, level: Level, division: Option<&str>) {
        self.staffed(name, &Org::organ(under, level, division));
    }

    fn staffed(&mut self, name: &str, org: &Org<'_>) {
        self.add_organization(name, org);
        self.appoint(name, name);
    }

    fn peopled(&mut self, name: &str, org: &Org<'_>) {
        self.staffed(name, org);
        for number in 1..=3 {
            self.add_member(&format!("{name}/{number}"), name, "2004-05-06");
        }
    }

    /// Adds an organization without an administrator. Unless it is one itself, its province, leading organ and school
    /// are those of its superior.
    pub fn add_organization(&mut self, name: &str, org: &Org<'_>) {
        let superior = org.under.map(|under| self.place(under).clone());
        let mut conn = self.db.conn();
        let stage = (org.sector == Sector::School).then_some(Stage::RegularUniversity);
        let id: OrganizationId = diesel::insert_into(organizations::table)
            .values((
                organizations::parent_id.eq(superior.as_ref().map(|s| s.id)),
                organizations::path.eq(format!("new {name}")),
                organizations::kind.eq(org.kind),
                organizations::level.eq(org.level),
                organizations::system.eq(org.system),
                organizations::sector.eq(org.sector),
                organizations::stage.eq(stage),
                organizations::township.eq(org.township),
                organizations::school_code.eq(org.school_code),
                organizations::purpose.eq(org.purpose),
                organizations::division_code.eq(org.division),
                organizations::name.eq(name),
                organizations::short_name.eq(name),
                organizations::status.eq(Status::Active),
                organizations::created_at.eq(Micros::from(long_ago())),
                organizations::name_key.eq(name),
            ))
            .returning(organizations::id)
            .get_result(&mut conn)
            .expect("an organization");
        let above = |of: fn(&Placed) -> Option<OrganizationId>| superior.as_ref().and_then(of);
        let is_province = org.kind == OrganizationKind::LeadingOrgan && org.level == Level::Province;
        let placed = Placed {
            id,
            path: superior.as_ref().map_or_else(|| Path::root(id), |s| s.path.child(id)),
            kind: org.kind,
            province: if is_province { Some(id) } else { above(|s| s.province) },
            leading_organ: match &superior {
                Some(superior) if superior.kind == OrganizationKind::LeadingOrgan => Some(superior.id),
                _ => above(|s| s.leading_organ),
            },
            school: match above(|s| s.school) {
                Some(school) if org.school_code.is_none() => Some(school),
                _ if org.sector == Sector::School => Some(id),
                above => above,
            },
        };
        diesel::update(organizations::table.find(id))
            .set((
                organizations::path.eq(&placed.path),
                organizations::province_id.eq(placed.province),
                organizations::leading_organ_id.eq(placed.leading_organ),
                organizations::school_id.eq(placed.school),
            ))
            .execute(&mut conn)
            .expect("the organization's path");
        self.organizations.insert(name.to_owned(), placed);
    }

    /// Adds a member of a branch with an account. `born` is the birthday. The member joined in May 2019, is in good
    /// standing, and needs no certification.
    pub fn add_member(&mut self, name: &str, branch: &str, born: &str) {
        let number = self.number(born);
        let branch = self.place(branch).clone();
        let mut conn = self.db.conn();
        let vault = &self.app.vault;
        let id: MemberId = diesel::insert_into(members::table)
            .values((
                members::branch_id.eq(branch.id),
                members::branch_path.eq(&branch.path),
                members::name.eq(name),
                members::id_number_sealed.eq(Vec::<u8>::new()),
                members::id_number_digest.eq(vault.digest(SealPurpose::IdNumber, number.reveal())),
                members::joined_month.eq(Month::new(2019, 5).expect("a month")),
                members::standing.eq(Standing::Good),
                members::real_name_check.eq(RealName::Passed),
                members::certification.eq(Certification::NotRequired),
                members::created_at.eq(Micros::from(long_ago())),
            ))
            .returning(members::id)
            .get_result(&mut conn)
            .expect("a member");
        let sealed = vault.seal(SealPurpose::IdNumber, SealedRow::Member(id), number.reveal());
        diesel::update(members::table.find(id))
            .set(members::id_number_sealed.eq(sealed))
            .execute(&mut conn)
            .expect("their number");
        diesel::insert_into(memberships::table)
            .values((
                memberships::member_id.eq(id),
                memberships::branch_id.eq(branch.id),
                memberships::since.eq(Micros::from(long_ago())),
            ))
            .execute(&mut conn)
            .expect("a membership");
        self.add_account(&mut conn, name, Some(id), &number);
    }

    /// Makes a person an administrator of an organization, and adds the person if necessary. The office has the
    /// person's name.
    pub fn appoint(&mut self, person: &str, organization: &str) {
        self.appoint_as(person, organization, OfficeRole::Administrator);
    }

    /// Like [`World::appoint`], for any role. `world.admin("the auditor")` acts from the office in any role.
    pub fn appoint_as(&mut self, person: &str, organization: &str, role: OfficeRole) {
        let mut conn = self.db.conn();
        if !self.people.contains_key(person) {
            let number = self.number("1985-03-04");
            self.add_account(&mut conn, person, None, &number);
        }
        let account = self.people[person].account;
        let office: AppointmentId = diesel::insert_into(appointments::table)
            .values((
                appointments::account_id.eq(account),
                appointments::organization_id.eq(self.place(organization).id),
                appointments::started_at.eq(Micros::from(long_ago())),
                appointments::role.eq(role),
            ))
            .returning(appointments::id)
            .get_result(&mut conn)
            .expect("an appointment");
        self.offices.insert(person.to_owned(), (account, office));
    }

    /// Ends a person's office. The organization may be vacant then (A10).
    pub fn dismiss(&mut self, person: &str) {
        let (_, office) = self.offices.remove(person).expect("an office");
        self.db
            .execute(&format!("UPDATE appointments SET ended_at = 1 WHERE id = {}", office.0));
    }

    fn add_account(&mut self, conn: &mut Conn, name: &str, member: Option<MemberId>, number: &IdNumber) {
        let vault = &self.app.vault;
        let account: AccountId = diesel::insert_into(accounts::table)
            .values((
                accounts::kind.eq(AccountKind::Person),
                accounts::member_id.eq(member),
                accounts::name.eq(name),
                accounts::id_number_digest.eq(vault.digest(SealPurpose::IdNumber, number.reveal())),
                accounts::password_hash.eq(HASH.as_str()),
                accounts::must_change_password.eq(false),
                accounts::status.eq("active"),
                accounts::created_at.eq(Micros::from(long_ago())),
            ))
            .returning(accounts::id)
            .get_result(conn)
            .expect("an account");
        let sealed = vault.seal(SealPurpose::IdNumber, SealedRow::Account(account), number.reveal());
        diesel::update(accounts::table.find(account))
            .set(accounts::id_number_sealed.eq(sealed))
            .execute(conn)
            .expect("its number");
        self.people.insert(name.to_owned(), Person { account, member });
    }

    fn number(&mut self, born: &str) -> IdNumber {
        self.serial += 1;
        let born = born.parse().expect("a day");
        IdNumber::compose(420106, born, self.serial).expect("a number")
    }

    fn place(&self, name: &str) -> &Placed {
        self.organizations
            .get(name)
            .unwrap_or_else(|| panic!("no organization is called {name}"))
    }

    fn someone(&self, name: &str) -> Person {
        *self
            .people
            .get(name)
            .unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// The names of the offices.
    pub fn offices(&self) -> Vec<String> {
        let mut names: Vec<String> = self.offices.keys().cloned().collect();
        names.sort();
        names
    }

    /// The id of an organization in the interface.
    pub fn org(&self, name: &str) -> String {
        self.place(name).id.to_string()
    }

    /// An organization's key in the tables.
    pub fn org_key(&self, name: &str) -> i64 {
        self.place(name).id.0
    }

    /// The id of a member in the interface.
    pub fn mem(&self, name: &str) -> String {
        MemberId(self.mem_key(name)).to_string()
    }

    /// A member's key in the tables.
    pub fn mem_key(&self, name: &str) -> i64 {
        self.someone(name).member.expect("a member").0
    }

    /// The id of a person's account in the interface.
    pub fn account(&self, name: &str) -> String {
        self.someone(name).account.to_string()
    }

    /// A person's ID number, to sign in with or to look up.
    pub fn id_number(&self, name: &str) -> String {
        let mut conn = self.db.conn();
        let account = self.someone(name).account;
        let sealed: Option<Vec<u8>> = accounts::table
            .find(account)
            .select(accounts::id_number_sealed)
            .first(&mut conn)
            .expect("an account");
        let sealed = sealed.expect("a person's account");
        self.app
            .vault
            .open(SealPurpose::IdNumber, SealedRow::Account(account), &sealed)
            .expect("the number opens")
    }

    /// The actor of a person who acts from their office.
    pub fn officer(&self, name: &str) -> Actor {
        let &(account, appointment) = &self.offices[name];
        let organization = self.offices_place(appointment);
        let office = Office {
            appointment,
            organization: organization.id,
            path: organization.path.clone(),
            kind: organization.kind,
        };
        Actor::administrator(account, self.someone(name).member, office)
    }

    /// The key of a current or former office.
    pub fn officer_key(&self, name: &str) -> i64 {
        self.offices[name].1.0
    }

    fn offices_place(&self, office: AppointmentId) -> &Placed {
        let organization: OrganizationId = appointments::table
            .find(office)
            .select(appointments::organization_id)
            .first(&mut self.db.conn())
            .expect("an appointment");
        let found = self.organizations.values().find(|placed| placed.id == organization);
        found.expect("an organization of the country")
    }

    /// The actor of a person who acts as a member.
    pub fn actor(&self, name: &str) -> Actor {
        let Person { account, member } = self.someone(name);
        Actor {
            account: Some(account),
            member,
            role: Role::Member,
        }
    }

    /// An organization's path in the tree.
    pub fn path(&self, name: &str) -> Path {
        self.place(name).path.clone()
    }

    /// The names of all people.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.people.keys().map(String::as_str)
    }

    /// A client without a token.
    pub fn anybody(&self) -> Client {
        Client::new(&self.base)
    }

    /// A client of a person who acts from their office, signed in now.
    pub fn admin(&self, name: &str) -> Client {
        let &(account, office) = self
            .offices
            .get(name)
            .unwrap_or_else(|| panic!("{name} holds no office"));
        self.signed_in(account, Some(office))
    }

    /// A client of a person who acts as a member, signed in now.
    pub fn person(&self, name: &str) -> Client {
        self.signed_in(self.someone(name).account, None)
    }

    /// The parts of the program.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// A client of the server for administration, which is started for it.
    pub fn administration(&mut self) -> Client {
        let servers = self.frontend.clone();
        let (base, server) = listen(move |listener| servers.administration(listener, jobs::intervals(None)));
        self.servers.push(server);
        Client::new(&base)
    }

    /// Tells the servers that they will be stopped.
    pub fn drain(&self) {
        self.frontend.drain();
    }

    /// Serves the same database by another program that shares nothing with the first. Returns a client of it.
    pub fn another_server(&mut self, change: impl FnOnce(App) -> App) -> Client {
        let (base, _, server) = serve(change(self.app.clone()), &api::ServerSettings::default());
        self.servers.push(server);
        Client::new(&base)
    }

    /// Where the program listens, as `host:port`.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// The access token of a person who acts from their office, for tests that write requests by hand.
    pub fn token(&self, name: &str) -> String {
        let &(account, office) = &self.offices[name];
        self.issue(account, Some(office))
    }

    fn issue(&self, account: AccountId, office: Option<AppointmentId>) -> String {
        let bearer = Bearer {
            account,
            session: Some(self.session(account, office)),
            office,
        };
        self.app.tokens.issue(bearer, self.clock.now()).expect("a token")
    }

    /// A session that begins now and can not be refreshed. It is reused until the clock is set.
    fn session(&self, account: AccountId, office: Option<AppointmentId>) -> SessionId {
        let now = self.clock.now();
        let mut known = self.sessions.lock().expect("not poisoned");
        *known.entry((account, office, now)).or_insert_with(|| {
            let digests = Refresh::first().digests(&self.app.vault);
            let new = NewSession {
                account,
                office,
                address_digest: &[],
                refresh: &digests,
            };
            sessions::begin(&mut self.db.conn(), &new, now).expect("a session")
        })
    }

    fn signed_in(&self, account: AccountId, office: Option<AppointmentId>) -> Client {
        self.anybody().with_token(&self.issue(account, office))
    }

    /// Sets the clock (RFC 3339). Earlier tokens may have ended.
    pub fn at(&self, at: &str) {
        self.clock.set(instant(at));
    }

    /// The environment of the jobs, without a directory of files. It runs a job for any instant.
    pub fn jobs(&self) -> Environment {
        Environment {
            db: self.db.db(),
            clock: self.clock.clone(),
            retention: RetentionPeriods::default(),
            files: None,
            is_confirmed: true,
        }
    }

    /// Records that the service ran every day for half a year until an instant. What is old by the clock is removed only
    /// then.
    pub fn ran_until(&self, at: &str) {
        let (day, last) = (86_400_000_000, instant(at).timestamp_micros());
        let run = |back: i64| format!("('audit-seal', {0}, {0}, {0}, 0, 0)", last - back * day);
        let runs: Vec<String> = (0..=AUDIT_FLOOR).rev().map(run).collect();
        self.db.execute(&format!(
            "INSERT INTO job_runs (name, at, started_at, finished_at, processed, failed) VALUES {}",
            runs.join(", ")
        ));
    }

    /// Starts the schedule of the jobs, as `serve --job-interval` does. It needs a runtime.
    pub fn start_schedule(&self, longest: Duration) -> tokio::task::JoinHandle<()> {
        let settings = ScheduleSettings {
            longest: Some(longest),
            ..ScheduleSettings::default()
        };
        jobs::start_schedule(&self.app, settings)
    }

    /// Runs a job for an instant, as `zhuanjie jobs run` does.
    pub fn run(&self, job: JobName, at: &str) -> Run {
        match block_on(jobs::run(&self.jobs(), job, instant(at))) {
            Ok(Ending::Done(run)) => run,
            other => panic!("{job}: {other:?}"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for (handle, thread) in self.servers.drain(..) {
            // The call itself sends the command. Its result only tells when the server has stopped.
            drop(handle.stop(false));
            let _ = thread.join();
        }
    }
}

fn instant(at: &str) -> Timestamp {
    at.parse().unwrap_or_else(|e| panic!("{at}: {e}"))
}

fn long_ago() -> Timestamp {
    instant("2020-01-01T00:00:00Z")
}

/// The runtime in which proposals are decided for all servers.
static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
});

type Served = (actix_web::dev::ServerHandle, JoinHandle<()>);

/// Serves on a port and in a thread of its own.
fn serve(app: App, settings: &api::ServerSettings) -> (String, Servers, Served) {
    let servers = Servers::new(app, settings).expect("servers");
    let serving = servers.clone();
    let (base, served) = listen(move |listener| serving.public(listener, 1));
    (base, servers, served)
}

/// Runs a server on a port and in a thread of its own.
fn listen(start: impl FnOnce(TcpListener) -> io::Result<Server> + Send + 'static) -> (String, Served) {
    let listener = api::bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("the listener is bound"));
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = start(listener).expect("a server");
            sender.send(server.handle()).expect("the test waits");
            server.await.expect("the server ends without an error");
        });
    });
    let handle = receiver.recv().expect("the server starts");
    (base, (handle, thread))
}

mod tests {
    use super::*;
    use crate::support::both_engines;
    use serde_json::json;

    both_engines! {
        fn every_client_acts_as_its_person_and_can_sign_in(db: TestDb) {
            let world = World::new(db, "2026-06-15T00:00:00Z");
            let me = world.person("class_1/1").get("/v1/me").expect(200).json();
            assert_eq!(me["member"]["id"], json!(world.mem("class_1/1")));
            assert_eq!(me["member"]["branch"]["id"], json!(world.org("class_1")));
            let me = world.admin("college").get("/v1/me").expect(200).json();
            assert_eq!(me["offices"][0]["organization"]["id"], json!(world.org("college")));
            let body = json!({"id_number": world.id_number("class_1/1"), "password": PASSWORD});
            world.anybody().post("/v1/auth/sign-in", &body).expect(200);
        }
    }
}
