#!/usr/bin/env python3
"""Writes tags.json: what TaggedSeries of carbon 1.1.10 makes of drawn paths and tags.

    python3 tags.py > tags.json     # with carbon==1.1.10 importable

Each case has a path and tags, the normal form of these (null where carbon raises), a series as
text, and the normal form of that.
"""

import json
import random

from carbon.util import TaggedSeries


def form(make):
    try:
        return make()
    except Exception:
        return None


def tagged(path, tags):
    for key, value in tags:
        TaggedSeries.validateTagAndValue(key, value)
    name = TaggedSeries.sanitize_name_as_tag_value(path)
    return TaggedSeries(path, dict(tags) | {"name": name}).path


def case(path, tags):
    series = path + "".join(";" + "=".join(tag) for tag in tags)
    return {
        "path": path,
        "tags": tags,
        "tagged": form(lambda: tagged(path, tags)),
        "series": series,
        "parsed": form(lambda: TaggedSeries.parse(series).path),
    }


def main():
    rng = random.Random(1)
    words = ["a", "b", "a-b", "a.b", "aa", "A", "0", "name", "~", "~a", "a~", "\u6c49", "\U0001f600"]
    words += ["\uffff", "", "a=b", "a!", "a^", "!", "=", "~~a", "k", "v", "value.2", "a b"]
    plain = words[:8] + ["k", "v", "\u6c49", "\uffff", "\U0001f600", "a~"]
    cases = [
        ("some.metric", [("tag1", "value2"), ("tag2", "value.2"), ("tag1", "value3")]),
        ("some.metric", [("k", "a"), ("k", "_"), ("k2", "3"), ("k", "0"), ("k", "42")]),
        ("a", [("k", "v;w")]),
        ("a", [("k", "v;w=x")]),
        ("a", [("k;", "v")]),
        ("a", []),
        ("~", []),
        ("", []),
    ]
    for index in range(400):
        # Half of them from words that are mostly allowed.
        choice = words if index % 2 else plain
        tags = [(rng.choice(choice), rng.choice(choice)) for _ in range(rng.randint(0, 5))]
        cases.append((rng.choice(choice), tags))
    print("[\n" + ",\n".join(json.dumps(case(path, tags)) for path, tags in cases) + "\n]")


if __name__ == "__main__":
    main()
