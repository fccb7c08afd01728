"""How each interface is to be captured: the settings, with a sample rate that nobody chose, or that auto chooses."""

from collections.abc import Iterable
from dataclasses import replace

from shared.logs import Log
from shared.settings import CaptureSettings, Settings
from supervisor.links import Link
from supervisor.outbound import Report
from supervisor.post import Post
from supervisor.regulator import Regulator


class Captures:
    """`settings` are those in force."""

    def __init__(self, settings: Settings, log: Log, report: Report) -> None:
        self.settings, self._report = settings, report
        self._regulator = Regulator(log)

    def of(self, link: Link) -> CaptureSettings:
        """How it is captured: a sample rate that nobody chose is Kentik's device's.

        For auto it is where it begins, and as low as it goes: so much the device was meant to be sent at most.
        """
        capture, samples = self.settings.capture_of(link.name), self._report.samples
        asked = samples.get(link.name, samples.get("", 1))
        if capture.sample == "auto":
            return replace(capture, sample=self._regulator.rate_of(link.ifindex, asked))
        return capture if capture.sample else replace(capture, sample=asked)

    def why_of(self, link: Link) -> str:
        """What made auto leave flows out; empty where it does not."""
        return self._regulator.why_of(link.ifindex)

    def regulate(self, posts: Iterable[Post], now_s: float) -> bool:
        """See how workers fare; whether a rate of `--sample auto` has changed."""
        staying = [post for post in posts if not post.leaving]
        captures = {post.link.ifindex: self.settings.capture_of(post.name) for post in staying}
        asked = {index: capture for index, capture in captures.items() if capture.sample == "auto"}
        return self._regulator.look(staying, asked, now_s)

    def keep(self, links: Iterable[Link]) -> None:
        """Forget what auto came to where there is no such link any more, or no auto."""
        self._regulator.keep(
            {link.ifindex for link in links if self.settings.capture_of(link.name).sample == "auto"}
        )
