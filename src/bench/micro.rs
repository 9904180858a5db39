//! Times the work that every request needs.

use anyhow::Result;
use std::hint::black_box;
use std::time::Duration;
use tokio::time::Instant;
use zhuanjie::cli;
use zhuanjie::clock::Clock;
use zhuanjie::config::TOKEN_LIFETIME;
use zhuanjie::domain::core::ids::{AccountId, AppointmentId, SessionId};
use zhuanjie::security::tokens::{Bearer, Tokens};

/// How long to repeat each call.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// Prints how long one check of a token takes.
///
/// # Errors
/// When a token can't be issued.
pub fn run() -> Result<()> {
    let tokens = Tokens::ephemeral(TOKEN_LIFETIME);
    let now = Clock::system().now();
    let bearer = Bearer {
        account: AccountId(7),
        session: Some(SessionId(5)),
        office: Some(AppointmentId(3)),
    };
    let token = tokens.issue(bearer, now)?;
    let check = each(|| black_box(tokens.check(black_box(&token), now)).is_ok());
    cli::say(&format!("check of a token: {:.2} µs\n", check.as_secs_f64() * 1e6))
}

/// The mean time of one call.
fn each<T>(mut call: impl FnMut() -> T) -> Duration {
    let begun = Instant::now();
    let mut calls = 0_u32;
    while begun.elapsed() < LONG_ENOUGH {
        for _ in 0..100 {
            black_box(call());
        }
        calls += 100;
    }
    begun.elapsed() / calls
}
