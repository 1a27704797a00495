#!/usr/bin/env python3
"""Compares graphite-encoder with Python's own codecs over millions of names.

Needs only python3. The Rust side is the example `oracle`; its path goes to --binary:

    cargo build --release -p graphite-encoder --example oracle
    python3 graphite-encoder/tests/oracle.py --binary target/release/examples/oracle --names 100000 --seed 1
    python3 graphite-encoder/tests/oracle.py --binary target/release/examples/oracle --all

--names N draws N names from a seed, and with each name the ways back from it and from damaged
encodings. --all takes every one of the 1,112,064 code points, alone and in every context below,
and a million drawn names. --aiographite checks the punycode side against the class
GraphiteEncoder of the installed package aiographite as well.

Prints what agreed, a line for each scheme and direction, and the first disagreement of each; the
exit code is 0 only when all agreed. A lone surrogate, which Python's strings can hold and Rust's
cannot, counts as an error in Python.

The reference is CPython 3.11. Later versions lower-case and compose by a later Unicode than 14,
and since 3.13 decode "XN--" as "xn--": with them, characters that came after Unicode 3.2 and
encodings with such a prefix are left out.
"""

import argparse
import collections
import multiprocessing
import os
import random
import re
import subprocess
import sys
import threading
import unicodedata
from urllib.parse import quote, unquote

SCHEMES = ("idna", "punycode", "percent", "portable")
LIMIT = 251
BATCH = 20_000
DOTS = ".\u3002\uff0e\uff61"

aiographite = None


IS_REFERENCE = sys.version_info[:2] == (3, 11)


def settled(name):
    """A name without the characters that are not the same in every version of Python."""
    if IS_REFERENCE:
        return name
    old = unicodedata.ucd_3_2_0
    return "".join(c for c in name if old.category(c) != "Cn" or unicodedata.category(c) == "Cn")


def is_settled(asked):
    """Whether a question has the same answer in every version of Python."""
    scheme, direction, text, _ = asked
    if IS_REFERENCE or (scheme, direction) != ("idna", "decode"):
        return True
    return set(re.findall("(?i)xn--", unquote(text))) <= {"xn--"}


# What is right -------------------------------------------------------------------------------


def encode(scheme, name):
    if scheme == "idna":
        return quote(name.encode("idna")).replace(".", "%2E")
    if scheme == "punycode":
        return quote(name.encode("punycode")).replace(".", "%2E")
    if scheme == "percent":
        encoded = quote(name, safe="").replace(".", "%2E").replace("~", "%7E") or "%FF"
    else:
        # Every byte is escaped but letters, digits, "-", and a "_" that no digit follows.
        spared = rb"[A-Za-z0-9-]|_(?![0-9A-F])"
        escape = lambda found: found.group(1) or b"_%02X" % found.group(2)[0]
        encoded = re.sub(rb"(?s)(" + spared + rb")|(.)", escape, name.encode()).decode() or "_FF"
    if len(encoded) > LIMIT:
        raise ValueError("too long")
    return encoded


def whole(text):
    text.encode()  # raises for a lone surrogate
    return text


def decode(scheme, encoded):
    if scheme in ("idna", "punycode"):
        return whole(bytes(unquote(encoded), "utf-8").decode(scheme))
    if encoded in ("%FF", "_FF"):
        text = ""
    elif scheme == "percent":
        text = unquote(encoded, errors="strict")
    else:
        unescape = lambda found: bytes([int(found.group(1), 16)])
        text = re.sub(rb"_([0-9A-F]{2})", unescape, encoded.encode()).decode()
    if encode(scheme, text) != encoded:
        raise ValueError("not what encode makes")
    return text


def question(scheme, direction, text):
    """What is asked, with what is expected: None where Python raises."""
    right = attempt(lambda: (encode if direction == "encode" else decode)(scheme, text))
    if scheme == "punycode" and aiographite:
        theirs = attempt(lambda: whole(getattr(aiographite, direction)(text)))
        if theirs != right:
            # Equal to neither: seen as a disagreement.
            right = f"{right!r} by the codec, {theirs!r} by aiographite"
    return scheme, direction, text, right


def attempt(what):
    """What comes of it, None where Python raises."""
    try:
        return what()
    except Exception:
        return None


# What is asked -------------------------------------------------------------------------------


