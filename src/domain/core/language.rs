//! The two languages of every text for people.

/// A language of texts for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// zh-CN
    #[default]
    Chinese,
    /// en
    English,
}

/// One text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// zh-CN
    pub zh: &'static str,
    /// en
    pub en: &'static str,
}

impl Text {
    /// The text in one of the languages.
    pub fn in_language(&self, language: Language) -> &'static str {
        match language {
            Language::Chinese => self.zh,
            Language::English => self.en,
        }
    }
}
