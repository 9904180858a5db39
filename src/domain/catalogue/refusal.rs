//! Refusals: a code from the table in [`super::code`] with the values for its text.

use super::code::Code;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::{Language, Text};
use std::collections::BTreeMap;

/// A refusal: its code, and the values that fill the code's text.
///
/// Parameters are public, because they appear in the answer. Never put a name, an ID number or a telephone number here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// Values for the `{placeholders}` of the code's text, such as an id, a date or a month.
    pub params: BTreeMap<&'static str, String>,
    /// Terms for `{placeholders}` that read differently in each language, such as a field's name.
    pub terms: BTreeMap<&'static str, Text>,
    /// What is wrong with the input. It fills `{problem}`.
    pub problem: Option<Box<InputError>>,
    /// The field it is about, as a JSON pointer (RFC 6901) into the body, or `/name` for a query parameter.
    pub pointer: Option<String>,
    /// The organization whose administrators can help.
    pub helper: Option<crate::domain::core::ids::OrganizationId>,
}

impl Refusal {
    /// A refusal without parameters.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            params: BTreeMap::new(),
            terms: BTreeMap::new(),
            problem: None,
            pointer: None,
            helper: None,
        }
    }

    /// The request was read, but its content is impossible (`request.invalid`).
    pub fn invalid(problem: InputError) -> Self {
        Self {
            problem: Some(Box::new(problem)),
            ..Self::new(Code::RequestInvalid)
        }
    }

    /// The request can't be read (`request.malformed`).
    pub fn malformed(problem: InputError) -> Self {
        Self {
            problem: Some(Box::new(problem)),
            ..Self::new(Code::RequestMalformed)
        }
    }

    /// Adds a value for a placeholder of the text.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.insert(name, value.to_string());
        self
    }

    /// Adds a term for a placeholder of the text.
    pub fn with_term(mut self, name: &'static str, term: Text) -> Self {
        self.terms.insert(name, term);
        self
    }

    /// Sets the field it is about.
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Sets the organization whose administrators can help.
    pub fn ask(mut self, organization: crate::domain::core::ids::OrganizationId) -> Self {
        self.helper = Some(organization);
        self
    }

    /// What is wrong, in one language, with every placeholder filled.
    pub fn detail(&self, language: Language) -> String {
        let mut text = self.code.detail(language).to_owned();
        for (name, value) in &self.params {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        for (name, term) in &self.terms {
            text = text.replace(&format!("{{{name}}}"), term.in_language(language));
        }
        if let Some(problem) = &self.problem {
            text = text.replace("{problem}", &problem.sentence(self.pointer.as_deref(), language));
        }
        text
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}
