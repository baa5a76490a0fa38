#!/usr/bin/env python3
"""A swarm driven from Python over `swarm-lab control`: kills a client, starts it again, waits until all are complete.

    SWARM_LAB=build/release/bin/swarm-lab python3 lab/examples/drive.py
"""
import itertools
import json
import os
import subprocess

SCENARIO = {
    "name": "drive",
    "content": {"recipe": os.path.join(os.path.dirname(__file__), "../../torrents/recipes/small.toml"),
                "piece_length": "16 KiB"},
    "tracker": {"interval": "1s"},
    "nodes": [{"kind": "seeder"}, {"kind": "client", "count": 3}],
}


class Lab:
    """Requests one after the other; the end of our process, however it comes, ends the swarm."""

    def __init__(self, *options):
        program = os.environ.get("SWARM_LAB", "swarm-lab")
        self.process = subprocess.Popen([program, "control", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.ids = itertools.count(1)

    def ask(self, do, **fields):
        request = {"id": next(self.ids), "do": do, **fields}
        self.process.stdin.write(json.dumps(request) + "\n")
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer["id"] == request["id"]:
                break
        if not answer["ok"]:
            raise RuntimeError(f"{do}: {answer['error']}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


with Lab(*([f"--out={os.environ['OUT']}"] if "OUT" in os.environ else [])) as lab:
    lab.ask("start", inline=SCENARIO)
    swarm = lab.ask("wait", **{"for": "ready", "timeout": 30})["endpoints"]
    print("tracker", swarm["tracker_url"])
    lab.ask("ctl", node="client-1", action="kill")
    lab.ask("wait", **{"for": "client-1 is down", "timeout": 30})
    lab.ask("ctl", node="client-1", action="start")
    lab.ask("wait", **{"for": "complete", "timeout": 60})
    verified = lab.ask("events", query="client-*: piece_verified", limit=0)["count"]
    report = lab.ask("stop")["report"]
    print(report["verdict"], f"after {report['completion_s']:.2f} s, {verified} pieces verified")
