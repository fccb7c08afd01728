"""Makes posts match the roster: opened when a link is wanted, drained when not, renamed with it."""

import time
from dataclasses import replace

from shared.errors import FlowherdError
from shared.logs import Log
from shared.sampling import sampling_of
from shared.settings import CaptureSettings, Settings
from supervisor import bpf, changes, descriptors, inventory, lifecycle, roster, sample_program
from supervisor.advice import advise
from supervisor.changes import Step
from supervisor.herd import Herd
from supervisor.lifecycle import Life
from supervisor.links import Link
from supervisor.outbound import Report
from supervisor.placement import Place, Topology, around, place
from supervisor.post import Handover, Post
from supervisor.regulator import Regulator
from supervisor.roster import Choice
from supervisor.topology import check_cores, read_topology

WAS_AWAY = "the interface was away for a moment"


def _outdated(post: Post, link: Link) -> str:
    """What a worker was told of its link and is no longer so; empty when all is."""
    if link.mtu != post.link.mtu:
        return f"MTU {link.mtu}"
    if link.mac != post.link.mac and post.kind == "pcap":  # libpcap tells a packet's direction by it
        return f"address {link.mac}"
    return ""


class Muster:
    """Keeps the herd's posts in step with the links."""

    def __init__(self, settings: Settings, herd: Herd, log: Log, sample_key: int, report: Report) -> None:
        self._settings, self._herd, self._log, self._sample_key = settings, herd, log, sample_key
        self._report = report
        self._refused: dict[int, str] = {}
        self._regulator = Regulator(log)
        self._left: dict[int, Handover] = {}
        self._advice: frozenset[str] = frozenset()
        self._told: frozenset[str] = frozenset()  # of these whoever reloads has said what is about to change
        self.choices: list[Choice] = []

    def first(self) -> None:
        """At start a mistake ends everything: FlowherdError tells it."""
        links = inventory.read_links()
        roster.check_names(self._settings.interface, links)
        self.choices = roster.choose(self._settings.interface, links)
        check_cores(self._settings, self.choices)
        wanted = [choice.link for choice in self.choices if choice.is_wanted_now]
        for post in self._posts_for(wanted):
            self._open(post)
        for choice in self.choices:
            self._log.debug("link", name=choice.link.name, watched=choice.is_chosen, why=choice.reason)
        for sentence in self.unmatched():
            self._log.warning(sentence)
        if not wanted:
            self._log.warning("no interface to watch yet", links=inventory.names(links))

    def again(self) -> None:
        """Links changed: what goes, goes first; then what is new is opened."""
        self.choices = roster.choose(self._settings.interface, inventory.read_links())
        wanted = {choice.link.ifindex: choice.link for choice in self.choices if choice.is_wanted_now}
        links = [choice.link for choice in self.choices]
        self._regulator.keep(
            {link.ifindex for link in links if self._settings.capture_of(link.name).sample == "auto"}
        )
        self._leave(wanted)
        for post in self._posts_for(self._new(wanted)):
            try:
                self._open(post)
            except FlowherdError as error:
                self._refuse(post, str(error))
        for index in self._left.keys() - wanted.keys():
            self._left.pop(index).close()
        self._refused = {index: why for index, why in self._refused.items() if index in wanted}
        self._told = frozenset()

    def _new(self, wanted: dict[int, Link]) -> list[Link]:
        """Links without a post. One that has the name of another that still drains comes when that has gone."""
        posts = self._herd.posts
        held = {post.link.ifindex for post in posts.values()}
        return [link for index, link in wanted.items() if index not in held and link.name not in posts]

    def check(self, settings: Settings) -> None:
        """FlowherdError tells what would be refused: a name that is none, a filter that cannot be compiled."""
        links = inventory.read_links()
        roster.check_names(settings.interface, links)
        choices = roster.choose(settings.interface, links)
        check_cores(settings, choices)
        for choice in choices:
            name, capture = choice.link.name, settings.capture_of(choice.link.name)
            if choice.is_wanted_now and capture.filter:
                bpf.compile_filter(name, capture.filter, bpf.snaplen_of(capture, mirror=settings.mirror))

    def adopt(self, settings: Settings) -> list[str]:
        """From the next look on these are in force; one line for each interface that they change."""
        former, self._settings = self._settings, settings
        self._refused.clear()
        posts = sorted(self._herd.posts.values(), key=lambda post: post.name)
        lines = [self._explain(post, former.capture_of(post.name)) for post in posts]
        before = {choice.link.name for choice in self.choices if choice.is_chosen}
        chosen = roster.choose(settings.interface, inventory.read_links())
        after = {choice.link.name for choice in chosen if choice.is_chosen}
        come = [f"{name}: watched from now on" for name in sorted(after - before)]
        gone = [f"{name}: not watched any more" for name in sorted(before - after)]
        none = [] if any(choice.is_wanted_now for choice in chosen) else ["no interface to watch now"]
        lines += changes.for_later(former, settings, (after & before) - self._herd.posts.keys())
        self._told = frozenset(self._herd.posts)
        moved = self._moved(chosen) if settings.cpus != former.cpus else []
        return [line for line in (*moved, *lines, *come, *gone, *none) if line]

    def unmatched(self) -> list[str]:
        """What the settings name and is not there now."""
        settings = self._settings
        return roster.unmatched(settings.interface, settings.per_interface, inventory.read_links())

    def _explain(self, post: Post, former: CaptureSettings) -> str:
        """What the settings now in force change of it; `former`: what was asked for before."""
        asked = former, self._settings.capture_of(post.name)
        return changes.explain(post.name, post.capture, self.capture_of(post.link), asked)

    def _moved(self, chosen: list[Choice]) -> list[str]:
        """Other cores may be run on: whom that moves, and where to."""
        wanted = {choice.link.ifindex: choice.link for choice in chosen if choice.is_wanted_now}
        places, _ = self._places([post.link for post in self._herd.posts.values()] + self._new(wanted))
        moves = self._herd.move({name: where.core for name, where in places.items()})
        return [f"{name}: moved from core {before} to core {core}" for name, (before, core) in moves.items()]

    def keep(self, post: Post) -> None:
        """Its ring goes on filling until the next look opens its successor; that of a link that went away is dead."""
        if post.ring is None or post.ring.is_attached:
            self._left[post.link.ifindex] = post.leave()

    def try_again(self, name: str) -> bool:
        """A link that ought to be watched and has no post: what was said of it may be said again at the next look."""
        choice = next((choice for choice in self.choices if choice.link.name == name), None)
        if choice and choice.is_wanted_now:
            self._refused.pop(choice.link.ifindex, None)
        return bool(choice and choice.is_wanted_now)

    def close(self) -> None:
        """We end between two workers of a ring: what it holds is counted."""
        while self._left:
            ifindex, left = self._left.popitem()
            self._herd.lose(f"ifindex {ifindex}", left.unread(time.time_ns()))
            left.close()

    def regulate(self, now_s: float) -> bool:
        """See how workers fare; whether a rate of `--sample auto` has changed: then look again."""
        posts = [post for post in self._herd.posts.values() if not post.leaving]
        captures = {post.link.ifindex: self._settings.capture_of(post.name) for post in posts}
        asked = {index: capture for index, capture in captures.items() if capture.sample == "auto"}
        return self._regulator.look(posts, asked, now_s)

    def capture_of(self, link: Link) -> CaptureSettings:
        """How an interface is captured: a sample rate that nobody chose is Kentik's device's.

        For auto it is where it begins, and as low as it goes: so much the device was meant to be sent at most.
        """
        capture, samples = self._settings.capture_of(link.name), self._report.samples
        asked = samples.get(link.name, samples.get("", 1))
        if capture.sample == "auto":
            return replace(capture, sample=self._regulator.rate_of(link.ifindex, asked))
        return capture if capture.sample else replace(capture, sample=asked)

    def _leave(self, wanted: dict[int, Link]) -> None:
        present = {choice.link.ifindex: choice for choice in self.choices}
        for post in list(self._herd.posts.values()):
            link, choice = wanted.get(post.link.ifindex), present.get(post.link.ifindex)
            if post.leaving:
                continue
            if link is None:
                why = choice.reason if choice else "the interface is gone"
                self._log.info("leaving", interface=post.name, why=why)
                self._herd.drain([post], why)
            elif post.ring and not post.ring.is_attached:
                self._log.info("leaving", interface=post.name, why=WAS_AWAY)
                self._herd.drain([post], WAS_AWAY)
            elif link.name != post.name:
                self._log.info("renamed", interface=post.name, to=link.name)
                self.renew(post, f"renamed to {link.name}")
            elif (capture := self.capture_of(link)) != post.capture:
                self._try_to_change(post, capture)
            elif why := _outdated(post, link):
                self._log.info("a successor takes over", interface=post.name, why=why)
                post.link = link
                self._herd.replace(post, why)
            elif post.life.state is lifecycle.State.FATAL and link != post.link:
                self._log.info("the link changed: trying again", interface=post.name)
                post.link, post.life = link, Life(since_s=time.monotonic())
                self._herd.fork_all()
            else:
                post.link = link
            post.rate_why = self._regulator.why_of(post.link.ifindex)

    def _try_to_change(self, post: Post, wanted: CaptureSettings) -> None:
        what = changes.explain(post.name, post.capture, wanted)
        try:
            self._change(post, wanted)
        except FlowherdError as error:
            self._refuse(post, str(error), "former settings kept")
        else:
            if what and post.name not in self._told:
                self._log.info("changed", what=what)

    def _change(self, post: Post, wanted: CaptureSettings) -> None:
        """The least that serves: the living ring told, or a worker, a table, a ring of its own for the new settings."""
        step = changes.step(post.capture, wanted)
        if step is Step.RING:
            self._herd.drain([post], "another ring")
        elif step is Step.TABLE:
            self._tell_ring(post, changes.widest(post.capture, wanted))
            post.heir_program = self._program(post, wanted) if post.ring else None
            self.renew(post, "other settings")
        else:
            self._tell_ring(post, wanted)
            former, post.capture = post.capture, wanted
            if former.core != wanted.core:
                post.core = self._core_of(post)
            if step is Step.WORKER:
                self._herd.replace(post, "other settings")

    def renew(self, post: Post, why: str) -> None:
        """Its flows are reported; then another worker takes the ring over at the next packet, with a new table."""
        post.has_heir = True
        self._herd.drain([post], why)

    def _tell_ring(self, post: Post, wanted: CaptureSettings) -> None:
        """Workers never know."""
        if post.ring:
            post.ring.refilter(self._program(post, wanted))
            if wanted.promisc != post.capture.promisc:
                post.ring.set_promisc(post.link.ifindex, promisc=wanted.promisc)

    def _core_of(self, post: Post) -> int | None:
        """As if it had none yet."""
        post.core = None
        everyone = [other.link for other in self._herd.posts.values()]
        return self._places(everyone)[0][post.name].core

    def _places(self, links: list[Link]) -> tuple[dict[str, Place], Topology]:
        """Cores already given stay given."""
        posts = self._herd.posts.values()
        held = {post.name: post.core for post in posts if post.core is not None}
        captures = {link.name: self.capture_of(link) for link in links}
        pinned = {name: capture.core for name, capture in captures.items() if capture.core >= 0}
        topology = read_topology(captures, self._settings.cpus)
        return place(links, topology, pinned, held), topology

    def _posts_for(self, links: list[Link]) -> list[Post]:
        posts = self._herd.posts.values()
        places, topology = self._places([post.link for post in posts] + links)
        captures = {link.name: self.capture_of(link) for link in links}
        for link in links:
            self._log.debug(
                "core", interface=link.name, core=places[link.name].core, why=places[link.name].reason
            )
        for name, (before, core) in self._herd.move(
            {name: where.core for name, where in places.items()}
        ).items():
            self._log.info("moved to another core", interface=name, core=core, before=before)
        self._advise(advise(places, topology))
        mode, mirror = self._settings.mode, self._settings.mirror
        return [
            Post(
                link,
                captures[link.name],
                core,
                self._sample_key,
                mode,
                mirror,
                near=around(core, topology),
                rate_why=self._regulator.why_of(link.ifindex),
            )
            for link in links
            for core in (places[link.name].core,)
        ]

    def _advise(self, advice: list[str]) -> None:
        """Say it when it becomes true, not at each look."""
        for sentence in advice:
            if sentence not in self._advice:
                self._log.warning(sentence)
        self._advice = frozenset(advice)

    def _open(self, post: Post) -> None:
        try:
            descriptors.keep_some()
            program = self._program(post, post.capture)
            if post.link.ifindex in self._left:
                post.inherit(self._left.pop(post.link.ifindex))
            post.open(program if post.kind == "ring" else ())
        except (FlowherdError, OSError) as error:
            post.close()
            if isinstance(error, OSError):
                raise FlowherdError(f"{post.name}: {descriptors.reason(error)}") from error
            raise
        for shortage in post.shortages():
            self._log.warning(shortage, interface=post.name)
        post.life = replace(post.life, since_s=time.monotonic())
        self._herd.staff(post)

    def _program(self, post: Post, capture: CaptureSettings) -> bpf.Program:
        snaplen = bpf.snaplen_of(capture, mirror=post.mirror)
        program = bpf.compile_filter(post.name, capture.filter, snaplen)
        if post.link.hardware not in sample_program.ETHERNET_FRAMES:
            return program
        sampling = sampling_of(capture.rate, post.sample_key)
        return sample_program.with_sampling(program, sampling, snaplen)

    def _refuse(self, post: Post, why: str, what: str = "not watched") -> None:
        """Say it once for each reason, not at each look."""
        if self._refused.get(post.link.ifindex) != why:
            self._log.error(what, interface=post.name, why=why)
        self._refused[post.link.ifindex] = why
