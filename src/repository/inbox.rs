//! The inbox (操作中心): one row for each organization that may act on a case or request now.

use crate::db::columns::Micros;
use crate::db::in_json_list;
use crate::db::schema::inbox_entries::{self, dsl};
use crate::db::schema::{accounts, inbound_persons, transfers};
use crate::db::{Backend, Conn};
use crate::domain::core::ids::{AccountId, InboxEntryId, MemberId, OrganizationId, TransferId};
use crate::domain::core::time::{Season, Timestamp};
use crate::domain::organization::turn::Duty;
use crate::{insert_each, row};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::Bool;

/// An inbox entry as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = inbox_entries, check_for_backend(Backend))]
pub struct InboxRow {
    pub id: InboxEntryId,
    pub organization_id: OrganizationId,
    pub kind: String,
    pub subject_id: i64,
    pub member_name: Option<String>,
    pub since: Micros,
    pub due_at: Option<Micros>,
}

/// A case or request to be put in the inboxes of its holders.
pub struct InboxEntry<'a> {
    pub kind: &'a str,
    pub subject: i64,
    pub member_name: Option<&'a str>,
    pub since: Timestamp,
    pub due: Option<Timestamp>,
}

row! {
    /// An entry to be stored.
    struct NewInboxRow<'a> in inbox_entries {
        organization_id: OrganizationId,
        kind: &'a str,
        subject_id: i64,
        member_name: Option<&'a str>,
        since: Micros,
        due_at: Option<Micros>,
    }
}

impl<'a> NewInboxRow<'a> {
    fn new(organization_id: OrganizationId, thing: &InboxEntry<'a>) -> Self {
        Self {
            organization_id,
            kind: thing.kind,
            subject_id: thing.subject,
            member_name: thing.member_name,
            since: thing.since.into(),
            due_at: thing.due.map(Micros::from),
        }
    }
}

