"""What aiographite makes of points and names, and whether our pickles say the same as its own.

Reads lines of fields divided by tabs and answers each with a line.

    line NAME KIND VALUE TIME     its plaintext line, in hex
    pickle HEX NAME KIND VALUE .. "same" if the frame in hex loads to what its own frame loads to,
                                  "rounded" if it does once that has floats for integers
    name TEXT                     the encoded part, in hex

KIND is i for an integer, f for the hex digits of a float's bits. TEXT is UTF-8 in hex.
"""

import pickle
import struct
import sys

from aiographite.graphite_encoder import GraphiteEncoder
from aiographite.protocol import PickleProtocol, PlaintextProtocol


def point(name, kind, value, time):
    if kind == "f":
        (value,) = struct.unpack(">d", bytes.fromhex(value))
    else:
        value = int(value)
    return (name, value, int(time))


def load(frame):
    (length,) = struct.unpack("!L", frame[:4])
    assert length == len(frame) - 4
    return pickle.loads(frame[4:])


def points(fields):
    return [point(*fields[at:at + 4]) for at in range(0, len(fields), 4)]


def floats(points):
    return [(name, (time, float(value))) for name, (time, value) in points]


for line in sys.stdin:
    what, *fields = line.rstrip("\n").split("\t")
    if what == "line":
        answer = PlaintextProtocol().generate_message(points(fields)).hex()
    elif what == "pickle":
        ours, theirs = bytes.fromhex(fields[0]), PickleProtocol().generate_message(points(fields[1:]))
        ours, theirs = load(ours), load(theirs)
        answer = "same" if ours == theirs else "rounded" if ours == floats(theirs) else "differs"
    else:
        answer = GraphiteEncoder.encode(bytes.fromhex(fields[0]).decode()).encode().hex()
    print(answer)
