//! The caller of a request. The token becomes an actor, and the permission is a type in the handler's signature. A
//! handler gets an actor only from [`Caller`] or [`AccountHolder`], so it can't forget the check. Errors of the
//! extractors after the caller are reported only if the caller has the permission: see [`authorized`].

use crate::api::request::bearer::Borne;
use crate::api::request::request_id::RequestId;
use crate::api::response::problem::Problem;
use crate::app::App;
use crate::domain::authority::{self, Action, actions};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, SessionId};
use crate::security::tokens::Bearer;
use crate::service::Context;
use crate::service::accounts::Present;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// The permission that the caller needs for an operation: one action of the table. The service checks again for the
/// loaded object.
pub trait Permission: 'static {
    /// The action.
    const ACTION: Action;
}

/// One type for each action, for a handler's signature: `Caller<can::ReadMember>`.
pub mod can {
    use super::{Action, Permission, actions};

    macro_rules! permissions {
        ($($variant:ident = $name:literal, $zh:literal, $en:literal,
            $kind:ident, $who:ident or $of_capacity:ident, [$($relation:ident)*] or $on_object:ident;)*) => {$(
            #[doc = concat!("To ", $en, ".")]
            #[allow(dead_code, reason = "some actions are only asked for on what a body names")]
            pub struct $variant;

            impl Permission for $variant {
                const ACTION: Action = Action::$variant;
            }
        )*};
    }
    actions!(permissions);
}

/// The action that the matched handler demands. It is stored in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Demanded(pub Action);

/// The known caller. It is stored in the request's extensions, so that the edge can record a refusal in the audit log
/// (I-28).
#[derive(Clone)]
pub struct Identified(pub Context);

/// Whether the caller of a request is authorized.
#[derive(Clone)]
struct AuthGate(watch::Receiver<bool>);

impl AuthGate {
    /// Closes the gate for the extractors that follow in the signature. Sending `true` opens it.
    fn before(request: &HttpRequest, action: Action) -> watch::Sender<bool> {
        let (opener, gate) = watch::channel(false);
        let mut extensions = request.extensions_mut();
        extensions.insert(Demanded(action));
        extensions.insert(Self(gate));
        opener
    }
}

/// Waits until [`Caller`] or [`AccountHolder`] has authorized the request. Returns at once if the handler has neither.
///
/// All extractors of a handler run at the same time, and the first refusal is the answer. Without this gate a client
/// without permission would sometimes get an error about its body instead.
pub fn authorized(request: &HttpRequest) -> impl Future<Output = ()> + use<> {
    let gate = request.extensions().get::<AuthGate>().cloned();
    async move {
        if let Some(AuthGate(mut gate)) = gate {
            // If the channel is closed, the caller was refused. That refusal is the answer, so this result does not
            // matter.
            let _ = gate.wait_for(|is_open| *is_open).await;
        }
    }
}

/// The caller, with the permission that the handler demands.
pub struct Caller<P: Permission> {
    /// The actor, the instant and the request's id.
    pub context: Context,
    /// The session; an integrator has none.
    pub session: Option<SessionId>,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let opener = AuthGate::before(request, P::ACTION);
        let lookup = CallerLookup::of(request);
        let request = request.clone();
        Box::pin(async move {
            let (present, context) = lookup.present().await?;
            request.extensions_mut().insert(Identified(context.clone()));
            if present.must_change_password {
                return Err(Code::AccountPasswordChangeRequired.into());
            }
            authority::enter(&context.actor, P::ACTION).map_err(|code| refusal(code, P::ACTION))?;
            opener.send_replace(true);
            Ok(Self {
                context,
                session: present.session,
                permission: PhantomData,
            })
        })
    }
}

/// Tells an integrator which scope it lacks (RFC 6750 §3.1).
fn refusal(code: Code, action: Action) -> Problem {
    let problem = Problem::from(code);
    match action.scope() {
        Some(scope) if code == Code::IntegratorScopeMissing => {
            let text = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            match HeaderValue::from_str(&text) {
                Ok(value) => problem.with_header(header::WWW_AUTHENTICATE, value),
                Err(_) => problem,
            }
        }
        _ => problem,
    }
}

/// The signed-in person, for operations about their own session and password. Accounts that must change their password
/// first may use these operations too.
pub struct AccountHolder {
    /// The account.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
    /// The actor, the instant and the request's id.
    pub context: Context,
}

impl FromRequest for AccountHolder {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let opener = AuthGate::before(request, Action::ManageSelf);
        let lookup = CallerLookup::of(request);
        let request = request.clone();
        Box::pin(async move {
            let (present, context) = lookup.present().await?;
            request.extensions_mut().insert(Identified(context.clone()));
            authority::enter(&context.actor, Action::ManageSelf)?;
            let (account, session) = context
                .actor
                .account
                .zip(present.session)
                .ok_or(Code::RequestUnauthenticated)?;
            opener.send_replace(true);
            Ok(Self {
                account,
                session,
                context,
            })
        })
    }
}

/// The data that is needed to find the caller of a request.
struct CallerLookup {
    app: Option<web::Data<App>>,
    bearer: Option<Bearer>,
    request_id: String,
}

impl CallerLookup {
    fn of(request: &HttpRequest) -> Self {
        let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
        Self {
            app: request.app_data::<web::Data<App>>().cloned(),
            bearer: request.extensions().get::<Borne>().and_then(|borne| borne.0),
            request_id: request_id.unwrap_or_default(),
        }
    }

    /// Finds who the caller is now.
    async fn present(self) -> Result<(Arc<Present>, Context), Problem> {
        let app = self.app.ok_or(Code::ServiceFault)?;
        let now = app.clock.now();
        let bearer = self.bearer.ok_or(Code::RequestUnauthenticated)?;
        let present = app.actor_cache.of(&app.db, bearer, now).await?;
        let context = Context {
            actor: present.actor.clone(),
            now,
            request_id: self.request_id,
        };
        Ok((present, context))
    }
}

/// Paths whose writes change no account, session, office, organization or credential.
const KEEPS_CACHE: [&str; 6] = [
    "/v1/transfers",
    "/v1/inbound-transfers",
    "/v1/auth/sign-in",
    "/v1/auth/refresh",
    "/v1/auth/token",
    "/v1/auth/wechat",
];

/// The decisions on transfers that can move a member. With the member an office can end (P6).
const MOVES_MEMBERS: [&str; 4] = ["/approve", "/assign", "/accept-external", "/decisions"];

/// Whether a write to a path changes no actor.
fn keeps_cache(path: &str) -> bool {
    let keeps = KEEPS_CACHE.iter().any(|kept| path.starts_with(kept));
    keeps && !MOVES_MEMBERS.iter().any(|decision| path.ends_with(decision))
}

/// Wraps every request. Empties the cache of actors after a write, since the write may have changed them (S-08).
///
/// # Errors
/// Those of the wrapped service.
pub async fn invalidate_actor_cache(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_concerned = !request.method().is_safe() && !keeps_cache(request.path());
    let app = request.app_data::<web::Data<App>>().filter(|_| is_concerned).cloned();
    let response = next.call(request).await;
    if let Some(app) = app {
        app.actor_cache.forget();
    }
    response
}
