//! Members and their memberships.

use super::inbound::SealedPerson;
use super::subtree;
use crate::db::columns::Micros;
use crate::db::in_padded;
use crate::db::schema::members::{self, dsl};
use crate::db::schema::{accounts, memberships, organizations, transfers};
use crate::db::sql::locks::Locked;
use crate::db::{Backend, Conn};
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Season, Timestamp};
use crate::domain::member::mark::{Identity, Mark};
use crate::domain::member::particulars::Particulars;
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::organization::facts::{OrganizationPurpose, Path, PlaceInTree};
use crate::domain::transfer::proposal_rules::OpenCase;
use crate::domain::transfer::reason::Side;
use crate::on_each;
use diesel::prelude::*;
use std::collections::HashMap;

/// A member as stored. ID number and telephone number are sealed.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(Backend))]
pub struct Member {
    pub id: MemberId,
    pub branch_id: Option<OrganizationId>,
    /// The path of the branch, or of the last one if the member is in none. [`Member::place`] tells them apart.
    #[diesel(column_name = branch_path)]
    last_path: Path,
    pub name: String,
    pub id_number_sealed: Vec<u8>,
    pub phone_sealed: Option<Vec<u8>>,
    pub ethnic_group: Option<String>,
    pub political_status: Option<String>,
    pub education: Option<String>,
    pub joined_month: Month,
    pub development_number: Option<String>,
    pub standing: Standing,
    pub real_name_check: RealName,
    pub certification: Certification,
    pub mark: Option<Identity>,
    pub mark_month: Option<Month>,
    pub mark_reason: Option<String>,
    pub version: i32,
    pub created_at: Micros,
}

/// Prints the key only, to keep personal data out of the logs.
impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({:?})", self.id)
    }
}

impl Member {
    /// The path of the member's branch. `None` if they are in none.
    pub fn place(&self) -> Option<&Path> {
        self.branch_id.map(|_| &self.last_path)
    }

    /// The mark, assembled from its columns.
    pub fn mark(&self) -> Option<Mark> {
        mark(self.mark, self.mark_month, self.mark_reason.as_deref())
    }
}

fn mark(identity: Option<Identity>, month: Option<Month>, reason: Option<&str>) -> Option<Mark> {
    match identity? {
        Identity::Delayed => Some(Mark::Delayed {
            month: month?,
            reason: Remark::new(reason?)?,
        }),
        Identity::Teacher => Some(Mark::Teacher),
        Identity::Graduate => None,
    }
}

/// A member as a list shows them. It reads half as much as a whole member, and nothing sealed.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(Backend))]
pub struct ListedMember {
    pub id: MemberId,
    pub branch_id: Option<OrganizationId>,
    pub name: String,
    pub joined_month: Month,
    pub standing: Standing,
    pub certification: Certification,
    pub mark: Option<Identity>,
    pub mark_month: Option<Month>,
    pub mark_reason: Option<String>,
    pub version: i32,
}

impl std::fmt::Debug for ListedMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListedMember({:?})", self.id)
    }
}

impl ListedMember {
    /// The mark, assembled from its columns.
    pub fn mark(&self) -> Option<Mark> {
        mark(self.mark, self.mark_month, self.mark_reason.as_deref())
    }
}

impl From<Member> for ListedMember {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            branch_id: member.branch_id,
            name: member.name,
            joined_month: member.joined_month,
            standing: member.standing,
            certification: member.certification,
            mark: member.mark,
            mark_month: member.mark_month,
            mark_reason: member.mark_reason,
            version: member.version,
        }
    }
}

/// One member.
pub fn find(conn: &mut Conn, id: MemberId) -> QueryResult<Option<Member>> {
    dsl::members.find(id).select(Member::as_select()).first(conn).optional()
}

/// One member, locked until the transaction ends.
pub fn find_locked(conn: &mut Conn, id: MemberId) -> QueryResult<Option<Member>> {
    Locked(dsl::members.find(id).select(Member::as_select()))
        .get_result(conn)
        .optional()
}