def contexts():
    """Ways to put a character into a name."""
    yield "{}"
    # First, middle, last, in a label of ASCII and in one that is not.
    yield from ("{}b", "a{}b", "a{}", "\xe9{}", "{}\xe9", "{}{}")
    # With right-to-left text of both kinds, and digits of both kinds.
    yield from ("\u05d0{}\u05d0", "\u05d0{}", "{}\u05d0", "\u0627{}\u0661\u0627", "{}\u06275")
    # Among combining characters of several classes, and with jamo.
    yield from ("e{}\u0301", "e\u0327{}\u0301", "e\u0301{}\u0327", "\u05d0\u05b0{}", "{}\u0338\u0345")
    yield from ("\u1100{}\u11a8", "{}\u1161", "\uac00{}", "\u09c7{}", "{}\U000110ba", "\U00011131{}")
    # Beside each of the four dots.
    for dot in DOTS:
        yield from ("{}" + dot, "a" + dot + "{}", "{}" + dot + "b")


CONTEXTS = list(contexts())



# Only Idna looks at what stands beside a character; Punycode, and the ways back, are asked in
# these first ones, and the schemes that go byte by byte are asked once.
PLAIN_CONTEXTS = 7


def code_point_questions(first, last):
    """Every code point of a range in every context."""
    for code in range(first, last):
        if 0xD800 <= code < 0xE000 or not settled(chr(code)):
            continue
        for index, context in enumerate(CONTEXTS):
            name = context.replace("{}", chr(code))
            if index == 0:
                yield from name_questions(name, SCHEMES)
            elif index < PLAIN_CONTEXTS:
                yield from name_questions(name, SCHEMES[:2])
            else:
                yield question("idna", "encode", name)


ALPHABETS = [
    "abcxyzABCXYZ0189",
    "-_~/ .,;:=!^*?[]{}()'\"%#@\\|\t\n\x00\x7f",
    "\xe0\xe9\xdf\xc9\u0130\u0131\u03a3\u03c3\u03c2\u01c5\u1e9e\u017f",
    "\u0301\u0300\u0327\u0323\u0338\u0345\u0344\u093c\u05b0\u064b\u302a\U0001d165\u0f71\u0f72",
    DOTS,
    "\u05d0\u05d1\u0627\u0628\u06dd\u200f\u061f\u0661\u06f0\ufb1d",
    "\u1100\u1161\u11a8\uac00\uac01\u11c2\u3131",
    "\u6c49\u5b57\u65e5\U0002f868\U0002f800\u2126\u212b\ufdfa\ufb03\u2460\u33c7\u2100",
    "\xad\u034f\u200b\u200c\u200d\u2060\ufe0f\ufeff\u180b",
    "\u0221\u023a\u0378\u1b05\u1b35\U00011099\U000110ba\U00016d63\ua7cb\u2c2f\u10a0\u13a0",
    "\U0001f469\U0001f4bb\U0001f600\U000e0041\U000e0001\ue000\ufffd\uffff\U0010ffff\U0010fffd",
]


def draw_character(rng):
    if rng.random() < 0.15:
        code = rng.choice((0x2FF, 0x2FFF, 0xFFFF, 0x1FFFF, 0x10FFFF))
        character = chr(rng.randint(0x80, code))
        return "\xe9" if "\ud800" <= character <= "\udfff" else character
    return rng.choice(rng.choice(ALPHABETS))


def draw_name(rng):
    kind = rng.random()
    if kind < 0.0002:
        # Numbers in its Punycode pass 32 bits.
        return "".join(rng.choices("a\U0001f600\U0010ffff", k=4_200))
    length = rng.choice((1, 2, 3, 5, 8, 13)) if kind < 0.9 else rng.randint(50, 130)
    if kind < 0.3:
        alphabet = rng.choice(ALPHABETS) + rng.choice(ALPHABETS)
        name = "".join(rng.choices(alphabet, k=length))
    elif kind < 0.4:
        name = rng.choice(ALPHABETS[0]) * rng.randint(55, 68) + rng.choice(["", "\xe9", "."])
    else:
        name = "".join(draw_character(rng) for _ in range(length))
    if rng.random() < 0.03:
        name = rng.choice(("xn--", "XN--", "\uff58n--", "x\xadn--")) + name
    return name


def damage(rng, encoded):
    """An encoding that may be malformed."""
    kind = rng.randrange(10)
    at = rng.randint(0, len(encoded))
    if kind == 0:
        return encoded[:at] + rng.choice("abkz09-%_.AZ/~ 2E\xe9\u3002") + encoded[at:]
    if kind == 1:
        return encoded[:at] + encoded[at + 1 :]
    if kind == 2:
        return encoded.swapcase()
    if kind == 3:
        return encoded[:at].upper() + encoded[at:]
    if kind == 4:
        return "xn--" + encoded
    if kind == 5:
        return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789-", k=rng.randint(1, 12)))
    if kind == 6:
        return encoded[:at] + rng.choice("%_") + "%02X" % rng.randrange(256) + encoded[at:]
    if kind in (7, 8):
        # A label of what no preparation may have left: dots, capitals, other forms.
        label = draw_name(rng)[:20].replace(".", "\u3002" if kind == 8 else "\uff61")
        return quote(b"xn--" + label.encode("punycode"))
    return encoded + rng.choice((".", "%2E", "%2e", "..", "-", ".xn--9ca", "%78n--9ca", "xn---foo"))


