//! People and their accounts. An account is found, or created without a password (O5).

use super::{Context, Error, Result, audit, members};
use crate::db::Conn;
use crate::domain::account::session::SessionEnding;
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::catalogue::code::Code;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, MemberId};
use crate::domain::core::name::is_same_name;
use crate::repository::accounts::{self, Account, NewAccount};
use crate::repository::members::{self as rows, Member};
use crate::repository::reseal::{self, Fields};
use crate::repository::{sessions, wechat};
use crate::security::vault::{SealPurpose, SealedRow, Vault};

/// How a caller names a person.
#[derive(Clone)]
pub enum PersonRef {
    /// A member of the caller's subtree.
    Member(MemberId),
    /// Any person, by full name and ID number.
    Named {
        /// The full name.
        name: String,
        /// The ID number.
        id_number: IdNumber,
    },
}

/// A person as the service knows them.
pub enum KnownPerson {
    /// A person with an account.
    Account(AccountId),
    /// A person whom the service does not know. They get an account when something takes effect for them.
    Newcomer(Newcomer),
}

/// A person whom the service does not know yet.
#[derive(Clone)]
pub struct Newcomer {
    pub name: String,
    pub id_number_digest: Vec<u8>,
    id_number: IdNumber,
    vault: Vault,
}

impl Newcomer {
    /// A person by full name and ID number.
    pub fn new(name: String, id_number: IdNumber, vault: &Vault) -> Self {
        Self {
            name,
            id_number_digest: vault.digest(SealPurpose::IdNumber, id_number.reveal()),
            id_number,
            vault: vault.clone(),
        }
    }

    /// The key of a row, and the person's fields sealed for it.
    pub fn sealed_for(&self, row: SealedRow, key: i64) -> Fields {
        Fields {
            key,
            id_number: Some(self.vault.seal(SealPurpose::IdNumber, row, self.id_number.reveal())),
            phone: None,
        }
    }
}

/// Finds a person. A member without an account gets one without a password, and sets the password with a one-time code
/// (O5).
///
/// # Errors
/// `member.not_found` outside the caller's subtree, and `member.no_match` if the number is known under another name.
pub fn find(conn: &mut Conn, context: &Context, vault: &Vault, person: &PersonRef) -> Result<KnownPerson> {
    match person {
        PersonRef::Member(id) => {
            let member = members::visible(conn, &context.actor, Action::ReadMember, *id)?;
            of_member(conn, context, &member).map(KnownPerson::Account)
        }
        PersonRef::Named { name, id_number } => {
            find_newcomer(conn, context, Newcomer::new(name.clone(), id_number.clone(), vault))
        }
    }
}

/// Finds a person who was named by full name and ID number. Someone else may have made them known since.
///
/// # Errors
/// `member.no_match` if the number is known under another name.
pub fn find_newcomer(conn: &mut Conn, context: &Context, newcomer: Newcomer) -> Result<KnownPerson> {
    accounts::lock_number(conn, &newcomer.id_number_digest)?;
    if let Some((account, _)) = accounts::by_id_number(conn, &newcomer.id_number_digest)? {
        // Nobody keeps a number under a wrong name by naming it first.
        let is_theirs = is_same_name(&account.name, &newcomer.name);
        if !is_theirs && !accounts::rename_unclaimed(conn, account.id, &newcomer.name)? {
            return Err(Code::MemberNoMatch.into());
        }
        return Ok(KnownPerson::Account(account.id));
    }
    if let Some(member) = rows::by_id_number(conn, &newcomer.id_number_digest)? {
        if !is_same_name(&member.name, &newcomer.name) {
            return Err(Code::MemberNoMatch.into());
        }
        return of_member(conn, context, &member).map(KnownPerson::Account);
    }
    Ok(KnownPerson::Newcomer(newcomer))
}

/// The person's account. A newcomer gets one without a password.
///
/// # Errors
/// When the database fails.
pub fn account(conn: &mut Conn, context: &Context, person: KnownPerson) -> Result<AccountId> {
    match person {
        KnownPerson::Account(account) => Ok(account),
        KnownPerson::Newcomer(newcomer) => {
            let new = NewAccount {
                member: None,
                name: &newcomer.name,
                id_number_digest: &newcomer.id_number_digest,
            };
            let account = accounts::create(conn, &new, context.now)?;
            reseal::store_account(conn, &newcomer.sealed_for(SealedRow::Account(account), account.0))?;
            Ok(account)
        }
    }
}

/// The account of a member.
///
/// # Errors
/// When the database fails.
pub fn of_member(conn: &mut Conn, context: &Context, member: &Member) -> Result<AccountId> {
    if let Some(account) = accounts::of_member(conn, member.id)? {
        return Ok(account);
    }
    let (_, digest) = rows::id_number(conn, member.id)?;
    accounts::lock_number(conn, &digest)?;
    // Another request may have made the account while this one waited.
    if let Some((account, _)) = accounts::by_id_number(conn, &digest)? {
        if account.member_id.is_none() {
            join(conn, context, &account, member.id, &member.name)?;
        }
        return Ok(account.id);
    }
    let new = NewAccount {
        member: Some(member.id),
        name: &member.name,
        id_number_digest: &digest,
    };
    Ok(accounts::create(conn, &new, context.now)?)
}

/// Joins the account of a person who has just become a member, if they have one. Every way to become a member ends here.
/// So a person is one account, and "about themselves" holds for what they do in an office too.
///
/// # Errors
/// When the database fails.
pub fn join_new_member(conn: &mut Conn, context: &Context, id: MemberId) -> Result<()> {
    let member = rows::find(conn, id)?.ok_or(Error::Corrupt("a new member is missing"))?;
    let (_, digest) = rows::id_number(conn, id)?;
    accounts::lock_number(conn, &digest)?;
    match accounts::by_id_number(conn, &digest)? {
        Some((account, _)) if account.member_id.is_none() => join(conn, context, &account, id, &member.name),
        _ => Ok(()),
    }
}

/// Joins an account to a member. Whoever had named the number chose how the account could be opened, so nothing that
/// opened it before opens it now: the member sets a password with a one-time code. The registered name counts.
fn join(conn: &mut Conn, context: &Context, account: &Account, member: MemberId, name: &str) -> Result<()> {
    accounts::lock(conn, account.id)?;
    accounts::clear_password(conn, account.id)?;
    accounts::void_codes(conn, account.id)?;
    wechat::unbind(conn, account.id)?;
    sessions::end_all(conn, account.id, None, SessionEnding::Joined, context.now)?;
    accounts::set_member(conn, account.id, member, name)?;
    audit::record(conn, context, AuditAction::AccountJoined, account.id)
}
