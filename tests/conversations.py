"""Conversations over TCP, octet by octet, and what their records say: HTTP, TLS, DNS and PostgreSQL, drawn at random.

A turn is (way, octets): what one side says before the other goes on. `exchanges` are the fields of the records that
the conversation makes, in their order, and `begins` the turns in which they begin.
"""

import struct
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.worker.decoders import hellos

C, S = 0, 1
DNS, HTTP, TLS, POSTGRES, ODD = 53, 80, 443, 5432, 61_000
CHROME_JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"


@dataclass
class Conversation:
    """What was said, on which of the server's ports."""

    port: int
    turns: list = field(default_factory=list)
    exchanges: list = field(default_factory=list)
    begins: list = field(default_factory=list)

    def say(self, way, octets):
        if octets:
            self.turns.append((way, octets))

    def begin(self, *exchanges):
        """The next turn begins these."""
        self.exchanges += exchanges
        self.begins += [len(self.turns)] * len(exchanges)


# -- HTTP -----------------------------------------------------------------------------------------------------


def request(method="GET", url="/", host="example.com", fields=(), body=b""):
    lines = [f"{method} {url} HTTP/1.1", f"Host: {host}", *fields]
    return "\r\n".join((*lines, "", "")).encode() + body


def response(status=200, fields=(), body=b""):
    return "\r\n".join((f"HTTP/1.1 {status} Word", *fields, "", "")).encode() + body


def sized(body):
    return (f"Content-Length: {len(body)}",)


def chunked(pieces, trailers=()):
    """The coding's field, and the coded body."""
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return ("Transfer-Encoding: chunked",), coded + b"0\r\n" + "".join(
        f"{one}\r\n" for one in (*trailers, "")
    ).encode()


def http_fields(method="GET", url="/", status=200, host="example.com"):
    told = {"app_protocol": "http", "http_method": method, "http_url": url, "http_host": host}
    return told | ({"http_status": status} if status else {})


BODIES = st.integers(0, 3000).map(lambda octets: (b"lorem ipsum " * 300)[:octets])
PIECES = st.lists(BODIES.filter(bool), max_size=4)
KINDS = (
    "length",
    "chunked",
    "trailers",
    "head",
    "continue",
    "304",
    "204",
    "post",
    "post chunked",
    "pipelined",
)


def _coded(draw, kind):
    if kind == "trailers":
        return chunked(draw(PIECES), ("Expires: never", "Checksum: 1"))
    if kind in ("chunked", "post chunked"):
        return chunked(draw(PIECES))
    body = draw(BODIES)
    return sized(body), body


def add_http(draw, said, kind, number):
    """One exchange, several when pipelined, each with a url and a status of its own."""
    url, status = f"/{number}?q={'x' * draw(st.integers(0, 40))}", 210 + number
    fields, body = _coded(draw, kind)
    if kind == "pipelined":
        urls = [f"{url}/{place}" for place in range(draw(st.integers(2, 5)))]
        said.begin(*(http_fields(url=one, status=status) for one in urls))
        said.say(C, b"".join(request(url=one) for one in urls))
        said.say(S, b"".join(response(status, fields, body) for _ in urls))
        return
    method = {"head": "HEAD", "post": "POST", "post chunked": "POST", "continue": "PUT"}.get(kind, "GET")
    status = int(kind) if kind.isdigit() else status
    said.begin(http_fields(method, url, status))
    if kind in ("post", "post chunked"):
        said.say(C, request(method, url, fields=fields, body=body))
        said.say(S, response(status, sized(b"")))
    elif kind == "continue":
        said.say(C, request(method, url, fields=(*fields, "Expect: 100-continue")))
        said.say(S, response(100))
        said.say(C, body)
        said.say(S, response(status, sized(b"fine"), b"fine"))
    else:
        said.say(C, request(method, url))
        said.say(S, response(status, fields, b"" if kind in ("head", "304", "204") else body))


