//! How far away an address is (RFC 6890), which is what SSRF rules are about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Carrier-grade NAT (RFC 6598), which is also where some clouds keep their metadata and VPNs their machines.
const SHARED: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10);
/// "This network" (RFC 791 §3.2): several systems route it to themselves.
const THIS_NETWORK: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 8);
/// Reserved for future use, broadcast included (RFC 1112 §4).
const RESERVED: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(240, 0, 0, 0), 4);
/// NAT64 (RFC 6052 §2.1): an IPv4 address in the last 32 bits.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// NAT64 for local use (RFC 8215).
const NAT64_LOCAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48);
/// 6to4 (RFC 3056): an IPv4 address in bits 16 to 48.
const SIX_TO_FOUR: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);
/// The deprecated site-local prefix (RFC 3879), still in use as a private one.
const SITE_LOCAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10);

/// How far away an address is; the later, the more is at stake when a stranger names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// On the internet. The benchmarking range 198.18.0.0/15 counts as such: nothing real lives there, and local
    /// proxies answer with it for every name.
    Public,
    /// In a private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// On this machine.
    Loopback,
    /// Link-local (where clouds keep their metadata service), multicast, unspecified, reserved: no server is there.
    Nowhere,
}

impl Reach {
    /// Classifies an address; an IPv4 address wrapped in an IPv6 one counts as what it wraps.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => embedded(address).map_or_else(|| of_v6(address), of_v4),
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    if address.is_loopback() {
        Reach::Loopback
    } else if address.is_private() || SHARED.contains(&address) {
        Reach::Private
    } else if address.is_link_local()
        || address.is_multicast()
        || THIS_NETWORK.contains(&address)
        || RESERVED.contains(&address)
    {
        Reach::Nowhere
    } else {
        Reach::Public
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if address.is_loopback() {
        Reach::Loopback
    } else if address.is_unique_local() || SITE_LOCAL.contains(&address) || NAT64_LOCAL.contains(&address) {
        Reach::Private
    } else if address.is_unicast_link_local() || address.is_multicast() || address.is_unspecified() {
        Reach::Nowhere
    } else {
        Reach::Public
    }
}

/// The IPv4 address a translator would send this one's packets to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    if NAT64.contains(&address) {
        return octets.last_chunk().copied().map(<[u8; 4]>::into);
    }
    if SIX_TO_FOUR.contains(&address) {
        return octets[2..].first_chunk().copied().map(<[u8; 4]>::into);
    }
    address.to_ipv4_mapped()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Reach {
        Reach::of(text.parse().expect("an address"))
    }

    #[test]
    fn addresses_are_told_apart_by_what_is_at_stake() {
        for public in [
            "1.1.1.1",
            "198.18.0.7",
            "172.32.0.1",
            "2606:4700::1",
            "64:ff9b::101:101",
        ] {
            assert_eq!(reach(public), Reach::Public, "{public}");
        }
        for private in [
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.1",
            "100.100.100.200",
            "fd00::1",
            "fec0::1",
        ] {
            assert_eq!(reach(private), Reach::Private, "{private}");
        }
        for loopback in ["127.0.0.1", "127.9.9.9", "::1"] {
            assert_eq!(reach(loopback), Reach::Loopback, "{loopback}");
        }
        for nowhere in [
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "fe80::1",
            "ff02::1",
        ] {
            assert_eq!(reach(nowhere), Reach::Nowhere, "{nowhere}");
        }
    }

    #[test]
    fn an_ipv4_address_cannot_hide_in_an_ipv6_one() {
        assert_eq!(reach("::ffff:127.0.0.1"), Reach::Loopback);
        assert_eq!(reach("::ffff:169.254.169.254"), Reach::Nowhere);
        assert_eq!(reach("64:ff9b::10.0.0.1"), Reach::Private);
        assert_eq!(reach("2002:7f00:1::"), Reach::Loopback);
        assert_eq!(reach("64:ff9b:1::1"), Reach::Private);
    }
}
