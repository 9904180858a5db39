//! Integrators (对接系统): their credentials.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Found, Id, Json, Key, Missing, Query, once_authorized};
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::response::reply::{self, write_once};
use crate::api::wire::{Empty, Instant, Page, line};
use crate::app::App;
use crate::domain::authority::scope::{self, Reach, Scope};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, IntegratorSecretId, OrganizationId, ParseIdError};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::core::time::Timestamp;
use crate::service::integrators::{self, IntegratorRequest, IntegratorWithSecrets, IssuedSecret, Secret};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use std::future::ready;
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(issue_integrator)
        .service(list_integrators)
        .service(add_integrator_secret)
        .service(retire_integrator_secret)
        .service(revoke_integrator);
}

/// The longest name of an integrator, in characters.
const NAME_MAX: usize = 100;

/// The id of a credential, which is the id of its account.
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

/// The id of a secret, which follows the credential's id in the path.
struct SecretId(IntegratorSecretId);

impl FromRequest for SecretId {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("secret").and_then(|text| text.parse().ok());
        once_authorized(
            request,
            ready(id.map(Self).ok_or(Code::IntegratorSecretNotFound.into())),
        )
    }
}

/// The credential to issue.
#[derive(Deserialize, ToSchema)]
#[schema(as = IssueIntegratorRequest)]
#[serde(deny_unknown_fields)]
struct IntegratorBody {
    /// The name of the other system.
    #[schema(max_length = 100)]
    name: String,
    /// The organization it acts for. A credential for the leading organ of Beijing, Guangdong or Fujian belongs to that
    /// province's system.
    organization: OrganizationId,
    /// What it may be used for. If absent: what a province's own system needs, or `organizations:read` for any other.
    scopes: Option<Vec<Scope>>,
    /// How far its scopes reach. `self` if absent.
    reach: Option<Reach>,
    /// When it expires. If absent, it does not expire.
    expires_at: Option<Instant>,
}

/// The credential of an integrator.
#[derive(Serialize, ToSchema)]
#[schema(as = Integrator)]
struct IntegratorView {
    /// The id of the credential, with which the integrator signs in.
    client_id: AccountId,
    /// The name of the other system.
    name: String,
    /// The organization it acts for.
    organization_id: OrganizationId,
    /// The organization's name.
    organization_name: String,
    /// The two digits of the external province, if the integrator is its system.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<i32>,
    /// What it may be used for.
    scopes: Vec<Scope>,
    /// How far its scopes reach.
    reach: Reach,
    /// Its secrets, earliest first. The secret texts are not included.
    secrets: Vec<SecretView>,
    /// When it was issued.
    created_at: Instant,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Instant>,
    /// When the integrator last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Instant>,
}

impl From<IntegratorWithSecrets> for IntegratorView {
    fn from(IntegratorWithSecrets { named, secrets }: IntegratorWithSecrets) -> Self {
        let integrator = named.integrator;
        let last_used = secrets
            .iter()
            .filter_map(|secret| secret.last_used_at)
            .map(Timestamp::from)
            .max();
        Self {
            client_id: integrator.account_id,
            name: named.name,
            organization_id: integrator.organization_id,
            organization_name: named.organization_name,
            province: integrator.province,
            scopes: scope::parse(&integrator.scopes).unwrap_or_default(),
            reach: integrator.reach,
            secrets: secrets.into_iter().map(SecretView::from).collect(),
            created_at: integrator.created_at.into(),
            expires_at: integrator.expires_at.map(Instant::from),
            revoked_at: integrator.revoked_at.map(Instant::from),
            last_used_at: last_used.map(Instant::from),
        }
    }
}

/// A secret of a credential.
#[derive(Serialize, ToSchema)]
#[schema(as = IntegratorSecret)]
struct SecretView {
    /// The id of the secret.
    id: IntegratorSecretId,
    /// When it was added.
    created_at: Instant,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// When it was retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<Instant>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Instant>,
}

impl From<Secret> for SecretView {
    fn from(secret: Secret) -> Self {
        Self {
            id: secret.id,
            created_at: secret.created_at.into(),
            expires_at: secret.expires_at.map(Instant::from),
            retired_at: secret.retired_at.map(Instant::from),
            last_used_at: secret.last_used_at.map(Instant::from),
        }
    }
}

/// A new credential.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedIntegrator)]
struct IssuedView {
    #[serde(flatten)]
    integrator: IntegratorView,
    /// The secret's id.
    secret_id: IntegratorSecretId,
    /// The secret. It is shown only once.
    client_secret: String,
}

impl From<IssuedSecret> for IssuedView {
    fn from(issued: IssuedSecret) -> Self {
        Self {
            integrator: issued.integrator.into(),
            secret_id: issued.id,
            client_secret: issued.secret,
        }
    }
}

refuses!(IssueIntegratorRefusals: OrganizationNotFound, OrganizationClosed);

/// Issue a credential for another system
///
/// Only the nation's own administrators can issue a credential. Only this answer shows the secret. If you lose the
/// answer, revoke the credential and issue another. There is no `Idempotency-Key`, because the service would have to
/// keep the secret.
#[utoipa::path(tag = "integrators", operation_id = "issue_integrator", security(("bearer" = [])),
    request_body = IntegratorBody, responses(
    (status = 201, description = "The credential with its secret", body = IssuedView),
    IssueIntegratorRefusals,
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
        scopes,
        reach,
        expires_at,
    } = body.into_inner();
    let expires_at = to_come(expires_at, caller.context.now)?;
    if scopes
        .as_ref()
        .is_some_and(|scopes| scopes.is_empty() || scopes.len() > Scope::ALL.len())
    {
        let refusal = Refusal::invalid(InputError::Items(Scope::ALL.len()));
        return Err(Problem::new(refusal.at("/scopes")));
    }
    let wanted = IntegratorRequest {
        name: line(&name, NAME_MAX, "/name")?,
        organization,
        scopes,
        reach: reach.unwrap_or(Reach::Own),
        expires_at,
    };
    let vault = app.vault.clone();
    let issued = app
        .db
        .write(move |conn| integrators::issue(conn, &caller.context, &vault, &wanted))
        .await?;
    Ok(HttpResponse::Created().json(IssuedView::from(issued)))
}

