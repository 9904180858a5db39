//! The proxies that are trusted to report where a request comes from (S-23).

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// The text is not a list of addresses and networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected addresses or networks, such as 10.0.0.7,192.168.0.0/16,fd00::/8")]
pub struct BadProxies;

/// The trusted proxies. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[Network]>);

#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl FromStr for Network {
    type Err = BadProxies;
    fn from_str(text: &str) -> Result<Self, BadProxies> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(|_| BadProxies)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadProxies)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest {
            return Err(BadProxies);
        }
        Ok(Self { address, prefix })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Proxies {
    type Err = BadProxies;
    /// Reads addresses and networks separated by commas. An empty text contains none.
    fn from_str(text: &str) -> Result<Self, BadProxies> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self(entries.map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl Proxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// The client of a connection. Each trusted proxy reports, at the end of `X-Forwarded-For`, the address that
    /// connected to it. The last address that is not a trusted proxy is the client's. Addresses that the client itself
    /// reports are ignored.
    pub fn client(&self, peer: IpAddr, forwarded: &[&str]) -> IpAddr {
        let mut found = peer.to_canonical();
        for told in forwarded.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trust(found) {
                break;
            }
            match told.trim().parse::<IpAddr>() {
                Ok(address) => found = address.to_canonical(),
                Err(_) => break,
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let proxies: Proxies = proxies.parse().unwrap();
        proxies.client(peer.parse().unwrap(), forwarded).to_string()
    }

    #[test]
    fn s23_only_a_trusted_proxy_is_believed_and_only_about_who_came_to_it() {
        for (proxies, peer, forwarded, wanted) in [
            ("", "192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.0/8", "10.0.0.7", &[], "10.0.0.7"),
            ("10.0.0.0/8", "10.0.0.7", &["203.0.113.9"], "203.0.113.9"),
            // The client's own report is further left.
            ("10.0.0.0/8", "10.0.0.7", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            (
                "10.0.0.0/8",
                "10.0.0.7",
                &["198.51.100.1", "203.0.113.9"],
                "203.0.113.9",
            ),
            ("10.0.0.0/8", "10.0.0.7", &["203.0.113.9, 10.0.0.8"], "203.0.113.9"),
            ("10.0.0.0/8", "10.0.0.7", &["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            ("10.0.0.0/8", "10.0.0.7", &["203.0.113.9, nonsense"], "10.0.0.7"),
            ("10.0.0.7", "10.0.0.8", &["203.0.113.9"], "10.0.0.8"),
            ("10.0.0.7", "::ffff:10.0.0.7", &["203.0.113.9"], "203.0.113.9"),
            ("fd00::/8", "fd12::1", &["2001:db8::9"], "2001:db8::9"),
            ("0.0.0.0/0", "10.0.0.7", &["203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(
                client(proxies, peer, forwarded),
                wanted,
                "{proxies} {peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn s23_what_is_no_network_is_refused() {
        for text in [
            "10.0.0.0/33",
            "10.0.0",
            "proxy.internal",
            "10.0.0.0/8/8",
            "::/129",
            "10.0.0.1 10.0.0.2",
        ] {
            assert_eq!(text.parse::<Proxies>().unwrap_err(), BadProxies, "{text}");
        }
    }
}
