//! The actions an actor may take on an organization now, and why not for the others. The same guards answer as for the
//! action itself.

use super::facts::OrganizationFacts;
use super::rules::{Contents, o3_close, o3_contact, o3_may_create_below, o3_rename};
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object};
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::MonthChangeId;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::{graduation, office};

vocabulary! {
    /// An action on an organization that a person can take.
    OrganizationAction {
        CreateBelow = "create_below", "创建下级组织", "create an organization below";
        Rename = "rename", "更名", "rename";
        Close = "close", "关闭", "close";
        ChangeContact = "change_contact", "修改联系人", "change the contact";
        Appoint = "appoint", "任免管理员", "appoint or dismiss administrators";
        MarkGraduation = "mark_graduation", "标记毕业时间", "set the graduation month";
        ProposeMonthChange = "propose_month_change", "申请修改毕业时间", "request another graduation month";
    }
}

/// Facts besides the organization's own on which the answers depend.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What the organization still contains.
    pub contents: Contents,
    /// The organization that appoints its administrators (A10).
    pub superior: Option<OrganizationId>,
    /// The organization that acts for it (A10).
    pub acting: Option<OrganizationId>,
    /// The organization that acts as its direct superior (A10).
    pub acting_superior: Option<OrganizationId>,
    /// Its open request for another graduation month.
    pub open_change: Option<MonthChangeId>,
}

impl OrganizationAction {
    /// Whether the actor may take the action now, given valid input (a name, a month).
    ///
    /// # Errors
    /// The refusal that taking it would give.
    pub fn check(
        self,
        actor: &Actor,
        organization: &OrganizationFacts,
        surroundings: &Surroundings,
    ) -> Result<(), Refusal> {
        let inside = Object::organization(&organization.path);
        authority::decide(actor, Action::ListOrganizations, inside).into_result()?;
        match self {
            Self::CreateBelow => o3_may_create_below(actor, organization, surroundings.acting),
            Self::Rename => o3_rename(actor, organization, surroundings.acting_superior),
            Self::Close => {
                let acting = surroundings.acting_superior;
                o3_close(actor, organization, acting, surroundings.contents).map(drop)
            }
            Self::ChangeContact => o3_contact(actor, organization, surroundings.acting),
            Self::Appoint => office::may_change(actor, Action::Appoint, organization, surroundings.superior).map(drop),
            Self::MarkGraduation => graduation::may_set(actor, organization),
            Self::ProposeMonthChange => {
                let (acting, open) = (surroundings.acting_superior, surroundings.open_change);
                graduation::may_propose(actor, organization, acting, open).map(drop)
            }
        }
    }
}

/// Every action with its answer for this actor.
pub fn allowed_actions(
    actor: &Actor,
    organization: &OrganizationFacts,
    surroundings: &Surroundings,
) -> Vec<(OrganizationAction, Option<Refusal>)> {
    let answer = |action: &OrganizationAction| (*action, action.check(actor, organization, surroundings).err());
    OrganizationAction::ALL.iter().map(answer).collect()
}
