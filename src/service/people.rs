//! People and their accounts. An account is found, or created without a password (O5).

use super::{Context, Result, members};
use crate::db::Conn;
use crate::domain::authority::Action;
use crate::domain::catalogue::code::Code;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, MemberId};
use crate::repository::accounts::{self, NewAccount};
use crate::repository::members::{self as rows, Member};
use crate::repository::reseal::{self, Fields};
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

/// The person's account. A person without one gets one without a password, and sets the password with a one-time code
/// (O5).
///
/// # Errors
/// `member.not_found` outside the caller's subtree, and `member.no_match` if the number is known under another name.
pub fn account(conn: &mut Conn, context: &Context, vault: &Vault, person: &PersonRef) -> Result<AccountId> {
    match person {
        PersonRef::Member(id) => {
            let member = members::visible(conn, &context.actor, Action::ReadMember, *id)?;
            of_member(conn, context, &member)
        }
        PersonRef::Named { name, id_number } => named(conn, context, vault, name, id_number),
    }
}

fn named(conn: &mut Conn, context: &Context, vault: &Vault, name: &str, number: &IdNumber) -> Result<AccountId> {
    let digest = vault.digest(SealPurpose::IdNumber, number.reveal());
    let admit = |found: &str| {
        if found == name {
            Ok(())
        } else {
            Err(crate::service::Error::from(Code::MemberNoMatch))
        }
    };
    if let Some((account, _)) = accounts::by_id_number(conn, &digest)? {
        admit(&account.name)?;
        return Ok(account.id);
    }
    if let Some(member) = rows::by_id_number(conn, &digest)? {
        admit(&member.name)?;
        return of_member(conn, context, &member);
    }
    let new = NewAccount {
        member: None,
        name,
        id_number_digest: &digest,
    };
    let account = accounts::create(conn, &new, context.now)?;
    let sealed = vault.seal(SealPurpose::IdNumber, SealedRow::Account(account), number.reveal());
    reseal::store_account(
        conn,
        &Fields {
            key: account.0,
            id_number: Some(sealed),
            phone: None,
        },
    )?;
    Ok(account)
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
    // The person may have administered before they were registered as a member.
    if let Some((account, _)) = accounts::by_id_number(conn, &digest)? {
        accounts::set_member(conn, account.id, member.id)?;
        return Ok(account.id);
    }
    let new = NewAccount {
        member: Some(member.id),
        name: &member.name,
        id_number_digest: &digest,
    };
    Ok(accounts::create(conn, &new, context.now)?)
}
