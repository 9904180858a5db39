//! Identity certification (团员身份认证, §2.8; rules O7 and T3). The branch uploads the application form
//! (《入团志愿书》), and the committee above approves or refuses it.

use super::Certification;
use super::pdf::PdfScan;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::decision::{Decision, Verdict};
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::policy::Policy;

/// O7: the largest form, in MB of 2^20 bytes.
pub const FORM_MAX_MB: u64 = 20;

/// A form that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Who uploaded it. They never decide it (I-04).
    pub by: AccountId,
    /// When it was uploaded.
    pub at: Timestamp,
}

/// A form and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// It waits for the committee above.
    Waiting(Upload),
    /// The League identity is certified.
    Certified(Upload, Decision),
    /// It was refused for a reason and can be replaced.
    Refused(Upload, Decision, Remark),
}

vocabulary! {
    /// The state of an application form.
    FormState {
        Waiting = "waiting", "待审核", "waiting for the committee's decision";
        Certified = "certified", "已认证", "certified";
        Refused = "refused", "未通过", "refused";
    }
}

/// T3: a stored certification as the policy of this season sees it. The policy can change within a season, and the stored
/// state tells only what became of the forms. Whether a certification is required is decided nowhere else.
pub fn t3_under(policy: &Policy, stored: Certification, joined_on: Month) -> Certification {
    let is_required = joined_on.year() >= policy.certification_since;
    match stored {
        Certification::Certified => Certification::Certified,
        _ if !is_required => Certification::NotRequired,
        Certification::NotRequired => Certification::NotUploaded,
        state => state,
    }
}

/// T3: a member's certification, by the month in which they joined and their latest form.
pub fn t3_certification(joined_on: Month, form: Option<&Form>, policy: &Policy) -> Certification {
    match form {
        Some(Form::Certified(..)) => Certification::Certified,
        _ if joined_on.year() < policy.certification_since => Certification::NotRequired,
        None => Certification::NotUploaded,
        Some(Form::Waiting(_)) => Certification::Waiting,
        Some(Form::Refused(..)) => Certification::Refused,
    }
}

/// T3: the certification of somebody whom another province sends. Its system has certified them, if anybody had to.
pub fn t3_of_inbound(joined_on: Month, policy: &Policy) -> Certification {
    match t3_certification(joined_on, None, policy) {
        Certification::NotRequired => Certification::NotRequired,
        _ => Certification::Certified,
    }
}

/// O7: whether a file is small enough to be a form. The upload checks this while the file is still arriving.
///
/// # Errors
/// `certification.too_large`.
pub fn o7_size(bytes: u64) -> Result<(), Refusal> {
    if bytes <= FORM_MAX_MB << 20 {
        return Ok(());
    }
    Err(Refusal::new(Code::CertificationTooLarge).with("limit_mb", FORM_MAX_MB))
}

/// O7: whether a file is a form that can be read, by its content.
///
/// # Errors
/// `certification.not_a_pdf`, `certification.pdf_locked`, `certification.pdf_empty`.
pub fn o7_is_form(content: &PdfScan) -> Result<(), Refusal> {
    if !content.is_pdf() {
        Err(Code::CertificationNotAPdf.into())
    } else if content.is_locked() {
        Err(Code::CertificationPdfLocked.into())
    } else if !content.has_page() {
        Err(Code::CertificationPdfEmpty.into())
    } else {
        Ok(())
    }
}

/// O7: an administrator of the member's branch uploads a form, or replaces one that was refused. `holders` are the
/// organizations whose turn it is: the branch, or one further up if the branch is vacant (A10).
///
/// # Errors
/// `certification.not_uploader`, `certification.not_required`, `certification.already_certified`,
/// `certification.waiting`.
pub fn o7_upload(
    actor: &Actor,
    holders: &[OrganizationId],
    standing: Certification,
    policy: &Policy,
    now: Timestamp,
) -> Result<Form, Refusal> {
    let (by, _) = acting(actor, holders, Action::UploadForm)?;
    match standing {
        Certification::NotUploaded | Certification::Refused => Ok(Form::Waiting(Upload { by, at: now })),
        Certification::Waiting => Err(Code::CertificationWaiting.into()),
        Certification::Certified => Err(Code::CertificationAlreadyCertified.into()),
        Certification::NotRequired => {
            Err(Refusal::new(Code::CertificationNotRequired).with("since", policy.certification_since))
        }
    }
}

impl Form {
    /// The state of the form.
    pub fn state(&self) -> FormState {
        match self {
            Self::Waiting(_) => FormState::Waiting,
            Self::Certified(..) => FormState::Certified,
            Self::Refused(..) => FormState::Refused,
        }
    }

    /// O7: the committee above the branch decides. `member_account` is the member's own account. Neither the member nor
    /// the uploader decides. `holders` are the organizations whose turn it is.
    ///
    /// # Errors
    /// `certification.not_waiting`, `certification.not_approver`, `certification.self_approval`,
    /// `approval.reason_required`.
    pub fn decide(
        self,
        actor: &Actor,
        holders: &[OrganizationId],
        member_account: Option<AccountId>,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let Self::Waiting(upload) = self else {
            return Err(Code::CertificationNotWaiting.into());
        };
        let (by, acting_for) = acting(actor, holders, Action::DecideCertification)?;
        if by == upload.by || Some(by) == member_account {
            return Err(Code::CertificationSelfApproval.into());
        }
        let decision = Decision {
            by,
            acting_for,
            at: now,
        };
        match verdict {
            Verdict::Approve => Ok(Self::Certified(upload, decision)),
            Verdict::Refuse(Some(reason)) => Ok(Self::Refused(upload, decision, reason)),
            Verdict::Refuse(None) => Err(Refusal::new(Code::ApprovalReasonRequired).at("/reason")),
        }
    }
}

