//! What a member is to the rules: his standing (T12) and his League identity certification (§2.8; T3, O7).

use super::vocabulary::vocabulary;

vocabulary! {
    /// A member's standing (团籍状态).
    Standing {
        Good = "good", "正常", "in good standing";
        PartyMember = "party_member", "党员保留团籍", "Party member who keeps League membership";
        LeftAtAge = "left_at_age", "超龄离团", "left at age";
        Left = "left", "退团", "left";
        Expelled = "expelled", "开除团籍", "expelled";
        MovedOut = "moved_out", "已转出全国系统", "moved to a province with a system of its own";
    }

    /// The real-name check (实名认证) shown under the name: informs and blocks nothing (T3).
    RealName {
        Unchecked = "unchecked", "未认证", "not checked";
        Passed = "passed", "已认证", "passed";
        Failed = "failed", "未通过", "failed";
    }

    /// How far a member's League identity certification (团员身份认证) is (§2.8).
    Certification {
        NotRequired = "not_required", "无需认证", "not required";
        NotUploaded = "not_uploaded", "未上传", "not uploaded";
        Waiting = "waiting", "待审核", "waiting";
        Certified = "certified", "已认证", "certified";
        Refused = "refused", "未通过", "refused";
    }
}

impl Standing {
    /// Whether a member of this standing can start a transfer (T12).
    pub fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::PartyMember)
    }
}
