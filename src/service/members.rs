//! Members: who may see them, and lists of them.

use super::organizations::{acting_sector, acting_superior, chain_of, permitted};
use super::{Context, Error, Result, policies};
use crate::db::Conn;
use crate::domain::authority::actor::{Actor, Role};
use crate::domain::authority::scope::Reach;
use crate::domain::authority::{self, AccessDecision, Action, Object, Relation};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Month, season_of};
use crate::domain::member::certification::t3_under;
use crate::domain::member::mark::{Identity, MarkAction, graduation_month, m1_identity};
use crate::domain::organization::facts::{OrganizationFacts, PlaceInTree};
use crate::domain::policy::Policy;
use crate::repository::members::{self, IdentityFilter, MemberSelection, PathRange};
pub use crate::repository::members::{ListedMember, Member, Membership};
pub use crate::repository::organizations::Organization;
use crate::repository::{accounts, organizations};
use std::collections::HashMap;
use std::sync::Arc;

/// A member as shown: with their branch and their identity in it (M1).
#[derive(Debug, Clone)]
pub struct ShownMember {
    pub member: ListedMember,
    pub branch: Option<Arc<Organization>>,
    pub identity: Option<Identity>,
    pub graduation_month: Option<Month>,
}

/// A branch that several members share.
struct Branch {
    organization: Arc<Organization>,
    facts: OrganizationFacts,
}

impl From<Organization> for Branch {
    fn from(organization: Organization) -> Self {
        let facts = organization.facts();
        Self {
            organization: Arc::new(organization),
            facts,
        }
    }
}

impl ShownMember {
    /// Where the member is in a list in the order of the tree. Every listed member has a branch.
    pub fn place(&self) -> Option<PlaceInTree> {
        let branch = self.branch.as_ref()?;
        Some(PlaceInTree {
            path: branch.path.clone(),
            key: self.member.id.0,
        })
    }

    fn new(mut member: ListedMember, branch: Option<&Branch>, policy: &Policy) -> Self {
        member.certification = t3_under(policy, member.certification, member.joined_month);
        let season = policy.season;
        let mark = member.mark();
        let facts = branch.map(|branch| &branch.facts);
        let identity = facts.and_then(|facts| m1_identity(facts, mark.as_ref(), season));
        let graduation_month = facts.and_then(|facts| graduation_month(facts, mark.as_ref()));
        let branch = branch.map(|branch| branch.organization.clone());
        Self {
            member,
            branch,
            identity,
            graduation_month,
        }
    }
}

/// The members that a list shows.
#[derive(Debug, Clone)]
pub struct MemberListing {
    pub organization: OrganizationId,
    /// Whether the list shows the whole subtree, and not only this branch.
    pub subtree: bool,
    pub identity: Option<Identity>,
    /// Where the last member of the previous page was.
    pub after: Option<PlaceInTree>,
    pub limit: i64,
}

/// A page of the members of a branch or a subtree.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6).
pub fn list(conn: &mut Conn, context: &Context, listing: &MemberListing) -> Result<Vec<ShownMember>> {
    let root = permitted(conn, &context.actor, Action::ListMembers, listing.organization)?;
    let place = if listing.subtree {
        // Callers whose reach is their own organization only have no subtree.
        context.actor.subtree()?;
        MemberSelection::Subtree(root.path.clone())
    } else {
        MemberSelection::Branch(root.id)
    };
    let season = season_of(context.now);
    let filter = listing.identity.map(|identity| IdentityFilter { identity, season });
    let found = members::page(conn, &place, filter, listing.after.as_ref(), listing.limit)?;
    let policy = policies::of_season(conn, season)?;
    with_branches(conn, found, root, &policy)
}

/// Members with their branches. `known` is an organization that is already loaded.
fn with_branches(
    conn: &mut Conn,
    found: Vec<ListedMember>,
    known: Organization,
    policy: &Policy,
) -> Result<Vec<ShownMember>> {
    let mut branches: HashMap<OrganizationId, Branch> = HashMap::from([(known.id, known.into())]);
    for id in found.iter().filter_map(|member| member.branch_id) {
        if !branches.contains_key(&id) {
            branches.extend(organizations::find(conn, id)?.map(|branch| (id, branch.into())));
        }
    }
    let shown = |member: ListedMember| {
        let branch = member.branch_id.and_then(|id| branches.get(&id));
        ShownMember::new(member, branch, policy)
    };
    Ok(found.into_iter().map(shown).collect())
}

/// A member, if the caller may know of them: the member themselves, and administrators at or above their branch. Others
/// get the same answer as for an id that does not exist (O6).
///
/// # Errors
/// `member.not_found`.
pub fn visible(conn: &mut Conn, actor: &Actor, action: Action, id: MemberId) -> Result<Member> {
    let found = members::find(conn, id)?;
    let (member, verdict) = with_access(conn, actor, action, found)?;
    verdict.seen()?;
    Ok(member)
}

