"""DNS and nothing else: questions and answers, each pair a flow."""

import random
import struct

from bench import traffic

NAMES = 50_000
A, CNAME, AAAA = 1, 5, 28
PAIRS_A_SECOND = 5000  # of capture time: 300,000 flows in the table, which forgets after a minute
RESOLVERS = 8
LATENCIES_US = (300, 900, 4000, 20_000, 70_000)


def write(path, pairs, seed=1):
    """A pcap of so many pairs, in order of time."""
    rng = random.Random(seed)
    talks = [talk(rng, number) for number in range(NAMES)]
    gap_us = 10**6 // PAIRS_A_SECOND
    records = []
    with path.open("wb") as file:
        file.write(traffic.header())
        for number in range(pairs):
            question, answer = talks[rng.randrange(NAMES)]
            ident, client, at_us = rng.getrandbits(16), number % 4_000_000, number * gap_us
            ends = (0x0A000000 | client >> 5, 0xC6120000 | number % RESOLVERS, 20_000 + client % 32, 53)
            records.append((at_us, number, frame(ident, question, ends)))
            ends = (ends[1], ends[0], ends[3], ends[2])
            records.append((at_us + rng.choice(LATENCIES_US), number, frame(ident, answer, ends)))
            if len(records) > 1 << 16:
                records = flushed(file, records, at_us)
        flushed(file, records, 1 << 62)


def flushed(file, records, until_us):
    """Write what is due; what is left."""
    records.sort()
    due = [record for record in records if record[0] <= until_us]
    for at_us, _number, data in due:
        stamp = (traffic.START_S + at_us // 10**6, at_us % 10**6, len(data), len(data))
        file.write(struct.pack("<IIII", *stamp) + data)
    return records[len(due) :]


def frame(ident, message, ends):
    """Ethernet, IPv4, UDP around a message."""
    source, target, source_port, target_port = ends
    size = len(message) + 2
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 28 + size, 0, 0x4000, 64, 17, 0, source, target)
    udp = struct.pack(">HHHHH", source_port, target_port, 8 + size, 0, ident)
    return bytes.fromhex("0200000000020200000000010800") + head + udp + message


def talk(rng, number):
    """Question and answer about one name, without their id: A with one to four addresses, AAAA, or a chain of names."""
    labels = [
        f"host{number}",
        *rng.choices(("cdn", "api", "www", "img", "eu-west", "static"), k=rng.randrange(3)),
    ]
    name = encoded((*labels, rng.choice(("example", "bench", "test")), rng.choice(("com", "org", "net"))))
    kind = rng.choice((A, A, A, AAAA, AAAA))
    asked = name + struct.pack(">HH", kind, 1)
    answers, owner = [], b"\xc0\x0c"
    for step in range(rng.choice((0, 0, 0, 1, 2))):
        alias = encoded((f"edge{step}", f"{number % 977}", "example", "net"))
        answers.append(owner + struct.pack(">HHIH", CNAME, 1, 300, len(alias)) + alias)
        owner = alias
    for _ in range(rng.randrange(1, 5)):
        address = rng.randbytes(4 if kind == A else 16)
        answers.append(owner + struct.pack(">HHIH", kind, 1, 60, len(address)) + address)
    question = struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + asked
    return question, struct.pack(">HHHHH", 0x8180, 1, len(answers), 0, 0) + asked + b"".join(answers)


def encoded(labels):
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
