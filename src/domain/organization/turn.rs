//! Whose turn it is (A1, A3, A10, T11).
//!
//! A [`Turn`] says what has to be done and where. [`Turn::holders`] finds the organizations that hold it, given the
//! present administrators. The service stores one inbox entry (操作中心) for each holder, so reading an inbox is one index
//! seek. When an appointment begins or ends, the service computes the holders of that organization's turns again.

use super::chain::{Chain, Link};
use super::facts::OrganizationKind;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::vocabulary::vocabulary;

vocabulary! {
    /// What has to be done with a case.
    Duty {
        ApprovalIn = "approval_in", "转入审批", "approval by the target";
        ApprovalOut = "approval_out", "转出审批", "approval by the member's side";
        LeadingOrgan = "leading_organ", "团的领导机关审批", "approval by the nearest leading organ (member under 16)";
        Province = "province", "省级团委审批", "approval by the province-level leading organ (special unit)";
        ExternalAnswer = "external_answer", "外省市系统答复", "answer from the other province's system";
        Assignment = "assignment", "分配团支部", "assignment to a branch";
    }
}

/// One thing that has to be done with a case, and the organization that has to do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Turn {
    /// What has to be done.
    pub duty: Duty,
    /// Whose turn it is.
    pub organization: OrganizationId,
    /// Whether a late assignment was also shown to the direct superior (A6).
    pub escalated: bool,
}

/// The holders of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders {
    /// The organizations whose administrators may act now. If there are none, the case is orphaned (I-31).
    pub organizations: Vec<OrganizationId>,
    /// Whether none of the organizations that the turn belongs to has an administrator who may decide, so that it
    /// passed to a superior (A10, T11).
    pub passed: bool,
}

impl Holders {
    /// Whether nobody up to the root can act.
    pub fn is_orphaned(&self) -> bool {
        self.organizations.is_empty()
    }
}

