//! The token endpoint of OAuth 2.0 (RFC 6749, 3.2), with the grant for client credentials (4.4): how integrators sign in.

use crate::api::openapi::refuses::refuses;
use crate::api::request::client::Client;
use crate::api::request::extract::admit_encoding;
use crate::api::request::request_id::RequestId;
use crate::api::response::problem::{OAuthError, Problem};
use crate::app::App;
use crate::domain::authority::scope::{self, Scope};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::service::integrators::{self, Credential, TokenOutcome};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::collections::HashSet;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(get_token);
}

const FORM: &str = "application/x-www-form-urlencoded";
const GRANT: &str = "client_credentials";
/// A longer secret is refused at once.
const LONGEST_SECRET: usize = 256;

/// A request for a token (RFC 6749, 4.4.2). The credential is in the `Authorization` header with the scheme `Basic`, or in
/// `client_id` and `client_secret`.
#[derive(Default, ToSchema)]
#[schema(as = GetTokenRequest)]
struct TokenForm {
    /// `client_credentials`.
    #[schema(value_type = String, required, example = "client_credentials")]
    grant_type: Option<String>,
    /// The id of the credential.
    client_id: Option<String>,
    /// A secret of the credential.
    client_secret: Option<String>,
    /// Scopes with blanks between them. The credential must have them all. The token has all scopes of the credential.
    scope: Option<String>,
}

impl TokenForm {
    /// Reads the form. No parameter comes twice, those without a value are left out, and unknown ones are ignored (RFC
    /// 6749, 3.2).
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let (mut form, mut seen) = (Self::default(), HashSet::new());
        for (name, value) in form_urlencoded::parse(body) {
            if !seen.insert(name.clone()) {
                let twice = Problem::new(Refusal::malformed(InputError::Duplicate));
                return Err(twice.oauth(OAuthError::InvalidRequest));
            }
            let field = match &*name {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "scope" => &mut form.scope,
                _ => continue,
            };
            *field = Some(value.into_owned()).filter(|value| !value.is_empty());
        }
        Ok(form)
    }

    /// Checks the kind of grant.
    fn check_grant(&self) -> Result<(), Problem> {
        match self.grant_type.as_deref() {
            Some(GRANT) => Ok(()),
            None => Err(Problem::new(Refusal::malformed(InputError::Missing).at("/grant_type"))
                .oauth(OAuthError::InvalidRequest)),
            Some(_) => {
                let only = InputError::OneOf(vec![GRANT.to_owned()]);
                let refusal = Refusal::malformed(only).at("/grant_type");
                Err(Problem::new(refusal).oauth(OAuthError::UnsupportedGrantType))
            }
        }
    }

    /// The credential, given in one way only (RFC 6749, 2.3).
    fn credential(&mut self, request: &HttpRequest) -> Result<Credential, Problem> {
        let mut headers = request.headers().get_all(header::AUTHORIZATION);
        let first = headers.next().map(|value| value.to_str().ok().and_then(basic));
        // Two headers are two ways, of which none counts. What can't be a credential reveals nothing, so it is not counted.
        let basic = if headers.next().is_some() { Some(None) } else { first };
        let (client, secret) = match (basic, self.client_id.take(), self.client_secret.take()) {
            (Some(_), _, Some(_)) => {
                let twice = InputError::Said(Text {
                    zh: "凭据只能用一种方式提供：Authorization 请求头或表单",
                    en: "give the credential in one way only: in the Authorization header or in the form",
                });
                return Err(Problem::new(Refusal::malformed(twice)).oauth(OAuthError::InvalidRequest));
            }
            (Some(Some((client, secret))), named, None) if named.as_ref().is_none_or(|named| *named == client) => {
                (client, secret)
            }
            (None, Some(client), Some(secret)) => (client, secret),
            _ => return Err(failed()),
        };
        if secret.len() > LONGEST_SECRET {
            return Err(failed());
        }
        Ok(Credential {
            client: client.parse().ok(),
            secret,
        })
    }
}

/// The id and the secret in an `Authorization` header (RFC 7617), each encoded as in a form (RFC 6749, 2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client, secret) = decoded.split_once(':')?;
    let plain = |text: &str| -> Option<String> {
        let spaced = text.replace('+', " ");
        Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned())
    };
    Some((plain(client)?, plain(secret)?))
}

fn failed() -> Problem {
    Problem::from(Code::RequestSignInFailed).oauth(OAuthError::InvalidClient)
}

/// The refusal of a scope that the credential does not have.
fn no_such_scope(granted: &[Scope]) -> Problem {
    let names = granted.iter().map(|scope| scope.as_str().to_owned()).collect();
    let refusal = Refusal::malformed(InputError::OneOf(names)).at("/scope");
    Problem::new(refusal).oauth(OAuthError::InvalidScope)
}

/// A token for an integrator (RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenResult)]
struct TokenAnswer {
    /// The access token. Send it as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the token ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// The scopes of the token, with blanks between them.
    #[schema(example = "organizations:read members:read")]
    scope: String,
}

refuses!(GetTokenRefusals: RequestSignInFailed, RequestTooManyAttempts);

/// Get a token for another system
///
/// The token endpoint of OAuth 2.0 (RFC 6749), with the grant `client_credentials`. Send the id and a secret of a credential
/// in the `Authorization` header with the scheme `Basic`, or in the form. An unknown id, a wrong secret, a revoked and an
/// expired credential get the same answer. A refusal has the members `error` and `error_description` of OAuth 2.0 beside
/// those of every problem.
#[utoipa::path(tag = "auth", operation_id = "get_token", security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "The access token", body = TokenAnswer),
    GetTokenRefusals,
))]
#[post("/auth/token")]
async fn get_token(
    app: web::Data<App>,
    Client(origin): Client,
    RequestId(id): RequestId,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    admit_form(&request)?;
    let mut form = TokenForm::read(&body)?;
    form.check_grant()?;
    let credential = form.credential(&request)?;
    let asked = form.scope.unwrap_or_default();
    let (vault, now) = (app.vault.clone(), app.clock.now());
    let entry = app
        .db
        .write(move |conn| integrators::sign_in(conn, &vault, &credential, &asked, origin, now, &id))
        .await?;
    let (bearer, scopes) = match entry {
        TokenOutcome::Admitted(bearer, scopes) => (bearer, scopes),
        TokenOutcome::ScopeMissing(granted) => return Err(no_such_scope(&granted)),
        TokenOutcome::Failed => return Err(failed()),
        TokenOutcome::Wait(time) => return Err(Problem::wait(time).oauth(OAuthError::TemporarilyUnavailable)),
    };
    let answer = TokenAnswer {
        access_token: app.tokens.issue(bearer, now).map_err(|_| Code::ServiceFault)?,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime().num_seconds(),
        scope: scope::text(&scopes),
    };
    // RFC 6749, 5.1, asks for this field too. `Cache-Control: no-store` is in every answer.
    Ok(HttpResponse::Ok()
        .insert_header((header::PRAGMA, "no-cache"))
        .json(answer))
}

/// Checks the type of the body.
fn admit_form(request: &HttpRequest) -> Result<(), Problem> {
    admit_encoding(request)?;
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case(FORM) {
        return Ok(());
    }
    Err(Problem::new(
        Refusal::new(Code::RequestMediaType).with("expected", FORM),
    ))
}
