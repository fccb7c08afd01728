"""Real captures beside the checkout: every flow, its packets and bytes, as tshark counts them; and as the oracle does.

The truth is derived, and compared, by the functions of ../shared/tools, one tshark run a capture, kept for the
next time. Nothing of them is in here.
"""

import importlib.util
import ipaddress
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from tests import naive, naive_files
from tests.conftest import ROOT
from tests.worker.rig import Kernels, hash_of, in_order
from worker.capture.files import CaptureError, FileSource

TOOLS = Path(os.environ.get("FLOWHERD_TRUTH_TOOLS", ROOT.parent / "shared" / "tools"))
ENDINGS = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".trace")
CAPTURES_WITH_IP = 87

# Captures that differ from tshark, why, and the second program that agrees with us.
EXCEPTIONS = {
    "bigtcp-ipv6-geneve-ipv6.pcap": "an IPv6 packet larger than 64 KiB whose UDP length is therefore 0: tshark 4.0 "
    "calls the UDP header malformed and gives no ports; argus finds 23733 and 6081 as we do",
}


def tool(name):
    """A module of ../shared/tools."""
    spec = importlib.util.spec_from_file_location(f"truth_tool_{name}", TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def every(captures):
    if not (TOOLS / "truth.py").is_file() or not shutil.which("tshark"):
        pytest.skip("no tools to derive the truth with, or no tshark")
    return sorted(path for path in captures.rglob("*") if path.name.endswith(ENDINGS))


@pytest.fixture(scope="module")
def truths(every, pytestconfig, tmp_path_factory):
    """Per capture what tshark counts; two at a time."""
    folder = Path(pytestconfig.cache.mkdir("flow-truth"))
    module, home = tool("truth"), tmp_path_factory.mktemp("tshark")
    version = sha256((TOOLS / "truth.py").read_bytes()).hexdigest()[:8]

    def one(path):
        kept = folder / f"{version}-{sha256(path.read_bytes()).hexdigest()}.json"
        if not kept.exists():
            counted, outer, _inner = module.count_packets(module.Tshark("tshark", str(path), str(home)))
            new = kept.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps({"capture": counted, "flows_outer": module.flow_rows(outer)}))
            new.replace(kept)
        return json.loads(kept.read_text())

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(every, pool.map(one, every), strict=True))


def records_of(path):
    """The kernels' records of a capture file; none when it is no capture at all."""
    kernels = Kernels(max_flows=50_000, size_bytes=64 << 20)
    try:
        with path.open("rb", buffering=0) as file:
            kernels.feed(FileSource(file), sweeping=True)
    except CaptureError:
        return kernels
    kernels.finish()
    return kernels


def as_json(record):
    """Addresses as text, as a sink would write them."""
    return record | {name: str(ipaddress.ip_address(record[name])) for name in ("src_addr", "dst_addr")}


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_every_flow_is_as_tshark_counts_it(every, truths):
    compare, wrong, with_ip = tool("compare"), {}, 0
    for path in every:
        bad, total = compare.diff_flows(truths[path], [as_json(r) for r in records_of(path).records])
        with_ip += bool(total)
        if bad:
            wrong[path.name] = bad
    unexpected = {name: bad[:5] for name, bad in wrong.items() if name not in EXCEPTIONS}
    assert not unexpected
    assert set(EXCEPTIONS) == set(wrong), "an exception that is none any more"
    assert with_ip >= CAPTURES_WITH_IP or len(every) < 91


@pytest.mark.slow
def test_every_record_is_as_the_oracle_makes_it(captures, every):
    """Not the sums alone: each record with its times, ends, flags and reason."""
    for path in every:
        if path.stat().st_size > 400_000:
            continue
        kernels = Kernels(max_flows=50_000, size_bytes=64 << 20)
        oracle = naive.Meter(first_report=kernels.first_report, hash_of=hash_of)
        for frame in naive_files.frames(path.read_bytes())[0]:
            oracle.add(*frame)
        try:
            with path.open("rb", buffering=0) as file:
                kernels.feed(FileSource(file))
        except CaptureError:
            pass
        kernels.finish()
        assert in_order(kernels.records) == in_order(oracle.finish()), path.name
        assert kernels.drops() == oracle.drops, path.name
