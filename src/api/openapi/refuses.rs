//! The refusals of an operation in the document. Each is made from its [`Code`]: status, text, way out and example.

use crate::api::response::problem::{Problem, ProblemDetails, status};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::language::Language;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

/// The responses of an operation by status.
pub type Responses = BTreeMap<String, RefOr<Response>>;

const MEDIA_TYPE: &str = "application/problem+json";

/// Declares an operation's own refusals: `refuses!(SignInRefusals: RequestSignInFailed, …)`. Name the type among the
/// operation's `responses`. The errors of the extractors, the permission and the service itself are added elsewhere.
macro_rules! refuses {
    ($name:ident: $($code:ident),+ $(,)?) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> $crate::api::openapi::refuses::Responses {
                let codes = [$($crate::domain::catalogue::code::Code::$code),+];
                $crate::api::openapi::refuses::responses(codes)
            }
        }
    };
}
pub(crate) use refuses;

/// The responses for these codes.
pub fn responses(codes: impl IntoIterator<Item = Code>) -> Responses {
    let mut responses = Responses::new();
    for code in codes {
        add(&mut responses, code);
    }
    responses
}

/// Adds a code to the response of its status.
pub fn add(responses: &mut Responses, code: Code) {
    let status = status(code.kind()).as_u16().to_string();
    let response = responses.entry(status).or_insert_with(|| {
        let content = Content::new(Some(Ref::from_schema_name(ProblemDetails::name())));
        ResponseBuilder::new().content(MEDIA_TYPE, content).build().into()
    });
    let RefOr::T(response) = response else { return };
    let Some(RefOr::T(content)) = response.content.get_mut(MEDIA_TYPE) else {
        return;
    };
    let example = Ref::new(format!("#/components/examples/{code}"));
    if content
        .examples
        .insert(code.name().to_owned(), RefOr::Ref(example))
        .is_some()
    {
        return;
    }
    if !response.description.is_empty() {
        response.description.push('\n');
    }
    response.description.push_str(&format!("- `{code}`: {}", text(code)));
}

/// The English text of a code, with the way out.
fn text(code: Code) -> String {
    let language = Language::English;
    format!("{} {}", code.detail(language), code.next_action(language))
}

/// An example of each code, for the document's components.
pub fn examples() -> impl Iterator<Item = (String, RefOr<Example>)> {
    Code::ALL
        .iter()
        .map(|code| (code.name().to_owned(), example(*code).into()))
}

fn example(code: Code) -> Example {
    let problem = Problem::new(Refusal::new(code));
    let problem = ProblemDetails::new(&problem, Language::English, "/v1/…", "3q2-7wAAAAAAAAAAAAAAAA", None);
    ExampleBuilder::new()
        .summary(code.detail(Language::English))
        // Plain structs always serialize.
        .value(serde_json::to_value(problem).ok())
        .build()
}
