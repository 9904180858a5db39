//! The language a client wants (RFC 9110, Accept-Language).

use crate::domain::core::language::Language;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};

/// Chinese or English, depending on which has the higher weight. Chinese if neither is named.
pub fn of(request: &HttpRequest) -> Language {
    asked_in(request.headers())
}

/// The language that a request's header fields ask for. Several field lines are one list (RFC 9110, 5.3).
pub fn asked_in(headers: &HeaderMap) -> Language {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE);
    let lines: Vec<&str> = lines.filter_map(|value| value.to_str().ok()).collect();
    choose(&lines.join(","))
}

/// The language tag (BCP 47).
pub fn tag(language: Language) -> &'static str {
    match language {
        Language::Chinese => "zh-CN",
        Language::English => "en",
    }
}

/// The heavier of the two (RFC 9110, 12.5.4). `*` stands for a language that is not named.
fn choose(accepted: &str) -> Language {
    let weight = |wanted: &str| {
        let weights = accepted.split(',').filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let tag = parts.next()?;
            let primary = tag.split('-').next()?;
            let quality = parts.find_map(|part| {
                let (name, value) = part.split_once('=')?;
                let is_quality = name.trim().eq_ignore_ascii_case("q");
                let quality = || {
                    value
                        .trim()
                        .parse()
                        .ok()
                        .filter(|quality| (0.0..=1.0).contains(quality))
                };
                is_quality.then(quality).flatten()
            });
            primary.eq_ignore_ascii_case(wanted).then_some(quality.unwrap_or(1.0))
        });
        weights.reduce(f32::max)
    };
    let other = weight("*");
    let (english, chinese) = (weight("en").or(other), weight("zh").or(other));
    // Who refuses Chinese and says nothing of English is answered in English.
    let refuses_chinese = chinese == Some(0.0) && english.is_none();
    if refuses_chinese || english.unwrap_or(0.0) > chinese.unwrap_or(0.0) {
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
            ("en;q=5, zh", Language::Chinese),
            ("en;q=nan, zh;q=0.9", Language::English),
            ("zh;q=0", Language::English),
            ("zh;q=0, *", Language::English),
            ("zh;q=0, en;q=0", Language::Chinese),
            ("*;q=0", Language::Chinese),
            ("entropy", Language::Chinese),
            ("zh;Q=0.1, en;Q=0.9", Language::English),
            ("zh;q=0.5, *", Language::English),
            ("*", Language::Chinese),
            ("en;q=0.5, *;q=0.1", Language::English),
            ("zh ; q = 0.2, en ; q = 0.4", Language::English),
        ] {
            assert_eq!(choose(accepted), language, "{accepted}");
        }
    }
}
