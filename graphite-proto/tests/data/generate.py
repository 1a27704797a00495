#!/usr/bin/env python3
"""Writes the golden pickles and lines beside it: python3 generate.py [PYTHON ...]

Every PYTHON (default: this one) pickles the same batches with all its protocols and picklers;
pickles that are equal are kept once, named by the first that wrote them. Standard library only,
runs on Python 2.7 and 3.
"""
from __future__ import print_function

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
T = 1700000000


def batches():
    """The names say what the reader of the pickles has to find (tests/receiver.rs)."""
    u = u"" if sys.version_info[0] == 3 else None
    text = (lambda s: s) if u is not None else (lambda s: s.decode("utf-8"))
    shared = text("servers.web01.load")
    points = [
        (text("servers.web01.load"), (T, 0.42)),
        (text("int"), (T, 7)),
        (text("negative"), (T, -7)),
        (text("u8"), (T, 255)),
        (text("u16"), (T, 65535)),
        (text("i32"), (T, -2147483648)),
        (text("long"), (T, 2147483648)),
        (text("huge"), (T, 2 ** 64 - 1)),
        (text("beyond"), (T, 10 ** 30)),
        (text("float.time"), (T + 0.75, 1e300)),
        (text("latest"), (4294967295, 0)),
        (text("gr\xc3\xb6\xc3\x9fe.\xe6\xb1\x89.\xf0\x9f\x98\x80" if u is None
              else u"gr\xf6\xdfe.\u6c49.\U0001f600"), (T, 1.5)),
        (text("back\\slash \"and' space\nnewline"), (T, 2.5)),
    ]
    yield "points", points
    yield "lists", [[name, list(point)] for name, point in points]
    yield "tuple", tuple(points)
    yield "repeated", [(shared, (T + i, float(i))) for i in range(5)]
    yield "many", [(shared, (T, i % 7)) for i in range(1001)]
    yield "empty", []
    if u is None:
        yield "points", [(name.encode("utf-8"), point) for name, point in points]


def main_one(directory):
    import pickle
    picklers = [pickle.dumps]
    if sys.version_info[0] == 2:
        import cPickle
        picklers.append(cPickle.dumps)
    else:
        picklers.append(pickle._dumps)
    name = "py%d%d" % sys.version_info[:2]
    count = 0
    for label, batch in batches():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for dumps in picklers:
                data = dumps(batch, protocol)
                known = set()
                for other in os.listdir(directory):
                    if other.startswith(label + "-"):
                        with open(os.path.join(directory, other), "rb") as file:
                            known.add(file.read())
                if data in known:
                    continue
                count += 1
                path = "%s-%s-protocol%d-%d.pickle" % (label, name, protocol, count)
                with open(os.path.join(directory, path), "wb") as file:
                    file.write(data)
    if sys.version_info[0] == 3:
        with open(os.path.join(directory, "points.lines"), "w", encoding="utf-8",
                  newline="\n") as file:
            for label, batch in batches():
                if label == "points":
                    for name, (timestamp, value) in batch:
                        file.write("%s %r %r\n" % (name.split()[0], value, timestamp))
    print(sys.version.split()[0], count, "new")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        main_one(sys.argv[2])
    else:
        for other in os.listdir(HERE):
            if other.endswith((".pickle", ".lines")):
                os.remove(os.path.join(HERE, other))
        for python in sys.argv[1:] or [sys.executable]:
            subprocess.check_call([python, os.path.abspath(__file__), "--one", HERE])
