"""Hellos of TLS in real captures, as tshark reads them."""

import pytest

from exporter.ja4 import ja4_of
from tests.worker.decoders.captured import text
from tests.worker.decoders.hellos import (
    CLIENT,
)
from tests.worker.decoders.oracle import hellos_of, segments_of
from tests.worker.decoders.rig import ask, read
from worker.decoders.tls import (
    HELLO_MOST,
    SERVER_HELLO,
    looks_like_tls,
    read_client_hello,
    read_server_hello,
)

MISTAKEN = {("ndpi/gnutella.pcap", 124)}  # tshark takes it for BitTorrent
IN_CAPTURES = (
    "kprobe/google.com-tls-1.2.pcap",
    "mercury/emix.pcap",
    "mercury/geneve.pcap",
    "ndpi/1kxun.pcap",
    "ndpi/6in4tunnel.pcap",
    "ndpi/alexa-app.pcapng",
    "ndpi/gnutella.pcap",
    "ndpi/ocs.pcap",
    "ndpi/sites.pcapng",
    "ndpi/teams.pcap",
    "ndpi/vxlan.pcap",
    "ndpi/webex.pcap",
    "pcapplusplus/example.pcap",
    "pcapplusplus/many-protocols.pcap",
    "pcapplusplus/many_interfaces-1.pcapng",
    "pcapplusplus/pcapng-example.pcapng",
    "pcapplusplus/tls2.pcap",
    "suricata-verify/pgsql-upgrade-tls.pcap",
    "suricata-verify/tcp-fastopen-10-syn-data-ignore.pcap",
    "suricata-verify/tls-subjectaltname.pcap",
    "suricata-verify/tls_DER-incomplete-header.pcap",
)


def joined(segments, number):
    """The octets from a sequence number on, as long as they go on."""
    octets = b""
    while number in segments and len(octets) < HELLO_MOST:
        octets += segments[number]
        number = (number + len(segments[number])) % 2**32
    return octets


def hellos_in(folder, name, decoder, kind):
    """(stream, what the decoder read) wherever a segment begins with a hello of that kind."""
    path = folder / name
    for (stream, _), segments in segments_of(path).items():
        for number, payload in segments.items():
            if (name, stream) not in MISTAKEN and ask(looks_like_tls, payload) and payload[5] == kind:
                seen = read(decoder, joined(segments, number), False)
                if seen.result > 0:
                    yield stream, seen


@pytest.mark.parametrize("name", IN_CAPTURES)
class TestCaptures:
    def test_clients(self, captures, name):
        hellos = [hello for hello in hellos_of(captures / name, "tcp") if hello["hello"] == "client"]
        expected = {(h["stream"], h.get("sni"), h["ja4"]) for h in hellos}
        found = {
            (stream, seen.texts[0] and text(seen.texts[0]), ja4_of(text(seen.texts[2])))
            for stream, seen in hellos_in(captures, name, read_client_hello, CLIENT)
        }
        assert found == expected

    def test_protocols(self, captures, name):
        hellos = [hello for hello in hellos_of(captures / name, "tcp") if hello["hello"] == "client"]
        offered = {(h["stream"], h.get("alpn")) for h in hellos if not isinstance(h.get("alpn"), list)}
        offered |= {(h["stream"], ",".join(h["alpn"])) for h in hellos if isinstance(h.get("alpn"), list)}
        found = hellos_in(captures, name, read_client_hello, CLIENT)
        assert {(stream, seen.texts[1] and text(seen.texts[1])) for stream, seen in found} == offered

    def test_servers(self, captures, name):
        hellos = [hello for hello in hellos_of(captures / name, "tcp") if hello["hello"] == "server"]
        expected = {(h["stream"], int(h["negotiated_version"], 0), int(h["cipher"], 0)) for h in hellos}
        found = hellos_in(captures, name, read_server_hello, SERVER_HELLO)
        assert {(stream, *seen.numbers[:2]) for stream, seen in found} == expected
