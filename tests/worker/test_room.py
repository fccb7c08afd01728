"""Room that all flows share: slabs that newcomers take, and the ring of texts, many times around."""

from tests.conversations import C, S, dns_answer, dns_query, request, response
from tests.segments import RAW_IP, datagram
from tests.worker.heard import Heard, Line
from tests.worker.rig import Frames
from tests.worker.trial import START_NS


def test_newcomers_take_the_oldest_slab():
    """More heads begun than there are slabs: the first ones are lost and counted, the last ones are read."""
    kernels = Heard()
    slabs = len(kernels.table.slabs)
    lines = [Line(client=20_000 + number) for number in range(slabs + 5)]
    for number, line in enumerate(lines):
        line.say(C, request(url=f"/{number}")[:10], at_us=number)
    for number, line in enumerate(lines):
        line.say(C, request(url=f"/{number}")[10:], at_us=10**6 + number)
        line.say(S, response(204), at_us=2 * 10**6 + number)
    kernels.feed(Frames(sorted(frame for line in lines for frame in line.frames)))
    kernels.finish()
    assert kernels["messages_shed"] == 5
    assert [e["http_url"] for e in kernels.exchanges if e.get("http_url")] == [
        f"/{n}" for n in range(5, slabs + 5)
    ]
    assert kernels.counted() == 3 * len(lines)


def test_texts_go_round_their_ring():
    """Each record has its own names, however often they have been written over."""
    kernels, frames = Heard(size_bytes=4 << 20), []
    ring, name, number = len(kernels.table.texts), "a" * 60 + ".example", 0
    while number * 120 < 3 * ring:
        ends = (20_000 + number % 40_000, 53)
        asked, told = (
            dns_query(number & 0xFFFF, f"n{number}.{name}"),
            dns_answer(number & 0xFFFF, f"n{number}.{name}"),
        )
        at_ns = START_NS + number * 10_000
        frames.append((at_ns, RAW_IP, datagram(0, asked, ports=ends)))
        frames.append((at_ns + 5000, RAW_IP, datagram(1, told, ports=ends)))
        number += 1
    kernels.feed(Frames(frames), most=256)
    kernels.finish()
    assert kernels["texts_head"] > 3 * ring
    assert kernels["texts_dropped"] == 0
    assert [e["dns_query"] for e in kernels.exchanges] == [f"n{n}.{name}" for n in range(number)]
