"""Sends or encodes the points of `cargo xtask bench` by aiographite.

    peer.py SENDER RUNTIME PROTOCOL TASKS CYCLES ADDRESS    sends, as a sender's process does
    peer.py encode PROTOCOL CYCLES                          prints nanoseconds of processor time a point

Not here: how it compares.
"""

import asyncio
import sys
import time

from aiographite.aiographite import connect
from aiographite.protocol import PickleProtocol, PlaintextProtocol

TIME = 1_700_000_000
POINTS = [(f"servers.web{i // 8:03}.cpu.core{i % 8}.user", i * 0.37, TIME) for i in range(1000)]
PROTOCOLS = {"plaintext": PlaintextProtocol, "pickle": PickleProtocol}


async def send(sender, protocol, cycles, address):
    host, port = address.rsplit(":", 1)
    connection = await connect(host, int(port), protocol)
    writer = connection._writer
    cpu, begun = time.process_time_ns(), time.monotonic_ns()
    for _ in range(cycles):
        if sender == "aiographite-one":
            for name, value, at in POINTS:
                await connection.send(name, value, at)
        else:
            await connection.send_multiple(POINTS)
    await connection.close()
    await writer.wait_closed()
    ended, cpu = time.monotonic_ns(), time.process_time_ns() - cpu
    with open("/proc/self/status") as status:
        (peak,) = (int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    print(begun, ended, cpu, peak << 10)


def encode(protocol, cycles):
    begun = time.thread_time_ns()
    for _ in range(cycles):
        protocol.generate_message(POINTS)
    print((time.thread_time_ns() - begun) / (cycles * len(POINTS)))


if sys.argv[1] == "encode":
    encode(PROTOCOLS[sys.argv[2]](), int(sys.argv[3]))
else:
    sender, _, protocol, _, cycles, address = sys.argv[1:]
    asyncio.run(send(sender, PROTOCOLS[protocol](), int(cycles), address))
