"""Another program as a node of the lab: as a seeder it serves our client, as a client it completes beside it."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
from tests.support.nodes import TestFailure, check, program  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SKIPPED = 77
PEERS = """[[nodes]]
kind = "{kind}"
role = "seeder"
name = "source"
[[nodes]]
kind = "{kind}"
[[nodes]]
kind = "client"
"""
TRACKER = """[[nodes]]
kind = "seeder"
[[nodes]]
kind = "client"
count = 2
"""


def main():
    kind = sys.argv[1]
    is_tracker = "tracker" in kind
    with tempfile.TemporaryDirectory(prefix="swarm-lab-adapter-") as folder:
        path = os.path.join(folder, f"{kind}.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'name = "{kind}"\n[content]\nrecipe = "{ROOT}/torrents/recipes/small.toml"\n'
                       f'piece_length = "16 KiB"\n[tracker]\ninterval = "1s"\n')
            file.write(f'kind = "{kind}"\n' if is_tracker else "")
            file.write((TRACKER if is_tracker else PEERS).format(kind=kind))
            file.write('[expect]\nall_complete_within = "90s"\n')
        done = subprocess.run([program("swarm-lab"), "run", path, "--out", folder, "--quiet", "--json"], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode == 3:
            print(done.stderr, file=sys.stderr)
            sys.exit(SKIPPED)
        check(done.returncode == 0, f"exit code {done.returncode}: {done.stderr} {done.stdout[:6000]}")
        report = json.loads(done.stdout)
        clients = [node for node in report["nodes"] if node["kind"] == "client"]
        check(len(clients) == 2 and all(c["compared"]["different"] == 0 for c in clients), f"{clients}")
        check(any(node.get("program") == kind for node in report["nodes"]), "it took part")


try:
    main()
except TestFailure as failure:
    sys.exit(f"FAILED {sys.argv[1]}: {failure}")
