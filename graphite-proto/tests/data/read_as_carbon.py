#!/usr/bin/env python3
"""Reads lines or frames from stdin as carbon does and prints what it makes of them.

    python3 read_as_carbon.py plaintext|pickle

A line a point: the name, then timestamp and value as floats, each as the hexadecimal digits of
its bytes. Anything that carbon would skip or close the connection for ends this with an error.
The unpickler is restricted as carbon's `SafeUnpickler` is. Standard library only.
"""
import io
import pickle
import struct
import sys


class Restricted(pickle.Unpickler):
    ADMITTED = {"copy_reg": {"_reconstructor"}, "__builtin__": {"object"}}

    def find_class(self, module, name):
        if name not in self.ADMITTED.get(module, ()):
            raise pickle.UnpicklingError("class %s.%s" % (module, name))
        return super().find_class(module, name)


def show(name, timestamp, value):
    floats = (struct.pack(">d", float(number)).hex() for number in (timestamp, value))
    print(name.encode("utf-8").hex(), *floats)


def plaintext(data):
    lines = data.split(b"\n")
    assert lines.pop() == b"", "the last line is not ended"
    for line in lines:
        assert len(line) <= 16384
        name, value, timestamp = line.decode("utf-8").strip().split()
        show(name, timestamp, value)


def frames(data):
    while data:
        (length,) = struct.unpack(">I", data[:4])
        assert length <= 2**20
        frame, data = data[4:4 + length], data[4 + length:]
        assert len(frame) == length, "the last frame is torn"
        points = Restricted(io.BytesIO(frame), encoding="utf-8").load()
        assert points == pickle.loads(frame)
        for name, (timestamp, value) in points:
            assert isinstance(name, str)
            show(name, timestamp, value)


{"plaintext": plaintext, "pickle": frames}[sys.argv[1]](sys.stdin.buffer.read())
