use super::*;
use crate::domain::core::ids::AccountId;
use crate::domain::organization::facts::OrganizationFacts;
use crate::domain::testing::*;

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn integrator(province: u8) -> Actor {
    Actor {
        account: Some(AccountId(7)),
        member: None,
        role: Role::Integrator {
            organization: OrganizationId(2),
            province: Some(province),
            grant: Grant::everything(OrganizationId(2)),
        },
    }
}

#[test]
fn o6_a_caller_who_may_act_on_an_object_may_see_it() {
    for &action in Action::ALL {
        for relation in action.relations() {
            assert!(action.kind().seen_from().contains(relation), "{action}: {relation}");
        }
    }
}

#[test]
fn api5_an_action_that_integrators_may_request_has_a_scope() {
    // The first two need none. No credential may be used for the other two: holdings (S-30) and forms are for people.
    let without = [
        Action::ReadSelf,
        Action::ReadPolicy,
        Action::ReadHolding,
        Action::ReadForm,
    ];
    for &action in Action::ALL {
        let is_theirs = action.capacities().contains(&Capacity::Integrator);
        let has_scope = action.scope().is_some();
        assert_eq!(is_theirs, has_scope || without.contains(&action), "{action}");
        assert!(!(has_scope && without.contains(&action)), "{action}");
    }
}

#[test]
fn api5_nobody_may_do_anything_without_signing_in() {
    for &action in Action::ALL {
        for &relation in Relation::ALL {
            let expected = AccessDecision::MayNot(Code::RequestUnauthenticated);
            assert_eq!(verdict(Capacity::Nobody, action, relation), expected, "{action}");
        }
    }
}

#[test]
fn api5_the_service_itself_asks_for_nothing() {
    for &action in Action::ALL {
        assert!(check_capacity(Capacity::Service, action).is_err(), "{action}");
    }
}

#[test]
fn o6_the_relations_of_an_office_to_every_place_in_the_tree() {
    let actor = administrator(&college());
    for (place, expected) in [
        ("1/2/3/4/", Relation::Own),
        ("1/2/3/4/5/", Relation::DirectSuperior),
        ("1/2/3/4/5/6/", Relation::HigherSuperior),
        ("1/2/3/", Relation::Below),
        ("1/", Relation::Below),
        ("1/2/3/40/", Relation::Sibling),
        ("1/2/3/40/5/", Relation::SameProvince),
        ("1/2/30/", Relation::SameProvince),
        ("1/20/", Relation::OtherProvince),
        ("1/20/30/", Relation::OtherProvince),
    ] {
        let path = path(place);
        assert_eq!(relations(&actor, Object::organization(&path)), [expected], "{place}");
    }
}

#[test]
fn o6_a_path_that_only_shares_its_first_digits_is_another_one() {
    let actor = administrator(&college());
    let path = path("1/2/3/40/");
    let verdict = decide(&actor, Action::ListMembers, Object::organization(&path));
    assert_eq!(verdict, AccessDecision::Unseen(Code::OrganizationNotFound));
}

#[test]
fn o6_the_strongest_of_several_relations_counts() {
    let mut actor = administrator(&college());
    actor.member = Some(MemberId(9));
    let elsewhere = path("1/2/30/40/");
    let own_page = Object::member(&elsewhere, MemberId(9));
    assert_eq!(decide(&actor, Action::ReadMember, own_page), AccessDecision::May);
    let refused = decide(&actor, Action::IssueMemberCode, own_page);
    assert_eq!(refused, AccessDecision::MayNot(Code::AccountResetNotAllowed));
    let other = Object::member(&elsewhere, MemberId(10));
    assert_eq!(
        decide(&actor, Action::ReadMember, other),
        AccessDecision::Unseen(Code::MemberNotFound)
    );
}

#[test]
fn a10_a_superior_acts_only_when_it_has_the_turn() {
    let (place, university) = (class().path, administrator(&university()));
    let turn = |holders| {
        decide(
            &university,
            Action::DecideCertification,
            Object::form(&place, MemberId(1), holders),
        )
    };
    assert_eq!(turn(&[]), AccessDecision::MayNot(Code::CertificationNotApprover));
    assert_eq!(
        turn(&[OrganizationId(4)]),
        AccessDecision::MayNot(Code::CertificationNotApprover)
    );
    assert_eq!(turn(&[OrganizationId(4), OrganizationId(3)]), AccessDecision::May);
}

fn transfer(secret: bool, holders: &[OrganizationId]) -> Sides<'_> {
    Sides {
        member: Some(MemberId(9)),
        secret,
        source: SideScope {
            organization: Some(OrganizationId(5)),
            path: Some(class().path),
            province: None,
        },
        target: SideScope {
            organization: Some(OrganizationId(2)),
            path: None,
            province: Some(11),
        },
        holders,
    }
}

#[test]
fn a7_both_sides_see_a_transfer_and_nobody_else_does() {
    let sides = transfer(false, &[]);
    let read = |actor: &Actor| decide(actor, Action::ReadTransfer, Object::Between(&sides));
    for organization in [nation(), province(), university(), college(), class()] {
        assert_eq!(read(&administrator(&organization)), AccessDecision::May);
    }
    let unseen = AccessDecision::Unseen(Code::TransferNotFound);
    let sibling = OrganizationFacts {
        id: OrganizationId(6),
        path: path("1/2/3/4/6/"),
        ..class()
    };
    assert_eq!(read(&administrator(&sibling)), unseen);
    assert_eq!(read(&Actor::member(AccountId(1), MemberId(9))), AccessDecision::May);
    assert_eq!(read(&Actor::member(AccountId(1), MemberId(10))), unseen);
    assert_eq!(read(&integrator(11)), AccessDecision::May);
    assert_eq!(read(&integrator(44)), unseen);
}

#[test]
fn s30_a_special_units_transfer_is_hidden_from_superiors_too() {
    let holders = [OrganizationId(2)];
    let sides = transfer(true, &holders);
    let read = |actor: &Actor| decide(actor, Action::ReadTransfer, Object::Between(&sides));
    for organization in [class(), province()] {
        assert_eq!(read(&administrator(&organization)), AccessDecision::May);
    }
    for organization in [college(), university(), nation()] {
        assert_eq!(
            read(&administrator(&organization)),
            AccessDecision::Unseen(Code::TransferNotFound)
        );
    }
}

#[test]
fn s30_a_holding_is_visible_only_to_its_provinces_leading_organ() {
    let holding = path("1/2/77/");
    let read = |actor: &Actor| decide(actor, Action::ReadHolding, Object::organization(&holding));
    assert_eq!(read(&administrator(&province())), AccessDecision::May);
    for organization in [nation(), university()] {
        assert_eq!(
            read(&administrator(&organization)),
            AccessDecision::Unseen(Code::OrganizationNotFound)
        );
    }
    let member = Actor::member(AccountId(1), MemberId(9));
    assert_eq!(read(&member), AccessDecision::Unseen(Code::OrganizationNotFound));
}
