//! Offices (管理员任职). The direct superior appoints and dismisses at once. An organization's own administrators send
//! it a request (our decision, from the notices on maintaining organization data). Vacancy is rule A10.

use super::authority::actor::Actor;
use super::authority::{self, Action, Object, Relation};
use super::catalogue::code::Code;
use super::catalogue::refusal::Refusal;
use super::core::decision::{Decision, Verdict};
use super::core::ids::{AccountId, OrganizationId};
use super::core::text::Remark;
use super::core::time::Timestamp;
use super::core::vocabulary::vocabulary;
use super::organization::facts::{OrganizationFacts, Path};

vocabulary! {
    /// What an office is for.
    OfficeRole {
        Administrator = "administrator", "管理员", "administrator";
        Auditor = "auditor", "审计员", "auditor: reads the audit log of the subtree and nothing else";
    }

    /// What an appointment request asks for.
    RequestKind {
        Begin = "begin", "任命", "appoint";
        End = "end", "免去", "dismiss";
    }

    /// The state of an appointment request.
    RequestState {
        Open = "open", "待审批", "waiting for the direct superior's decision";
        AwaitingConsent = "awaiting_consent", "待本人同意", "waiting for the person's consent";
        Approved = "approved", "已同意", "approved";
        Refused = "refused", "不同意", "refused";
        Declined = "declined", "本人不同意", "declined by the person";
        Lapsed = "lapsed", "已失效", "lapsed";
    }
}

/// How an actor may change who administers an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppointmentMode {
    /// The change is made at once.
    AtOnce,
    /// It needs the direct superior's approval.
    OnRequest,
}

/// Who may appoint and dismiss at an organization (`action` says which), and how. `superior` is the organization whose
/// turn it is: the direct superior, or one further up if that is vacant (A10). The root is its own superior here.
///
/// # Errors
/// `actor.not_administrator`, `organization.closed`, `appointment.not_allowed`.
pub fn may_change(
    actor: &Actor,
    action: Action,
    organization: &OrganizationFacts,
    superior: Option<OrganizationId>,
) -> Result<AppointmentMode, Refusal> {
    if actor.office().is_none() {
        return Err(Code::ActorNotAdministrator.into());
    }
    if !organization.is_active() {
        return Err(Code::OrganizationClosed.into());
    }
    let object = Object::turn(&organization.path, superior.as_slice());
    match authority::decide(actor, action, object).into_result() {
        Ok(()) if authority::relations(actor, object).contains(&Relation::Holder) => Ok(AppointmentMode::AtOnce),
        Ok(()) => Ok(AppointmentMode::OnRequest),
        Err(code) => Err(match organization.parent {
            Some(superior) => Refusal::new(code).ask(superior),
            None => code.into(),
        }),
    }
}

/// Who may appoint or dismiss an organization's auditor (审计员): only an actor who could appoint there at once. Nobody
/// chooses the auditor who checks them (our decision, since the manual has no auditors).
///
/// # Errors
/// Those of [`may_change`], and `appointment.not_allowed` for the organization's own administrators.
pub fn may_change_auditor(
    actor: &Actor,
    action: Action,
    organization: &OrganizationFacts,
    superior: Option<OrganizationId>,
) -> Result<AppointmentMode, Refusal> {
    match may_change(actor, action, organization, superior)? {
        AppointmentMode::AtOnce => Ok(AppointmentMode::AtOnce),
        AppointmentMode::OnRequest => {
            let refusal = Refusal::new(Code::AppointmentNotAllowed);
            Err(organization
                .parent
                .map_or(refusal.clone(), |superior| refusal.ask(superior)))
        }
    }
}

/// Whether an appointment takes effect only by the person's own consent (our decision). It does for somebody who is known
/// to the service and belongs nowhere in the appointing organization's subtree. Otherwise an organization could appoint a
/// stranger, issue a one-time code for them, and sign in as them. `places` are the person's branch and the organizations
/// where they hold an office. Somebody without any has nothing to lose.
pub fn needs_consent(appointing: &Path, places: &[Path]) -> bool {
    !places.is_empty()
        && !places
            .iter()
            .any(|place| place == appointing || place.is_below(appointing))
}

