//! Who calls: the token becomes an actor, and the permission stands as a type in the handler's signature. A handler
//! without a [`Caller`] has nobody to act for, so none can be written that forgets to ask.

use super::edge::RequestId;
use super::problem::Problem;
use crate::app::App;
use crate::domain::authority::{self, Action, Capacity, actions};
use crate::domain::codes::Code;
use crate::service::{self, Context};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

/// What a handler demands of its caller before it is run: one action of the table. What the caller may do to a certain
/// object is asked again in the service, on the loaded object.
pub trait Permission: 'static {
    /// The action.
    const ACTION: Action;
}

/// One type for each action, to stand in a handler's signature: `Caller<can::ReadMember>`.
pub mod can {
    use super::{Action, Permission, actions};

    macro_rules! permissions {
        ($($variant:ident = $name:literal, $zh:literal, $en:literal,
            $kind:ident, $who:ident or $door:ident, [$($relation:ident)*] or $otherwise:ident;)*) => {$(
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

/// What the handler of a request demands, left in the request for whoever asks the routes about it.
#[derive(Debug, Clone, Copy)]
pub struct Demanded(pub Action);

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
        request.extensions_mut().insert(Demanded(P::ACTION));
        let app = request.app_data::<web::Data<App>>().cloned();
        let token = bearer_token(request);
        let request_id = request
            .extensions()
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default();
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
            authority::admit(Capacity::of(&actor), P::ACTION)?;
            Ok(Self {
                context: Context { actor, now, request_id },
                permission: PhantomData,
            })
        })
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750).
pub(super) fn bearer_token(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
