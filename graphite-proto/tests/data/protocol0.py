#!/usr/bin/env python3
"""Writes protocol0.txt beside it: how CPython reads the lines of pickle protocol 0.

    python3 protocol0.py

Other senders write such pickles by hand, with escapes that Python's own pickler never makes. Each
argument stands in a pickle of one point, which is loaded as carbon loads it; what is written down
is the point's path or number, or `!` where carbon has no such point. Standard library only.

    escape OP AA BB-CC:ANSWER ...     the text AA's backslash before it and one of BB to CC after:
                                      for S in quotes. ANSWER is `=` for the text as it stands
                                      (each byte a Latin-1 character for V), XX+ for the bytes XX
                                      and then the last byte, or all bytes of the path
    text OP ARGUMENT ANSWER           one line, and the path
    number OP ARGUMENT ANSWER         one line, and the value as the bytes of a float
"""
import io
import math
import os
import pickle
import struct
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))

STRINGS = [
    # What real senders write: octal for what is not printable, Windows' and regular expressions'
    # backslashes, a value in quotes.
    rb"'path.my\040disk'", rb"'win.C:\data.used'", rb"'a\.b\-c\/d'", rb"'\a\b\f\v\t\n\r'",
    rb"'gr\303\266\303\237e'", rb"'gr\xc3\xb6\xC3\x9Fe'", "'größe.汉'".encode(),
    "'\\ö\\汉'".encode(), rb'"it' + b"'" + rb's"', rb"'a\'b\"c\\d'", b"'a'b'", b"''", b'""',
    # Octal takes three digits at most, and drops what no byte holds.
    rb"'\0'", rb"'\0001'", rb"'\18'", rb"'\1234'", rb"'\377'", rb"'\401'", rb"'\777'", rb"'\8'",
    rb"'\60\61'", rb"'\303x'",
    # Hexadecimal takes two.
    rb"'\x41'", rb"'\x414'", rb"'\x4'", rb"'\x'", rb"'\x4g'", rb"'\x 41'", rb"'\xff'", rb"'\X41'",
    # Backslashes before others, before a quote, and at the end.
    rb"'\\x41'", rb"'\\\x41'", rb"'a\\'", rb"'a\'", rb"'\'", rb"'\u0041'", rb"'\N{DIGIT ONE}'",
    # Quotes.
    b"", b"'", b'"', b"a", b"'a", b"a'", b"'a\"", b"\"a'", b"'a' ", b" 'a'", b"'a'\r", b"'a'\t",
    b"u'a'", b"`a`", b"\xe2\x80\x98a\xe2\x80\x99",
    # What is not UTF-8.
    b"'\xff'", b"'\xc3'", b"'\xed\xa0\x80'", b"'\xc0\x80'", b"'\xf4\x90\x80\x80'",
    rb"'\355\240\200'",
]
UNICODES = [
    b"", b"a", b" a ", b"a\r", b"'a'", b"\xf6", "ö".encode(), rb"\u00f6", rb"\u00F6x", rb"\u6c49",
    rb"\U0001f600", rb"\U0001F600\u0041", rb"\\u0041", rb"\\\u0041", rb"\\\\u0041", b"a\\", rb"\x41",
    rb"\101", rb"\n", rb"\N{DIGIT ONE}", rb"\u", rb"\u41", rb"\u004", rb"\u004g", rb"\u+041",
    rb"\U0041", rb"\U0000004", rb"\U00000041", rb"\U00110000", rb"\Uffffffff", rb"\ud83d",
    rb"\ud83dx", rb"\ude00", b"\\\xf6",
]
NUMBERS = [
    b"0", b"00", b"01", b"1", b"5", b"-5", b"+5", b"-0", b"--5", b"+-5", b"- 5", b"", b"-", b"+",
    b" 5", b"5 ", b"\t5\t", b"5\r", b"5\x0b", b"5\x0c", b"5\xa0", b"5L", b"5LL", b"5l", b"L",
    b"5L ", b"5 L", b"1700000000", b"4294967295", b"2147483648L", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551615L", b"-9223372036854775809L",
    b"123456789012345678901234567890", b"010", b"-010", b"010L", b"010 ", b" 010", b"0010", b"08",
    b"09L", b"0x10", b"0X1f", b"-0x10L", b"0x", b"0xg", b"0x 1", b"0o17", b"0O17L", b"0o8", b"0b101",
    b"0b2", b"0xffffffffffffffff", b"0777777777777777777777", b"1777777777777777777777", b"x", b"5x",
    b"1.5", b"5.0", b"1e3", b"1E3", b"-1e-3", b".5", b"5.", b".", b"1e", b"e5", b"1,5", b"0x1p3",
    b"1e400", b"inf", b"nan", b"0.1", b"1e-400", b"True", b"None", b"\xef\xbc\x95",
]


class Restricted(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError("class %s.%s" % (module, name))


def point(data):
    """Returns the path and the value of the one point, as carbon makes them."""
    try:
        ((path, (timestamp, value)),) = Restricted(io.BytesIO(data), encoding="utf-8").load()
        value = float(value)
        if not isinstance(path, str) or not math.isfinite(value):
            return None
        return path.encode("utf-8"), struct.pack(">d", value)
    except (pickle.UnpicklingError, ValueError, TypeError, IndexError, KeyError, EOFError,
            ImportError, OverflowError, AttributeError):
        return None


def path(opcode, argument):
    if b"\n" in argument:
        return None  # It would end there, and what follows would be opcodes.
    read = point(b"(l(" + opcode + argument + b"\n(L1L\nL1L\ntta.")
    return read and read[0]


def number(opcode, argument):
    read = point(b"(l(S'a'\n(L1L\n" + opcode + argument + b"\ntta.")
    return read and read[1].hex()


def answer(opcode, before, last):
    escape = b"\\" + bytes([before, last])
    read = path(opcode, b"'" + escape + b"'" if opcode == b"S" else escape)
    if read is None:
        return "!"
    if read == (escape if opcode == b"S" else escape.decode("latin-1").encode("utf-8")):
        return "="
    if len(read) > 1 and read[-1] == last:
        return read[:-1].hex() + "+"
    return read.hex()


def escapes(opcode, before):
    runs = []
    for last in range(256):
        this = answer(opcode, before, last)
        if runs and runs[-1][2] == this:
            runs[-1][1] = last
        else:
            runs.append([last, last, this])
    return " ".join("%02x-%02x:%s" % tuple(run) for run in runs)


def lines():
    for opcode in b"S", b"V":
        for before in range(256):
            yield "escape %s %02x %s" % (opcode.decode(), before, escapes(opcode, before))
    for opcode, arguments in (b"S", STRINGS), (b"V", UNICODES):
        for argument in arguments:
            read = path(opcode, argument)
            shown = "!" if read is None else read.hex()
            yield "text %s %s %s" % (opcode.decode(), argument.hex(), shown)
    for opcode in b"I", b"L", b"F":
        for argument in NUMBERS:
            yield "number %s %s %s" % (opcode.decode(), argument.hex(),
                                       number(opcode, argument) or "!")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with open(os.path.join(HERE, "protocol0.txt"), "w", newline="\n") as file:
        file.writelines(line + "\n" for line in lines())
