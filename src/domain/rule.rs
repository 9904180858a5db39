//! The rules by their numbers.

/// A rule of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Who may set a graduation month (§1.1).
    G2,
}
