//! The keys of a world that programs beside it use too.

use super::process::{self, zhuanjie};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use zhuanjie::config::Keys;
use zhuanjie::security::token_keys::TokenKeys;
use zhuanjie::security::tokens::{Terms, Tokens};
use zhuanjie::security::vault::Vault;

const SEAL: [u8; 32] = [7; 32];
const INDEX: [u8; 32] = [8; 32];

/// Keys, and the token key in the form that a program reads.
pub struct SharedKeys {
    pub keys: Keys,
    token_key: String,
}

impl SharedKeys {
    pub fn new() -> Self {
        let (_, lines) = process::run(zhuanjie(["keys"]));
        let token_key = lines.iter().find_map(|line| line.strip_prefix("ZHUANJIE_TOKEN_KEY="));
        let token_key = token_key.expect("a key").trim_matches('\'').to_owned();
        let token_keys = TokenKeys::parse(&token_key).expect("a key");
        let keys = Keys {
            tokens: Tokens::new(&token_keys, Terms::lasting(TimeDelta::minutes(15))).expect("a key"),
            vault: Vault::new(&BTreeMap::from([(0, SEAL)]), &INDEX).expect("a key"),
        };
        Self { keys, token_key }
    }

    /// The variables from which a program reads them.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("ZHUANJIE_TOKEN_KEY", self.token_key.clone()),
            ("ZHUANJIE_DATA_KEYS", format!("0:{}", STANDARD.encode(SEAL))),
            ("ZHUANJIE_INDEX_KEY", STANDARD.encode(INDEX)),
        ]
    }
}
