"""Records a second through the exporter on one core: pipe → spool → sink, until the sink has committed all.

.venv/bin/python -m bench.exporter [--records 2000000] [--sinks null,jsonl,store] [--kinds bare,full]
Bare records have counters alone; full ones have what the network does, and every third tells an exchange.
"""

import argparse
import os
import resource
import tempfile
import time
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from shared import wire
from shared.element import NO_U32
from shared.record import Batch, pack
from tests.exporter.rig import blank_rows, exporter, put_texts, settings

BATCH_RECORDS = 8192
FLOWS = 200_000
COUNTERS = {"packets_received": 1_000_000}
CIPHERS = ",".join(f"13{number:02d}" for number in range(17)).encode()
EXTENSIONS = b"0005,000a,000b,000d,0012,0017,001b,0023,002b,002d,0033,4469,ff01"
RAW_JA4 = b"t13d1715h2_" + CIPHERS + b"_" + EXTENSIONS + b"_0403,0804,0401,0503,0805,0501"


def rows(count, seed):
    """Records of 200,000 flows: TCP and UDP, some one-way, times and counters as they come."""
    chance = np.random.default_rng(seed)
    out = blank_rows(count)
    flow = chance.integers(0, FLOWS, count).astype(np.uint64)
    is_tcp = flow % 3 > 0
    one_way = chance.random(count) < 0.2
    octets = np.zeros((count, 16), np.uint8)
    octets[:, 12], octets[:, 14], octets[:, 15] = 10, flow // 250 % 250, flow % 250
    out["src_addr_tail"] = octets.view(np.uint64)[:, 1]
    octets[:, 12], octets[:, 13] = 198, flow % 40
    out["dst_addr_tail"] = octets.view(np.uint64)[:, 1]
    out["ip_version"], out["proto"], out["ttl"] = 4, np.where(is_tcp, 6, 17), 64
    for name in ("packets", "bytes", "wire_packets"):
        out[name] = chance.integers(1, 100_000, count)
        out[f"rev_{name}"] = np.where(one_way, 0, out[name] // 2)
    out["src_port"], out["dst_port"] = 1024 + flow % 60_000, chance.choice([53, 80, 443, 5432], count)
    out["start_ns"] = 1_700_000_000_000_000_000 + chance.integers(0, 15_000_000_000, count).astype(np.uint64)
    out["end_ns"] = out["start_ns"] + chance.integers(0, 15_000_000_000, count).astype(np.uint64)
    out["tcp_flags"] = np.where(is_tcp, 0x1B, 0xFFFF)
    out["rev_tcp_flags"] = np.where(is_tcp & ~one_way, 0x1B, 0xFFFF)
    out["tos"] = 0
    for name in ("rev_tos", "rev_ttl"):
        out[name] = np.where(one_way, 0xFFFF, 60)
    out["src_mac"], out["dst_mac"] = 0x02_00_00_00_00_01, 0x02_00_00_00_01_00 + flow % 50
    out["direction"], out["end_reason"] = 1 + flow % 2, chance.integers(1, 4, count)
    return out


def perform(out, seed):
    """What the network does, in the TCP rows."""
    chance = np.random.default_rng(seed)
    for way, packets in (("", out["packets"]), ("rev_", out["rev_packets"])):
        (seen,) = np.nonzero((out["proto"] == 6) & (packets > 0))
        for name in ("repeated_retransmits", "out_of_order", "seq_gaps", "zero_windows"):
            out[way + name][seen] = 0
        out[f"{way}retransmits"][seen] = chance.binomial(3, 0.05, len(seen))
        out[f"{way}receive_window"][seen] = chance.choice([65535, 64128, 501 << 7, 1 << 20], len(seen))
        out[f"{way}mss"][seen] = 1460
        timed = seen[chance.random(len(seen)) < 0.7]
        for name in ("rtt_min_us", "rtt_mean_us", "rtt_max_us"):
            out[way + name][timed] = chance.integers(100, 90_000, len(timed))
    (seen,) = np.nonzero((out["proto"] == 6) & (chance.random(len(out)) < 0.6))
    for name in ("client_latency_us", "server_latency_us", "fpex_latency_us"):
        out[name][seen] = chance.integers(50, 40_000, len(seen))
    out["connection_id"] = chance.integers(1, 1 << 32, len(out))


def exchange(out, seed):
    """Every third record is one of DNS, HTTP or TLS; the texts of all."""
    chance = np.random.default_rng(seed)
    spoken = chance.choice([0, 1, 2, 3], len(out), p=[0.67, 0.15, 0.08, 0.10])
    out["app_protocol"], out["app_by"] = spoken, spoken > 0
    texts = [
        exchanged(protocol, number)
        for protocol, number in zip(spoken.tolist(), chance.integers(0, 5000, len(out)).tolist(), strict=True)
    ]
    for protocol, numbers in {1: (1, 0), 2: (200, NO_U32), 3: (772, 4865)}.items():
        told = spoken == protocol
        out["number0"][told], out["number1"][told] = numbers
        out["app_latency_us"][told] = chance.integers(100, 90_000, int(told.sum()))
    return put_texts(out, texts)


def exchanged(protocol, number):
    """The text cells of one exchange."""
    host, address = f"host{number}.example.net".encode(), f"198.51.{number >> 8}.{number & 255}".encode()
    match protocol:
        case 1:
            return host, address + b"/A;" + address + b"/A"
        case 2:
            agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
            return b"/articles/%d?page=2" % number, host, None, agent, b"GET"
        case 3:
            return host, b"h2", RAW_JA4
    return ()


def batch(kind, seed):
    """One batch of records of a kind."""
    out = rows(BATCH_RECORDS, seed)
    if kind == "bare":
        return Batch("eth0", 2, 1, out, COUNTERS)
    perform(out, seed)
    return Batch("eth0", 2, 1, out, COUNTERS, exchange(out, seed))


@cache
def payloads(kind):
    """A few batches as they go down the pipe."""
    return [pack(batch(kind, seed)) for seed in range(32)]


def messages(kind, count):
    """Framed batches of `count` records in all, made from a few batches in turn."""
    made = payloads(kind)
    for number, first in enumerate(range(0, count, BATCH_RECORDS)):
        yield wire.frame(7, first, BATCH_RECORDS, made[number % len(made)])


def measure(sink, kind, count, *, durable, **more):
    """Records, seconds from first byte to last commit, the exporter's CPU seconds, its peak memory."""
    payloads(kind)
    with tempfile.TemporaryDirectory() as folder:
        out = os.open(f"{folder}/flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        ordered = settings(Path(folder), sink, durable=durable, spool_mib=4096, **more)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        with exporter(ordered, [out] if sink == "jsonl" else []) as rig:
            rig.hear("ready")
            os.sched_setaffinity(rig.process.pid, {max(os.sched_getaffinity(0))})
            ready = used(rig.process.pid)
            worker, sent = rig.worker(), 0
            begun = time.perf_counter()
            for message in messages(kind, count):
                worker.send(message)
                worker.listen()
                sent += BATCH_RECORDS
            worker.close()
            peak = peak_mib(rig.process.pid)
            totals = rig.drain()
            seconds = time.perf_counter() - begun
        os.close(out)
        assert totals["sinks"][0]["records"] == sent, totals
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = ended.ru_utime + ended.ru_stime - spent.ru_utime - spent.ru_stime - ready
    return sent, seconds, cpu, peak


def used(pid):
    """CPU seconds of a process so far: start-up is not what is measured."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    """Most memory the process had resident, before it drains."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--sinks", default="null,jsonl,store")
    parser.add_argument("--kinds", default="bare,full")
    args = parser.parse_args()
    print("sink    kind  durable     records   records/s  CPU µs/record  CPU ms/batch  peak MiB")
    for sink, kind in product(args.sinks.split(","), args.kinds.split(",")):
        for durable in (False,) if sink == "null" else (False, True):
            sent, seconds, cpu, peak = measure(sink, kind, args.records, durable=durable)
            each = cpu / sent * BATCH_RECORDS
            print(
                f"{sink:8}{kind:5}{'yes' if durable else 'no':>8}{sent:12,}{sent / seconds:12,.0f}"
                f"{cpu / sent * 1e6:15.2f}{each * 1e3:14.2f}{peak:10}"
            )


if __name__ == "__main__":
    main()
