"""What --translate may say, and the sentence for each mistake."""

import pytest

from shared.errors import ConfigurationError
from supervisor.translations import parse

HIGH6 = 0x2001_0DB8_0000_0000


def test_addresses_in_halves():
    assert parse(["192.0.2.1,80,198.51.100.2,8080"]) == ((4, 0, 0xC0000201, 80, 0, 0xC6336402, 8080),)
    assert parse(["2001:db8::1,0,::ffff:1.2.3.4,65535"]) == ((6, HIGH6, 1, 0, 0, 0xFFFF01020304, 65535),)


def test_fields_after_the_fourth_are_ignored_and_spaces_do_no_harm():
    assert parse(["192.0.2.1, 80, 198.51.100.2, 8080, 17, x"]) == parse(["192.0.2.1,80,198.51.100.2,8080"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "src addr is missing"),
        ("192.0.2.1", "src port is missing"),
        ("192.0.2.1,80", "dst addr is missing"),
        ("192.0.2.1,80,192.0.2.2", "dst port is missing"),
        (",80,192.0.2.2,1", "src addr is missing"),
        ("192.0.2.1,80,192.0.2.2,", "dst port is missing"),
        ("host,80,192.0.2.2,1", "src addr 'host' is no IP address"),
        ("192.0.2.1,80,192.0.2.256,1", "dst addr '192.0.2.256' is no IP address"),
        ("[2001:db8::1],80,2001:db8::2,1", r"src addr '\[2001:db8::1\]' is no IP address"),
        ("fe80::1%eth0,80,2001:db8::2,1", "src addr 'fe80::1%eth0' is no IP address"),
        ("192.0.2.1,http,192.0.2.2,1", "src port 'http' is no port"),
        ("192.0.2.1,65536,192.0.2.2,1", "src port '65536' is no port"),
        ("192.0.2.1,0000000000080000,192.0.2.2,1", "src port '0000000000080000' is no port"),
        ("192.0.2.1,80,192.0.2.2,-1", "dst port '-1' is no port"),
        ("192.0.2.1,80,192.0.2.2,1_0", "dst port '1_0' is no port"),
        ("192.0.2.1,80,192.0.2.2,٣", "dst port '٣' is no port"),
        ("192.0.2.1,80,2001:db8::2,1", "src addr is IPv4 and dst addr IPv6"),
    ],
)
def test_a_mistake_is_one_sentence(text, sentence):
    with pytest.raises(ConfigurationError, match=f"^translate: '.*': {sentence}.*") as caught:
        parse(["192.0.2.1,1,192.0.2.2,2", text])
    assert "\n" not in str(caught.value)
    assert caught.value.code == 78
