//! The players' sessions and tokens. The sessions are begun directly, since thousands of sign-ins with passwords would
//! take too long.

use super::cast::Cast;
use anyhow::Result;
use diesel::{Connection, QueryResult};
use std::collections::HashMap;
use std::sync::Arc;
use zhuanjie::config::Keys;
use zhuanjie::db::Conn;
use zhuanjie::domain::core::ids::{AccountId, AppointmentId, SessionId};
use zhuanjie::domain::core::time::Timestamp;
use zhuanjie::repository::sessions::{self, NewSession};
use zhuanjie::security::refresh::Refresh;
use zhuanjie::security::tokens::{Bearer, Tokens};

/// An account with the office it acts from.
pub type AccountAndOffice = (AccountId, Option<AppointmentId>);

/// Issues the players' tokens. Cloning shares the sessions.
#[derive(Clone)]
pub struct Signer {
    tokens: Tokens,
    sessions: Arc<HashMap<AccountAndOffice, SessionId>>,
}

impl Signer {
    /// Begins a session for every office and every member with an account.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(conn: &mut Conn, keys: &Keys, cast: &Cast, now: Timestamp) -> Result<Self> {
        let offices = cast.offices.values().flatten().map(|office| office.bearer);
        let offices = offices.map(|bearer| (bearer.account, bearer.office));
        let members = cast.candidates.iter().filter_map(|candidate| candidate.account);
        let everybody = offices.chain(members.map(|account| (account, None)));
        // There are tens of thousands of sessions, so this transaction has no request's time limit.
        let sessions = conn.transaction(|conn| {
            let begin = |whose: AccountAndOffice| {
                let digests = Refresh::first().digests(&keys.vault);
                let new = NewSession {
                    account: whose.0,
                    office: whose.1,
                    address_digest: &[],
                    refresh: &digests,
                };
                Ok((whose, sessions::begin(conn, &new, now)?))
            };
            everybody.map(begin).collect::<QueryResult<HashMap<_, _>>>()
        })?;
        Ok(Self {
            tokens: keys.tokens.clone(),
            sessions: Arc::new(sessions),
        })
    }

    /// A token of the bearer's session.
    ///
    /// # Errors
    /// When it can't be signed.
    pub fn issue(&self, bearer: Bearer, now: Timestamp) -> Result<String> {
        let session = self.sessions.get(&(bearer.account, bearer.office)).copied();
        Ok(self.tokens.issue(Bearer { session, ..bearer }, now)?)
    }
}
