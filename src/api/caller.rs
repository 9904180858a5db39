//! Who calls: the token becomes an actor, and the permission stands as a type in the handler's signature. A handler
//! without a [`Caller`] has nobody to act for, so none can be written that forgets to ask.

use super::edge::RequestId;
use super::problem::Problem;
use crate::app::App;
use crate::domain::actor::{Actor, Role};
use crate::domain::codes::Code;
use crate::service::{self, Context};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

/// What a handler demands of its caller before it is run. What the caller may do to a certain object is asked again in
/// the service, on the loaded object.
pub trait Permission: 'static {
    /// Whether this actor may call at all.
    ///
    /// # Errors
    /// The refusal to answer with.
    fn admit(actor: &Actor) -> Result<(), Code>;
}

/// Anybody who is signed in, auditors too: for what concerns the session itself.
pub struct Anybody;
/// Anybody who is signed in, but for auditors, who read the audit log and nothing else.
pub struct SignedIn;
/// An administrator, acting from an office.
pub struct Administrator;
/// An auditor, acting from an office.
pub struct Auditor;
/// Another system, by its credential (X2).
pub struct Integrator;
/// Who can give another system's answer (X1): an administrator, or that system itself.
pub struct Official;

impl Permission for Anybody {
    fn admit(_: &Actor) -> Result<(), Code> {
        Ok(())
    }
}

impl Permission for SignedIn {
    fn admit(actor: &Actor) -> Result<(), Code> {
        match actor.role {
            Role::Auditor(_) => Err(Code::ActorAuditsOnly),
            _ => Ok(()),
        }
    }
}

impl Permission for Auditor {
    fn admit(actor: &Actor) -> Result<(), Code> {
        match actor.role {
            Role::Auditor(_) => Ok(()),
            _ => Err(Code::ActorNotAuditor),
        }
    }
}

impl Permission for Administrator {
    fn admit(actor: &Actor) -> Result<(), Code> {
        match actor.role {
            Role::Administrator(_) => Ok(()),
            _ => Err(Code::ActorNotAdministrator),
        }
    }
}

impl Permission for Integrator {
    fn admit(actor: &Actor) -> Result<(), Code> {
        match actor.role {
            Role::Integrator { .. } => Ok(()),
            // Filing from another province is the one thing that only they do.
            _ => Err(Code::TransferInboundNotAllowed),
        }
    }
}

impl Permission for Official {
    fn admit(actor: &Actor) -> Result<(), Code> {
        match actor.role {
            Role::Integrator { .. } => Ok(()),
            _ => Administrator::admit(actor),
        }
    }
}

/// Who calls, for the edge: a refusal of somebody who is known leaves a row in the audit log (I-28).
#[derive(Clone)]
pub struct Identified(pub Context);

/// The caller, with the permission the handler demands.
pub struct Caller<P: Permission> {
    /// Who, when and in which request.
    pub context: Context,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let token = bearer_token(request);
        let request_id = request
            .extensions()
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default();
        let request = request.clone();
        Box::pin(async move {
            let app = app.ok_or(Code::ServiceFault)?;
            let now = app.clock.now();
            let token = token.ok_or(Code::RequestUnauthenticated)?;
            let bearer = app
                .tokens
                .check(&token, now)
                .map_err(|_| Code::RequestUnauthenticated)?;
            let actor = app
                .db
                .read(move |conn| service::accounts::actor(conn, bearer, now))
                .await?;
            let context = Context { actor, now, request_id };
            request.extensions_mut().insert(Identified(context.clone()));
            P::admit(&context.actor)?;
            Ok(Self {
                context,
                permission: PhantomData,
            })
        })
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750).
fn bearer_token(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
