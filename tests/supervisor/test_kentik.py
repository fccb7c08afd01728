"""Kentik's settings that can never work, each told in a sentence, and nowhere a secret."""

import pytest

from shared.errors import ConfigurationError
from shared.settings import KentikSettings
from supervisor.kentik import check
from tests.supervisor.rig import flowherd


@pytest.mark.parametrize(
    "given",
    [{"token": f"SECRET{sign}"} for sign in (" ", "\n", "\r", "\0", "\u65e5", "\udcff")]
    + [{"email": "\u65e5@example.com"}, {"email": "a@example.com\n"}]
    + [{"region": region} for region in ("", "eu ", "US.", "../x", "a.com/", "\u65e5", "x" * 64)]
    + [{"device_ip": address} for address in ("foo", "192.0.2.256", "a/../b", "192.0.2.1/24", "fe80::1%eth0")]
    + [{"flow_url": url} for url in ("garbage", "://", "ftp://a/", "http://", "http://a b/", "http://[::1/")]
    + [{"api_url": url} for url in ("http://a:0/", "http://a:99999/", "http://a..b/", "http://u:SECRET@a/")]
    + [{"proxy_url": url} for url in ("ftp://u:SECRET@a", "u:SECRET@a:99999", "http://u:SECRET@[::1")],
    ids=ascii,
)  # fmt: skip
def test_what_can_never_work(given):
    with pytest.raises(ConfigurationError) as told:
        check(KentikSettings(**given))
    assert str(told.value).startswith(next(iter(given)))
    assert str(told.value).isprintable()
    assert "SECRET" not in str(told.value)


@pytest.mark.parametrize(
    "given",
    [{}, {"region": "lab"}, {"region": "EU"}, {"device_ip": "2001:db8::1"}]
    + [{"api_url": "HTTPS://[::1]:8443/api/internal/"}, {"dns_url": "http://a_b.example.com.:80/dns?x=1"}]
    + [{"proxy_url": url} for url in ("proxy:3128", "u:p@proxy", "https://[::1]:1", "socks5h://u:p@10.0.0.1:1080")],
    ids=str,
)  # fmt: skip
def test_what_may(given):
    check(KentikSettings(**given))


@pytest.mark.parametrize("line", ['token = ["SECRET"]', 'token = "SECRET "', 'proxy_url = ["SECRET"]'])
def test_a_secret_in_a_wrong_file_is_not_shown(tmp_path, line):
    file = tmp_path / "f.toml"
    file.write_text(line)
    done = flowherd("config", "--config", file)
    assert (done.returncode, len(done.stderr.splitlines())) == (78, 1)
    assert "SECRET" not in done.stdout + done.stderr


def test_config_hides_the_proxys_password():
    done = flowherd("config", "--proxy-url=socks5://u:SECRET@proxy:1080")
    assert 'proxy_url = "socks5://(hidden)@proxy:1080"' in done.stdout
    assert "SECRET" not in done.stdout
