"""Other settings for a living post: the least that serves, from a word to its ring to everything anew."""

from shared.sampling import sampling_of
from shared.settings import CaptureSettings
from supervisor import bpf, changes, sample_program
from supervisor.changes import Step
from supervisor.herd import Herd
from supervisor.post import Post
from supervisor.seats import Seats


class Refit:
    """The living ring told, or a worker, a table, a ring of its own for the new settings."""

    def __init__(self, herd: Herd, seats: Seats) -> None:
        self._herd, self._seats = herd, seats

    def change(self, post: Post, wanted: CaptureSettings) -> None:
        """FlowherdError: it is refused, and the post as it was."""
        step = changes.step(post.capture, wanted)
        is_shared = post.ring is not None and not post.ring.group
        if step is Step.RING or (is_shared and changes.is_resized(post.capture, wanted)):
            self._herd.drain([post], "another ring")
        elif step is Step.TABLE:
            self._tell_ring(post, changes.widest(post.capture, wanted))
            post.heir_program = program_of(post, wanted) if post.ring else None
            self.renew(post, "other settings")
        else:
            self._tell_ring(post, wanted)
            former, post.capture = post.capture, wanted
            if former.core != wanted.core:
                post.core = self._seats.anew(post)
            if step is Step.WORKER:
                self._herd.replace(post, "other settings")
            else:
                post.tell_bounds(may_grow=post.may_grow)

    def renew(self, post: Post, why: str) -> None:
        """Its flows are reported; then another worker takes the ring over at the next packet, with a new table."""
        post.has_heir = True
        self._herd.drain([post], why)

    def _tell_ring(self, post: Post, wanted: CaptureSettings) -> None:
        """Workers never know."""
        if not post.rings:
            return
        post.rings.refilter(program_of(post, wanted))
        for ring in post.rings.all:
            if wanted.promisc != post.capture.promisc:
                ring.set_promisc(post.link.ifindex, promisc=wanted.promisc)


def program_of(post: Post, capture: CaptureSettings) -> bpf.Program:
    """What its ring lets in: the filter, and of Ethernet frames what sampling keeps."""
    program = bpf.program_of(post.name, capture, mirror=post.mirror)
    if post.link.hardware not in sample_program.ETHERNET_FRAMES:
        return program
    sampling = sampling_of(capture.rate, post.sample_key)
    return sample_program.with_sampling(program, sampling, bpf.snaplen_of(capture, mirror=post.mirror))
