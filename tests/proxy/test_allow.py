"""The allow-list and what a name may lead to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import addresses, allow

LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=20)
HOSTS = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
PORTS = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        (".kentik.com", "kentik.com", 443, True),
        (".kentik.com", "flow.kentik.com", 443, True),
        (".kentik.com", "a.b.kentik.com", 443, True),
        (".kentik.com", "evilkentik.com", 443, False),
        (".kentik.com", "kentik.com.evil.net", 443, False),
        (".kentik.com", "flow.kentik.com", 22, False),
        ("api.kentik.com", "api.kentik.com", 443, True),
        ("api.kentik.com", "x.api.kentik.com", 443, False),
        (".kentik.com:8443", "flow.kentik.com", 8443, True),
        (".kentik.com:8443", "flow.kentik.com", 443, False),
        ("[2001:DB8::0:1]:8443", "2001:db8::1", 8443, True),
        ("2001:db8::1", "2001:db8::1", 443, True),
        ("10.0.0.1:8080", "10.0.0.1", 8080, True),
        ("API.Kentik.com.", "api.kentik.com", 443, True),
    ],
)
def test_judge(entry, host, port, allowed):
    verdict = allow.judge([allow.parse_entry(entry)], host, port, {443})
    assert (verdict.allowed, bool(verdict.why)) == (allowed, not allowed)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "*", "*.kentik.com", "https://kentik.com", "kentik.com/", "a b", ".10.0.0.1", ".[::1]", "x:0",
     "x:65536", "x:", "[::1", "::1]", "[fe80::1%eth0]", "münchen.de", "-x.com", "a..b", "x" * 64, "kentik.com:443:1"],
)  # fmt: skip
def test_entry_refused(text):
    with pytest.raises(ValueError, match=r"."):
        allow.parse_entry(text)


@given(HOSTS, st.booleans(), st.none() | PORTS)
def test_an_entry_is_written_as_it_is_read(host, below, port):
    if not allow.is_address(host):
        entry = allow.Entry(host, below, port)
        assert allow.parse_entry(str(entry)) == entry


@given(HOSTS, HOSTS, PORTS)
def test_a_domain_covers_itself_and_what_is_below_it(domain, host, port):
    entry = [allow.Entry(domain, below=True, port=port)]
    assert allow.judge(entry, f"{host}.{domain}", port, ()).allowed
    assert allow.judge(entry, domain, port, ()).allowed
    assert not allow.judge(entry, f"{host}{domain}", port, ()).allowed or f"{host}{domain}".endswith(
        f".{domain}"
    )


@given(HOSTS, HOSTS)
def test_only_a_host_named_itself_may_be_private(domain, host):
    below, own = allow.Entry(domain, below=True), allow.Entry(f"{host}.{domain}", below=False)
    assert not allow.judge([below], own.host, 443, {443}).named
    assert allow.judge([below, own], own.host, 443, {443}).named


@given(st.text())
def test_any_text_is_a_host_or_not(text):
    host = allow.plain_host(text)
    assert host is None or allow.plain_host(f"[{host}]" if ":" in host else host) == host


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("64:ff9b::8.8.8.8", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::", False), ("::1", False), ("fe80::1", False), ("fe80::1%2", False),
        ("fd00::1", False), ("ff02::1", False), ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False), ("2002:0a00:0001::", False), ("2001:db8::1", False),
    ],
)  # fmt: skip
def test_public(address, public):
    assert addresses.is_public(address) is public
    assert addresses.usable([address, address], named=False) == [address] * public
    assert addresses.usable([address], named=True) == [address]


@given(st.ip_addresses(v=4))
def test_ipv4_in_ipv6_is_judged_alike(address):
    wrapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address("::ffff:0:0")) + int(address))
    assert addresses.is_public(str(wrapped)) is addresses.is_public(str(address))
