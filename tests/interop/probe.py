"""swarm-lab probe against seeds of other people, and the table of docs/conformance.md.

    probe.py                    each program keeps to what a download needs
    probe.py --write FILE       the table, as Markdown
"""
import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.interop import peers, trees  # noqa: E402
from tests.support.nodes import Lab, check, program, run_test  # noqa: E402

SEEDS = {"ours": "swarm-seeder", "aria2": "aria2", "transmission": "transmission", "libtorrent": "libtorrent"}
NEEDED = ("handshake.answer", "first.bitfield", "choke.unchoke", "request.piece", "request.last_piece", "alive")


def probe(lab, seed, torrent):
    process = subprocess.Popen([program("swarm-lab"), "probe", f"{seed.ip}:{seed.port}", torrent, "--json"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    lab.on_close(process.kill)
    stdout, _ = process.communicate(timeout=180)
    check(process.returncode in (0, 1), f"{seed.name}: exit code {process.returncode}")
    return json.loads(stdout)


def log_of(node):
    with open(node.log_path, encoding="utf-8", errors="replace") as log:
        return log.read()


def all_reports():
    missing = peers.missing_programs(SEEDS.values())
    check(not missing, "install the packages " + " ".join(missing))
    with Lab("probe", 300) as lab:
        origin = lab.make_dir("origin")
        tree = lab.make_dir("origin", "tree")
        trees.copy_real_tree(tree)
        torrent = lab.path("tree.torrent")
        trees.make_torrent("mktorrent", tree, torrent, "http://127.0.0.1:9/announce")
        reports = {}
        for name, kind in SEEDS.items():
            seed = peers.CLIENTS[kind](lab, name, torrent)
            seed.seed(origin)
            if kind == "libtorrent":  # while it checks it turns everybody away
                lab.wait_until(lambda: "to: seeding" in log_of(seed.node) or "to: finished" in log_of(seed.node),
                               "libtorrent has checked its files", [seed.node])
            reports[name] = probe(lab, seed, torrent)
            seed.node.stop()
        return reports


def table(reports):
    lines = ["| rule | source | " + " | ".join(reports) + " |", "|---|---|" + "---|" * len(reports)]
    notes = []
    for rule in reports["ours"]["rules"]:
        cells = []
        for name, report in reports.items():
            found = {each["rule"]: each for each in report["rules"]}.get(rule["rule"])
            cells.append(found["verdict"] if found else "not tried")
            if found and found["verdict"] in ("broken", "open"):
                notes.append(f"- `{rule['rule']}`, {name} ({found['verdict']}): sent {found['sent'] or 'nothing'}; heard: "
                             f"{found['heard'] or 'nothing'}")
        lines.append(f"| {rule['text'].strip('… ')} (`{rule['rule']}`) | {rule['source']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + "\n".join(notes) + "\n"


def keeps_to_what_a_download_needs():
    for name, report in all_reports().items():
        found = {rule["rule"]: rule for rule in report["rules"]}
        for rule in NEEDED:
            check(found.get(rule, {}).get("verdict") == "held", f"{name}: {rule}: {found.get(rule)}")
        if name == "ours":
            check(report["broken"] == 0 and report["not_tried"] == 0, f"ours: {report}")
        print(f"{name}: {report['client']}: {report['held']} held, {report['broken']} broken, {report['open']} open")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--write", metavar="FILE")
arguments = parser.parse_args()
if arguments.write:
    reports = all_reports()
    clients = ", ".join(f"{name}: {report['client']}" for name, report in reports.items())
    with open(arguments.write, "w", encoding="utf-8") as out:
        out.write("# What other people's seeds make of the protocol\n\n"
                  "`swarm-lab probe IP:PORT FILE.torrent` tries rules of the protocol on any client that has the content: "
                  "what it said,\nwhat came back, and the verdict. This table is its output for four seeds, made by "
                  "`tests/interop/probe.py --write`.\n*open*: the specification leaves it to the client, or the extension "
                  f"is not supported.\n\n{clients}\n\n" + table(reports))
    sys.exit(0)
run_test(keeps_to_what_a_download_needs)
