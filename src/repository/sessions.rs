//! Sessions.

use crate::db::columns::Micros;
use crate::db::schema::{appointments, organizations, sessions};
use crate::db::{Backend, Conn};
use crate::domain::account::session::{SessionEnding, SessionKind};
use crate::domain::core::ids::{AccountId, AppointmentId, SessionId};
use crate::domain::core::time::Timestamp;
use crate::security::refresh::Digests;
use diesel::prelude::*;

/// A session as stored, without its digests.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Backend))]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    pub appointment_id: Option<AppointmentId>,
    pub created_at: Micros,
    pub last_used_at: Micros,
    pub ended_at: Option<Micros>,
}

impl Session {
    /// Whether the session is in force: it was not ended, and its time is not up.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        let kind = match self.appointment_id {
            Some(_) => SessionKind::Office,
            None => SessionKind::Member,
        };
        self.ended_at.is_none() && kind.lasts(self.created_at.into(), self.last_used_at.into(), now)
    }
}

/// A session to be stored.
pub struct NewSession<'a> {
    pub account: AccountId,
    pub office: Option<AppointmentId>,
    pub address_digest: &'a [u8],
    pub refresh: &'a Digests,
}

/// Stores a new session.
pub fn begin(conn: &mut Conn, new: &NewSession<'_>, now: Timestamp) -> QueryResult<SessionId> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::account_id.eq(new.account),
            sessions::appointment_id.eq(new.office),
            sessions::address_digest.eq(new.address_digest),
            sessions::family_digest.eq(&new.refresh.family),
            sessions::refresh_digest.eq(&new.refresh.token),
            sessions::created_at.eq(Micros::from(now)),
            sessions::last_used_at.eq(Micros::from(now)),
        ))
        .returning(sessions::id)
        .get_result(conn)
}

/// One session.
pub fn find(conn: &mut Conn, id: SessionId) -> QueryResult<Option<Session>> {
    sessions::table
        .find(id)
        .select(Session::as_select())
        .first(conn)
        .optional()
}

/// The session of a refresh token's family, whether or not the token still counts.
pub fn of_family(conn: &mut Conn, family: &[u8]) -> QueryResult<Option<Session>> {
    sessions::table
        .filter(sessions::family_digest.eq(family))
        .select(Session::as_select())
        .first(conn)
        .optional()
}

/// Replaces the refresh token that counts with the next one. Returns false if `old` does not count, or no longer
/// counts. Of several concurrent requests with one token, one gets true.
pub fn rotate_refresh_token(
    conn: &mut Conn,
    id: SessionId,
    old: &[u8],
    new: &[u8],
    address_digest: &[u8],
    now: Timestamp,
) -> QueryResult<bool> {
    let counts = sessions::table
        .find(id)
        .filter(sessions::refresh_digest.eq(old))
        .filter(sessions::ended_at.is_null());
    let changed = diesel::update(counts)
        .set((
            sessions::refresh_digest.eq(new),
            sessions::replaced_digest.eq(old),
            sessions::replaced_address_digest.eq(address_digest),
            sessions::last_used_at.eq(Micros::from(now)),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// What tells of the token that was replaced last. Nothing needs it once it was used or the session has ended.
macro_rules! forget_replaced {
    () => {
        (
            sessions::replaced_digest.eq(None::<Vec<u8>>),
            sessions::replaced_address_digest.eq(None::<Vec<u8>>),
        )
    };
}

/// Takes up the grace for the token that was replaced last, since an instant and from the same address. Returns false if
/// there is none, or no more. Of several concurrent requests, one gets true.
pub fn take_grace(
    conn: &mut Conn,
    id: SessionId,
    old: &[u8],
    address_digest: &[u8],
    since: Timestamp,
) -> QueryResult<bool> {
    let replaced = sessions::table
        .find(id)
        .filter(sessions::replaced_digest.eq(old))
        .filter(sessions::replaced_address_digest.eq(address_digest))
        .filter(sessions::last_used_at.ge(Micros::from(since)))
        .filter(sessions::ended_at.is_null());
    let changed = diesel::update(replaced).set(forget_replaced!()).execute(conn)?;
    Ok(changed == 1)
}

/// Ends a session. One that has already ended stays unchanged.
pub fn end(conn: &mut Conn, id: SessionId, ending: SessionEnding, now: Timestamp) -> QueryResult<usize> {
    diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set((
            sessions::ended_at.eq(Micros::from(now)),
            sessions::ending.eq(ending),
            forget_replaced!(),
        ))
        .execute(conn)
}

/// Ends all sessions of an account, except one if given.
pub fn end_all(
    conn: &mut Conn,
    account: AccountId,
    but: Option<SessionId>,
    ending: SessionEnding,
    now: Timestamp,
) -> QueryResult<usize> {
    let stays = but.unwrap_or(SessionId::NONE);
    let open = sessions::table
        .filter(sessions::account_id.eq(account))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne(stays));
    diesel::update(open)
        .set((
            sessions::ended_at.eq(Micros::from(now)),
            sessions::ending.eq(ending),
            forget_replaced!(),
        ))
        .execute(conn)
}

/// The latest sessions of an account that were not ended, each with the name of the organization it acts for.
pub fn of_account(conn: &mut Conn, account: AccountId, limit: i64) -> QueryResult<Vec<(Session, Option<String>)>> {
    sessions::table
        .left_join(appointments::table.on(sessions::appointment_id.eq(appointments::id.nullable())))
        .left_join(organizations::table.on(appointments::organization_id.eq(organizations::id)))
        .filter(sessions::account_id.eq(account))
        .filter(sessions::ended_at.is_null())
        .order(sessions::id.desc())
        .limit(limit)
        .select((Session::as_select(), organizations::name.nullable()))
        .load(conn)
}

/// Whether an account has signed in from an address before.
pub fn is_known_address(conn: &mut Conn, account: AccountId, address_digest: &[u8]) -> QueryResult<bool> {
    let known: Option<SessionId> = sessions::table
        .filter(sessions::account_id.eq(account))
        .filter(sessions::address_digest.eq(address_digest))
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(known.is_some())
}
