"""Well-formed messages for a fuzzer to begin with: what it would take days to stumble upon."""

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRMX
from scapy.layers.radius import Radius, RadiusAttr_Acct_Status_Type, RadiusAttr_User_Name

from tests import conversations as said
from tests.worker.decoders import hellos
from tests.worker.decoders.sealing import crypto, sealed

OPTIONS = [
    ("message-type", "ack"),
    ("lease_time", 1800),
    ("hostname", b"chdev"),
    ("domain", b"example.test"),
    "end",
]
USER = [RadiusAttr_User_Name(value=b"bob"), RadiusAttr_Acct_Status_Type(value=1)]


def answers():
    """DNS responses of every type that is told, and a query."""
    asked = DNSQR(qname="www.example.com", qtype=255)
    records = [
        DNSRR(rrname="www.example.com", type="CNAME", rdata="edge.example.net"),
        DNSRR(rrname="edge.example.net", type="A", rdata="192.0.2.7"),
        DNSRR(rrname="edge.example.net", type="AAAA", rdata="2001:db8::7"),
        DNSRR(rrname="edge.example.net", type="TXT", rdata=[b"one", b"two"]),
        DNSRR(rrname="edge.example.net", type="NS", rdata="ns.example.net"),
        DNSRRMX(rrname="edge.example.net", exchange="mx.example.net"),
    ]
    return [
        bytes(DNS(id=7, qd=asked)),
        bytes(DNS(id=7, qr=1, qd=asked, an=records)),
        said.dns_answer(7, "a.example"),
    ]


def http():
    fields, body = said.chunked([b"one", b"twelve octets"], ("Expires: never",))
    return [
        said.request(
            "POST", "/a?b=c", fields=("User-Agent: x", "Referer: y", *said.sized(b"1234")), body=b"1234"
        ),
        said.response(200, (*fields, "Connection: keep-alive", "Content-Type: text/plain"), body),
        said.request("CONNECT", "example.org:443"),
        said.response(101, ("Upgrade: websocket", "Connection: Upgrade")),
        b"10;name=value\r\n" + bytes(16) + b"\r\n0\r\nTrailer: 1\r\n\r\n",
    ]


def postgres():
    query, parse = said.message("Q", b"/* a */ -- b\nselect 1\0"), said.message("P", b"\0insert into a\0\0\0")
    done = said.message("C", b"SELECT 3\0") + said.READY
    return [said.startup(), said.SSL_REQUEST, query, parse, said.WELCOME, said.FAILURE, done, b"S", b"N"]


def tls():
    server = hellos.server_hello((43, hellos.words(0x0304)), hellos.alpn(b"h2"), cipher=0x1302)
    client = hellos.chrome()
    return [hellos.records(client), hellos.records(client, 20, 60), hellos.records(server, version=0x0303)]


SEEDS = {
    "packets": [],  # its target speaks for itself
    "dns": answers(),
    "dhcp": [
        bytes(BOOTP(op=2, xid=77, yiaddr="192.0.2.16", chaddr=bytes(16), hlen=6) / DHCP(options=OPTIONS))
    ],
    "radius": [bytes(Radius(code=code, id=33, attributes=USER)) for code in (4, 5)],
    "http": http(),
    "postgres": postgres(),
    "tls": tls(),
    "quic": [
        sealed(crypto(0, hellos.chrome()), octets=600),
        crypto(300, b"end") + crypto(0, hellos.chrome()[:300]),
    ],
}