def add_end(draw, said, kind):
    """What a connection can end with: a body until it closes, a tunnel, another protocol."""
    if kind == "close":
        said.begin(http_fields(url="/end"))
        said.say(C, request(url="/end"))
        said.say(S, response(200, (), draw(BODIES) + b"HTTP/1.1 500 No\r\n\r\n"))
    elif kind == "connect":
        said.begin(http_fields("CONNECT", "example.org:443", host="example.org:443"))
        said.say(C, request("CONNECT", "example.org:443", "example.org:443"))
        said.say(S, response(200))
        add_tls(draw, said)
    elif kind == "upgrade":
        said.begin(http_fields(url="/socket", status=101))
        said.say(C, request(url="/socket", fields=("Upgrade: websocket", "Connection: Upgrade")))
        said.say(S, response(101, ("Upgrade: websocket", "Connection: Upgrade")))
        said.say(C, b"\x81\x05GET / HTTP/1.1\r\n\r\n")
        said.say(S, b"HTTP/1.1 200 OK\r\n\r\n")


@st.composite
def https(draw, ports=(HTTP, ODD, TLS), kinds=KINDS, ends=("", "close", "connect", "upgrade")):
    said = Conversation(draw(st.sampled_from(ports)))
    for number, kind in enumerate(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6))):
        add_http(draw, said, kind, number)
    add_end(draw, said, draw(st.sampled_from(ends)))
    return said


# -- TLS ------------------------------------------------------------------------------------------------------


def add_tls(draw, said, name=b"www.example.com", *, warns=False):
    """Both hellos, in as many records as drawn, and ciphertext."""
    new = draw(st.booleans())
    chosen = (hellos.versions(0x0304)[0], hellos.words(0x0304)) if new else hellos.alpn(b"h2")
    client, server = hellos.chrome(name), hellos.server_hello(chosen, cipher=0x1302 if new else 0xC02F)
    cuts = st.lists(st.integers(1, 60), max_size=2, unique=True).map(sorted)
    warning = hellos.record(b"\1\x70", kind=21) if warns else b""
    said.begin(
        {
            "app_protocol": "tls",
            "tls_server_name": name.decode(),
            "tls_alpn": "h2,http/1.1" if new else "h2",
            "tls_ja4": CHROME_JA4,
            "tls_version": 772 if new else 771,
            "tls_cipher": 0x1302 if new else 0xC02F,
        }
    )
    said.say(C, hellos.records(client, *draw(cuts)))
    rest = hellos.record(bytes(400), kind=23 if new else 22)
    said.say(S, warning + hellos.records(server, *draw(cuts), version=0x0303) + rest)
    said.say(C, hellos.record(b"GET / HTTP/1.1\r\n\r\n", kind=23))


@st.composite
def tlses(draw, ports=(TLS, ODD, HTTP)):
    said = Conversation(draw(st.sampled_from(ports)))
    add_tls(draw, said, warns=draw(st.booleans()))
    return said


# -- DNS ------------------------------------------------------------------------------------------------------


def dns_name(name):
    return b"".join(hellos.sized(label.encode(), 1) for label in name.split(".")) + b"\0"


def dns_query(ident, name, kind=1):
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack(">HH", kind, 1)


def dns_answer(ident, name, last=1, kind=1, rcode=0, opcode=0):
    """One address, 192.0.2.`last`; none where `last` is 0."""
    head = struct.pack(">HHHHHH", ident, 0x8180 | opcode << 11 | rcode, 1, 1 if last else 0, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 192, 0, 2, last) if last else b""
    return head + dns_name(name) + struct.pack(">HH", kind, 1) + record


def dns_fields(name, last=1, kind=1, rcode=0):
    told = {"app_protocol": "dns", "dns_query": name, "dns_query_type": kind, "dns_rcode": rcode}
    return told | {"dns_answers": f"192.0.2.{last}/A" if last else ""}


