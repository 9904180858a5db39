//! Transfers of organization relations (组织关系转接): proposing, approval, assignment, expiry, special units and the
//! three provinces with systems of their own (§1.4, §1.5, §2.2, §2.5 to §2.8; rules T1 to T12, A1 to A10, X1 to X3).
//!
//! A proposal goes through [`propose`], and every decision on a stored [`case::Case`] through [`decide`]. Both return
//! what has to be stored: a [`state::CaseState`] and exactly one [`events::Event`].
//! [`organization::turn`](crate::domain::organization::turn) says whose turn it is.

pub mod allowed;
pub mod case;
pub mod decide;
pub mod events;
pub mod expiry;
pub mod proposal_rules;
pub mod propose;
pub mod reason;
pub mod route;
pub mod state;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
