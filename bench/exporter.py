"""Records a second through the exporter on one core: pipe → spool → sink, until the sink has committed all.

.venv/bin/python -m bench.exporter [--records 2000000] [--sinks null,jsonl,store]
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from shared import wire
from shared.record import ROW, Batch, pack
from tests.exporter.rig import exporter, settings

BATCH_RECORDS = 8192
FLOWS = 200_000


def rows(count, seed):
    """Records of 200,000 flows: TCP and UDP, some one-way, times and counters as they come."""
    chance = np.random.default_rng(seed)
    out = np.zeros(count, ROW)
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
    for name in ("rev_tos", "rev_ttl"):
        out[name] = np.where(one_way, 0xFFFF, 60)
    out["icmp_type"] = out["icmp_code"] = 0xFFFF
    out["mpls_label"] = 0xFFFFFFFF
    out["src_mac"], out["dst_mac"] = 0x02_00_00_00_00_01, 0x02_00_00_00_01_00 + flow % 50
    out["direction"], out["end_reason"] = 1 + flow % 2, chance.integers(1, 4, count)
    return out


def messages(count):
    """Framed batches of `count` records in all, made from a few batches in turn."""
    counters = {"packets_received": 1_000_000}
    payloads = [pack(Batch("eth0", 2, 1, rows(BATCH_RECORDS, seed), counters)) for seed in range(32)]
    for number, first in enumerate(range(0, count, BATCH_RECORDS)):
        yield wire.frame(7, first, BATCH_RECORDS, payloads[number % len(payloads)])


def measure(sink, count, *, durable):
    """Records, seconds from first byte to last commit, the exporter's CPU seconds, its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.open(f"{folder}/flows.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        ordered = settings(Path(folder), sink, durable=durable, spool_mib=4096)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        with exporter(ordered, [out] if sink == "jsonl" else []) as rig:
            rig.hear("ready")
            os.sched_setaffinity(rig.process.pid, {max(os.sched_getaffinity(0))})
            ready = used(rig.process.pid)
            worker, sent = rig.worker(), 0
            begun = time.perf_counter()
            for message in messages(count):
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
    args = parser.parse_args()
    print("sink     durable     records   records/s  CPU µs/record  CPU ms/batch  peak MiB")
    for sink in args.sinks.split(","):
        for durable in (False,) if sink == "null" else (False, True):
            sent, seconds, cpu, peak = measure(sink, args.records, durable=durable)
            batch = cpu / sent * BATCH_RECORDS
            print(
                f"{sink:8}{'yes' if durable else 'no':>8}{sent:12,}{sent / seconds:12,.0f}"
                f"{cpu / sent * 1e6:15.2f}{batch * 1e3:14.2f}{peak:10}"
            )


if __name__ == "__main__":
    main()
