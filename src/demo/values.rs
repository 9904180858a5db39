//! Names of a member's states as the database holds them (the data page, "Member").

/// In good standing (正常).
pub const GOOD_STANDING: &str = "good_standing";
/// A party member who keeps League membership (保留团籍的党员).
pub const PARTY_MEMBER: &str = "party_member";
/// Left the League (退团).
pub const LEFT: &str = "left";
/// Expelled (开除团籍).
pub const EXPELLED: &str = "expelled";

/// The real-name check has not been made.
pub const NOT_CHECKED: &str = "not_checked";
/// The real-name check was passed.
pub const PASSED: &str = "passed";
/// The real-name check failed.
pub const FAILED: &str = "failed";

/// Developed before 2020: no certification is asked for.
pub const NOT_REQUIRED: &str = "not_required";
/// The application form has not been uploaded.
pub const NOT_UPLOADED: &str = "not_uploaded";
/// Uploaded, and waiting for the superior.
pub const WAITING: &str = "waiting";
/// Certified.
pub const CERTIFIED: &str = "certified";
/// Refused by the superior.
pub const REFUSED: &str = "refused";

/// The kind of `organization_names` row this generator writes: a former name (原名).
pub const FORMER_NAME: &str = "former";
