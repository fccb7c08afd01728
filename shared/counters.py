"""Every metric once: name, unit, labels and meaning; status page, /metrics and docs derive from it.

A worker's counters live in its flow table's first page (shared/vitals.py), so they outlive the worker.
"""

from dataclasses import dataclass
from typing import Literal

from shared.reasons import DROP_MEANING, Drop


@dataclass(frozen=True, slots=True)
class Counter:
    """One metric: `owner` is the process that counts it, `labels` what it is told apart by."""

    name: str
    owner: Literal["worker", "supervisor", "exporter"]
    about: str
    kind: Literal["counter", "gauge"] = "counter"
    unit: str = "1"
    labels: tuple[str, ...] = ("interface",)


def drop_counter(reason: Drop) -> str:
    """Name of the counter of packets dropped for `reason`."""
    return f"dropped_{reason.name.lower()}"


WORKER = (
    Counter("packets_received", "worker", "packets taken from the ring or the capture file", unit="packets"),
    Counter("octets_received", "worker", "bytes of those packets on the link", unit="bytes"),
    Counter("packets_accounted", "worker", "packets that became part of a flow", unit="packets"),
    *(Counter(drop_counter(reason), "worker", text, unit="packets") for reason, text in DROP_MEANING.items()),
    Counter(
        "kernel_dropped", "worker", "packets the kernel dropped because the ring was full", unit="packets"
    ),
    Counter(
        "packets_uncertain",
        "worker",
        "packets in hand when a worker died: counted once or not at all",
        unit="packets",
    ),
    Counter(
        "packets_missed",
        "worker",
        "packets that went with a dead worker's libpcap handle, at most: by the interface's own counters",
        unit="packets",
    ),
    Counter("flows_created", "worker", "flows that entered the table", unit="flows"),
    Counter(
        "flows_evicted", "worker", "flows that left a full table early (lack_of_resources)", unit="flows"
    ),
    Counter("flows_active", "worker", "flows in the table now", kind="gauge", unit="flows"),
    Counter("table_capacity", "worker", "flows the table can hold", kind="gauge", unit="flows"),
    Counter("records_sent", "worker", "flow records written to the outbox", unit="records"),
    Counter(
        "records_dropped",
        "worker",
        "oldest unacknowledged records dropped from a full outbox",
        unit="records",
    ),
    Counter("batches_sent", "worker", "batches written to the pipe", unit="batches"),
    Counter("exchanges", "worker", "application exchanges that made a record", unit="exchanges"),
    Counter(
        "messages_shed",
        "worker",
        "packets left undecoded because the ring was filling up; they are in their flows all the same",
        unit="packets",
    ),
    Counter("texts_dropped", "worker", "records whose texts found no room in the text ring", unit="records"),
    Counter("clock_rebased", "worker", "times packet time stepped by more than a minute"),
)
SUPERVISOR = (
    Counter("restarts", "supervisor", "times the interface's worker was started again"),
    Counter("worker_up", "supervisor", "1 while the interface's worker captures", kind="gauge"),
    Counter("sample_rate", "supervisor", "one of how many flows is kept now", kind="gauge"),
)
EXPORTER = (
    Counter("batches_received", "exporter", "batches taken from the pipe", unit="batches"),
    Counter(
        "records_received", "exporter", "records taken from the pipe, duplicates left out", unit="records"
    ),
    Counter(
        "records_duplicate", "exporter", "records sent again after a restart and left out", unit="records"
    ),
    Counter("records_missing", "exporter", "records whose numbers never arrived", unit="records"),
    Counter(
        "batches_unreadable",
        "exporter",
        "batches kept whose columns this flowherd cannot read",
        unit="batches",
    ),
    Counter("pipes_out_of_step", "exporter", "batch pipes given up because their bytes made no sense"),
    Counter("spool_bytes", "exporter", "bytes in the spool", kind="gauge", unit="bytes", labels=()),
    Counter(
        "spool_dropped_records",
        "exporter",
        "records dropped from a full or outdated spool",
        unit="records",
        labels=(),
    ),
    Counter(
        "spool_corrupt_files", "exporter", "spool files set aside because they could not be read", labels=()
    ),
    Counter("sink_records", "exporter", "records the sink has committed", unit="records", labels=("sink",)),
    Counter(
        "sink_dropped_records",
        "exporter",
        "records the sink missed because the spool dropped them",
        unit="records",
        labels=("sink",),
    ),
    Counter("sink_errors", "exporter", "failed attempts of the sink", labels=("sink",)),
    Counter(
        "sink_lag_seconds",
        "exporter",
        "age of the oldest batch the sink has not committed",
        kind="gauge",
        unit="seconds",
        labels=("sink",),
    ),
    Counter(
        "store_records", "exporter", "records in the store", kind="gauge", unit="records", labels=("sink",)
    ),
    Counter(
        "store_bytes", "exporter", "bytes of the store's files", kind="gauge", unit="bytes", labels=("sink",)
    ),
    Counter("store_files", "exporter", "files of the store that count", kind="gauge", labels=("sink",)),
    Counter(
        "store_expired_records",
        "exporter",
        "records the store let go for their age or its size",
        unit="records",
        labels=("sink",),
    ),
    Counter(
        "kentik_records_in",
        "exporter",
        "unidirectional flows offered to Kentik's devices",
        unit="records",
        labels=("sink",),
    ),
    Counter(
        "kentik_records_sent",
        "exporter",
        "unidirectional flows that Kentik has taken",
        unit="records",
        labels=("sink",),
    ),
    Counter(
        "kentik_rate_limited_records",
        "exporter",
        "flows left out because the device may send no more; those sent stand for them",
        unit="records",
        labels=("sink",),
    ),
    Counter(
        "kentik_own_records",
        "exporter",
        "flows of the delivery to Kentik itself, left out",
        unit="records",
        labels=("sink",),
    ),
    Counter(
        "kentik_refused_records",
        "exporter",
        "flows in messages that Kentik refused, set aside in the spool's folder",
        unit="records",
        labels=("sink",),
    ),
    Counter("kentik_refused_messages", "exporter", "messages that Kentik refused", labels=("sink",)),
    Counter(
        "kentik_bytes_sent",
        "exporter",
        "bytes of the messages that Kentik has taken",
        unit="bytes",
        labels=("sink",),
    ),
)
COUNTERS = WORKER + SUPERVISOR + EXPORTER
