//! Other systems (对接系统): their credentials, and how they sign in.

use super::caller::{Caller, can};
use super::extract::{Id, Json, Key, Missing, Query};
use super::paging::{self, List};
use super::problem::{Problem, ProblemDetails};
use super::reply::{self, write_once};
use super::wire::{Instant, Page, line};
use crate::app::App;
use crate::domain::codes::Code;
use crate::domain::ids::{AccountId, OrganizationId, ParseIdError};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::service::integrators::{self, Credential, Issued, Named, Wanted};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_token)
        .service(issue_integrator)
        .service(list_integrators)
        .service(revoke_integrator);
}

/// The longest name, in characters.
const NAME_MAX: usize = 100;
/// A secret longer than this is none.
const LONGEST_SECRET: usize = 256;

/// The id of a credential: its account.
struct ClientId(AccountId);

impl FromStr for ClientId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.parse().map(Self)
    }
}

impl Missing for ClientId {
    const CODE: Code = Code::IntegratorNotFound;
}

/// What another system signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    /// The credential's id.
    client_id: String,
    /// Its secret.
    client_secret: String,
}

/// A token for another system.
#[derive(Serialize, ToSchema)]
struct TokenAnswer {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the token ends.
    #[schema(example = 900)]
    expires_in: i64,
}

/// Get a token for another system
///
/// With a credential's id and secret. One answer for whatever is wrong with it: unknown, another secret, revoked, expired.
#[utoipa::path(tag = "auth", operation_id = "get_token", security(()), responses(
    (status = 200, description = "Signed in", body = TokenAnswer),
    (status = 401, description = "`request.sign_in_failed`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[post("/auth/token")]
async fn get_token(app: web::Data<App>, body: Json<TokenBody>) -> Result<HttpResponse, Problem> {
    let TokenBody {
        client_id,
        client_secret,
    } = body.into_inner();
    if client_secret.len() > LONGEST_SECRET {
        return Err(Code::RequestSignInFailed.into());
    }
    let credential = Credential {
        client: client_id.parse().ok(),
        secret: client_secret,
    };
    let (vault, now) = (app.vault.clone(), app.clock.now());
    let bearer = app
        .db
        .read(move |conn| integrators::sign_in(conn, &vault, &credential, now))
        .await?;
    app.db
        .write(move |conn| integrators::note_use(conn, bearer, now))
        .await?;
    let access_token = app.tokens.issue(bearer, now).map_err(|_| Code::ServiceFault)?;
    Ok(HttpResponse::Ok().json(TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime().num_seconds(),
    }))
}

/// A credential to be issued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IntegratorBody {
    /// What the other system is called.
    #[schema(max_length = 100)]
    name: String,
    /// The organization it acts for. The leading organ of Beijing, Guangdong or Fujian makes it that province's system.
    organization: OrganizationId,
    /// When it ends by itself; never when absent.
    #[schema(value_type = Option<Instant>)]
    expires_at: Option<Timestamp>,
}

/// A credential of another system.
#[derive(Serialize, ToSchema)]
struct IntegratorView {
    /// Which one: what it signs in with.
    client_id: AccountId,
    /// What the other system is called.
    name: String,
    /// The organization it acts for.
    organization_id: OrganizationId,
    /// Its name.
    organization_name: String,
    /// The two digits of the province whose system it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<i32>,
    /// Since when.
    created_at: Instant,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// When it was ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Instant>,
    /// When it signed in the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Instant>,
}

impl From<Named> for IntegratorView {
    fn from(named: Named) -> Self {
        let integrator = named.integrator;
        Self {
            client_id: integrator.account_id,
            name: named.name,
            organization_id: integrator.organization_id,
            organization_name: named.organization_name,
            province: integrator.province,
            created_at: integrator.created_at.into(),
            expires_at: integrator.expires_at.map(Instant::from),
            revoked_at: integrator.revoked_at.map(Instant::from),
            last_used_at: integrator.last_used_at.map(Instant::from),
        }
    }
}

