//! The language a client wants (RFC 9110, Accept-Language).

use crate::domain::core::language::Language;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};

/// Chinese or English, depending on which has the higher weight. Chinese if neither is named.
pub fn of(request: &HttpRequest) -> Language {
    asked_in(request.headers())
}

/// The language that a request's header fields ask for.
pub fn asked_in(headers: &HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map_or(Language::Chinese, choose)
}

/// The language tag (BCP 47).
pub fn tag(language: Language) -> &'static str {
    match language {
        Language::Chinese => "zh-CN",
        Language::English => "en",
    }
}

fn choose(accepted: &str) -> Language {
    let weight = |wanted: &str| {
        let weights = accepted.split(',').filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let tag = parts.next()?;
            let primary = tag.split('-').next()?;
            let quality = parts
                .find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok())
                .unwrap_or(1.0);
            primary.eq_ignore_ascii_case(wanted).then_some(quality)
        });
        weights.fold(0.0, f32::max)
    };
    if weight("en") > weight("zh") {
        Language::English
    } else {
        Language::Chinese
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavier_of_the_two_wins_and_chinese_is_the_default() {
        for (accepted, language) in [
            ("", Language::Chinese),
            ("fr", Language::Chinese),
            ("en", Language::English),
            ("EN-us", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", Language::English),
            ("zh;q=0.1, en;q=0.2", Language::English),
            ("en;q=zero", Language::English),
            ("entropy", Language::Chinese),
        ] {
            assert_eq!(choose(accepted), language, "{accepted}");
        }
    }
}
