//! The kinds of refusal.

/// What kind of "no" a code is; the HTTP floor turns it into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The caller may see the thing, but not do this to it.
    Forbidden,
    /// There is nothing here that the caller may know of.
    NotFound,
    /// The thing's state does not allow it (now).
    Conflict,
    /// The request says something impossible or leaves out something needed.
    Invalid,
    /// Too much in too short a time.
    Limited,
    /// Nobody is signed in.
    Unauthenticated,
    /// The request can't be read at all.
    Malformed,
    /// The thing exists, but not for this kind of request.
    MethodNotAllowed,
    /// More than the limit.
    TooLarge,
    /// An address longer than the limit.
    AddressTooLong,
    /// Header fields above the limit.
    HeadTooLarge,
    /// What was to come did not come in time.
    Timeout,
    /// Not the kind of content that is taken here.
    UnsupportedMedia,
    /// The caller must say which version it decided on.
    PreconditionRequired,
    /// The caller decided on an older version.
    Stale,
    /// Not now; nothing, or nothing known, was done.
    Unavailable,
    /// The service's own fault.
    Fault,
}
