#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn every_special_network_can_be_read() {
    assert!(SPECIAL.iter().chain(NEVER_A_SERVICE).all(|network| network.parse::<IpNet>().is_ok()));
}

#[test]
fn only_the_public_internet_is_allowed() {
    let none = PrivateNetworks::default();
    for address in ["93.184.215.14", "8.8.8.8", "2606:2800:21f::1", "64:ff9b::808:808", "2002:808:808::1"] {
        assert!(none.allow(address.parse().unwrap()), "{address}");
    }
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.1.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "2001:db8::1",
    ] {
        assert!(!none.allow(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn artifacts_come_from_the_cluster_and_never_from_this_machine_or_its_link() {
    let none = PrivateNetworks::default();
    for address in ["10.96.0.10", "192.168.1.1", "fd12::1", "93.184.215.14"] {
        assert!(none.allow_artifact(address.parse().unwrap()), "{address}");
    }
    for address in
        ["127.0.0.1", "169.254.169.254", "::1", "::", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "239.1.1.1"]
    {
        assert!(!none.allow_artifact(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn a_private_network_can_be_allowed() {
    let some = PrivateNetworks::parse(["10.1.0.0/16", "fd00::/8"]).unwrap();
    assert!(some.allow("10.1.2.3".parse().unwrap()) && some.allow("::ffff:10.1.2.3".parse().unwrap()));
    assert!(some.allow("fd00::1".parse().unwrap()) && !some.allow("10.2.0.1".parse().unwrap()));
    assert_eq!(PrivateNetworks::parse(["10.1.0.0/16", "10.1.0.0/99"]), Err("10.1.0.0/99".to_owned()));
}
