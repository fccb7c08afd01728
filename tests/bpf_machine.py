"""Classic BPF in plain Python (linux/filter.h): what the kernel would return for a frame; a read too far is 0."""

import struct

WORD = 0xFFFFFFFF
VLAN_TAG, VLAN_TAG_PRESENT = 0xFFFFF02C, 0xFFFFF030
SIZES = {0x00: ">I", 0x08: ">H", 0x10: ">B"}


class TooFar(Exception):  # noqa: N818 - the program ends there
    """A load beyond the frame."""


def run(program, frame, *, tag=None):
    """Bytes to keep of `frame`; `tag`: what the kernel took out of it."""
    try:
        return Machine(frame, tag).run(program)
    except TooFar:
        return 0


class Machine:
    """Registers, scratch memory, and the frame."""

    def __init__(self, frame, tag):
        self.frame, self.tag = frame, tag
        self.a = self.x = self.steps = 0
        self.m = {}

    def run(self, program):
        place = 0
        while True:
            code, true, false, k = program[place]
            assert 0 <= k <= WORD, (place, k)
            assert 0 <= true <= 255, place
            assert 0 <= false <= 255, place
            place += 1
            self.steps += 1
            kind = code & 7
            if code == 0x05:
                place += k
            elif kind == 5:
                place += true if self.holds(code & 0xF0, self.operand(code, k)) else false
            elif kind == 6:
                return self.a if code == 0x16 else k
            else:
                self.step(kind, code, k)

    def step(self, kind, code, k):
        match kind:
            case 0:
                self.a = self.load(code, k)
            case 1:
                self.x = self.load(code, k)
            case 2:
                self.m[k] = self.a
            case 3:
                self.m[k] = self.x
            case 4:
                self.a = self.calculated(code & 0xF0, self.operand(code, k)) & WORD
            case 7:
                self.a, self.x = (self.x, self.x) if code & 0xF8 else (self.a, self.a)

    def operand(self, code, k):
        return self.x if code & 8 else k

    def load(self, code, k):
        mode, form = code & 0xE0, SIZES.get(code & 0x18)
        match mode:
            case 0x00:
                return k
            case 0x60:
                return self.m[k]
            case 0x80:
                return len(self.frame)
            case 0xA0:
                return 4 * (self.read(">B", k) & 15)
        ancillary = {VLAN_TAG_PRESENT: int(self.tag is not None), VLAN_TAG: self.tag or 0}
        return ancillary[k] if k in ancillary else self.read(form, k + self.x if mode == 0x40 else k)

    def read(self, form, at):
        if at + struct.calcsize(form) > len(self.frame):
            raise TooFar
        return struct.unpack_from(form, self.frame, at)[0]

    def calculated(self, operation, by):
        a = self.a
        return {
            0x00: lambda: a + by, 0x10: lambda: a - by, 0x20: lambda: a * by, 0x30: lambda: a // by,
            0x40: lambda: a | by, 0x50: lambda: a & by, 0x60: lambda: a << by, 0x70: lambda: a >> by,
            0x80: lambda: -a, 0x90: lambda: a % by, 0xA0: lambda: a ^ by,
        }[operation]()  # fmt: skip

    def holds(self, operation, by):
        a = self.a
        return {0x10: a == by, 0x20: a > by, 0x30: a >= by, 0x40: bool(a & by)}[operation]
