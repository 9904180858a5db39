//! Signing in, and who the caller is.

use super::caller::{Caller, can};
use super::extract::Json;
use super::problem::{Problem, ProblemDetails};
use super::wire::OrganizationBrief;
use crate::app::App;
use crate::domain::codes::Code;
use crate::domain::id_number::IdNumber;
use crate::domain::ids::{AccountId, AppointmentId, MemberId};
use crate::domain::member::{Certification, Standing};
use crate::domain::office::OfficeRole;
use crate::domain::time::shanghai_date;
use crate::security::vault::Purpose;
use crate::service::accounts::{self, HeldOffice, Myself};
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(sign_in).service(me);
}

/// A password longer than this is none: Argon2 would have to chew on it.
const LONGEST_PASSWORD: usize = 256;

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The password.
    password: String,
    /// The office to act from; without it the person acts as a member.
    #[serde(default)]
    office: Option<AppointmentId>,
}

/// A sign-in that succeeded.
#[derive(Serialize, ToSchema)]
struct SignedInAnswer {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the token ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// Whether the password must be changed first.
    must_change_password: bool,
    /// The office the token acts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<AppointmentId>,
    /// All offices the person may choose from.
    offices: Vec<OfficeView>,
}

/// An office (管理员任职).
#[derive(Serialize, ToSchema)]
pub struct OfficeView {
    /// Which one; name it at sign-in to act from it.
    pub id: AppointmentId,
    /// What it is for.
    pub role: OfficeRole,
    /// Where.
    pub organization: OrganizationBrief,
}

impl From<HeldOffice> for OfficeView {
    fn from(held: HeldOffice) -> Self {
        let organization = OrganizationBrief {
            id: held.office.organization,
            name: held.organization_name,
            kind: held.office.kind,
        };
        Self {
            id: held.office.appointment,
            role: held.role,
            organization,
        }
    }
}

/// Sign in
///
/// With ID number and password. One answer for an unknown number and a wrong password. A person with offices gets them
/// listed; to act from one, sign in again and name it.
#[utoipa::path(tag = "auth", operation_id = "sign_in", security(()), responses(
    (status = 200, description = "Signed in", body = SignedInAnswer),
    (status = 401, description = "`request.sign_in_failed`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 403, description = "`request.no_such_office`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[post("/auth/sign-in")]
async fn sign_in(app: web::Data<App>, body: Json<SignIn>) -> Result<HttpResponse, Problem> {
    let SignIn {
        id_number,
        password,
        office,
    } = body.into_inner();
    if password.len() > LONGEST_PASSWORD || id_number.len() > LONGEST_PASSWORD {
        return Err(Code::RequestSignInFailed.into());
    }
    let today = shanghai_date(app.clock.now());
    // What is no ID number belongs to nobody, and is looked up all the same.
    let number = IdNumber::parse(&id_number, today).map_or(id_number, |number| number.reveal().to_owned());
    let digest = app.vault.digest(Purpose::IdNumber, &number);
    let found = app.db.read(move |conn| accounts::credentials(conn, &digest)).await?;
    let (account, hash) = found.map_or((None, None), |(account, hash)| (Some(account), hash));
    let fits = app
        .passwords
        .check(password, hash)
        .await
        .map_err(crate::service::Error::from)?;
    let account = account.filter(|_| fits).ok_or(Code::RequestSignInFailed)?;
    let must_change_password = account.must_change_password;
    let (bearer, offices) = app
        .db
        .read(move |conn| {
            Ok((
                accounts::bearer(conn, &account, office)?,
                accounts::offices(conn, &account)?,
            ))
        })
        .await
        .map_err(|e: crate::service::Error| Problem::from(e))?;
    let access_token = app
        .tokens
        .issue(bearer, app.clock.now())
        .map_err(|_| Code::ServiceFault)?;
    Ok(HttpResponse::Ok().json(SignedInAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime().num_seconds(),
        must_change_password,
        office,
        offices: offices.into_iter().map(OfficeView::from).collect(),
    }))
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
struct MeView {
    /// The account.
    account_id: AccountId,
    /// The person's name.
    name: String,
    /// The member this person is, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MyMembership>,
    /// The office this token acts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_office: Option<AppointmentId>,
    /// All offices.
    offices: Vec<OfficeView>,
}

/// The caller as a member.
#[derive(Serialize, ToSchema)]
struct MyMembership {
    /// Which member.
    id: MemberId,
    /// Where; absent after a move out of the national tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<OrganizationBrief>,
    /// The standing.
    standing: Standing,
    /// The League identity certification.
    certification: Certification,
}

impl From<Myself> for MeView {
    fn from(myself: Myself) -> Self {
        Self {
            account_id: myself.account.id,
            name: myself.account.name,
            member: myself.member.map(|(member, branch)| MyMembership {
                id: member.id,
                branch: branch.as_ref().map(OrganizationBrief::from),
                standing: member.standing,
                certification: member.certification,
            }),
            acting_office: myself.acting,
            offices: myself.offices.into_iter().map(OfficeView::from).collect(),
        }
    }
}

/// Who am I
///
/// The person of the token: the account, the member he is, and the offices he holds.
#[utoipa::path(tag = "auth", operation_id = "me", security(("bearer" = [])), responses(
    (status = 200, description = "The caller", body = MeView),
    (status = 401, description = "`request.unauthenticated`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[get("/me")]
async fn me(app: web::Data<App>, caller: Caller<can::ReadSelf>) -> Result<HttpResponse, Problem> {
    let me = app
        .db
        .read(move |conn| accounts::myself(conn, &caller.context.actor))
        .await?;
    Ok(HttpResponse::Ok().json(MeView::from(me)))
}