/// A new credential.
#[derive(Serialize, ToSchema)]
struct IssuedView {
    #[serde(flatten)]
    integrator: IntegratorView,
    /// The secret. It is shown now and never again.
    client_secret: String,
}

impl From<Issued> for IssuedView {
    fn from(issued: Issued) -> Self {
        Self {
            integrator: issued.integrator.into(),
            client_secret: issued.secret,
        }
    }
}

/// Issue a credential for another system
///
/// By the nation's own administrators. The secret is in this answer and nowhere else: an answer that was lost is no harm,
/// revoke the credential and issue another. So there is no `Idempotency-Key`, which would have to keep it.
#[utoipa::path(tag = "integrators", operation_id = "issue_integrator", security(("bearer" = [])),
    request_body = IntegratorBody, responses(
    (status = 201, description = "The credential with its secret", body = IssuedView),
    (status = 403, description = "`integrator.not_allowed`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 404, description = "`organization.not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 409, description = "`organization.closed`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[post("/integrators")]
async fn issue_integrator(
    app: web::Data<App>,
    caller: Caller<can::ManageIntegrators>,
    body: Json<IntegratorBody>,
) -> Result<HttpResponse, Problem> {
    let IntegratorBody {
        name,
        organization,
        expires_at,
    } = body.into_inner();
    if expires_at.is_some_and(|at| at <= caller.context.now) {
        let refusal = Refusal::new(Code::RequestInvalid).with("problem", "expected an instant to come");
        return Err(Problem::new(refusal.at("/expires_at")));
    }
    let wanted = Wanted {
        name: line(&name, NAME_MAX, "/name")?,
        organization,
        expires_at,
    };
    let vault = app.vault.clone();
    let issued = app
        .db
        .write(move |conn| integrators::issue(conn, &caller.context, &vault, &wanted))
        .await?;
    Ok(HttpResponse::Created().json(IssuedView::from(issued)))
}

/// Where a list of credentials goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IntegratorQuery {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the credentials of other systems
///
/// For the nation's own administrators, the latest first, ended ones too; never with a secret.
#[utoipa::path(tag = "integrators", operation_id = "list_integrators", security(("bearer" = [])),
    params(IntegratorQuery), responses(
    (status = 200, description = "A page", body = Page<IntegratorView>),
    (status = 400, description = "`request.malformed`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 403, description = "`integrator.not_allowed`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[get("/integrators")]
async fn list_integrators(
    app: web::Data<App>,
    caller: Caller<can::ManageIntegrators>,
    Query(query): Query<IntegratorQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "list_integrators", &());
    let after = list.after(query.cursor.as_deref())?.map(AccountId);
    let found = app
        .db
        .read(move |conn| integrators::list(conn, &caller.context, after, limit + 1))
        .await?;
    let (items, last) = paging::cut(found, limit, |named| named.integrator.account_id.0);
    Ok(HttpResponse::Ok().json(Page {
        items: items.into_iter().map(IntegratorView::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}

/// An empty object.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NothingMore {}

/// Revoke a credential of another system
///
/// By the nation's own administrators. It and every token it got are refused from now on; one revoked before stays so.
#[utoipa::path(tag = "integrators", operation_id = "revoke_integrator", security(("bearer" = [])),
    params(
        ("id" = AccountId, Path, description = "Which one: its `client_id`"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 printable characters, unique for each revocation"),
    ),
    request_body = NothingMore, responses(
    (status = 200, description = "The credential, revoked", body = IntegratorView),
    (status = 403, description = "`integrator.not_allowed`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 404, description = "`integrator.not_found`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[post("/integrators/{id}/revoke")]
async fn revoke_integrator(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ManageIntegrators>,
    Id(ClientId(account)): Id<ClientId>,
    key: Key,
    body: Json<NothingMore>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    write_once(&app, caller.context, claim, move |conn, context| {
        let revoked = integrators::revoke(conn, context, account)?;
        reply::answer(StatusCode::OK, &IntegratorView::from(revoked))
    })
    .await
}