/// A request to appoint or dismiss a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentRequest {
    /// Whether to appoint or to dismiss.
    pub kind: RequestKind,
    /// What the office is for.
    pub role: OfficeRole,
    /// The account it is about. A person whom the service does not know yet has none.
    pub about: Option<AccountId>,
    /// The account that sent the request.
    pub proposed_by: AccountId,
    /// The state of the request.
    pub state: RequestState,
}

/// A decided request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedRequest {
    /// The state after the decision.
    pub state: RequestState,
    /// Who decided, and when.
    pub decision: Decision,
    /// The reason of a refusal.
    pub reason: Option<Remark>,
}

impl AppointmentRequest {
    /// I-04: the accounts that never decide a request, namely its sender and the person it is about. An offer that waits
    /// for the person's consent is the superior's own: who made it may take it back.
    pub fn excluded(&self) -> [AccountId; 2] {
        let sender = match self.state {
            RequestState::AwaitingConsent => AccountId::NONE,
            _ => self.proposed_by,
        };
        [sender, self.about.unwrap_or(AccountId::NONE)]
    }

    /// The direct superior decides. `superior` is the organization whose turn it is (A10). If the appointment needs the
    /// person's consent, an approval only asks for it. Until the person answers, the superior can still refuse.
    ///
    /// # Errors
    /// `appointment.request_not_open`, `appointment.not_approver`, `appointment.self_approval`,
    /// `approval.reason_required`.
    pub fn decide(
        &self,
        actor: &Actor,
        superior: Option<OrganizationId>,
        verdict: Verdict,
        needs_consent: bool,
        now: Timestamp,
    ) -> Result<DecidedRequest, Refusal> {
        let is_decidable = match verdict {
            Verdict::Approve => self.state == RequestState::Open,
            Verdict::Refuse(_) => matches!(self.state, RequestState::Open | RequestState::AwaitingConsent),
        };
        if !is_decidable {
            return Err(Code::AppointmentRequestNotOpen.into());
        }
        let (by, acting_for) = actor.in_office()?;
        authority::at_turn(actor, Action::DecideAppointmentRequest, superior.as_slice()).into_result()?;
        if self.excluded().contains(&by) {
            return Err(Code::AppointmentSelfApproval.into());
        }
        let (state, reason) = match verdict {
            Verdict::Approve if needs_consent => (RequestState::AwaitingConsent, None),
            Verdict::Approve => (RequestState::Approved, None),
            Verdict::Refuse(Some(reason)) => (RequestState::Refused, Some(reason)),
            Verdict::Refuse(None) => return Err(Refusal::new(Code::ApprovalReasonRequired).at("/reason")),
        };
        Ok(DecidedRequest {
            state,
            decision: Decision {
                by,
                acting_for,
                at: now,
            },
            reason,
        })
    }

