//! Blocks of accounts: when, why, and until when.

use crate::db::columns::Micros;
use crate::db::schema::{account_blocks, organizations};
use crate::db::{Backend, Conn};
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::Path;
use diesel::prelude::*;

/// A block as stored, with the organization it was ordered for. Blocks ordered by the operators of the service have
/// none.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = account_blocks, check_for_backend(Backend))]
pub struct Block {
    pub id: i64,
    pub account_id: AccountId,
    pub blocked_at: Micros,
    pub reason: String,
    pub unblocked_at: Option<Micros>,
    pub organization_id: Option<OrganizationId>,
    #[diesel(select_expression = organizations::name.nullable())]
    pub organization_name: Option<String>,
    #[diesel(select_expression = organizations::path.nullable())]
    pub organization_path: Option<Path>,
}

/// Prints the key only: the reason is free text that may hold personal data.
impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({})", self.id)
    }
}

/// Stores a new block.
pub fn begin(
    conn: &mut Conn,
    account: AccountId,
    by: (Option<AccountId>, Option<OrganizationId>),
    reason: &Remark,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(account_blocks::table)
        .values((
            account_blocks::account_id.eq(account),
            account_blocks::blocked_at.eq(Micros::from(now)),
            account_blocks::blocked_by.eq(by.0),
            account_blocks::organization_id.eq(by.1),
            account_blocks::reason.eq(reason.as_str()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends a block.
pub fn end(conn: &mut Conn, id: i64, by: Option<AccountId>, now: Timestamp) -> QueryResult<()> {
    diesel::update(account_blocks::table.find(id))
        .set((
            account_blocks::unblocked_at.eq(Micros::from(now)),
            account_blocks::unblocked_by.eq(by),
        ))
        .execute(conn)?;
    Ok(())
}

/// The latest block of an account, ended or not.
pub fn latest(conn: &mut Conn, account: AccountId) -> QueryResult<Option<Block>> {
    account_blocks::table
        .left_join(organizations::table.on(account_blocks::organization_id.eq(organizations::id.nullable())))
        .filter(account_blocks::account_id.eq(account))
        .order(account_blocks::id.desc())
        .select(Block::as_select())
        .first(conn)
        .optional()
}

/// The blocks of an account that ended after an instant, latest first.
pub fn ended_since(conn: &mut Conn, account: AccountId, since: Timestamp) -> QueryResult<Vec<Block>> {
    account_blocks::table
        .left_join(organizations::table.on(account_blocks::organization_id.eq(organizations::id.nullable())))
        .filter(account_blocks::account_id.eq(account))
        .filter(account_blocks::unblocked_at.ge(Micros::from(since)))
        .order(account_blocks::id.desc())
        .limit(MOST_NOTICES)
        .select(Block::as_select())
        .load(conn)
}

/// The largest number of notices that a query returns. Nobody reads more.
const MOST_NOTICES: i64 = 20;
