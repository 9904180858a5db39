//! How many requests one caller may send (RFC 6585, 429), reported in the header fields of
//! draft-ietf-httpapi-ratelimit-headers. Each server counts on its own, so several servers allow several times as much. That
//! is enough to protect a server from its clients. The limits that protect people, for sign-in and look-up, are counted in the
//! database.

use crate::api::response::problem::Problem;
use crate::api::settings::ServerSettings;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::AccountId;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const MINUTE: Duration = Duration::from_secs(60);

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// An account: everyone with one of its valid tokens.
    Account(AccountId),
    /// Anybody else, by address.
    Address(IpAddr),
}

impl Caller {
    /// Whether the caller has a valid token.
    pub fn is_known(self) -> bool {
        matches!(self, Self::Account(_))
    }

    /// A client without a valid token. IPv6 clients count by network, since each customer has a whole one.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

/// The address by which a client is counted: itself, or with IPv6 its network of 64 bits.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

struct Budget<K: Hash + Eq + Clone> {
    name: &'static str,
    quota: NonZeroU32,
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> Budget<K> {
    /// `None` without a limit.
    fn new(name: &'static str, a_minute: u32) -> Option<Self> {
        let quota = NonZeroU32::new(a_minute)?;
        let limiter = RateLimiter::hashmap(Quota::per_minute(quota)).with_middleware();
        Some(Self { name, quota, limiter })
    }

    fn spend(&self, key: &K) -> RateLimitStatus {
        let (remaining, wait) = match self.limiter.check_key(key) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(not_until) => (0, Some(not_until.wait_time_from(DefaultClock::default().now()))),
        };
        RateLimitStatus {
            name: self.name,
            quota: self.quota.get(),
            remaining,
            wait,
        }
    }
}

/// What a caller has left after this request.
#[derive(Debug, Clone)]
pub struct RateLimitStatus {
    name: &'static str,
    quota: u32,
    remaining: u32,
    wait: Option<Duration>,
}

impl RateLimitStatus {
    /// # Errors
    /// `request.too_many` with `Retry-After` when nothing is left.
    pub fn admit(&self) -> Result<(), Problem> {
        self.wait.map_or(Ok(()), |wait| {
            let seconds = wait.as_secs() + 1;
            Err(Problem::from(Code::RequestTooMany).with_header(header::RETRY_AFTER, HeaderValue::from(seconds)))
        })
    }

    /// Writes the RateLimit fields: the policy (requests in a window of seconds), what is left, and the seconds until the whole
    /// limit is available again.
    pub fn write(&self, headers: &mut HeaderMap) {
        let spent = u64::from(self.quota - self.remaining.min(self.quota));
        let full_in = (spent * MINUTE.as_secs()).div_ceil(u64::from(self.quota));
        let policy = format!("\"{}\";q={};w={}", self.name, self.quota, MINUTE.as_secs());
        let standing = format!("\"{}\";r={};t={full_in}", self.name, self.remaining);
        for (name, text) in [(POLICY, policy), (STANDING, standing)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// The rate limits of all callers.
pub struct RateLimits {
    accounts: Option<Budget<AccountId>>,
    addresses: Option<Budget<IpAddr>>,
}

impl RateLimits {
    /// From the settings.
    pub fn new(settings: &ServerSettings) -> Self {
        Self {
            accounts: Budget::new("account", settings.account_budget),
            addresses: Budget::new("address", settings.address_budget),
        }
    }

    /// Counts one request; `None` where nothing is counted.
    pub fn spend(&self, caller: Caller) -> Option<RateLimitStatus> {
        match caller {
            Caller::Account(account) => Some(self.accounts.as_ref()?.spend(&account)),
            Caller::Address(address) => Some(self.addresses.as_ref()?.spend(&address)),
        }
    }

    /// Forgets the callers who have their whole limit again, so that only those of the last minute are kept.
    pub fn forget(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.limiter.retain_recent();
        }
        if let Some(addresses) = &self.addresses {
            addresses.limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_is_one_caller() {
        let at = |text: &str| Caller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::3"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::3"), at("2001:db8:1:3::3"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }

    #[test]
    fn a_budget_is_spent_and_says_so() {
        let settings = ServerSettings {
            account_budget: 2,
            address_budget: 0,
            ..ServerSettings::default()
        };
        let budgets = RateLimits::new(&settings);
        let spend = |account| budgets.spend(Caller::Account(AccountId(account))).unwrap();
        let mut headers = HeaderMap::new();
        spend(1).write(&mut headers);
        assert_eq!(headers.get("ratelimit-policy").unwrap(), "\"account\";q=2;w=60");
        assert_eq!(headers.get("ratelimit").unwrap(), "\"account\";r=1;t=30");
        assert!(spend(1).admit().is_ok() && spend(1).admit().is_err() && spend(2).admit().is_ok());
        assert!(budgets.spend(Caller::at("192.0.2.1".parse().unwrap())).is_none());
    }
}