/// The member with this ID number.
pub fn by_id_number(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<Member>> {
    dsl::members
        .filter(dsl::id_number_digest.eq(digest))
        .select(Member::as_select())
        .first(conn)
        .optional()
}

/// The member with this ID number, locked.
pub fn by_id_number_locked(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<Member>> {
    Locked(
        dsl::members
            .filter(dsl::id_number_digest.eq(digest))
            .select(Member::as_select()),
    )
    .get_result(conn)
    .optional()
}

/// Several members, locked until the transaction ends. Every transaction locks them in the same order.
pub fn find_many_locked(conn: &mut Conn, ids: &[MemberId]) -> QueryResult<Vec<Member>> {
    on_each!(conn, |c| Locked(
        dsl::members
            .filter(in_padded(dsl::id, ids.iter().map(|id| id.0)))
            .order(dsl::id)
            .select(Member::as_select())
    )
    .load(c))
}

/// The member with this ID number, by id only.
pub fn id_by_id_number(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<MemberId>> {
    on_each!(conn, |c| dsl::members
        .filter(dsl::id_number_digest.eq(digest))
        .select(dsl::id)
        .get_result(c))
    .optional()
}

/// A member's account and their open transfer.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountAndCase {
    pub account: Option<AccountId>,
    pub open_case: Option<OpenCase>,
}

/// The accounts and open transfers of several members.
pub fn accounts_and_open_cases(conn: &mut Conn, ids: &[MemberId]) -> QueryResult<HashMap<MemberId, AccountAndCase>> {
    type Columns = (
        MemberId,
        Option<AccountId>,
        Option<TransferId>,
        Option<Side>,
        Option<Micros>,
    );
    let is_open = transfers::member_id
        .eq(members::id.nullable())
        .and(transfers::closed_at.is_null());
    let found: Vec<Columns> = on_each!(conn, |c| members::table
        .left_join(accounts::table.on(accounts::member_id.eq(members::id.nullable())))
        .left_join(transfers::table.on(is_open))
        .filter(in_padded(members::id, ids.iter().map(|id| id.0)))
        .select((
            members::id,
            accounts::id.nullable(),
            transfers::id.nullable(),
            transfers::started_by.nullable(),
            transfers::proposed_at.nullable(),
        ))
        .load(c))?;
    let found_row = |(member, account, id, started_by, proposed_at): Columns| {
        let open_case = id
            .zip(started_by)
            .zip(proposed_at)
            .map(|((id, started_by), proposed_at)| OpenCase {
                id,
                started_by,
                proposed_at: proposed_at.into(),
            });
        (member, AccountAndCase { account, open_case })
    };
    Ok(found.into_iter().map(found_row).collect())
}

/// The place whose members a list shows.
#[derive(Debug, Clone)]
pub enum MemberSelection {
    /// One branch.
    Branch(OrganizationId),
    /// A whole subtree.
    Subtree(Path),
}

/// The identity that a list is narrowed to. Only members of branches that graduate in the season have one (M1).
#[derive(Debug, Clone, Copy)]
pub struct IdentityFilter {
    pub identity: Identity,
    pub season: Season,
}

/// A page of members, ordered by id in a branch, by branch and id in a subtree.
pub fn page(
    conn: &mut Conn,
    place: &MemberSelection,
    filter: Option<IdentityFilter>,
    after: Option<&PlaceInTree>,
    limit: i64,
) -> QueryResult<Vec<ListedMember>> {
    if let (MemberSelection::Branch(branch), None) = (place, filter) {
        // No row has the id 0.
        let after = after.map_or(MemberId::NONE, |after| MemberId(after.key));
        return of_branch(conn, *branch, after, limit);
    }
    let mut query = dsl::members.select(ListedMember::as_select()).limit(limit).into_boxed();
    match place {
        MemberSelection::Branch(branch) => {
            query = query.filter(dsl::branch_id.eq(branch)).order(dsl::id);
            if let Some(after) = after {
                query = query.filter(dsl::id.gt(after.key));
            }
        }
        MemberSelection::Subtree(root) => {
            let (from, until) = subtree(root);
            query = query
                .filter(dsl::branch_path.ge(from))
                .filter(dsl::branch_path.lt(until))
                // Who left the national tree keeps the path of their last branch.
                .filter(dsl::branch_id.is_not_null())
                .order((dsl::branch_path, dsl::id));
            // Members of a special-unit holding appear in the holding's own list only (S-30).
            let secret = organizations::table
                .filter(organizations::id.nullable().eq(dsl::branch_id))
                .filter(organizations::purpose.eq(OrganizationPurpose::SpecialUnit.as_str()))
                .select(organizations::id)
                .offset(0);
            query = query.filter(diesel::dsl::not(diesel::dsl::exists(secret)));
            if let Some(after) = after {
                let path = after.path.clone();
                query = query
                    .filter(dsl::branch_path.ge(path.clone()))
                    .filter(dsl::branch_path.gt(path).or(dsl::id.gt(after.key)));
            }
        }
    }
    if let Some(IdentityFilter { identity, season }) = filter {
        // Values in a subselect must be bindable on both engines, and only plain numbers are.
        let (first, last) = (season * 100 + 1, season * 100 + 12);
        // Only members of graduating branches have an identity (M1). A correlated subquery, since a list of all
        // graduating branches of the nation would be long.
        let graduating = organizations::table
            .filter(organizations::id.nullable().eq(dsl::branch_id))
            .filter(
                organizations::graduated_season
                    .is_not_null()
                    .or(organizations::graduation_month.between(first, last)),
            )
            .select(organizations::id)
            // Keeps PostgreSQL from turning the subquery into a join that begins with all branches.
            .offset(0);
        query = query.filter(diesel::dsl::exists(graduating));
        query = match identity {
            Identity::Graduate => query.filter(dsl::mark.is_null()),
            marked => query.filter(dsl::mark.eq(marked)),
        };
    }
    query.load(conn)
}

/// The most frequent page. Its text is constant for each engine, so the prepared statement is found without building
/// the SQL again.
fn of_branch(conn: &mut Conn, branch: OrganizationId, after: MemberId, limit: i64) -> QueryResult<Vec<ListedMember>> {
    on_each!(conn, |c| dsl::members
        .filter(dsl::branch_id.eq(branch))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(ListedMember::as_select())
        .load(c))
}

/// A member's sealed ID number, with its digest.
pub fn id_number(conn: &mut Conn, id: MemberId) -> QueryResult<(Vec<u8>, Vec<u8>)> {
    dsl::members
        .find(id)
        .select((dsl::id_number_sealed, dsl::id_number_digest))
        .first(conn)
}

/// Stores the state of a member's certification if they still have the version that was decided on.
pub fn set_certification(
    conn: &mut Conn,
    id: MemberId,
    version: i32,
    certification: Certification,
) -> QueryResult<bool> {
    let changed = diesel::update(dsl::members.find(id).filter(dsl::version.eq(version)))
        .set((dsl::certification.eq(certification), dsl::version.eq(version + 1)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The number of a branch's members.
pub fn count(conn: &mut Conn, branch: OrganizationId) -> QueryResult<i64> {
    dsl::members.filter(dsl::branch_id.eq(branch)).count().get_result(conn)
}

/// Whether an organization or anything below it has members.
pub fn any_within(conn: &mut Conn, path: &Path) -> QueryResult<bool> {
    let (from, until) = subtree(path);
    let within = dsl::members
        .filter(dsl::branch_path.ge(from))
        .filter(dsl::branch_path.lt(until))
        .select(dsl::id);
    diesel::select(diesel::dsl::exists(within)).get_result(conn)
}

/// Members of a branch with a delayed mark (M7).
pub fn delayed(conn: &mut Conn, branch: OrganizationId) -> QueryResult<Vec<Member>> {
    dsl::members
        .filter(dsl::branch_id.eq(branch))
        .filter(dsl::mark.eq(Identity::Delayed))
        .order(dsl::id)
        .select(Member::as_select())
        .load(conn)
}

/// Stores a member's mark if they still have the version that was decided on.
pub fn set_mark(conn: &mut Conn, id: MemberId, version: i32, mark: Option<&Mark>) -> QueryResult<bool> {
    let (month, reason) = match mark {
        Some(Mark::Delayed { month, reason }) => (Some(*month), Some(reason.as_str())),
        _ => (None, None),
    };
    let changed = diesel::update(dsl::members.find(id).filter(dsl::version.eq(version)))
        .set((
            dsl::mark.eq(mark.map(Mark::identity)),
            dsl::mark_month.eq(month),
            dsl::mark_reason.eq(reason),
            dsl::version.eq(version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Creates a member from a person of an inbound case (X2), in a branch from now on.
///
/// Violates `members_id_number` or `members_development_number` if one of the numbers is taken.
pub fn create_inbound(
    conn: &mut Conn,
    name: &str,
    person: &SealedPerson,
    certification: Certification,
    (branch, path): (OrganizationId, &Path),
    transfer: TransferId,
    now: Timestamp,
) -> QueryResult<MemberId> {
    let id = diesel::insert_into(dsl::members)
        .values((
            dsl::branch_id.eq(branch),
            dsl::branch_path.eq(path),
            dsl::name.eq(name),
            dsl::id_number_sealed.eq(&person.id_number_sealed),
            dsl::id_number_digest.eq(&person.id_number_digest),
            dsl::phone_sealed.eq(person.phone_sealed.as_ref()),
            dsl::phone_digest.eq(person.phone_digest.as_ref()),
            dsl::ethnic_group.eq(person.ethnic_group.as_ref()),
            dsl::political_status.eq(person.political_status.as_ref()),
            dsl::education.eq(person.education.as_ref()),
            dsl::joined_month.eq(person.joined_month),
            dsl::development_number.eq(person.development_number.as_ref()),
            dsl::standing.eq(Standing::Good),
            dsl::real_name_check.eq(RealName::Unchecked),
            dsl::certification.eq(certification),
            dsl::created_at.eq(Micros::from(now)),
        ))
        .returning(dsl::id)
        .get_result(conn)?;
    join(conn, id, branch, Some(transfer), now)?;
    Ok(id)
}

/// A member to register. The sealed fields are stored afterwards, since they are bound to the row's key.
pub struct NewMember<'a> {
    pub name: &'a str,
    pub id_number_digest: &'a [u8],
    pub phone_digest: Option<&'a [u8]>,
    pub particulars: &'a Particulars,
    pub certification: Certification,
    pub branch: OrganizationId,
    pub path: &'a Path,
    pub at: Timestamp,
}

/// Registers a member in a branch (P1).
///
/// Violates `members_id_number` or `members_development_number` if one of the numbers is taken.
pub fn register(conn: &mut Conn, new: &NewMember<'_>) -> QueryResult<MemberId> {
    let nothing: &[u8] = &[];
    let id = diesel::insert_into(dsl::members)
        .values((
            dsl::branch_id.eq(new.branch),
            dsl::branch_path.eq(new.path),
            dsl::name.eq(new.name),
            dsl::id_number_sealed.eq(nothing),
            dsl::id_number_digest.eq(new.id_number_digest),
            dsl::phone_digest.eq(new.phone_digest),
            dsl::ethnic_group.eq(new.particulars.ethnic_group),
            dsl::political_status.eq(new.particulars.political_status),
            dsl::education.eq(new.particulars.education.as_ref()),
            dsl::joined_month.eq(new.particulars.joined_month),
            dsl::development_number.eq(new.particulars.development_number.as_ref()),
            dsl::standing.eq(Standing::Good),
            dsl::real_name_check.eq(RealName::Unchecked),
            dsl::certification.eq(new.certification),
            dsl::created_at.eq(Micros::from(new.at)),
        ))
        .returning(dsl::id)
        .get_result(conn)?;
    join(conn, id, new.branch, None, new.at)?;
    Ok(id)
}

/// What is changed in a member's record. A field that is absent stays; one that is `Some(None)` is emptied.
#[derive(Default)]
pub struct NewValues<'a> {
    pub phone: Option<Option<(Vec<u8>, Vec<u8>)>>,
    pub education: Option<Option<&'a str>>,
    pub political_status: Option<Option<&'a str>>,
    pub ethnic_group: Option<Option<&'a str>>,
}

/// Changes a member's record if they still have the version that was decided on. The telephone number is given sealed,
/// with its digest.
pub fn change(conn: &mut Conn, id: MemberId, version: i32, new: &NewValues<'_>) -> QueryResult<bool> {
    let phone = new.phone.as_ref().map(Option::as_ref);
    let changed = diesel::update(dsl::members.find(id).filter(dsl::version.eq(version)))
        .set((
            phone.map(|phone| dsl::phone_sealed.eq(phone.map(|(sealed, _)| sealed))),
            phone.map(|phone| dsl::phone_digest.eq(phone.map(|(_, digest)| digest))),
            new.education.map(|education| dsl::education.eq(education)),
            new.political_status.map(|status| dsl::political_status.eq(status)),
            new.ethnic_group.map(|group| dsl::ethnic_group.eq(group)),
            dsl::version.eq(version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Updates a member who comes back with what the external province says about them (X2). A field that it leaves out
/// stays unchanged.
pub fn refresh(conn: &mut Conn, id: MemberId, person: &SealedPerson) -> QueryResult<()> {
    diesel::update(dsl::members.find(id))
        .set((
            person.phone_sealed.as_ref().map(|phone| dsl::phone_sealed.eq(phone)),
            person.phone_digest.as_ref().map(|phone| dsl::phone_digest.eq(phone)),
            person.ethnic_group.as_ref().map(|group| dsl::ethnic_group.eq(group)),
            person
                .political_status
                .as_ref()
                .map(|status| dsl::political_status.eq(status)),
            person.education.as_ref().map(|education| dsl::education.eq(education)),
            dsl::version.eq(dsl::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether a member has this development number.
pub fn is_development_number_taken(conn: &mut Conn, number: &str) -> QueryResult<bool> {
    let carriers = dsl::members.filter(dsl::development_number.eq(number)).select(dsl::id);
    diesel::select(diesel::dsl::exists(carriers)).get_result(conn)
}

/// Begins a member's membership of a branch (I-01).
fn join(
    conn: &mut Conn,
    member: MemberId,
    branch: OrganizationId,
    transfer: Option<TransferId>,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::member_id.eq(member),
            memberships::branch_id.eq(branch),
            memberships::since.eq(Micros::from(now)),
            memberships::transfer_id.eq(transfer),
        ))
        .execute(conn)?;
    Ok(())
}

/// Moves a member: changes their row, ends their current membership and begins the next one (I-01, I-11).
///
/// A mark belongs to the branch it was made in, so it is cleared. Without a branch the member leaves the national tree.
pub fn relocate(
    conn: &mut Conn,
    id: MemberId,
    to: Option<(OrganizationId, &Path)>,
    standing: Standing,
    transfer: TransferId,
    now: Timestamp,
) -> QueryResult<()> {
    let no_month: Option<Month> = None;
    let no_mark: Option<Identity> = None;
    let no_reason: Option<&str> = None;
    let left = (
        dsl::branch_id.eq(to.map(|(branch, _)| branch)),
        dsl::standing.eq(standing),
        dsl::mark.eq(no_mark),
        dsl::mark_month.eq(no_month),
        dsl::mark_reason.eq(no_reason),
        dsl::version.eq(dsl::version + 1),
    );
    match to {
        Some((_, path)) => diesel::update(dsl::members.find(id))
            .set((left, dsl::branch_path.eq(path)))
            .execute(conn)?,
        None => diesel::update(dsl::members.find(id)).set(left).execute(conn)?,
    };
    diesel::update(
        memberships::table
            .filter(memberships::member_id.eq(id))
            .filter(memberships::until.is_null()),
    )
    .set(memberships::until.eq(Micros::from(now)))
    .execute(conn)?;
    match to {
        Some((branch, _)) => join(conn, id, branch, Some(transfer), now),
        None => Ok(()),
    }
}

/// A part of the tree as a range of paths. A history entry belongs to those within whose reach it was written.
#[derive(Debug, Clone)]
pub struct PathRange {
    pub from: String,
    pub until: String,
}

impl PathRange {
    /// An organization and everything below it.
    pub fn subtree(path: &Path) -> Self {
        let (from, until) = subtree(path);
        Self { from, until }
    }

    /// An organization without what is below it.
    pub fn alone(path: &Path) -> Self {
        Self {
            from: path.as_str().to_owned(),
            // Before every digit in ASCII.
            until: format!("{path}!"),
        }
    }
}

/// Whether somebody is or was a member within a part of the tree.
pub fn was_within(conn: &mut Conn, id: MemberId, range: &PathRange) -> QueryResult<bool> {
    let stays = memberships::table
        .inner_join(organizations::table.on(organizations::id.eq(memberships::branch_id)))
        .filter(memberships::member_id.eq(id))
        .filter(organizations::path.ge(range.from.clone()))
        .filter(organizations::path.lt(range.until.clone()))
        .select(memberships::id);
    diesel::select(diesel::dsl::exists(stays)).get_result(conn)
}

/// The memberships within a part of the tree, for a history whose entries have the columns `member` and `at`: an entry
/// was written there if one of them lasted then.
macro_rules! written_within {
    ($member:expr, $at:expr, $range:expr) => {{
        use $crate::db::schema::{memberships, organizations};
        let range: &$crate::repository::members::PathRange = $range;
        let stay = memberships::table
            .inner_join(organizations::table.on(organizations::id.eq(memberships::branch_id)))
            .filter(memberships::member_id.eq($member))
            .filter(memberships::since.le($at))
            .filter(memberships::until.is_null().or(memberships::until.gt($at.nullable())))
            .filter(organizations::path.ge(range.from.clone()))
            .filter(organizations::path.lt(range.until.clone()))
            .select(memberships::id);
        diesel::dsl::exists(stay)
    }};
}
pub(super) use written_within;

/// A membership: an interval in which a member belonged to a branch.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = memberships, check_for_backend(Backend))]
pub struct Membership {
    pub branch_id: OrganizationId,
    pub since: Micros,
    pub until: Option<Micros>,
    pub transfer_id: Option<TransferId>,
}

/// A member's memberships, earliest first.
pub fn memberships(conn: &mut Conn, member: MemberId) -> QueryResult<Vec<Membership>> {
    memberships::table
        .filter(memberships::member_id.eq(member))
        .order(memberships::since)
        .select(Membership::as_select())
        .load(conn)
}