/// Adds entries to inboxes that don't have them yet.
pub fn open_many(conn: &mut Conn, things: &[(OrganizationId, &InboxEntry<'_>)]) -> QueryResult<()> {
    let rows: Vec<NewInboxRow<'_>> = things.iter().map(|(id, thing)| NewInboxRow::new(*id, thing)).collect();
    insert_each!(conn, inbox_entries::table, &rows)
}

/// Puts an entry in exactly these organizations' inboxes. Entries that are already in one of them stay unchanged.
pub fn place(conn: &mut Conn, thing: &InboxEntry<'_>, organizations: &[OrganizationId]) -> QueryResult<()> {
    let before = holders(conn, thing.kind, thing.subject)?;
    replace_holders(conn, thing, &before, organizations)
}

/// Does what [`place`] does, for a caller who knows the current holders (`before`).
pub fn replace_holders(
    conn: &mut Conn,
    thing: &InboxEntry<'_>,
    before: &[OrganizationId],
    organizations: &[OrganizationId],
) -> QueryResult<()> {
    for gone in before.iter().filter(|id| !organizations.contains(id)) {
        diesel::delete(
            dsl::inbox_entries
                .filter(dsl::subject_id.eq(thing.subject))
                .filter(dsl::kind.eq(thing.kind))
                .filter(dsl::organization_id.eq(gone)),
        )
        .execute(conn)?;
    }
    let new = organizations.iter().filter(|id| !before.contains(id));
    let new: Vec<_> = new.map(|id| (*id, thing)).collect();
    open_many(conn, &new)
}

/// Removes a case or request from every inbox.
pub fn close(conn: &mut Conn, kind: &str, subject: i64) -> QueryResult<()> {
    diesel::delete(
        dsl::inbox_entries
            .filter(dsl::subject_id.eq(subject))
            .filter(dsl::kind.eq(kind)),
    )
    .execute(conn)?;
    Ok(())
}

/// Removes transfers from every inbox.
pub fn close_transfers(conn: &mut Conn, transfers: &[TransferId]) -> QueryResult<()> {
    let those = in_json_list(dsl::subject_id, transfers.iter().map(|id| id.0));
    diesel::delete(dsl::inbox_entries.filter(those).filter(of_transfers())).execute(conn)?;
    Ok(())
}

/// The organizations whose inboxes have a case or request, in the order in which it was added.
pub fn holders(conn: &mut Conn, kind: &str, subject: i64) -> QueryResult<Vec<OrganizationId>> {
    dsl::inbox_entries
        .filter(dsl::subject_id.eq(subject))
        .filter(dsl::kind.eq(kind))
        .order(dsl::id)
        .select(dsl::organization_id)
        .load(conn)
}

/// The reader of an inbox.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// The organization whose inbox is read.
    pub organization: OrganizationId,
    /// The reader's account.
    pub account: Option<AccountId>,
    /// The reader's own member id, if they are a member.
    pub member: Option<MemberId>,
}

type Condition = Box<dyn BoxableExpression<inbox_entries::table, Backend, SqlType = Bool>>;

/// Entries about transfers. It avoids `eq_any`, because SQLite would compile the statement anew each time.
fn of_transfers() -> Condition {
    let is = |duty: &Duty| Box::new(inbox_entries::kind.eq(duty.as_str())) as Condition;
    let any = Duty::ALL.iter().map(is).reduce(|one, other| Box::new(one.or(other)));
    any.unwrap_or_else(|| unreachable!("there are duties"))
}

/// Entries that the reader is barred from (T11): transfers about themselves, and transfers they proposed until these
/// are approved. Such entries wait for another administrator of the organization, so the reader's inbox leaves them out
/// (A8).
fn barred_to(reader: Reader) -> Condition {
    let (member, account) = (reader.member.map(|id| id.0), reader.account.map(|id| id.0));
    let own_proposal = transfers::proposer_account_id
        .eq(account)
        .and(inbox_entries::kind.ne(Duty::Assignment.as_str()));
    // A correlated subquery finds the case of each entry by its id. Otherwise PostgreSQL would first collect all cases
    // that the reader ever proposed.
    let barred = transfers::table
        .filter(transfers::id.eq(inbox_entries::subject_id))
        .filter(transfers::member_id.eq(member).or(own_proposal));
    // The person of an inbound case is no member yet. They are known by their number.
    let own_number = accounts::table
        .find(account.unwrap_or(0))
        .select(accounts::id_number_digest);
    let about_reader = inbound_persons::table
        .filter(inbound_persons::transfer_id.eq(inbox_entries::subject_id))
        .filter(inbound_persons::open)
        .filter(
            inbound_persons::id_number_digest
                .nullable()
                .eq(own_number.single_value()),
        );
    Box::new(of_transfers().and(exists(barred).or(exists(about_reader))))
}

/// A place in an inbox: the values by which it is ordered, as an entry had them.
#[derive(Debug, Clone, Copy)]
pub struct InboxPlace {
    pub since: Micros,
    pub id: InboxEntryId,
}

/// A page of an organization's inbox. The entries that have waited longest come first.
pub fn page(
    conn: &mut Conn,
    reader: Reader,
    kind: &str,
    after: Option<InboxPlace>,
    limit: i64,
) -> QueryResult<Vec<InboxRow>> {
    let mut query = dsl::inbox_entries
        .filter(dsl::organization_id.eq(reader.organization))
        .filter(dsl::kind.eq(kind.to_owned()))
        .filter(not(barred_to(reader)))
        .order((dsl::since, dsl::id))
        .limit(limit)
        .select(InboxRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query
            .filter(dsl::since.ge(after.since))
            .filter(dsl::since.gt(after.since).or(dsl::id.gt(after.id)));
    }
    query.load(conn)
}

/// Copies the current deadlines of a season's open cases to their entries.
pub fn follow_deadlines(conn: &mut Conn, season: Season) -> QueryResult<()> {
    let case = transfers::table
        .filter(transfers::season.eq(season))
        .filter(transfers::closed_at.is_null())
        .filter(transfers::id.eq(inbox_entries::subject_id));
    diesel::update(dsl::inbox_entries.filter(of_transfers()).filter(exists(case)))
        .set(dsl::due_at.eq(case.select(transfers::deadline).single_value()))
        .execute(conn)?;
    Ok(())
}

/// The number of entries that wait for an organization, by kind.
pub fn counts(conn: &mut Conn, reader: Reader) -> QueryResult<Vec<(String, i64)>> {
    dsl::inbox_entries
        .filter(dsl::organization_id.eq(reader.organization))
        .filter(not(barred_to(reader)))
        .group_by(dsl::kind)
        .select((dsl::kind, diesel::dsl::count_star()))
        .order(dsl::kind)
        .load(conn)
}