impl Turn {
    /// The organizations that hold this turn.
    ///
    /// A turn belongs to its organization. The turn of a branch (A1, A3) and an escalated assignment (A6) also belong
    /// to the direct superior. The holders are those of these organizations that have an administrator who may decide.
    /// If there is none, because they are vacant (A10) or all their administrators are excluded (T11), the holder is
    /// the nearest superior with such an administrator.
    ///
    /// `chain` must contain the turn's organization. Otherwise there are no holders.
    pub fn holders(&self, chain: &Chain, excluded: &[AccountId]) -> Holders {
        let from_here = chain.links().skip_while(|link| link.organization != self.organization);
        let at_branch = from_here
            .clone()
            .next()
            .is_some_and(|link| link.kind == OrganizationKind::Branch);
        let ordinary = if at_branch || self.escalated { 2 } else { 1 };
        let can_decide = |link: &&Link| link.can_decide(excluded);

        let entitled: Vec<_> = from_here
            .clone()
            .take(ordinary)
            .filter(can_decide)
            .map(|link| link.organization)
            .collect();
        if !entitled.is_empty() {
            return Holders {
                organizations: entitled,
                passed: false,
            };
        }
        let next = from_here.skip(ordinary).find(can_decide);
        Holders {
            organizations: next.map(|link| link.organization).into_iter().collect(),
            passed: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::organization::facts::Level;
    use proptest::prelude::*;

    const BRANCH: OrganizationId = OrganizationId(4);
    const COLLEGE: OrganizationId = OrganizationId(3);
    const UNIVERSITY: OrganizationId = OrganizationId(2);
    const PROVINCE: OrganizationId = OrganizationId(1);

    fn link(organization: OrganizationId, kind: OrganizationKind, level: Level, administrators: &[i64]) -> Link {
        let administrators = administrators.iter().copied().map(AccountId).collect();
        Link {
            organization,
            kind,
            level,
            administrators,
        }
    }

    /// A branch, its college, its university and the province, with these administrators.
    fn chain(administrators: [&[i64]; 4]) -> Chain {
        let [branch, college, university, province] = administrators;
        Chain::new(
            link(BRANCH, OrganizationKind::Branch, Level::Grassroots, branch),
            vec![
                link(COLLEGE, OrganizationKind::Committee, Level::Grassroots, college),
                link(UNIVERSITY, OrganizationKind::Committee, Level::Grassroots, university),
                link(PROVINCE, OrganizationKind::LeadingOrgan, Level::Province, province),
            ],
        )
    }

    fn at(organization: OrganizationId) -> Turn {
        Turn {
            duty: Duty::ApprovalIn,
            organization,
            escalated: false,
        }
    }

    fn holders(turn: Turn, administrators: [&[i64]; 4], excluded: &[i64]) -> (Vec<OrganizationId>, bool) {
        let excluded: Vec<_> = excluded.iter().copied().map(AccountId).collect();
        let holders = turn.holders(&chain(administrators), &excluded);
        (holders.organizations, holders.passed)
    }

    #[test]
    fn a1_a_branch_and_its_direct_superior_hold_the_turn_together() {
        assert_eq!(
            holders(at(BRANCH), [&[40], &[30], &[20], &[10]], &[]),
            (vec![BRANCH, COLLEGE], false)
        );
    }

    #[test]
    fn a2_any_other_organization_holds_it_alone() {
        assert_eq!(
            holders(at(COLLEGE), [&[40], &[30], &[20], &[10]], &[]),
            (vec![COLLEGE], false)
        );
    }

    #[test]
    fn a6_an_escalated_assignment_belongs_to_the_direct_superior_too() {
        let turn = Turn {
            duty: Duty::Assignment,
            organization: COLLEGE,
            escalated: true,
        };
        assert_eq!(
            holders(turn, [&[40], &[30], &[20], &[10]], &[]),
            (vec![COLLEGE, UNIVERSITY], false)
        );
    }

    #[test]
    fn a10_a_vacant_organization_does_not_stop_a_case() {
        assert_eq!(
            holders(at(BRANCH), [&[], &[30], &[20], &[10]], &[]),
            (vec![COLLEGE], false)
        );
        assert_eq!(
            holders(at(BRANCH), [&[], &[], &[20], &[10]], &[]),
            (vec![UNIVERSITY], true)
        );
        assert_eq!(
            holders(at(COLLEGE), [&[40], &[], &[], &[10]], &[]),
            (vec![PROVINCE], true)
        );
    }

    #[test]
    fn a10_with_nobody_up_to_the_root_the_case_is_orphaned() {
        let nobody = at(COLLEGE).holders(&chain([&[40], &[], &[], &[]]), &[]);
        assert!(nobody.is_orphaned());
    }

    #[test]
    fn t11_the_turn_passes_to_the_direct_superior_if_the_only_administrator_is_excluded() {
        assert_eq!(
            holders(at(COLLEGE), [&[40], &[30], &[20], &[10]], &[30]),
            (vec![UNIVERSITY], true)
        );
        assert_eq!(
            holders(at(COLLEGE), [&[40], &[30, 31], &[20], &[10]], &[30]),
            (vec![COLLEGE], false)
        );
        assert_eq!(
            holders(at(BRANCH), [&[40], &[40], &[20], &[10]], &[40]),
            (vec![UNIVERSITY], true)
        );
    }

    #[test]
    fn a10_a_superiors_turn_goes_to_the_first_who_can_decide() {
        let able = |administrators, excluded: &[i64]| {
            let excluded: Vec<_> = excluded.iter().copied().map(AccountId).collect();
            chain(administrators).first_able(COLLEGE, &excluded)
        };
        assert_eq!(able([&[40], &[30], &[20], &[10]], &[]), Some(COLLEGE));
        assert_eq!(able([&[40], &[30], &[20], &[10]], &[30]), Some(UNIVERSITY));
        assert_eq!(able([&[40], &[], &[], &[10]], &[]), Some(PROVINCE));
        assert_eq!(able([&[40], &[], &[], &[]], &[]), None);
    }

    #[test]
    fn a10_nothing_is_orphaned_with_more_administrators_above_than_one_decision_excludes() {
        assert!(chain([&[40], &[], &[], &[]]).may_orphan());
        assert!(chain([&[40], &[30], &[20], &[30]]).may_orphan());
        assert!(!chain([&[40], &[30], &[20], &[10]]).may_orphan());
    }

    #[test]
    fn t9_and_a4_find_the_leading_organs_above() {
        let chain = chain([&[], &[], &[], &[]]);
        assert_eq!(chain.leading_organ().organization, PROVINCE);
        assert_eq!(chain.province().organization, PROVINCE);
    }

    proptest! {
        #[test]
        fn a10_t11_every_holder_can_decide_and_there_is_one_if_anybody_can(
            administrators in prop::array::uniform4(prop::collection::vec(1..4i64, 0..3)),
            excluded in prop::collection::vec(1..4i64, 0..2),
            start in 0..4usize,
        ) {
            let turn = at([BRANCH, COLLEGE, UNIVERSITY, PROVINCE][start]);
            let [a, b, c, d] = &administrators;
            let (holders, _) = holders(turn, [a, b, c, d], &excluded);
            let decides = |i: usize| administrators[i].iter().any(|account| !excluded.contains(account));
            for holder in &holders {
                prop_assert!(decides(4 - holder.0 as usize));
            }
            prop_assert_eq!(holders.is_empty(), !(start..4).any(decides));
        }
    }
}
