//! The rules of the manual as pure functions and state machines. Nothing here uses a database, HTTP or the clock.
//!
//! # Where each section of the manual is implemented
//!
//! The first table follows the sections of the manual. The rules' full statements are in [`rule`](catalogue::rule),
//! every refusal and its way out in [`code`](catalogue::code).
//!
//! | § | what it says | rules | here |
//! |---|---|---|---|
//! | 1.1 | who marks graduation months, and of which branches | G1, G2 | [`graduation::g1_is_unmarked`], [`graduation::g2_may_mark`] |
//! | 1.1.2 | marking many branches at once | G3 | [`graduation::set`], called once for each |
//! | 1.1.3 | a month, or the reason why there is none | G4 | [`graduation::g4_month_or_reason`] |
//! | 1.1.4 | changing the mark | G5 | [`graduation::set`] |
//! | 1.1.5 | branches turn into graduate branches | G6 | [`graduation::g6_turns`], [`policy::Policy::switch_at`] |
//! | 1.2 | who marks delayed graduates and teachers | M1, M2, M4 | [`member::mark::m1_is_graduating`], [`member::mark::m2_may_mark`] |
//! | 1.2 | who counts in the cohort of a season | M5, L1 | [`member::cohort::l1_in_cohort`] |
//! | 1.2.3 | a strictly later month with a reason, or teacher | M3 | [`member::mark::m3_delayed`], [`member::mark::m3_teacher`] |
//! | 1.2.4 | the identity shown | M1 | [`member::mark::m1_identity`] |
//! | 1.3 | undoing a mark | M6 | [`member::mark::m6_undo`], [`member::mark::graduation_month`] |
//! | 1.4.1 to 1.4.3 | who starts a transfer | T1 | [`transfer::proposal_rules::t1_out_of_scope`], [`transfer::reason::Reason::check_side`] |
//! | 1.4.3 | look-up by name and ID number | T4 | [`core::id_number::IdNumber`]; the service does the look-up |
//! | 1.4.4 | withdrawing | T10 | [`transfer::decide::withdraw`] |
//! | 1.4.5 | system committees; Beijing, Guangdong, Fujian | T6, T7, X1 | [`organization::facts::OrganizationFacts::is_external`], [`transfer::proposal_rules::t6_target_other_system`], [`transfer::reason::External`], [`transfer::decide::accept_external`] |
//! | 1.4.6 | reasons, their details, their targets | T5, A4 | [`transfer::reason::Reason::fields`], [`transfer::reason::Reason::target_rule`], [`transfer::reason::Reason::check_details`] |
//! | 1.5 | approval | A1, A5 | [`organization::turn`], [`transfer::decide::approve`], [`transfer::decide::refuse`] |
//! | 1.5 | assignment to a branch | A2 | [`transfer::decide::assign`] |
//! | 1.5 | expiry after 10 days | A6, X3 | [`transfer::expiry`], [`transfer::decide::expire`] |
//! | 1.5 | history | A7 | [`transfer::events`] |
//! | 1.5 | the inbox | A8 | [`organization::turn`] says whose turn it is; the service keeps the entries |
//! | 2.1 | floating and abroad branches | O2 | [`organization::rules::o2_purpose`] |
//! | 2.2 | members under 16 | T9 | [`transfer::proposal_rules::t9_needs_leading_organ`], [`transfer::proposal_rules::t9_explanation`] |
//! | 2.3 | changing a graduate branch's month | G7 | [`graduation::propose`] |
//! | 2.4 | deciding such a change | G8 | [`graduation::MonthChange::decide`] |
//! | 2.5 | proposed by the target side, approved by the source side | A3, T4 | [`transfer::route`] |
//! | 2.5 | a new password with a one-time code | O5 | [`account::o5_may_issue`], [`account::o5_is_valid`] |
//! | 2.6 | finding a target, and which organizations cannot be one | O4, T8 | [`search`], [`transfer::proposal_rules::t8_target`] |
//! | 2.7 | one open transfer for each member, and withdrawing it | T2, T10 | [`transfer::proposal_rules::t2_already_open`], [`transfer::decide::withdraw`] |
//! | 2.8 | identity certification | T3, O7 | [`transfer::proposal_rules::t3_identity_not_certified`], [`member::certification`] |
//!
//! Where the manual is silent, we decided. These rules follow by their numbers:
//!
//! | rule | what it says | here |
//! |---|---|---|
//! | G9 | a month of a later year makes an ordinary branch again | [`graduation::g9_season_after`] |
//! | M7 | delayed months that are no longer later than the branch's | [`member::mark::m7_no_longer_later`] |
//! | T11, A10 | who never decides, and whose turn it is then | [`organization::turn`] |
//! | T12 | only members in good standing start a transfer | [`transfer::proposal_rules::t12_member_not_active`], [`member::Standing::is_good`] |
//! | X2 | transfers from Beijing, Guangdong and Fujian | [`transfer::propose::propose_inbound`] |
//! | A9 | at most one decision wins | [`transfer::decide`], guarded by [`transfer::case::Case`]'s version |
//! | O1 | which kinds of organization may be below which | [`organization::rules::o1_may_stand_under`] |
//! | O3 | creating, renaming, closing, warnings | [`organization::rules::o3_direct_superior`], [`organization::rules::o3_close`], [`organization::rules::health`] |
//! | O6 | everybody acts in their own subtree | [`authority`] |
//! | P1 | registering a member | [`member::registration::p1_register`] |
//! | P2 | what is recorded about a member | [`member::particulars::Particulars::check`] |
//! | P6 | offices that end with a move | the service: `appointments::left` |
//! | P7 | texts and names | [`core::line`], [`core::name::is_same_name`] |
//! | P3 | changing it | [`member::registration::p3_may_change`] |
//!
//! The service implements what needs all the stored data: the look-up of T4, the entries of the inbox (A8) and the
//! figures of linkage (L2, L3, L4). The manual has no rule for offices. See [`office`].

pub mod account;
pub mod audit;
pub mod authority;
pub mod catalogue;
pub mod core;
pub mod disclosure;
pub mod graduation;
pub mod job;
pub mod member;
pub mod office;
pub mod organization;
pub mod policy;
pub mod retention;
pub mod search;
pub mod transfer;

#[cfg(test)]
mod testing;
