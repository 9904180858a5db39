//! Closes connections that a client holds without using them (S-13).
//!
//! The framework has deadlines for the first head of a connection and for the idle time between two requests. Three ways to hold
//! a connection for ever remain: a later head that never ends, a refused body that never ends, and an answer that the client
//! does not read. In each case no request is worked on and nothing has happened on the connection for a while.

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

/// How often the connections are checked.
pub const ROUND: Duration = Duration::from_secs(1);
/// Added to the framework's own idle timeout, which closes a connection more politely.
const MARGIN: Duration = Duration::from_secs(1);
/// How long the sender of a refused body has to read the answer.
const FAREWELL: Duration = Duration::from_secs(1);
/// An answer up to this size, in bytes, is written at once.
const ONE_GO: u64 = 32 * 1024;

/// One client's connection.
pub struct Connection {
    /// The same socket under a second descriptor: the framework does not give out its own.
    socket: Socket,
    opened: Instant,
    /// How many requests are being worked on.
    busy: AtomicUsize,
    /// When something last began or ended on it, in milliseconds since it was opened.
    last: AtomicU64,
    /// Whether the client was told that nothing more is accepted.
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

    /// Something began or ended on it.
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

/// A request that is being worked on. Its connection is in use until this is dropped.
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
    /// Registers a new connection. If the system gives no second descriptor, the connection is not checked.
    pub fn opened(&self, io: &dyn Any, data: &mut Extensions) {
        if let Some(connection) = Connection::of(io).map(Arc::new) {
            self.all().push(Arc::downgrade(&connection));
            data.insert(connection);
        }
    }

    /// Closes the connections that are held without use, and forgets those that ended.
    pub fn sweep(&self, timeouts: &Timeouts) {
        let idle = timeouts.idle.max(timeouts.head) + MARGIN;
        self.all().retain(|connection| match connection.upgrade() {
            None => false,
            Some(connection) if connection.is_held_for_nothing(idle) => {
                // The connection may have ended at this moment.
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

/// An answer that is written in pieces. Each piece shows that the client reads it.
pub struct Watched {
    body: BoxBody,
    connection: Arc<Connection>,
}

impl Watched {
    /// Watches a body that is too long to be written at once.
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
