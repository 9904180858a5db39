//! The audit log (审计日志): what a row says of an attempt, and how long rows are kept.

use super::core::vocabulary::vocabulary;

vocabulary! {
    /// What came of what somebody tried.
    AuditOutcome {
        Done = "done", "已执行", "it was done";
        Denied = "denied", "被拒绝", "it was refused for want of authority, or was out of sight";
    }
}

/// Up to how many refusals in an hour each leave a row of their own (I-28).
pub const DENIALS_TOLD_APART: i64 = 100;

/// Whether the `times`th refusal of somebody within an hour leaves a row. Whoever is refused without end can't fill the
/// disk: beyond the first hundred only each doubling is written, and says how often it has been by then.
pub fn leaves_a_row(times: i64) -> bool {
    times <= DENIALS_TOLD_APART || times.count_ones() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i28_a_hundred_refusals_are_told_apart_and_then_each_doubling() {
        let written: Vec<i64> = (1..=1_000).filter(|&times| leaves_a_row(times)).collect();
        assert_eq!(written.len(), 103);
        assert_eq!(written[100..], [128, 256, 512]);
    }
}
