"""Just enough of bpf(2): assemble a program, load it, read its maps, have the kernel run it as a source of frames."""

import ctypes
import os
import struct

CALL = ctypes.CDLL(None, use_errno=True).syscall
BPF = {"x86_64": 321, "aarch64": 280}
MAP_CREATE, LOOKUP, PROG_LOAD, TEST_RUN = 0, 1, 5, 10
ARRAY, XDP, LIVE_FRAMES = 2, 6, 2
LOG_BYTES = 1 << 16
DROP, PASS = 1, 2
# fmt: off
# Instructions; a 4 or 2 in a name: so many octets, else eight; _IT: compared with a register, else with a constant.
LOAD8, LOAD4, STORE8, STORE4, STORE2, PUT4, MAP = 0x79, 0x61, 0x7B, 0x63, 0x6B, 0x62, 0x18
MOVE, MOVE4, SET, NETWORK_ORDER = 0xBF, 0xBC, 0xB7, 0xDC
ADD, ADD_TO, ADD4_TO, TAKE_FROM, MODULO4 = 0x0F, 0x07, 0x04, 0x17, 0x94
IF_BELOW, IF_AT_LEAST, IF_IS, IF_BELOW_IT, IF_AT_MOST_IT, IF_ABOVE_IT = 0xA5, 0x35, 0x15, 0xAD, 0xBD, 0x2D
CALL_HELPER, EXIT = 0x85, 0x95
# fmt: on
# Helpers.
KTIME_GET_NS, MAP_LOOKUP, PRANDOM, ADJUST_TAIL = 5, 1, 7, 65


def bpf(command, layout, *values):
    """The system call; its attributes by struct's layout."""
    attributes = ctypes.create_string_buffer(struct.pack(layout, *values), 128)
    found = CALL(BPF[os.uname().machine], command, attributes, len(attributes))
    if found < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf(2): {os.strerror(error)}")
    return found


def array(entries, value_bytes):
    """A map: so many values of so many bytes, zero at first."""
    return bpf(MAP_CREATE, "<IIIII", ARRAY, 4, value_bytes, entries, 0)


def value(fd, number, layout):
    """The words of one entry of a map."""
    key, out = ctypes.create_string_buffer(struct.pack("<I", number)), ctypes.create_string_buffer(256)
    bpf(LOOKUP, "<IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(out), 0)
    return struct.unpack_from(layout, out)


class Program:
    """Instructions in order; jumps name their label."""

    def __init__(self):
        self.words, self.labels, self.jumps = [], {}, []

    def put(self, code, to=0, source=0, at=0, number=0):
        """One instruction: its code, two registers, an offset, a constant."""
        self.words.append([code, to | source << 4, at, number & 0xFFFFFFFF])

    def jump(self, code, label, to=0, source=0, number=0):
        self.jumps.append((len(self.words), label))
        self.put(code, to, source, 0, number)

    def label(self, name):
        self.labels[name] = len(self.words)

    def call(self, helper):
        self.put(CALL_HELPER, number=helper)

    def entry(self, fd, key, miss):
        """Register 0 points to the map's entry whose number stands at the stack's `key`."""
        self.put(MAP, 1, 1, 0, fd)
        self.put(0)
        self.put(MOVE, 2, 10)
        self.put(ADD_TO, 2, number=key)
        self.call(MAP_LOOKUP)
        self.jump(IF_IS, miss)

    def load(self):
        """Its descriptor once the verifier has taken it."""
        for place, label in self.jumps:
            self.words[place][2] = self.labels[label] - place - 1
        code = ctypes.create_string_buffer(b"".join(struct.pack("<BBhI", *word) for word in self.words))
        licence, log = ctypes.create_string_buffer(b"GPL"), ctypes.create_string_buffer(LOG_BYTES)
        count, places = len(self.words), [ctypes.addressof(one) for one in (code, licence, log)]
        try:
            return bpf(PROG_LOAD, "<IIQQIIQ", XDP, count, *places[:2], 1, LOG_BYTES, places[2])
        except OSError as error:
            error.add_note(log.value.decode(errors="replace")[-400:])
            raise


def run(fd, frame, ifindex, times):
    """Give the interface `times` frames as its driver would, each as the program leaves it; ends early on a signal."""
    data = ctypes.create_string_buffer(frame, len(frame))
    context = ctypes.create_string_buffer(struct.pack("<6I", 0, len(frame), 0, ifindex, 0, 0), 24)
    places = ctypes.addressof(data), ctypes.addressof(context)
    layout = "<4IQQ4IQQ3I"
    sizes = (fd, 0, len(frame), 0, places[0], 0, times, 0, 24, 0, places[1], 0, LIVE_FRAMES, 0, 64)
    try:
        bpf(TEST_RUN, layout, *sizes)
    except InterruptedError:
        return
