//! The public keys that verify our tokens (RFC 7517, RFC 8037).

use crate::app::App;
use crate::security::token_keys::PublicKey;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, get, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(jwks);
}

/// A key rotation waits at least this long between publishing a key and signing with it.
const CACHEABLE: &str = "public, max-age=300";

/// A set of public keys (RFC 7517).
#[derive(Serialize, ToSchema)]
#[schema(as = JsonWebKeySet)]
struct KeySet {
    /// The keys. Each of them may have signed a token that is valid now.
    keys: Vec<KeyView>,
}

/// A public key (RFC 8037).
#[derive(Serialize, ToSchema)]
#[schema(as = JsonWebKey)]
struct KeyView {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    purpose: &'static str,
    /// The key's name, as in the header of a token.
    kid: String,
    /// The key in base64url.
    x: String,
}

impl From<&PublicKey> for KeyView {
    fn from(key: &PublicKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: key.id.clone(),
            x: URL_SAFE_NO_PAD.encode(&key.bytes),
        }
    }
}

/// Get the public keys of access tokens
///
/// The public keys that verify access tokens. During a key rotation there are several. The `kid` of a token names its
/// key.
#[utoipa::path(tag = "auth", operation_id = "jwks", security(()), responses(
    (status = 200, description = "The public keys", body = KeySet),
))]
#[get("/.well-known/jwks.json")]
async fn jwks(app: web::Data<App>) -> HttpResponse {
    let keys = app.tokens.public_keys().iter().map(KeyView::from).collect();
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(CACHEABLE)))
        .json(KeySet { keys })
}