@st.composite
def dnses(draw):
    """Queries in a row, answered in any order."""
    said = Conversation(DNS)
    for turn in range(draw(st.integers(1, 4))):
        names = [f"n{turn}x{place}.example" for place in range(draw(st.integers(1, 4)))]
        order = draw(st.permutations(range(len(names))))
        said.begin(*(dns_fields(names[i], i + 1) for i in order))
        said.say(C, b"".join(hellos.sized(dns_query(100 * turn + i, n)) for i, n in enumerate(names)))
        answers = (dns_answer(100 * turn + i, names[i], i + 1) for i in order)
        said.say(S, b"".join(hellos.sized(answer) for answer in answers))
    return said


# -- PostgreSQL -----------------------------------------------------------------------------------------------


def message(letter, body=b""):
    return letter.encode() + struct.pack(">I", len(body) + 4) + body


def startup(user="ann", database="shop"):
    pairs = [("user", user), *([("database", database)] if database else []), ("client_encoding", "UTF8")]
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in pairs) + b"\0"
    return struct.pack(">II", len(body) + 8, 3 << 16) + body


SSL_REQUEST = struct.pack(">II", 8, 80877103)
READY = message("Z", b"I")
WELCOME = message("R", bytes(4)) + message("S", b"a\0b\0") + message("K", bytes(8)) + READY
FAILURE = message("E", b"SERROR\0C42601\0Msyntax error\0\0")
STATEMENTS = {"select": "SELECT 3", "insert": "INSERT 0 1", "create": "CREATE TABLE", "": ""}


def postgres_fields(command=None, user="ann", database="shop"):
    told = {"app_protocol": "postgres", "postgres_user": user, "postgres_database": database}
    return told | ({"postgres_command": command} if command else {})


def rows(draw):
    """A description and many rows, some long."""
    sizes = draw(st.lists(st.integers(0, 900), max_size=8))
    return message("T", b"\0\1" + bytes(24)) + b"".join(
        message("D", struct.pack(">HI", 1, n) + bytes(n)) for n in sizes
    )


def add_query(draw, said, user, database):
    """A simple or an extended query, answered or failing."""
    word = draw(st.sampled_from(list(STATEMENTS)))
    text = f"/* why */ {word} {'x' * draw(st.integers(0, 2000))}".encode() if word else b""
    extended, fails = draw(st.booleans()), word and draw(st.booleans())
    words = word.upper() if fails else STATEMENTS[word].rstrip("0123456789 ")
    said.begin(postgres_fields(words, user, database))
    if extended:
        asks = message("P", b"\0" + text + b"\0\0\0") + message("B", bytes(8)) + message("D", b"P\0")
        said.say(C, asks + message("E", bytes(5)) + message("S"))
    else:
        said.say(C, message("Q", text + b"\0"))
    done = message("C", STATEMENTS[word].encode() + b"\0") if word else message("I")
    known = message("1") + message("2") if extended else b""
    said.say(S, known + (FAILURE if fails else rows(draw) + done) + READY)


@st.composite
def postgreses(draw, ports=(POSTGRES, ODD)):
    said = Conversation(draw(st.sampled_from(ports)))
    if draw(st.booleans()):
        said.say(C, SSL_REQUEST)
        said.say(S, b"S" if (encrypts := draw(st.booleans())) else b"N")
        if encrypts:
            add_tls(draw, said)
            return said
    user, database = "ann", draw(st.sampled_from(["shop", ""]))
    said.begin(postgres_fields(None, user, database or user))
    said.say(C, startup(user, database))
    if draw(st.booleans()):
        said.say(S, message("R", b"\0\0\0\5salt"))
        said.say(C, message("p", b"md5secret\0"))
    said.say(S, WELCOME)
    for _ in range(draw(st.integers(0, 4))):
        add_query(draw, said, user, database or user)
    said.say(C, message("X"))
    return said


ANY = st.one_of(https(), tlses(), dnses(), postgreses())
