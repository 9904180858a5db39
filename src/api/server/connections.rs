//! Who holds a connection without using it is cut off (S-13).
//!
//! The framework times the first head of a connection and the silence between two requests. Three ways to hold on for ever
//! are left: a later head that never ends, a refused body that goes on and on, and an answer that nobody takes. Each is a
//! connection on which no request is worked on, and on which nothing was begun for a while.

use crate::api::settings::Timeouts;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use std::any::Any;
use std::net::{Shutdown, TcpStream as Socket};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// How often the connections are looked at.
pub const ROUND: Duration = Duration::from_secs(1);
/// What stays above the framework's own time for idle connections, which ends them more politely.
const MARGIN: Duration = Duration::from_secs(1);
/// How long the sender of a refused body may read why.
const FAREWELL: Duration = Duration::from_secs(1);
/// An answer up to this long is written in one go.
const ONE_GO: u64 = 32 * 1024;

/// One client's connection.
pub struct Connection {
    /// The same socket under a descriptor of our own: the framework keeps its own to itself.
    socket: Socket,
    opened: Instant,
    /// Requests being worked on.
    busy: AtomicUsize,
    /// When something was begun or ended on it, in milliseconds since it was opened.
    last: AtomicU64,
    /// Its client was told that nothing more is taken.
    refused: AtomicBool,
}

impl Connection {
    fn of(io: &dyn Any) -> Option<Self> {
        let tls = io.downcast_ref::<TlsStream<TcpStream>>();
        let stream = tls.map(|tls| tls.get_ref().0).or_else(|| io.downcast_ref())?;
        let descriptor = stream.as_fd().try_clone_to_owned().ok()?;
        Some(Self {
            socket: descriptor.into(),
            opened: Instant::now(),
            busy: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            refused: AtomicBool::new(false),
        })
    }

    fn age(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Something was begun or ended on it.
    pub fn touch(&self) {
        self.last.store(self.age(), Ordering::Relaxed);
    }

    /// Nothing more will be read from it.
    pub fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    fn is_held_for_nothing(&self, idle: Duration) -> bool {
        let silent = Duration::from_millis(self.age().saturating_sub(self.last.load(Ordering::Relaxed)));
        let limit = if self.refused.load(Ordering::Relaxed) {
            FAREWELL
        } else {
            idle
        };
        self.busy.load(Ordering::Relaxed) == 0 && silent > limit
    }
}

/// A request that is being worked on: its connection is in use until this is dropped.
pub struct Busy(Arc<Connection>);

impl Busy {
    /// Marks a connection as in use.
    pub fn on(connection: &Arc<Connection>) -> Self {
        connection.busy.fetch_add(1, Ordering::Relaxed);
        Self(connection.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All connections of a server.
#[derive(Default)]
pub struct Connections(Mutex<Vec<Weak<Connection>>>);

impl Connections {
    /// Notes a new connection. Where the system gives no second descriptor, it goes unwatched.
    pub fn opened(&self, io: &dyn Any, data: &mut Extensions) {
        if let Some(connection) = Connection::of(io).map(Arc::new) {
            self.all().push(Arc::downgrade(&connection));
            data.insert(connection);
        }
    }

    /// Cuts off those held for nothing, and forgets those that ended.
    pub fn sweep(&self, timeouts: &Timeouts) {
        let idle = timeouts.idle.max(timeouts.head) + MARGIN;
        self.all().retain(|connection| match connection.upgrade() {
            None => false,
            Some(connection) if connection.is_held_for_nothing(idle) => {
                // It may have ended by itself in this moment.
                let _ = connection.socket.shutdown(Shutdown::Both);
                false
            }
            Some(_) => true,
        });
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Connection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is written piece by piece, each of which shows that its client takes it.
pub struct Watched {
    body: BoxBody,
    connection: Arc<Connection>,
}

impl Watched {
    /// Watches a body that is too long to be written in one go.
    pub fn over(body: BoxBody, connection: Option<&Arc<Connection>>) -> BoxBody {
        match (body.size(), connection) {
            (BodySize::Sized(..=ONE_GO) | BodySize::None, _) | (_, None) => body,
            (_, Some(connection)) => BoxBody::new(Self {
                body,
                connection: connection.clone(),
            }),
        }
    }
}

impl MessageBody for Watched {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.connection.touch();
        self.body.as_pin_mut().poll_next(cx)
    }
}
