"""swarm-tracker on several threads: one swarm for all of them, counts that add up, and what does not go with it."""
import json
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from common import Lab, check, main, program  # noqa: E402

HASH = bytes(range(20))
CLIENTS = 40
CONFIG = "port = 0\nthreads = 3\neventsLevel = \"summary\"\nstatsInterval = 0.1\n"


def announce(asker, port):
    asker.settimeout(10)
    asker.send((0x41727101980).to_bytes(8, "big") + bytes(4) + b"conn")
    connection_id = asker.recv(2048)[8:16]
    asker.send(connection_id + struct.pack(">I4s20s20sQQQIIIiH", 1, b"annc", HASH, b"-TH0001-abcdefghijkl", 0, 5, 0, 2, 0, 0,
                                           -1, port))
    reply = asker.recv(2048)
    check(reply[:8] == b"\0\0\0\1annc", f"{reply!r}")
    return struct.unpack(">III", reply[8:20])


def one_swarm():
    with Lab("threads") as lab:
        ip, events = lab.address(), lab.path("tracker.events")
        node = lab.start("tracker", [program("swarm-tracker"), lab.write("tracker.toml", CONFIG), "--bind", ip, "--events", events])
        lab.wait_until(lambda: os.path.exists(events) and open(events, encoding="utf-8").read().endswith("\n"), "it is ready", [node])
        with open(events, encoding="utf-8") as lines:
            port = int(json.loads(lines.readline())["udp"].rsplit(":", 1)[1].split("/")[0])
        # Each socket is dealt to one of the threads; whichever it is knows those of the others.
        for number in range(1, CLIENTS + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
                asker.connect((ip, port))
                _, incomplete, complete = announce(asker, 1000 + number)
                check((incomplete, complete) == (number, 0), f"announce {number} was told {incomplete}, {complete}")

        def counted():
            with open(events, encoding="utf-8") as lines:
                stats = [json.loads(line) for line in lines if '"stats"' in line and line.endswith("\n")]
            return stats and (stats[-1]["announces"], stats[-1]["peers"]) == (CLIENTS, CLIENTS)
        lab.wait_until(counted, "the threads' counts add up", [node])
        node.stop()


def conflicts():
    with Lab("threads") as lab:
        for text, what in [("order = \"fixed\"", "fixed"), ("web = true", "web"), ("events = \"e.jsonl\"", "events"),
                           ("[[rules]]\naction = \"drop\"", "rules")]:
            config = lab.write("bad.toml", "port = 0\nthreads = 2\n" + text + "\n")
            result = subprocess.run([program("swarm-tracker"), config, "--bind", lab.address()], capture_output=True, timeout=30,
                                    check=False, text=True)
            check(result.returncode != 0 and what in result.stderr, f"{text}: {result}")


if __name__ == "__main__":
    main({"one_swarm": one_swarm, "conflicts": conflicts})
