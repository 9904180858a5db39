//! An organization and its superiors up to the root, with the administrators who can act for each.

use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::organization::facts::{Level, OrganizationKind};
use std::collections::HashSet;

/// How many accounts at most are excluded from one decision (I-04): the person it is about and the one who started it.
const EXCLUDED_MOST: usize = 2;

/// An organization with the accounts that can act for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The organization.
    pub organization: OrganizationId,
    /// Its category.
    pub kind: OrganizationKind,
    /// Its level.
    pub level: Level,
    /// The accounts of its active administrators.
    pub administrators: Vec<AccountId>,
}

impl Link {
    /// T11, A10: whether an administrator of this organization may decide.
    pub fn can_decide(&self, excluded: &[AccountId]) -> bool {
        self.administrators.iter().any(|account| !excluded.contains(account))
    }
}

/// An organization and its superiors up to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    first: Link,
    superiors: Vec<Link>,
}

impl Chain {
    /// An organization followed by its superiors, the direct one first.
    pub fn new(first: Link, superiors: Vec<Link>) -> Self {
        Self { first, superiors }
    }

    /// The organization the chain begins with.
    pub fn first(&self) -> &Link {
        &self.first
    }

    /// The links from the organization up to the root.
    pub fn links(&self) -> impl Iterator<Item = &Link> + Clone {
        std::iter::once(&self.first).chain(&self.superiors)
    }

    /// The link of an organization. `None` if it is not in the chain.
    pub fn link(&self, organization: OrganizationId) -> Option<&Link> {
        self.links().find(|link| link.organization == organization)
    }

    /// A10, T11: the nearest organization, from this one upwards, with an administrator who is not excluded. `None` if
    /// there is none up to the root.
    pub fn first_able(&self, from: OrganizationId, excluded: &[AccountId]) -> Option<OrganizationId> {
        let from_here = self.links().skip_while(|link| link.organization != from);
        let mut able = from_here.filter(|link| link.can_decide(excluded));
        able.next().map(|link| link.organization)
    }

    /// Whether a case below could become orphaned if the first organization can't act. That is possible when all its
    /// superiors together have at most two administrators, because one decision can exclude two.
    pub fn may_orphan(&self) -> bool {
        let above: HashSet<&AccountId> = self.superiors.iter().flat_map(|link| &link.administrators).collect();
        above.len() <= EXCLUDED_MOST
    }

    /// The root of the tree.
    fn root(&self) -> &Link {
        self.superiors.last().unwrap_or(&self.first)
    }

    /// The nearest leading organ (团的领导机关) above the organization (T9, §2.2). The root is always one (O1).
    pub fn leading_organ(&self) -> &Link {
        self.superiors
            .iter()
            .find(|link| link.kind == OrganizationKind::LeadingOrgan)
            .unwrap_or_else(|| self.root())
    }

    /// The province-level leading organ (省级团委) above the organization (A4, §1.4.6): a province's or one of the five
    /// systems'. For an organization directly below the nation it is the root.
    pub fn province(&self) -> &Link {
        let is_province = |link: &&Link| link.kind == OrganizationKind::LeadingOrgan && link.level == Level::Province;
        self.links().find(is_province).unwrap_or_else(|| self.root())
    }
}
