"""Reads back what a store holds, as lines of name, timestamp and value.

    readback.py cache HOST PORT < names       points not yet written, from carbon-cache's query port
    readback.py whisper FOLDER FROM < names   the whisper files, from a timestamp on
    readback.py headers FOLDER < names        how the whisper files thin out: NAME METHOD FACTOR ARCHIVES
    readback.py victoria URL                  VictoriaMetrics
    readback.py influx URL                    InfluxDB, database "graphite"
    readback.py find URL                      the paths in graphite-web's tree, one a line
    readback.py tagged URL                    the series in graphite-web's tags, one a line
    readback.py render URL FROM < names       graphite-web, each series by its path
    readback.py bytag URL FROM < names        graphite-web, each series by its tags
    readback.py draw URL FILE < fields        graphite-web's picture; a field is a line NAME=VALUE
    readback.py ring FACTOR NODE... < names   the nodes that carbon's own ring gives a name

Names are read from standard input, one a line. Fields are divided by tabs; a value is the sixteen
hex digits of its IEEE 754 bits, so that nothing is rounded on the way. A whisper file that belongs
to none of the names is shown under a name that begins with "?".
"""

import json
import os
import pickle
import socket
import struct
import sys
import time
import urllib.parse
import urllib.request


def names():
    return [line.rstrip("\n") for line in sys.stdin if line != "\n"]


def show(name, timestamp, value):
    bits = struct.pack(">d", float(value)).hex()
    sys.stdout.write(f"{name}\t{int(timestamp)}\t{bits}\n")


def cache(host, port):
    wanted = names()
    with socket.create_connection((host, int(port)), 60) as query, query.makefile("rb") as answers:
        for first in range(0, len(wanted), 500):
            request = {"type": "cache-query-bulk", "metrics": wanted[first:first + 500]}
            request = pickle.dumps(request, protocol=2)
            query.sendall(struct.pack("!L", len(request)) + request)
            (length,) = struct.unpack("!L", answers.read(4))
            answer = pickle.loads(answers.read(length))
            for name, points in answer["datapointsByMetric"].items():
                for timestamp, value in points:
                    show(name, timestamp, value)


def file_of(name):
    from carbon.util import TaggedSeries

    return TaggedSeries.encode(name, os.sep, hash_only=True) + ".wsp"


def headers(folder):
    import whisper as database

    for name in names():
        path = os.path.join(folder, file_of(name))
        if os.path.exists(path):
            header = database.info(path)
            archives = ",".join(
                f"{archive['secondsPerPoint']}:{archive['points']}" for archive in header["archives"])
            method, factor = header["aggregationMethod"], header["xFilesFactor"]
            sys.stdout.write(f"{name}\t{method} {factor:g} {archives}\n")


def whisper(folder, begin):
    import whisper as database

    known = set()
    until = int(time.time()) + 1
    for name in names():
        file = file_of(name)
        known.add(file)
        path = os.path.join(folder, file)
        if not os.path.exists(path):
            continue
        try:
            (first, _, step), values = database.fetch(path, int(begin) - 1, until)
        except database.CorruptWhisperFile:
            # carbon is about to write its header. After carbon's end the points count as missing.
            continue
        for index, value in enumerate(values):
            if value is not None:
                show(name, first + index * step, value)
    for place, _, files in os.walk(folder):
        for file in files:
            file = os.path.relpath(os.path.join(place, file), folder)
            if file not in known:
                show("?" + file, 0, 0)


def full(name, tags):
    return ";".join([name] + sorted(f"{key}={value}" for key, value in tags.items()))


def victoria(url):
    urllib.request.urlopen(url + "/internal/force_flush", timeout=60).read()
    query = urllib.parse.urlencode({"match[]": '{__name__!=""}'})
    address = url + "/api/v1/export?" + query
    with urllib.request.urlopen(address, timeout=120) as answer:
        for line in answer:
            series = json.loads(line, parse_int=float)
            tags = series["metric"]
            name = full(tags.pop("__name__"), tags)
            for timestamp, value in zip(series["timestamps"], series["values"]):
                show(name, timestamp / 1000, value)


def influx(url):
    query = {"db": "graphite", "epoch": "s", "chunked": "true",
             "q": "SELECT value FROM /.*/ GROUP BY *"}
    address = url + "/query?" + urllib.parse.urlencode(query)
    with urllib.request.urlopen(address, timeout=120) as answer:
        for line in answer:
            for result in json.loads(line, parse_int=float)["results"]:
                if "error" in result:
                    sys.exit(result["error"])
                for series in result.get("series", []):
                    name = full(series["name"], series.get("tags", {}))
                    for timestamp, value in series["values"]:
                        show(name, timestamp, value)


def web(url, **fields):
    body = urllib.parse.urlencode(fields, doseq=True).encode()
    with urllib.request.urlopen(url, body, timeout=120) as answer:
        return json.load(answer, parse_int=float)


def find(url):
    queries = ["*"]
    while queries:
        for node in web(url + "/metrics/find", query=queries.pop(), format="json"):
            if node["is_leaf"]:
                sys.stdout.write(node["path"] + "\n")
            # That is where the files of tagged series are, by hashes.
            elif node["path"] != "_tagged":
                queries.append(node["path"] + ".*")


def tagged(url):
    for series in web(url + "/tags/findSeries", expr="name=~.+"):
        sys.stdout.write(series + "\n")


def render(url, begin):
    rendered(url, begin, names())


def bytag(url, begin):
    def target(name):
        pairs = ("name=" + name).split(";")
        return "seriesByTag(" + ",".join(f"'{pair}'" for pair in pairs) + ")"

    rendered(url, begin, [target(name) for name in names()])


def rendered(url, begin, targets):
    for first in range(0, len(targets), 50):
        some = targets[first:first + 50]
        for series in web(url + "/render", target=some, format="json", noNullPoints=1,
                          **{"from": int(begin) - 1}):
            for value, timestamp in series["datapoints"]:
                show(series["target"], timestamp, value)


def draw(url, file):
    body = urllib.parse.urlencode([tuple(field.split("=", 1)) for field in names()]).encode()
    with urllib.request.urlopen(url + "/render", body, timeout=120) as answer:
        with open(file, "wb") as picture:
            picture.write(answer.read())


def ring(factor, *nodes):
    from carbon.conf import settings
    from carbon.routers import ConsistentHashingRouter
    from carbon.util import parseDestinations

    settings["REPLICATION_FACTOR"] = int(factor)
    router = ConsistentHashingRouter(settings)
    for node in parseDestinations(nodes):
        router.addDestination(node)
    for name in names():
        instances = sorted(instance for _, _, instance in router.getDestinations(name))
        sys.stdout.write(f"{name}\t{','.join(instances)}\n")


globals()[sys.argv[1]](*sys.argv[2:])
