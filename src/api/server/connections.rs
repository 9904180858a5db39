//! Closes connections that a client holds without using them (S-13), and those beyond the limit of one address.
//!
//! The framework has deadlines for the first head of a connection and for the idle time between two requests. Three ways to hold
//! a connection for ever remain: a later head that never ends, a refused body that never ends, and an answer that the client
//! does not read. In each case no request is worked on and nothing has happened on the connection for a while.

use crate::api::admission::quotas::{QuotaUse, Quotas};
use crate::api::admission::rate_limit::network;
use crate::api::settings::Timeouts;
use crate::config::proxies::Proxies;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use std::any::Any;
use std::net::{IpAddr, Shutdown, TcpStream as Socket};
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
    /// Its place among those of its address.
    place: Place,
}

impl Connection {
    fn of(stream: &TcpStream, place: Place) -> Option<Self> {
        let descriptor = stream.as_fd().try_clone_to_owned().ok()?;
        Some(Self {
            socket: descriptor.into(),
            opened: Instant::now(),
            busy: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            place,
        })
    }

    /// Whether it is beyond the limit of its address. What was sent on it is not worked on.
    pub fn is_excess(&self) -> bool {
        matches!(self.place, Place::Excess)
    }

    fn close(&self) {
        // The connection may have ended at this moment.
        let _ = self.socket.shutdown(Shutdown::Both);
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

/// A connection's place among those of its address.
pub enum Place {
    /// It counts towards the limit until this is dropped.
    Counted { _use: QuotaUse<IpAddr> },
    /// A trusted proxy may open as many as it needs.
    Free,
    /// The address has as many as it may have.
    Excess,
}

/// All connections of a server.
pub struct Connections {
    open: Mutex<Vec<Weak<Connection>>>,
    addresses: Quotas<IpAddr>,
    proxies: Proxies,
}

impl Connections {
    /// With so many connections for one address (IPv6: one network), or any number if that is 0. Trusted proxies have
    /// no limit.
    pub fn new(per_address: usize, proxies: &Proxies) -> Self {
        Self {
            open: Mutex::default(),
            addresses: Quotas::new(if per_address == 0 { usize::MAX } else { per_address }),
            proxies: proxies.clone(),
        }
    }

    /// The place of a new connection.
    pub fn place(&self, stream: &TcpStream) -> Place {
        let peer = stream.peer_addr().map(|peer| peer.ip());
        match peer {
            Ok(peer) if !self.proxies.trust(peer) => match self.addresses.take(network(peer), 1) {
                Some(held) => Place::Counted { _use: held },
                None => Place::Excess,
            },
            _ => Place::Free,
        }
    }

    /// Registers a new connection, and closes one that is beyond the limit of its address. If the system gives no second
    /// descriptor, the connection is not checked.
    pub fn opened(&self, io: &dyn Any, data: &mut Extensions) {
        let tls = io.downcast_ref::<TlsStream<TcpStream>>();
        let Some(stream) = tls.map(|tls| tls.get_ref().0).or_else(|| io.downcast_ref()) else {
            return;
        };
        if let Some(connection) = Connection::of(stream, self.place(stream)).map(Arc::new) {
            if connection.is_excess() {
                connection.close();
            }
            self.all().push(Arc::downgrade(&connection));
            data.insert(connection);
        }
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        let all = self.all();
        all.iter().filter(|connection| connection.strong_count() > 0).count()
    }

    /// Closes the connections that are held without use, and forgets those that ended.
    pub fn sweep(&self, timeouts: &Timeouts) {
        let idle = timeouts.idle.max(timeouts.head) + MARGIN;
        self.all().retain(|connection| match connection.upgrade() {
            None => false,
            Some(connection) if connection.is_held_for_nothing(idle) => {
                connection.close();
                false
            }
            Some(_) => true,
        });
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
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
