"""Real captures beside the checkout: every flow, its packets and bytes, as tshark counts them; and as the oracle does.

The truth is derived, and compared, by the functions of ../shared/tools (tests/captured_truth.py). Nothing of them
is in here.
"""

import ipaddress

import pytest

from tests import naive, naive_files
from tests.captured_truth import tool
from tests.worker.rig import Kernels, hash_of, in_order
from worker.capture.files import CaptureError, FileSource

CAPTURES_WITH_IP = 87

# Captures that differ from tshark, why, and the second program that agrees with us.
EXCEPTIONS = {
    "bigtcp-ipv6-geneve-ipv6.pcap": "an IPv6 packet larger than 64 KiB whose UDP length is therefore 0: tshark 4.0 "
    "calls the UDP header malformed and gives no ports; argus finds 23733 and 6081 as we do",
}


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
@pytest.mark.timeout(600)
def test_every_flow_is_as_tshark_counts_it(every_capture, truths):
    compare, wrong, with_ip = tool("compare"), {}, 0
    for path in every_capture:
        bad, total = compare.diff_flows(truths[path], [as_json(r) for r in records_of(path).records])
        with_ip += bool(total)
        if bad:
            wrong[path.name] = bad
    unexpected = {name: bad[:5] for name, bad in wrong.items() if name not in EXCEPTIONS}
    assert not unexpected
    assert set(EXCEPTIONS) == set(wrong), "an exception that is none any more"
    assert with_ip >= CAPTURES_WITH_IP or len(every_capture) < 91


@pytest.mark.slow
def test_every_record_is_as_the_oracle_makes_it(every_capture):
    """Not the sums alone: each record with its times, ends, flags and reason."""
    for path in every_capture:
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
