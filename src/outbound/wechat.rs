//! WeChat's `jscode2session` exchanges a code of `wx.login` for the user's identity at our mini-program.
//!
//! The answer is untrusted (S-22). It is limited in time and size, and redirects are not followed. Only the error
//! number and the `openid` are read. The `session_key`, which opens the user's data at WeChat, is never read from the
//! answer.

use crate::config::Wechat;
use crate::domain::catalogue::code::Code;
use rustls::crypto::aws_lc_rs;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::tls::TlsConfig;

/// The longest answer in bytes. A real one has some 200.
const LONGEST_ANSWER: u64 = 16 << 10;
/// The longest code or openid, in bytes.
const LONGEST_TEXT: usize = 128;
/// How long a user waits when WeChat reports too many requests. WeChat counts them by the minute.
const BUSY_MINUTE: Duration = Duration::from_secs(60);
/// The most requests to WeChat at once, each of which blocks a thread. The others wait, and the wait counts against
/// their time limit.
static PLACES: Semaphore = Semaphore::const_new(32);

/// Why there is no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The user or the mini-program has to do something else.
    Refused(Code),
    /// The user sent too many requests.
    Wait(Duration),
    /// WeChat or the connection to it fails. The text is for the log.
    Unavailable(String),
    /// WeChat does not accept our app id or secret. The text is for the log.
    Misconfigured(String),
}

/// The part of the answer that we read. On success `errcode` is absent or zero.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    openid: Option<String>,
}

/// Exchanges a code for the openid of its sender.
///
/// # Errors
/// [`Failure`] for every other answer.
pub async fn openid(wechat: &Wechat, code: &str) -> Result<String, Failure> {
    if !is_plain(code) {
        return Err(Failure::Refused(Code::WechatCodeInvalid));
    }
    let (settings, code) = (wechat.clone(), code.to_owned());
    let answer = async {
        let place = PLACES.acquire().await.map_err(|_| unavailable("no place"))?;
        let asked = tokio::task::spawn_blocking(move || {
            // The permit is held in here: a caller who disconnects drops the future, but the request goes on.
            let _place = place;
            ask(&settings, &code)
        });
        asked.await.map_err(|_| unavailable("the request panicked"))?
    };
    let answer = tokio::time::timeout(wechat.patience, answer).await;
    read(&answer.map_err(|_| unavailable("too slow"))??)
}

fn is_plain(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unavailable(what: &str) -> Failure {
    Failure::Unavailable(format!("WeChat: {what}"))
}

/// Sends the request and returns the body of the answer. Blocks for at most `patience`.
fn ask(wechat: &Wechat, code: &str) -> Result<Vec<u8>, Failure> {
    let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()));
    let agent = Agent::config_builder()
        .tls_config(tls.build())
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(wechat.patience))
        .build()
        .new_agent();
    let query = [
        ("appid", wechat.app_id.as_str()),
        ("secret", &wechat.secret),
        ("js_code", code),
        ("grant_type", "authorization_code"),
    ];
    let request = agent
        .get(format!("{}/sns/jscode2session", wechat.url))
        .query_pairs(query);
    // The client's errors may contain the address, and the address contains the secret, so no such error is logged.
    let mut response = request.call().map_err(|_| unavailable("not to be reached"))?;
    if response.status() != 200 {
        return Err(unavailable(&format!("status {}", response.status().as_u16())));
    }
    let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
    body.map_err(|_| unavailable("an answer that is too long or broken off"))
}

/// Reads an answer. Its content type is `text/plain` and is ignored.
fn read(body: &[u8]) -> Result<String, Failure> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| unavailable("an answer that is not its JSON"))?;
    match answer.errcode {
        0 => answer
            .openid
            .filter(|openid| is_plain(openid))
            .ok_or_else(|| unavailable("an answer without an openid")),
        // The code is invalid, expired, or was used before.
        40029 | 40163 => Err(Failure::Refused(Code::WechatCodeInvalid)),
        40226 => Err(Failure::Refused(Code::WechatBlocked)),
        45011 => Err(Failure::Wait(BUSY_MINUTE)),
        // The app id or the secret is wrong.
        40013 | 40125 | 41002 | 41004 => Err(Failure::Misconfigured(format!("WeChat: errcode {}", answer.errcode))),
        other => Err(unavailable(&format!("errcode {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api10_only_a_plain_openid_is_accepted() {
        assert_eq!(
            read(br#"{"openid":"oGZ","session_key":"s==","x":[]}"#).as_deref(),
            Ok("oGZ")
        );
        assert_eq!(read(br#"{"errcode":0,"openid":"oGZ"}"#).as_deref(), Ok("oGZ"));
        let long = format!(r#"{{"openid":"{}"}}"#, "o".repeat(129));
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "{",
            r#"{"openid":7}"#,
            r#"{"openid":""}"#,
            r#"{"openid":"o o"}"#,
            r#"{"openid":null}"#,
            r#"{"openid":"a","openid":"b"}"#,
            r#"{"errcode":"0","openid":"a"}"#,
            r#"{"openid":"a"} x"#,
            &long,
        ] {
            assert!(matches!(read(body.as_bytes()), Err(Failure::Unavailable(_))), "{body}");
        }
    }
}
