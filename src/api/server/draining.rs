//! Whether the service was told to stop and still answers. Readiness says so, and each answer closes its connection, so
//! that clients and balancers go elsewhere before the listener does.

use actix_web::dev::ResponseHead;
use actix_web::http::ConnectionType;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a server is draining. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Begins. It has no end but that of the process.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// If it has begun, the answer closes its connection.
    pub fn close(&self, head: &mut ResponseHead) {
        if self.has_begun() {
            head.set_connection_type(ConnectionType::Close);
        }
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
