//! Marks on members of graduating branches (§1.2, §1.3; rules M1 to M7).

use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object, Relation};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Season};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::{Graduation, OrganizationFacts, Sector};

vocabulary! {
    /// What a member of a graduating branch is (被标记成员身份, §1.2.4).
    Identity {
        Graduate = "graduate", "毕业生", "graduate";
        Delayed = "delayed", "延迟毕业团员", "delayed graduate";
        Teacher = "teacher", "教师", "teacher";
    }
}

/// What a member is marked with. A member without a mark is a graduate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The member graduates later than their branch (延迟毕业团员).
    Delayed {
        /// The month of graduation, strictly later than the branch's (M3).
        month: Month,
        /// Why the member graduates later.
        reason: Remark,
    },
    /// The member is no graduate at all (教师).
    Teacher,
}

vocabulary! {
    /// What an administrator can do about a member's mark.
    MarkAction {
        MarkDelayed = "mark_delayed", "标记延迟毕业", "mark as a delayed graduate";
        MarkTeacher = "mark_teacher", "标记教师", "mark as a teacher";
        UndoMark = "undo_mark", "撤销标记", "undo the mark";
    }
}

impl MarkAction {
    /// Whether the actor may do this now, given valid input (a later month, a reason). `branch` is the member's branch.
    /// A member who left the national tree has none. `office_sector` is the sector of the organization the actor
    /// administers. `acting` is the organization that acts as the branch's direct superior (A10).
    ///
    /// # Errors
    /// The refusal that doing it would give.
    pub fn check(
        self,
        actor: &Actor,
        office_sector: Option<Sector>,
        branch: Option<&OrganizationFacts>,
        acting: Option<OrganizationId>,
        mark: Option<&Mark>,
        season: Season,
    ) -> Result<(), Refusal> {
        let office_sector = office_sector.ok_or(Code::ActorNotAdministrator)?;
        let branch = branch.ok_or(Code::MarkNotGraduating)?;
        m2_may_mark(actor, office_sector, branch, acting)?;
        match self {
            Self::MarkDelayed | Self::MarkTeacher => m3_branch_month(branch, season).map(drop),
            Self::UndoMark => m6_undo(mark.cloned()).map(drop),
        }
    }
}

impl Mark {
    /// The identity this mark gives.
    pub fn identity(&self) -> Identity {
        match self {
            Self::Delayed { .. } => Identity::Delayed,
            Self::Teacher => Identity::Teacher,
        }
    }
}

/// M1: whether the branch is graduating: it has turned already, or it is marked with a month of this year.
pub fn m1_is_graduating(branch: &OrganizationFacts, season: Season) -> bool {
    branch.is_graduate_branch() || branch_month(branch).is_some_and(|month| month.year() == season)
}

/// M1 (§1.2.4): the identity a member shows. `None` outside graduating branches.
pub fn m1_identity(branch: &OrganizationFacts, mark: Option<&Mark>, season: Season) -> Option<Identity> {
    m1_is_graduating(branch, season).then(|| mark.map_or(Identity::Graduate, Mark::identity))
}

/// The month in which a member graduates: a delayed graduate's own month, otherwise the branch's (§1.3.2). A teacher
/// has none.
pub fn graduation_month(branch: &OrganizationFacts, mark: Option<&Mark>) -> Option<Month> {
    match mark {
        Some(Mark::Delayed { month, .. }) => Some(*month),
        Some(Mark::Teacher) => None,
        None => branch_month(branch),
    }
}

