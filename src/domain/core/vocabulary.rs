//! Closed vocabularies: enums whose values each have a snake_case name, used on the wire and in the database, and a
//! label in both languages.

/// The text is not a name in the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a value of this vocabulary")]
pub struct UnknownName;

/// Declares enums with `ALL`, `as_str`, `label`, `Display`, `FromStr` and serde from one table.
macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal, $zh:literal, $en:literal;)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* #[doc = concat!($en, " (", $zh, ")")] $variant),+ }

        impl $name {
            /// Every value, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire and in the database.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),+ } }

            /// The label for people, in both languages.
            pub fn text(self) -> $crate::domain::core::language::Text {
                match self { $(Self::$variant => $crate::domain::core::language::Text { zh: $zh, en: $en }),+ }
            }

            /// The label for people.
            #[allow(dead_code, reason = "some vocabularies are shown by their names alone")]
            pub fn label(self, language: $crate::domain::core::language::Language) -> &'static str {
                self.text().in_language(language)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::domain::core::vocabulary::UnknownName;
            fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::domain::core::vocabulary::UnknownName) }
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                // The message names the allowed values, never the rejected text.
                text.parse().map_err(|_| $crate::domain::core::input_error::InputError::one_of(&[$($text),+]).into_serde())
            }
        }
    )+};
}
pub(crate) use vocabulary;