/// The member found, and whether the actor may do the action to them. A member of a special-unit holding is as hidden
/// as the holding (S-30). The same statements run for a missing member as for a hidden one.
///
/// # Errors
/// `member.not_found` if there is no such member.
pub(super) fn with_access(
    conn: &mut Conn,
    actor: &Actor,
    action: Action,
    found: Option<Member>,
) -> Result<(Member, AccessDecision)> {
    let branch = found.as_ref().and_then(|member| member.branch_id);
    let secret = organizations::is_holding(conn, branch)?;
    let member = found.ok_or(Code::MemberNotFound)?;
    let verdict = authority::decide(actor, action, object(&member, &[]).in_holding(secret));
    let may_act = matches!(verdict, AccessDecision::MayNot(_)) && action.relations().contains(&Relation::Holder);
    if !may_act || secret {
        return Ok((member, verdict));
    }
    let holders = acting_for(conn, &member)?;
    let verdict = authority::decide(actor, action, object(&member, holders.as_slice()));
    Ok((member, verdict))
}

/// A member as authority sees them: at their branch, or departed.
pub(super) fn object<'a>(member: &'a Member, holders: &'a [OrganizationId]) -> Object<'a> {
    match member.place() {
        Some(path) => Object::form(path, member.id, holders),
        None => Object::Departed(member.id),
    }
}

/// A10: the organization that acts for a member's branch now. `None` if they are in none.
///
/// # Errors
/// When the database fails.
pub(super) fn acting_for(conn: &mut Conn, member: &Member) -> Result<Option<OrganizationId>> {
    let (Some(branch), Some(path)) = (member.branch_id, member.place()) else {
        return Ok(None);
    };
    Ok(chain_of(conn, path)?.first_able(branch, &[]))
}

/// The part of a member's history that an actor may read. `None` is all of it: the member's own. An administrator reads
/// what was written while the member was within their reach, also after the member has left, and nothing else: what the
/// old school wrote is not for the new organization.
///
/// # Errors
/// `member.not_found` for callers within whose reach the member never was.
pub(super) fn history_range(conn: &mut Conn, actor: &Actor, id: MemberId) -> Result<Option<PathRange>> {
    let found = members::find(conn, id)?;
    let range = match &actor.role {
        Role::Administrator(office) => Some(PathRange::subtree(&office.path)),
        Role::Integrator { grant, .. } if grant.reach == Reach::Own => Some(PathRange::alone(&grant.path)),
        Role::Integrator { grant, .. } => Some(PathRange::subtree(&grant.path)),
        _ => None,
    };
    let was_within = match &range {
        Some(range) => members::was_within(conn, id, range)?,
        None => false,
    };
    // Who is in a special-unit holding is hidden from their old school too (S-30).
    let in_holding = organizations::is_holding(conn, found.as_ref().and_then(|member| member.branch_id))?;
    let (_, verdict) = with_access(conn, actor, Action::ReadMember, found)?;
    if in_holding || !was_within {
        verdict.seen()?;
    }
    Ok(range.filter(|_| actor.acting_member() != Some(id)))
}

/// A member's profile.
#[derive(Debug, Clone)]
pub struct MemberProfile {
    pub member: Member,
    pub shown: ShownMember,
    /// The member's branches, earliest first, each with its name.
    pub memberships: Vec<(Membership, String)>,
    /// What the caller may do with the member now, and why not.
    pub actions: Vec<(MarkAction, Option<Refusal>)>,
    /// Whether the member's account is blocked. Always false for callers who are not administrators.
    pub blocked: bool,
}

/// A member's own page.
///
/// # Errors
/// `member.not_found`.
pub fn get(conn: &mut Conn, context: &Context, id: MemberId) -> Result<MemberProfile> {
    let member = visible(conn, &context.actor, Action::ReadMember, id)?;
    let branch = match member.branch_id {
        Some(branch) => organizations::find(conn, branch)?.map(Branch::from),
        None => None,
    };
    let memberships = members::memberships(conn, id)?;
    let memberships = named(conn, memberships)?;
    let organization = branch.as_ref().map(|branch| branch.organization.as_ref());
    let actions = actions(conn, context, &member, organization)?;
    let policy = policies::of_season(conn, season_of(context.now))?;
    let blocked = context.actor.office().is_some() && accounts::is_blocked(conn, id)?;
    Ok(MemberProfile {
        shown: ShownMember::new(member.clone().into(), branch.as_ref(), &policy),
        member,
        memberships,
        actions,
        blocked,
    })
}

fn named(conn: &mut Conn, memberships: Vec<Membership>) -> Result<Vec<(Membership, String)>> {
    let mut with_names = Vec::with_capacity(memberships.len());
    for membership in memberships {
        let branch = organizations::find(conn, membership.branch_id)?;
        let name = branch.ok_or(Error::Corrupt("a membership's branch is missing"))?.name;
        with_names.push((membership, name));
    }
    Ok(with_names)
}

fn actions(
    conn: &mut Conn,
    context: &Context,
    member: &Member,
    branch: Option<&Organization>,
) -> Result<Vec<(MarkAction, Option<Refusal>)>> {
    let actor = &context.actor;
    let sector = match actor.office() {
        Some(_) => Some(acting_sector(conn, actor)?),
        None => None,
    };
    let acts = match branch {
        Some(branch) if sector.is_some() => acting_superior(conn, branch)?,
        _ => None,
    };
    let (facts, mark, season) = (branch.map(Organization::facts), member.mark(), season_of(context.now));
    let check = |action: MarkAction| {
        let checked = action.check(actor, sector, facts.as_ref(), acts, mark.as_ref(), season);
        (action, checked.err())
    };
    Ok(MarkAction::ALL.iter().copied().map(check).collect())
}
