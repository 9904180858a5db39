//! The WeChat identities that accounts are bound to.

use crate::db::Conn;
use crate::db::schema::wechat_bindings;
use crate::domain::core::ids::AccountId;
use crate::domain::core::time::Timestamp;
use crate::on_each;
use diesel::prelude::*;

/// The account that an identity is bound to.
pub fn account(conn: &mut Conn, openid: &[u8]) -> QueryResult<Option<AccountId>> {
    wechat_bindings::table
        .filter(wechat_bindings::openid_digest.eq(openid))
        .select(wechat_bindings::account_id)
        .first(conn)
        .optional()
}

/// Binds an identity to an account. Returns false if either is already bound.
pub fn bind(conn: &mut Conn, account: AccountId, openid: &[u8], now: Timestamp) -> QueryResult<bool> {
    let row = (
        wechat_bindings::account_id.eq(account.0),
        wechat_bindings::openid_digest.eq(openid),
        wechat_bindings::bound_at.eq(now.timestamp_micros()),
    );
    let bound = on_each!(conn, |conn| diesel::insert_into(wechat_bindings::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(bound == 1)
}

/// Ends an account's binding, if there is one.
pub fn unbind(conn: &mut Conn, account: AccountId) -> QueryResult<usize> {
    diesel::delete(wechat_bindings::table.find(account)).execute(conn)
}
