//! Failed attempts and the waits that follow (S-09). They are stored in the database, so they survive restarts and hold
//! on every server.
//!
//! An attempt is counted as failed before it is tried, and taken back if it succeeds. A hundred attempts at once
//! therefore count as a hundred.

use crate::db::Conn;
use crate::domain::account::attempts::Common;
use crate::domain::core::time::Timestamp;
use crate::repository::attempts;
use crate::security::vault::{SealPurpose, Vault};
use crate::service::Result;
use chrono::TimeDelta;
use std::net::{IpAddr, Ipv6Addr};

/// The origin of a request, as attempts are counted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptOrigin(IpAddr);

impl AttemptOrigin {
    /// The origin of an address. For IPv6 it is the network, since one user has 2^64 addresses in it.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 => v4,
        })
    }

    /// The digest under which it is stored.
    pub fn digest(&self, vault: &Vault) -> Vec<u8> {
        vault.digest(SealPurpose::Address, &self.0.to_string())
    }
}

/// What is tried. Each kind is counted separately.
#[derive(Debug, Clone, Copy)]
pub enum AttemptKind {
    /// Signing in with a password.
    SignIn,
    /// Setting a new password with a one-time code.
    Reset,
    /// Giving the current password to change it.
    Password,
    /// The sign-in of an integrator.
    Token,
    /// Using a refresh token.
    Refresh,
    /// Using a code from WeChat.
    Wechat,
}

/// How long an attempt has to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waits {
    /// Because of failures at this subject from this address.
    pub pair: Option<TimeDelta>,
    /// Because of failures that others may have caused: at this subject from elsewhere, or from this address elsewhere.
    pub others: Option<TimeDelta>,
}

/// The counts that an attempt adds to, in the order in which every transaction locks them.
#[derive(Debug, Clone)]
pub struct Guard(Vec<(Common, Vec<u8>)>);

impl Guard {
    /// For an attempt at a subject (a digest or an id), or at none, where only the address counts.
    pub fn new(vault: &Vault, way: AttemptKind, who: Option<&[u8]>, origin: AttemptOrigin) -> Self {
        let who: Option<String> = who.map(|who| who.iter().map(|byte| format!("{byte:02x}")).collect());
        let digest = |text: String| vault.digest(SealPurpose::Attempt, &format!("{way:?} {text}"));
        let mut subjects = vec![(Common::Address, digest(format!("from {}", origin.0)))];
        if let Some(who) = who {
            subjects.push((Common::Pair, digest(format!("{who} from {}", origin.0))));
            subjects.push((Common::Account, digest(who)));
        }
        subjects.sort_by(|a, b| a.1.cmp(&b.1));
        Self(subjects)
    }

    /// Removes the count over all origins, with which strangers could make the owner wait.
    pub fn but_account(mut self) -> Self {
        self.0.retain(|(common, _)| *common != Common::Account);
        self
    }

    /// Keeps the count of this subject from this address only. What is tried while others make it wait must not make the
    /// wait longer.
    pub fn but_others(mut self) -> Self {
        self.0.retain(|(common, _)| *common == Common::Pair);
        self
    }

    /// How long to wait before the next attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wait(&self, conn: &mut Conn, now: Timestamp) -> Result<Option<TimeDelta>> {
        let Waits { pair, others } = self.waits(conn, now)?;
        Ok(pair.max(others))
    }

    /// How long to wait, by whose failures.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waits(&self, conn: &mut Conn, now: Timestamp) -> Result<Waits> {
        let mut waits = Waits::default();
        for (common, subject) in &self.0 {
            attempts::take_turns(conn, subject)?;
            if let Some((failures, last)) = attempts::failures(conn, subject)? {
                let wait = common.s09_wait(failures, last.into(), now);
                match common {
                    Common::Pair => waits.pair = wait,
                    Common::Account | Common::Address => waits.others = waits.others.max(wait),
                }
            }
        }
        Ok(waits)
    }

    /// Counts an attempt as failed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count(&self, conn: &mut Conn, now: Timestamp) -> Result<()> {
        for (common, subject) in &self.0 {
            let before = attempts::failures(conn, subject)?
                .map_or(0, |(failures, last)| common.s09_still_count(failures, last.into(), now));
            attempts::store(conn, subject, before.saturating_add(1), now)?;
        }
        Ok(())
    }

    /// Notes that the attempt succeeded. The counts of its subject are removed, and the count of its address gets this
    /// attempt back.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget(&self, conn: &mut Conn) -> Result<()> {
        self.forget_at(conn, false)
    }

    /// Notes that the attempt succeeded, at an address from which the account has signed in before or at another. At a
    /// known one the failures of strangers elsewhere stay counted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_at(&self, conn: &mut Conn, is_known: bool) -> Result<()> {
        for (common, subject) in &self.0 {
            match common {
                Common::Pair => attempts::forget(conn, subject)?,
                Common::Account if !is_known => attempts::forget(conn, subject)?,
                Common::Account | Common::Address => attempts::uncount(conn, subject)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s09_an_ipv6_network_is_one_origin() {
        let origin = |text: &str| AttemptOrigin::of(text.parse().unwrap());
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff::9"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }
}
