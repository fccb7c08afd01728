"""Fields that tell how the network performs: loss, windows, round trips and latencies (worker/tcp.py counts them).

Times are of packets as they passed this host, in whole microseconds, truncated and never clamped. Segments whose
transport header was cut and fragments take no part.
"""

from shared.element import NO_U32, Element

NULL = "null unless TCP went this way"
PERFORMANCE = (
    Element(
        "retransmits",
        "u32",
        "segments with payload, SYN or FIN that begin below the highest sequence number already sent, no sooner after "
        "the sender's last progress than this side's leg of the handshake took (3 ms when unknown); keep-alives are "
        f"none; {NULL}",
        "packets",
        kentik="RETRANSMITTED_OUT_PKTS",
        absent=NO_U32,
        reversible=True,
        source="RFC 9293 section 3.4",
    ),
    Element(
        "repeated_retransmits",
        "u32",
        f"retransmits that were the fourth in a row of the same segment, kprobe's rule; {NULL}",
        "packets",
        kentik="REPEATED_RETRANSMITS",
        absent=NO_U32,
        reversible=True,
    ),
    Element(
        "out_of_order",
        "u32",
        "segments that begin below the highest sequence number already sent, sooner than a retransmit would: overtaken "
        f"on their way; {NULL}",
        "packets",
        kentik="OOORDER_IN_PKTS",
        absent=NO_U32,
        reversible=True,
        source="RFC 9293 section 3.4",
    ),
    Element(
        "seq_gaps",
        "u32",
        "segments with payload, SYN or FIN that begin above the next sequence number: what is between was lost before "
        f"this host, overtaken or not captured; {NULL}",
        "packets",
        absent=NO_U32,
        reversible=True,
        source="RFC 9293 section 3.4",
    ),
    Element(
        "zero_windows",
        "u32",
        f"segments without SYN, FIN and RST that advertise a window of 0; {NULL}",
        "packets",
        kentik="ZERO_WINDOWS",
        absent=NO_U32,
        reversible=True,
        source="RFC 9293 section 3.8.6.1",
    ),
    Element(
        "receive_window",
        "u32",
        "window in the last segment with ACK and without RST, scaled when both SYNs were seen to allow it, as it "
        "stands otherwise; null until there was one",
        "bytes",
        kentik="RECEIVE_WINDOW",
        absent=NO_U32,
        reversible=True,
        source="RFC 7323 section 2.2",
    ),
    Element(
        "client_latency_us",
        "u32",
        "half the time from the SYN-ACK to the client's ACK, not clamped, as Kentik defines network latency (RTT / 2); "
        "repeated in every record of the flow; null when these were not seen",
        "µs",
        kentik="CLIENT_NW_LATENCY_MS",
        absent=NO_U32,
    ),
    Element(
        "server_latency_us",
        "u32",
        "half the time from the client's last SYN to the SYN-ACK, not clamped, as Kentik defines network latency "
        "(RTT / 2); repeated in every record of the flow; null when these were not seen",
        "µs",
        kentik="SERVER_NW_LATENCY_MS",
        absent=NO_U32,
    ),
    Element(
        "rtt_min_us",
        "u32",
        "shortest time from a segment sent this way to the acknowledgement that covers it; one segment at a time is "
        "timed, and none that was sent again; null when the record has no such time",
        "µs",
        absent=NO_U32,
        reversible=True,
        source="RFC 6298 section 3",
    ),
    Element(
        "rtt_mean_us",
        "u32",
        "mean of those times",
        "µs",
        absent=NO_U32,
        reversible=True,
        source="RFC 6298 section 3",
    ),
    Element(
        "rtt_max_us",
        "u32",
        "longest of those times",
        "µs",
        absent=NO_U32,
        reversible=True,
        source="RFC 6298 section 3",
    ),
    Element(
        "fpex_latency_us",
        "u32",
        "first payload exchange: time from the first payload of the side that spoke first to the first payload of the "
        "other, TCP and UDP; repeated in every record after; null until both spoke",
        "µs",
        kentik="FPEX_LATENCY_MS",
        absent=NO_U32,
    ),
    Element(
        "first_speaker",
        "first_speaker",
        "the side whose payload came first, TCP and UDP: initiator, the source, or responder; null until one spoke",
        absent=0,
    ),
    Element(
        "app_latency_us",
        "u32",
        "time from a question, of an HTTP request the last octet of its body, to the first packet of its answer; "
        "stands only on the record of that exchange; null when one of them was not seen",
        "µs",
        kentik="APPL_LATENCY_MS",
        absent=NO_U32,
    ),
    Element(
        "mss",
        "u16",
        "maximum segment size that this side's SYN announced; null when none was seen",
        "bytes",
        absent=0,
        reversible=True,
        source="RFC 9293 section 3.7.1",
    ),
    Element(
        "connection_id",
        "u32",
        "hash that all records of a TCP or UDP flow share, the same for both directions; null for other protocols",
        kentik="CONNECTION_ID",
        absent=0,
    ),
)
