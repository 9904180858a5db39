//! What a demo country was made from.

use crate::domain::audit::AuditSubject;
use crate::domain::core::time::Timestamp;

/// What a country was made from: enough to make the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The seed of its randomness.
    pub seed: u64,
    /// How many members were asked for.
    pub members: u64,
    /// When it was seen.
    pub at: Timestamp,
}

impl Signature {
    /// The signature as the audit log's subject.
    pub fn subject(self) -> AuditSubject {
        AuditSubject::Demo {
            seed: self.seed,
            members: self.members,
        }
    }

    /// The signature that was stored at an instant; `None` if the subject is none.
    pub fn parse(at: Timestamp, subject: &str) -> Option<Self> {
        match AuditSubject::read(subject) {
            AuditSubject::Demo { seed, members } => Some(Self { seed, members, at }),
            _ => None,
        }
    }
}
