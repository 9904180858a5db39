//! The parameters of a demo country.

use crate::domain::audit::AuditSubject;
use crate::domain::core::time::Timestamp;

/// The parameters of a country, from which the same country can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The seed of the random generator.
    pub seed: u64,
    /// The number of members that was requested.
    pub members: u64,
    /// The time of the country.
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

    /// The signature in an audit row of this instant. `None` if the subject is no signature.
    pub fn parse(at: Timestamp, subject: &str) -> Option<Self> {
        match AuditSubject::read(subject) {
            AuditSubject::Demo { seed, members } => Some(Self { seed, members, at }),
            _ => None,
        }
    }
}
