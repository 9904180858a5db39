//! The table of refusal codes: the one place where a code has its kind, its rule, its texts and its way out.

use super::refusal::{Kind, Language, Text};
use super::rule::Rule;

macro_rules! codes {
    ($($variant:ident = $name:literal, $kind:ident, $rule:expr,
        $zh:literal, $en:literal, $zh_next:literal, $en_next:literal;)*) => {
        /// A refusal code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $en] $variant),* }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as clients see it, such as `transfer.already_open`.
            pub fn name(self) -> &'static str { match self { $(Code::$variant => $name),* } }

            /// What kind of "no" it is.
            pub fn kind(self) -> Kind { match self { $(Code::$variant => Kind::$kind),* } }

            /// The rule it enforces; `None` for plain input checks.
            pub fn rule(self) -> Option<Rule> { match self { $(Code::$variant => $rule),* } }

            /// What is wrong, with `{placeholders}`.
            pub fn detail(self, language: Language) -> &'static str {
                match self { $(Code::$variant => Text { zh: $zh, en: $en }.in_language(language)),* }
            }

            /// What to do now.
            pub fn next_action(self, language: Language) -> &'static str {
                match self { $(Code::$variant => Text { zh: $zh_next, en: $en_next }.in_language(language)),* }
            }
        }
    };
}

codes! {
    GraduationNotAllowedForBranchAdmin = "graduation.not_allowed_for_branch_admin", Forbidden, Some(Rule::G2),
        "团支部管理员不能标记或修改本支部的毕业时间。",
        "A branch's own administrator may not set or change its graduation month.",
        "请联系直属上级团组织管理员标记。",
        "Ask an administrator of the direct superior to set it.";
}