    /// The person the appointment is about consents or declines.
    ///
    /// # Errors
    /// `appointment.request_not_found` for anybody else, `appointment.request_not_open`.
    pub fn answer(&self, by: AccountId, consents: bool) -> Result<RequestState, Code> {
        if self.about != Some(by) {
            return Err(Code::AppointmentRequestNotFound);
        }
        match (self.state, consents) {
            (RequestState::AwaitingConsent, true) => Ok(RequestState::Approved),
            (RequestState::AwaitingConsent, false) => Ok(RequestState::Declined),
            _ => Err(Code::AppointmentRequestNotOpen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::*;

    #[test]
    fn the_superior_changes_at_once_and_the_organization_itself_on_request() {
        let superior = Some(college().id);
        let way =
            |actor: &Actor| may_change(actor, Action::Appoint, &class(), superior).map_err(|refusal| refusal.code);
        assert_eq!(way(&administrator(&college())), Ok(AppointmentMode::AtOnce));
        assert_eq!(way(&administrator(&class())), Ok(AppointmentMode::OnRequest));
        assert_eq!(way(&administrator(&university())), Err(Code::AppointmentNotAllowed));
        assert_eq!(way(&Actor::system()), Err(Code::ActorNotAdministrator));
    }

    #[test]
    fn a10_the_next_superior_acts_for_a_vacant_one() {
        let superior = Some(university().id);
        assert_eq!(
            may_change(
                &administrator(&university()),
                Action::EndAppointment,
                &class(),
                superior
            ),
            Ok(AppointmentMode::AtOnce)
        );
    }

    #[test]
    fn nobody_chooses_their_own_auditor() {
        let superior = Some(college().id);
        let way = |actor: &Actor| {
            may_change_auditor(actor, Action::Appoint, &class(), superior).map_err(|refusal| refusal.code)
        };
        assert_eq!(way(&administrator(&college())), Ok(AppointmentMode::AtOnce));
        assert_eq!(way(&administrator(&class())), Err(Code::AppointmentNotAllowed));
        assert_eq!(way(&administrator(&university())), Err(Code::AppointmentNotAllowed));
    }

    #[test]
    fn nobody_decides_a_request_they_made_or_that_is_about_them() {
        let now = "2026-06-10T00:00:00Z".parse().unwrap();
        let actor = administrator(&college());
        let decide = |about: AccountId, proposed_by: AccountId, state| {
            let request = AppointmentRequest {
                kind: RequestKind::Begin,
                role: OfficeRole::Administrator,
                about: Some(about),
                proposed_by,
                state,
            };
            let decided = request.decide(&actor, Some(college().id), Verdict::Approve, false, now);
            decided.map(|decided| decided.state).map_err(|refusal| refusal.code)
        };
        let (decider, other, third) = (actor.account.unwrap(), AccountId(901), AccountId(902));
        assert_eq!(decide(other, third, RequestState::Open), Ok(RequestState::Approved));
        assert_eq!(
            decide(decider, third, RequestState::Open),
            Err(Code::AppointmentSelfApproval)
        );
        assert_eq!(
            decide(other, decider, RequestState::Open),
            Err(Code::AppointmentSelfApproval)
        );
        assert_eq!(
            decide(other, third, RequestState::Approved),
            Err(Code::AppointmentRequestNotOpen)
        );
    }
    #[test]
    fn somebody_from_outside_takes_an_office_by_their_own_consent() {
        let (college, class, university) = (college().path, class().path, university().path);
        assert!(!needs_consent(&college, &[]), "nothing is known of them");
        assert!(!needs_consent(&college, std::slice::from_ref(&class)));
        assert!(!needs_consent(&college, &[university.clone(), class.clone()]));
        assert!(needs_consent(&college, std::slice::from_ref(&university)));
        assert!(needs_consent(&class, &[college, university]));
    }

    #[test]
    fn an_offer_waits_for_the_person_and_can_be_taken_back_until_then() {
        let now = "2026-06-10T00:00:00Z".parse().unwrap();
        let superior = administrator(&college());
        let (person, decider) = (AccountId(901), superior.account.unwrap());
        let request = |state, proposed_by| AppointmentRequest {
            kind: RequestKind::Begin,
            role: OfficeRole::Administrator,
            about: Some(person),
            proposed_by,
            state,
        };
        let decide = |state, proposed_by, verdict| {
            let decided = request(state, proposed_by).decide(&superior, Some(college().id), verdict, true, now);
            decided.map(|decided| decided.state).map_err(|refusal| refusal.code)
        };
        let reason = || Verdict::Refuse(Remark::new("改派他人"));
        let asked = decide(RequestState::Open, AccountId(902), Verdict::Approve);
        assert_eq!(asked, Ok(RequestState::AwaitingConsent));
        let offered = RequestState::AwaitingConsent;
        assert_eq!(decide(offered, decider, reason()), Ok(RequestState::Refused));
        let again = decide(offered, AccountId(902), Verdict::Approve);
        assert_eq!(again, Err(Code::AppointmentRequestNotOpen));
        let answer = |state, by, consents| request(state, decider).answer(by, consents);
        assert_eq!(answer(offered, person, true), Ok(RequestState::Approved));
        assert_eq!(answer(offered, person, false), Ok(RequestState::Declined));
        assert_eq!(answer(offered, decider, true), Err(Code::AppointmentRequestNotFound));
        for state in [
            RequestState::Open,
            RequestState::Refused,
            RequestState::Lapsed,
            RequestState::Approved,
        ] {
            assert_eq!(answer(state, person, true), Err(Code::AppointmentRequestNotOpen));
        }
    }
}