/// The actor's account and organization, if it is that organization's turn.
fn acting(actor: &Actor, holders: &[OrganizationId], action: Action) -> Result<(AccountId, OrganizationId), Refusal> {
    let acting = actor.in_office()?;
    authority::at_turn(actor, action, holders).into_result()?;
    Ok(acting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::*;

    fn now() -> Timestamp {
        "2026-06-10T00:00:00Z".parse().unwrap()
    }

    fn code<T>(result: Result<T, Refusal>) -> Option<Code> {
        result.err().map(|refusal| refusal.code)
    }

    fn upload(standing: Certification) -> Result<Form, Refusal> {
        o7_upload(
            &administrator(&class()),
            &[class().id],
            standing,
            &Policy::default_for(2026),
            now(),
        )
    }

    #[test]
    fn t3_a_policy_that_changes_makes_no_dead_end() {
        use Certification::*;
        let mut policy = Policy::default_for(2026);
        let joined = "2019-05".parse().unwrap();
        policy.certification_since = 2019;
        let under = |policy: &Policy, stored| t3_under(policy, stored, joined);
        let seen = [NotRequired, NotUploaded, Waiting, Certified, Refused].map(|stored| under(&policy, stored));
        assert_eq!(seen, [NotUploaded, NotUploaded, Waiting, Certified, Refused]);
        policy.certification_since = 2020;
        let seen = [NotRequired, NotUploaded, Waiting, Certified, Refused].map(|stored| under(&policy, stored));
        assert_eq!(seen, [NotRequired, NotRequired, NotRequired, Certified, NotRequired]);
    }

    #[test]
    fn t3_members_who_joined_before_2020_need_no_certification() {
        let policy = Policy::default_for(2026);
        let standing = |joined: &str| t3_certification(joined.parse().unwrap(), None, &policy);
        assert_eq!(standing("2019-12"), Certification::NotRequired);
        assert_eq!(standing("2020-01"), Certification::NotUploaded);
    }

    #[test]
    fn o7_the_branch_uploads_once_and_again_after_a_refusal() {
        use Certification::*;
        for (standing, expected) in [
            (NotUploaded, None),
            (Refused, None),
            (Waiting, Some(Code::CertificationWaiting)),
            (Certified, Some(Code::CertificationAlreadyCertified)),
            (NotRequired, Some(Code::CertificationNotRequired)),
        ] {
            assert_eq!(code(upload(standing)), expected, "{standing}");
        }
        let policy = Policy::default_for(2026);
        let stranger = o7_upload(&administrator(&college()), &[class().id], NotUploaded, &policy, now());
        assert_eq!(code(stranger), Some(Code::CertificationNotUploader));
    }

    #[test]
    fn o7_the_committee_above_decides_once_and_a_no_needs_a_reason() {
        let form = upload(Certification::NotUploaded).unwrap();
        let (actor, holders) = (administrator(&college()), [college().id]);
        let decide = |form: &Form, verdict| form.clone().decide(&actor, &holders, None, verdict, now());
        assert_eq!(
            code(decide(&form, Verdict::Refuse(None))),
            Some(Code::ApprovalReasonRequired)
        );
        let policy = Policy::default_for(2026);
        for (verdict, expected) in [
            (Verdict::Approve, Certification::Certified),
            (Verdict::Refuse(Remark::new("缺页")), Certification::Refused),
        ] {
            let done = decide(&form, verdict).unwrap();
            assert_eq!(
                t3_certification("2021-05".parse().unwrap(), Some(&done), &policy),
                expected
            );
            assert_eq!(
                code(decide(&done, Verdict::Approve)),
                Some(Code::CertificationNotWaiting)
            );
        }
        let stranger = administrator(&university());
        let refused = form.decide(&stranger, &holders, None, Verdict::Approve, now());
        assert_eq!(code(refused), Some(Code::CertificationNotApprover));
    }

    #[test]
    fn o7_neither_the_member_nor_the_uploader_decides() {
        let form = upload(Certification::NotUploaded).unwrap();
        let (actor, holders) = (administrator(&college()), [college().id]);
        let own = form
            .clone()
            .decide(&actor, &holders, actor.account, Verdict::Approve, now());
        assert_eq!(code(own), Some(Code::CertificationSelfApproval));
        let mut uploader = actor;
        uploader.account = administrator(&class()).account;
        let result = form.decide(&uploader, &holders, None, Verdict::Approve, now());
        assert_eq!(code(result), Some(Code::CertificationSelfApproval));
    }

    #[test]
    fn o7_a_form_is_one_pdf_of_at_most_20_mb() {
        assert_eq!(o7_size(20 * 1024 * 1024), Ok(()));
        assert_eq!(code(o7_size(20 * 1024 * 1024 + 1)), Some(Code::CertificationTooLarge));
        let content = |file: &str| {
            let mut scan = PdfScan::default();
            scan.update(file.as_bytes());
            scan
        };
        let whole = "%PDF-1.7\n<</Type/Page>>\n%%EOF";
        assert_eq!(o7_is_form(&content(whole)), Ok(()));
        for (file, refused) in [
            ("PK\u{3}\u{4}", Code::CertificationNotAPdf),
            ("%PDF-1.7 cut off", Code::CertificationNotAPdf),
            (
                "%PDF-1.7\n<</Type/Page>> /Encrypt 3 0 R %%EOF",
                Code::CertificationPdfLocked,
            ),
            ("%PDF-1.7\n%%EOF", Code::CertificationPdfEmpty),
        ] {
            assert_eq!(code(o7_is_form(&content(file))), Some(refused), "{file}");
        }
    }
}
