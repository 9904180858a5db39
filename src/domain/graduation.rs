//! Graduation months of branches (§1.1, §2.3, §2.4; rules G1 to G9).

use super::time::Month;
use super::vocabulary::vocabulary;

vocabulary! {
    /// Why no graduation month can be fixed (§1.1.3).
    Undetermined {
        Teacher = "teacher_branch", "教师支部", "teacher branch";
        Mixed = "mixed_branch", "混合支部", "mixed branch";
    }
}

/// What a school branch is marked with: a month or the reason why there is none, never both (G4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Graduation {
    /// Its members graduate in this month.
    Month(Month),
    /// No month can be fixed.
    Undetermined(Undetermined),
}

impl Graduation {
    /// The month, if there is one.
    pub fn month(self) -> Option<Month> {
        match self {
            Self::Month(month) => Some(month),
            Self::Undetermined(_) => None,
        }
    }
}