def name_questions(name, schemes):
    """A name in some schemes, and back from there."""
    for scheme in schemes:
        there = question(scheme, "encode", name)
        yield there
        if there[3] is not None:
            yield question(scheme, "decode", there[3])


def drawn_questions(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        name = settled(draw_name(rng))
        for there_or_back in name_questions(name, SCHEMES):
            yield there_or_back
            scheme, direction, text, encoded = there_or_back
            if direction == "encode" and len(text) < 1_000:
                yield question(scheme, "decode", damage(rng, encoded or text))


def questions(task):
    kind, first, second = task
    drawn = kind == "names"
    asked = drawn_questions(first, second) if drawn else code_point_questions(first, second)
    return filter(is_settled, asked)


# Asking --------------------------------------------------------------------------------------


def batches(items):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def ask(binary, batch):
    """The answers of the Rust side, None for a refusal."""
    lines = "".join(f"{s}\t{d}\t{text.encode().hex()}\n" for s, d, text, _ in batch).encode()

    def write():
        try:
            binary.stdin.write(lines)
            binary.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answers tell

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    for asked in batch:
        answer = binary.stdout.readline().decode().rstrip("\n").split("\t", 1)
        if answer[0] == "ok":
            yield bytes.fromhex(answer[1]).decode()
        elif answer[0] == "err":
            yield None
        else:
            raise RuntimeError(f"the binary stopped at {asked[:3]!r}")
    writer.join()


def compare(job):
    """Runs one task: agreements by kind, and disagreements with the first of each kind."""
    path, task = job
    agreed = collections.Counter()
    wrong = collections.Counter()
    examples = {}
    with subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as binary:
        for batch in batches(questions(task)):
            for asked, ours in zip(batch, ask(binary, batch)):
                scheme, direction, text, theirs = asked
                if ours == theirs:
                    agreed[scheme, direction, "accepted" if ours is not None else "refused"] += 1
                else:
                    wrong[scheme, direction] += 1
                    examples.setdefault((scheme, direction), (text, theirs, ours))
        binary.stdin.close()
    return agreed, wrong, examples


def report(results):
    agreed = collections.Counter()
    wrong = collections.Counter()
    examples = {}
    for more_agreed, more_wrong, more_examples in results:
        agreed += more_agreed
        wrong += more_wrong
        for kind, example in more_examples.items():
            examples.setdefault(kind, example)
    for scheme in SCHEMES:
        for direction in ("encode", "decode"):
            accepted = agreed[scheme, direction, "accepted"]
            refused = agreed[scheme, direction, "refused"]
            print(
                f"{scheme:8} {direction}: {accepted + refused:>12,} agree"
                f" ({refused:,} refused by both), {wrong[scheme, direction]:,} differ"
            )
    for (scheme, direction), (text, theirs, ours) in examples.items():
        print(f"first difference, {scheme} {direction} of {ascii(text)}:")
        print(f"  expected {ascii(theirs)}\n  got      {ascii(ours)}")
    return not wrong


def main():
    global aiographite
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--binary", required=True, help="the built example `oracle`")
    parser.add_argument("--all", action="store_true", help="every code point, in every context")
    parser.add_argument("--names", type=int, default=None, help="how many names to draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--aiographite", action="store_true", help="ask the installed package")
    options = parser.parse_args()
    if options.aiographite:
        try:
            from aiographite.graphite_encoder import GraphiteEncoder as aiographite
        except ImportError as error:
            sys.exit(f"--aiographite: {error}")
    if not IS_REFERENCE:
        print(f"the reference is CPython 3.11, this is {sys.version.split()[0]}")

    names = options.names
    if names is None:
        names = 1_000_000 if options.all else 100_000
    share = 10_000
    tasks = [
        ("names", min(share, names - start), f"{options.seed}/{start}")
        for start in range(0, names, share)
    ]
    if options.all:
        tasks += [("points", first, first + 0x800) for first in range(0, 0x110000, 0x800)]
    print(f"seed {options.seed}: {names:,} drawn names", end="")
    print(f", 1,112,064 code points in {len(CONTEXTS)} contexts" if options.all else "")
    # The workers inherit `aiographite` by the fork.
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        jobs = [(os.path.abspath(options.binary), task) for task in tasks]
        agreed = report(pool.imap(compare, jobs))
    sys.exit(0 if agreed else 1)


if __name__ == "__main__":
    main()