/// M2 (§1.2): who may mark and unmark the members of a branch. Any administrator of a school-sector organization may,
/// at or above the branch. Where the school is this one branch, only an administrator of its direct superior may,
/// whatever that superior's sector.
///
/// `office_sector` is the sector of the organization the actor administers. `acting` is the organization that acts as
/// the direct superior (A10).
///
/// # Errors
/// `actor.not_administrator`; `member.not_found` outside the actor's subtree (O6); `mark.superior_only`;
/// `mark.out_of_scope`.
pub fn m2_may_mark(
    actor: &Actor,
    office_sector: Sector,
    branch: &OrganizationFacts,
    acting: Option<OrganizationId>,
) -> Result<(), Refusal> {
    let object = Object::turn(&branch.path, acting.as_slice());
    authority::decide(actor, Action::MarkMember, object).into_result()?;
    if branch.is_school() {
        return match branch.parent {
            _ if authority::relations(actor, object).iter().any(is_superiors) => Ok(()),
            Some(superior) => Err(Refusal::new(Code::MarkSuperiorOnly).ask(superior)),
            None => Err(Code::MarkSuperiorOnly.into()),
        };
    }
    if office_sector == Sector::School {
        Ok(())
    } else {
        Err(Refusal::new(Code::MarkOutOfScope).ask(branch.id))
    }
}

/// Whether a relation to the school is that of its direct superior, or of whoever acts for it.
fn is_superiors(relation: &Relation) -> bool {
    matches!(relation, Relation::DirectSuperior | Relation::Holder)
}

/// M3 (§1.2.3): marks a member as a delayed graduate. It reports everything that is wrong at once.
///
/// # Errors
/// `mark.not_graduating`; `mark.month_required` or `mark.month_not_later`; `mark.reason_required`.
pub fn m3_delayed(
    branch: &OrganizationFacts,
    season: Season,
    month: Option<Month>,
    reason: Option<Remark>,
) -> Result<Mark, Vec<Refusal>> {
    let branch_month = m3_branch_month(branch, season).map_err(|refusal| vec![refusal])?;
    let month = match month {
        None => Err(Refusal::new(Code::MarkMonthRequired).at("/month")),
        Some(month) if month <= branch_month => Err(Refusal::new(Code::MarkMonthNotLater)
            .with("branch_month", branch_month)
            .at("/month")),
        Some(month) => Ok(month),
    };
    let reason = reason.ok_or_else(|| Refusal::new(Code::MarkReasonRequired).at("/reason"));
    match (month, reason) {
        (Ok(month), Ok(reason)) => Ok(Mark::Delayed { month, reason }),
        (month, reason) => Err(month.err().into_iter().chain(reason.err()).collect()),
    }
}

/// M3 (§1.2.3): marks a member as a teacher. It needs neither month nor reason.
///
/// # Errors
/// `mark.not_graduating`.
pub fn m3_teacher(branch: &OrganizationFacts, season: Season) -> Result<Mark, Refusal> {
    m3_branch_month(branch, season).map(|_| Mark::Teacher)
}

/// M6 (§1.3): undoes a mark. The member is a graduate again, and their month is the branch's. Returns the mark for the
/// history.
///
/// # Errors
/// `mark.not_marked`.
pub fn m6_undo(mark: Option<Mark>) -> Result<Mark, Refusal> {
    mark.ok_or_else(|| Code::MarkNotMarked.into())
}

/// M7: the members whose delayed month is no longer later than the branch's new one. Their marks stay until an
/// administrator changes them.
pub fn m7_no_longer_later<M>(new: Graduation, delayed: impl IntoIterator<Item = (M, Month)>) -> Vec<M> {
    let Some(new) = new.month() else { return Vec::new() };
    delayed
        .into_iter()
        .filter(|(_, month)| *month <= new)
        .map(|(member, _)| member)
        .collect()
}

fn branch_month(branch: &OrganizationFacts) -> Option<Month> {
    branch.graduation.and_then(Graduation::month)
}

/// The month of a graduating branch, which always has one.
fn m3_branch_month(branch: &OrganizationFacts, season: Season) -> Result<Month, Refusal> {
    branch_month(branch)
        .filter(|_| m1_is_graduating(branch, season))
        .ok_or_else(|| Refusal::new(Code::MarkNotGraduating))
}

#[cfg(test)]
mod tests;
