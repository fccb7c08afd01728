"""A whole flowherd reaches a Kentik of our own through `flowherd proxy`, and only through it."""

import pytest

from tests.kentik.server import Server
from tests.proxy.rig import running
from tests.system.test_kentik import Agent, capture, kept, sent  # noqa: F401 a fixture among them

pytestmark = pytest.mark.slow


def test_all_arrives_through_the_proxy(folder, capture):  # noqa: F811 the fixture
    with Server() as kentik, running("--allow", kentik.url.removeprefix("http://")) as proxy:
        agent = Agent(folder, kentik, capture, f"--proxy-url={proxy.url}")
        code, told = agent.finish()
        requests = proxy.count("host_requests_total", '{host="127.0.0.1"}')
    assert (code, kentik.refused) == (0, []), told
    assert sent(kentik.flows) == kept(agent.records())
    assert requests > len(kentik.batches)


def test_a_proxy_that_says_no_is_seen(folder, capture):  # noqa: F811 the fixture
    with Server() as kentik, running() as proxy:
        code, told = Agent(folder, kentik, capture, f"--proxy-url={proxy.url}").finish()
        assert proxy.count("refused_total", '{reason="forbidden"}') > 0
    assert (code != 0, kentik.flows) == (True, []), told
