//! The addresses from which a list may be fetched: the public internet, and the private networks that the settings
//! allow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks that aren't part of the public internet, from IANA's registries of special-purpose addresses (RFC 6890
/// and later).
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/8",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Networks without services of the cluster: this machine, its link (where clouds serve credentials), multicast and
/// unspecified addresses.
const NEVER_A_SERVICE: &[&str] =
    &["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "fd00:ec2::/32", "ff00::/8"];

/// Private networks from which lists may be fetched nevertheless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateNetworks(Vec<IpNet>);

impl PrivateNetworks {
    /// Parses networks such as `10.1.0.0/16`.
    ///
    /// # Errors
    /// The first text that isn't a network.
    pub fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let read = |text: &str| text.parse().map_err(|_| text.to_owned());
        networks.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a list may be fetched from an address.
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        self.allow_except(SPECIAL, address)
    }

    /// Whether an artifact may be fetched from an address. Addresses in the cluster are allowed.
    #[must_use]
    pub fn allow_artifact(&self, address: IpAddr) -> bool {
        self.allow_except(NEVER_A_SERVICE, address)
    }

    fn allow_except(&self, refused: &[&str], address: IpAddr) -> bool {
        let address = embedded(address);
        let mut refused = refused.iter().filter_map(|network| network.parse::<IpNet>().ok());
        self.0.iter().any(|network| network.contains(&address)) || !refused.any(|network| network.contains(&address))
    }
}

/// The IPv4 address that an IPv6 address contains: mapped, or reached by NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
        }
        _ => return Ipv6Addr::into(v6),
    };
    v4.into()
}

#[cfg(test)]
mod tests;