/// Checks that the instant of expiry lies in the future.
fn to_come(at: Option<Instant>, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let at = at.map(Timestamp::from);
    if at.is_some_and(|at| at <= now) {
        let past = InputError::Said(Text {
            zh: "须晚于现在",
            en: "must be in the future",
        });
        return Err(Problem::new(Refusal::invalid(past).at("/expires_at")));
    }
    Ok(at)
}

/// The second secret of a credential.
#[derive(Deserialize, ToSchema)]
#[schema(as = AddIntegratorSecretRequest)]
#[serde(deny_unknown_fields)]
struct SecretBody {
    /// When it expires. If absent, it expires with the credential.
    expires_at: Option<Instant>,
}

refuses!(AddIntegratorSecretRefusals: IntegratorNotFound, IntegratorSecretsFull, IntegratorRevoked);

/// Add a secret to a credential
///
/// Only the nation's own administrators can add a secret. With it the integrator can change its secret without a pause:
/// add a second secret, let the system use it, then retire the first. Two secrets can be in force at once. Only this
/// answer shows the secret.
#[utoipa::path(tag = "integrators", operation_id = "add_integrator_secret", security(("bearer" = [])),
    params(("id" = AccountId, Path, description = "The credential's `client_id`")),
    request_body = SecretBody, responses(
    (status = 201, description = "The credential with its new secret", body = IssuedView),
    AddIntegratorSecretRefusals,
))]
#[post("/integrators/{id}/secrets")]
async fn add_integrator_secret(
    app: web::Data<App>,
    caller: Caller<can::ManageIntegrators>,
    Id(ClientId(account)): Id<ClientId>,
    body: Json<SecretBody>,
) -> Result<HttpResponse, Problem> {
    let expires_at = to_come(body.into_inner().expires_at, caller.context.now)?;
    let vault = app.vault.clone();
    let issued = app
        .db
        .write(move |conn| integrators::add_secret(conn, &caller.context, &vault, account, expires_at))
        .await?;
    Ok(HttpResponse::Created().json(IssuedView::from(issued)))
}

refuses!(RetireIntegratorSecretRefusals: IntegratorNotFound, IntegratorSecretNotFound, IntegratorLastSecret);

/// Retire a secret of a credential
///
/// Only the nation's own administrators can retire a secret. It is refused from now on. You can't retire the only
/// secret in force.
#[utoipa::path(tag = "integrators", operation_id = "retire_integrator_secret", security(("bearer" = [])),
    params(
        ("id" = AccountId, Path, description = "The credential's `client_id`"),
        ("secret" = IntegratorSecretId, Path, description = "The id of the secret"),
        Key,
    ),
    request_body = Empty, responses(
    (status = 200, description = "The credential without the retired secret", body = IntegratorView),
    RetireIntegratorSecretRefusals,
))]
#[post("/integrators/{id}/secrets/{secret}/retire")]
async fn retire_integrator_secret(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ManageIntegrators>,
    Id(ClientId(account)): Id<ClientId>,
    SecretId(secret): SecretId,
    key: Key,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    write_once(&app, caller.context, claim, move |conn, context| {
        let retired = integrators::retire_secret(conn, context, account, secret)?;
        reply::answer(StatusCode::OK, &IntegratorView::from(retired))
    })
    .await
}

/// Selects a page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IntegratorQuery {
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the credentials of other systems
///
/// Only the nation's own administrators can list the credentials, latest first. The list has the revoked and expired
/// ones too, and no secrets.
#[utoipa::path(tag = "integrators", operation_id = "list_integrators", security(("bearer" = [])),
    params(IntegratorQuery), responses(
    (status = 200, description = "A page of credentials", body = Page<IntegratorView>),
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
    let (items, last) = paging::split_page(found, limit, |shown| shown.named.integrator.account_id.0);
    Ok(HttpResponse::Ok().json(Page {
        items: items.into_iter().map(IntegratorView::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}

refuses!(RevokeIntegratorRefusals: IntegratorNotFound);

/// Revoke a credential of another system
///
/// Only the nation's own administrators can revoke a credential. It and all its tokens are refused from now on.
/// Revoking it again changes nothing.
#[utoipa::path(tag = "integrators", operation_id = "revoke_integrator", security(("bearer" = [])),
    params(
        ("id" = AccountId, Path, description = "The credential's `client_id`"),
        Key,
    ),
    request_body = Empty, responses(
    (status = 200, description = "The revoked credential", body = IntegratorView),
    RevokeIntegratorRefusals,
))]
#[post("/integrators/{id}/revoke")]
async fn revoke_integrator(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ManageIntegrators>,
    Id(ClientId(account)): Id<ClientId>,
    key: Key,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    write_once(&app, caller.context, claim, move |conn, context| {
        let revoked = integrators::revoke(conn, context, account)?;
        reply::answer(StatusCode::OK, &IntegratorView::from(revoked))
    })
    .await
}
