"""swarm-lab run from the command line: verdicts, reports, exit codes, and that nothing is left behind.

Usage: lab_run.py CASE. Each case is a function below; standard library only, loopback only.
"""
import glob
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, ROOT)

from tests.support.nodes import TestFailure, bin_dir, check, program  # noqa: E402
from tests.support.tshark import decode, message_types, nothing_malformed  # noqa: E402

SCENARIO = """name = "t"
[content]
{content}
piece_length = "16 KiB"
[tracker]
interval = "1s"
[[nodes]]
kind = "seeder"
[[nodes]]
kind = "client"
count = {clients}
{client_options}
[expect]
{expect}
"""
SMALL = f'recipe = "{ROOT}/torrents/recipes/small.toml"'


class Work:
    """A temporary folder, what is started in it, and how to find processes that belong to it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lab-test-")
        self.out = os.path.join(self.folder, "out")
        self.started = []

    def scenario(self, name="t.toml", content=SMALL, clients=2, client_options="", expect=""):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(SCENARIO.format(content=content, clients=clients, client_options=client_options, expect=expect))
        return path

    def start(self, scenario, *options, command="run", **popen):
        return self.lab(command, scenario, "--out", self.out, *options, **popen)

    def lab(self, *arguments, **popen):
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **popen}
        process = subprocess.Popen([program("swarm-lab"), *arguments], **popen)
        self.started.append(process)
        return process

    def run(self, scenario, *options, **popen):
        process = self.start(scenario, *options, **popen)
        stdout, stderr = process.communicate(timeout=120)
        return process.returncode, stdout, stderr

    def runs(self):
        return sorted(path for path in glob.glob(os.path.join(self.out, "*")) if not os.path.islink(path))

    def report(self):
        check(len(self.runs()) == 1, f"one run folder, not {self.runs()}")
        with open(os.path.join(self.runs()[0], "report.json"), encoding="utf-8") as file:
            return json.load(file)

    def processes(self):
        """Command lines of all live processes that name this folder, but for the labs themselves."""
        labs = {process.pid for process in self.started}
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) in labs or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    line = file.read()
            except OSError:
                continue
            if self.folder.encode() in line:
                found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
        return found

    def wait_no_process(self, timeout_s=10):
        end = time.monotonic() + timeout_s
        while self.processes():
            check(time.monotonic() < end, f"left behind: {self.processes()}")
            time.sleep(0.02)

    def fake_bin(self, mode, original=""):
        """A program folder whose swarm-client is fake_client.py."""
        folder = os.path.join(self.folder, "bin")
        os.makedirs(folder)
        for name in ("swarm-tracker", "swarm-seeder"):
            os.symlink(os.path.abspath(program(name)), os.path.join(folder, name))
        wrapper = os.path.join(folder, "swarm-client")
        fake = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_client.py")
        with open(wrapper, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexport FAKE_MODE={mode} FAKE_ORIGINAL='{original}' BT_BIN_DIR='{os.path.abspath(bin_dir())}'\n"
                       f"exec '{sys.executable}' '{fake}' \"$@\"\n")
        os.chmod(wrapper, 0o755)
        return folder

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.wait_no_process()
        shutil.rmtree(self.folder)


def node(report, name):
    return next(n for n in report["nodes"] if n["name"] == name)


def expectation(report, name):
    return next(e for e in report["expectations"] if e["name"] == name)


def a_small_swarm_holds_and_its_report_says_so(work):
    code, stdout, stderr = work.run(work.scenario())
    check(code == 0, f"exit code {code}: {stderr}")
    run = work.runs()[0]
    check("t: held" in stdout and f"{run}/report.json" in stdout, f"summary: {stdout}")
    report = work.report()
    check(report["verdict"] == "held" and report["exit_code"] == 0 and report["rng_seed"] == 1, "verdict")
    check([e["name"] for e in report["expectations"] if e["held"]] ==
          ["all_complete_within", "files_identical", "max_hash_failures", "exit_codes"], "expectations")
    size = report["content"]["bytes"]
    check(size > 1_000_000 and report["content"]["files"] == 13 and report["content"]["piece_length"] == 16384, "content")
    check(report["content"]["pieces"] == -(-size // 16384), "pieces")
    for name in ("swarm-client", "swarm-seeder", "swarm-tracker", "swarm-lab"):
        check(report["versions"].get(name, "").count(".") == 2, f"version of {name}")
    check([n["name"] for n in report["nodes"]] == ["tracker", "seeder-1", "client-1", "client-2"], "nodes")
    for name in ("client-1", "client-2"):
        client = node(report, name)
        check(client["compared"] == {"files": 13, "bytes": size, "different": 0, "differences": []}, f"{client}")
        check(client["downloaded_bytes"] >= size and client["hash_failures"] == 0 and client["exit_code"] == 0, f"{client}")
        check(client["started_at_s"] <= client["ready_at_s"] <= client["completed_at_s"] <= client["ended_at_s"], "times")
    uploaded = sum(n.get("uploaded_bytes", 0) for n in report["nodes"])
    check(uploaded >= 2 * size and node(report, "seeder-1")["uploaded_bytes"] >= size, "uploaded")
    addresses = {n["address"] for n in report["nodes"]}
    check(len(addresses) == 4 and all(a.startswith("127.") for a in addresses), "addresses")
    for name in ("tracker", "seeder-1", "client-1"):
        with open(f"{run}/nodes/{name}/events.jsonl", encoding="utf-8") as file:
            kinds = [json.loads(line)["event"] for line in file]
        check(kinds.count("ready") == 1 and kinds[-1] == "exiting", f"events of {name}")
    check(os.path.realpath(os.path.join(work.out, "t")) == run, "the link to the last run")
    suite = ElementTree.parse(f"{run}/junit.xml").getroot().find("testsuite")
    check([c.get("name") for c in suite.iter("testcase")] == [e["name"] for e in report["expectations"]], "junit.xml")
    check(suite.get("failures") == "0" and suite.get("errors") == "0", "junit.xml")
    with open(f"{run}/events.jsonl", encoding="utf-8") as file:
        merged = [json.loads(line) for line in file]
    check(len(merged) == sum(n["events"] for n in report["nodes"]), "every event is in the merged file")
    check(all(a["at"] <= b["at"] for a, b in zip(merged, merged[1:])), "in order of time")
    check({e["node"] for e in merged} == {n["name"] for n in report["nodes"]}, "of every node")
    first = {e["node"]: e["at"] for e in reversed(merged)}
    check(first["tracker"] < first["seeder-1"] < first["client-1"], f"{first}")
    check(not os.path.exists(f"{run}/content") and not os.path.exists(f"{run}/nodes/client-1/files"), "bulk is left")
    check(not work.processes(), "processes are left")


def the_first_swarm_holds(work):
    code, stdout, stderr = work.run(os.path.join(ROOT, "lab/scenarios/first-swarm.toml"))
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    report = work.report()
    check(len(report["nodes"]) == 6, "six nodes")
    check(60e6 < report["content"]["bytes"] < 72e6, f"{report['content']}")


def a_real_tree_is_shared(work):
    tree = os.path.join(work.folder, "tree")
    os.makedirs(os.path.join(tree, "sub/empty folder"))
    for name, data in (("a", b""), ("sub/ä ö.txt", b"x" * 100_000), ("z", b"z")):
        with open(os.path.join(tree, name), "wb") as file:
            file.write(data)
    os.symlink("z", os.path.join(tree, "link"))
    code, stdout, stderr = work.run(work.scenario(content='path = "tree"'))
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    check(work.report()["content"]["bytes"] == 100_001 and work.report()["content"]["files"] == 3, "content")
    check(os.path.exists(os.path.join(tree, "z")), "the original is gone")


def keep_leaves_the_files_and_json_prints_the_report(work):
    code, stdout, stderr = work.run(work.scenario(), "--keep", "--json", "--quiet")
    check(code == 0 and stderr == "", f"exit code {code}: {stderr}")
    check(json.loads(stdout) == work.report(), "standard output is the report")
    run = work.runs()[0]
    same = subprocess.run(["diff", "-r", f"{run}/content/small", f"{run}/nodes/client-2/files/small"], check=False)
    check(same.returncode == 0, "the trees differ")


def a_failed_expectation_ends_with_1(work):
    code, stdout, _ = work.run(work.scenario(expect='all_complete_within = "1ms"'))
    check(code == 1 and "FAILED" in stdout, f"exit code {code}: {stdout}")
    report = work.report()
    check(report["verdict"] == "failed" and report["outcome"] == "timed_out" and report["exit_code"] == 1, f"{report}")
    suite = ElementTree.parse(f"{work.runs()[0]}/junit.xml").getroot().find("testsuite")
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    check("all_complete_within" in failed and suite.get("failures") == str(len(failed)), f"junit.xml: {failed}")
    check(not expectation(report, "all_complete_within")["held"], "held")
    check(expectation(report, "max_hash_failures")["held"], "not held")
    check(os.path.isdir(work.runs()[0] + "/content"), "what failed stays for a look")
    check(not work.processes(), "processes are left")


def an_exit_code_not_allowed_ends_with_1(work):
    code, _, _ = work.run(work.scenario(expect="exit_codes = [99]"))
    check(code == 1, f"exit code {code}")
    failed = [e["name"] for e in work.report()["expectations"] if not e["held"]]
    check(failed == ["exit_codes"], f"failed: {failed}")


def real_tree(work):
    tree = os.path.join(work.folder, "real")
    os.makedirs(tree)
    for name in ("a", "b"):
        with open(os.path.join(tree, name), "wb") as file:
            file.write(random.Random(name).randbytes(100_000))
    return tree


def corrupt_files_end_with_1(work):
    tree = real_tree(work)
    scenario = work.scenario(content=f'path = "{tree}"', clients=1)
    code, stdout, stderr = work.run(scenario, "--bin-dir", work.fake_bin("corrupt", tree))
    check(code == 1, f"exit code {code}: {stdout} {stderr}")
    compared = node(work.report(), "client-1")["compared"]
    check(compared["differences"] == ["b: differs at byte 70000"] and compared["different"] == 1, f"{compared}")
    check(not expectation(work.report(), "files_identical")["held"], "held")


def a_client_that_crashes_ends_with_1(work):
    code, _, stderr = work.run(work.scenario(clients=1), "--bin-dir", work.fake_bin("crash"))
    check(code == 1, f"exit code {code}: {stderr}")
    check(work.report()["outcome"] == "node_lost" and node(work.report(), "client-1")["signal"] == signal.SIGSEGV,
          f"{work.report()}")


def a_node_that_does_not_stop_is_killed(work):
    code, _, stderr = work.run(work.scenario(clients=1, expect="files_identical = false"),
                               "--bin-dir", work.fake_bin("deaf"))
    check(code == 1, f"exit code {code}: {stderr}")
    client = node(work.report(), "client-1")
    check(client["killed"] and client["signal"] == signal.SIGKILL, f"{client}")
    check(node(work.report(), "tracker")["exit_code"] == 0, "the tracker ended by itself")
    check(not work.processes(), "processes are left")


def a_wrong_scenario_ends_with_2_and_names_file_and_line(work):
    code, stdout, stderr = work.run(work.scenario(expect="files_identcal = true"))
    check(code == 2 and stdout == "", f"exit code {code}: {stdout}")
    check(f"{work.folder}/t.toml:14:" in stderr and "files_identical" in stderr and stderr.count("\n") == 1, stderr)
    check(not os.path.exists(work.out), "something was made")
    code, _, stderr = work.run(work.scenario(content='recipe = "none.toml"'))
    check(code == 2 and "none.toml" in stderr, f"exit code {code}: {stderr}")
    code, _, stderr = work.run(work.scenario(content='path = "none"'))
    check(code == 2 and "none" in stderr, f"exit code {code}: {stderr}")
    code, _, stderr = work.run(os.path.join(work.folder, "none.toml"))
    check(code == 2 and "none.toml" in stderr, f"exit code {code}: {stderr}")


def every_event_of_our_programs_can_be_counted(work):
    names = set()
    for top in ("client", "common", "seeder", "tracker", "lab"):
        for path in glob.glob(f"{ROOT}/{top}/**/*.cpp", recursive=True):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for call in text.split("emit(")[1:]:
                names.update(re.findall(r'"([a-z_]+)"', call[:220].split("{")[0].split(");")[0]))
    names.update(("events_dropped", "script_done", "script_failed", "script_matched"))
    check(len(names) > 40, f"the search finds few: {names}")
    events = ", ".join(f'{{ query = "{name}", max = 0 }}' for name in sorted(names))
    check_it = work.lab("check", work.scenario(expect=f"events = [{events}]"))
    _, stderr = check_it.communicate(timeout=30)
    check(check_it.returncode == 0, stderr)
    check_it = work.lab("check", work.scenario(expect='events = [{ query = "clinet-*: peer_banned", max = 0 }]'))
    _, stderr = check_it.communicate(timeout=30)
    check(check_it.returncode == 2 and "clinet-*" in stderr, stderr)


def an_option_that_a_program_refuses_ends_with_2(work):
    code, stdout, _ = work.run(work.scenario(client_options="options = { max-pears = 4 }"))
    check(code == 2 and "max-pears" in stdout, f"exit code {code}: {stdout}")
    check(work.report()["verdict"] == "scenario_wrong", "verdict")
    check(not work.processes(), "processes are left")


def a_missing_program_ends_with_3(work):
    code, stdout, _ = work.run(work.scenario(), "--bin-dir", work.folder)
    check(code == 3 and "swarm-tracker" in stdout, f"exit code {code}: {stdout}")
    check(work.report()["verdict"] == "environment", "verdict")


def an_unwritable_folder_ends_with_3(work):
    with open(work.out, "w", encoding="utf-8"):
        pass
    code, _, stderr = work.run(work.scenario())
    check(code == 3 and work.out in stderr, f"exit code {code}: {stderr}")


def until_running(work, process, count):
    """Waits until `count` nodes of the lab run."""
    end = time.monotonic() + 30
    while len(work.processes()) < count:
        check(time.monotonic() < end and process.poll() is None, "the swarm does not start")
        time.sleep(0.005)


def ctrl_c_ends_every_process(work):
    fake = work.fake_bin("idle")
    for number in (signal.SIGINT, signal.SIGTERM):
        process = work.start(work.scenario(), "--bin-dir", fake)
        until_running(work, process, 4)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
        check(process.returncode == 130, f"exit code {process.returncode}: {stderr}")
        check(not work.processes(), f"left behind: {work.processes()}")
        check(work.report()["verdict"] == "interrupted", "verdict")
        shutil.rmtree(work.out)


def kill_9_leaves_no_process(work):
    with open(os.path.join(work.folder, "big.toml"), "w", encoding="utf-8") as file:
        file.write('name = "big"\nsize = "100 MiB"\nfill = "zeros"\n')
    scenario = work.scenario(content='recipe = "big.toml"', clients=3)
    rng = random.Random()
    for attempt in range(10):
        process = work.start(scenario, "--quiet")
        if attempt % 2 == 0:
            until_running(work, process, 1 + attempt // 3)
        time.sleep(rng.random() * 0.3)
        process.kill()
        process.communicate()
        work.wait_no_process()
        shutil.rmtree(work.out, ignore_errors=True)


def two_labs_side_by_side_never_meet(work):
    scenario = work.scenario(clients=3)
    processes = [work.start(scenario, "--json", "--quiet") for _ in range(2)]
    reports = []
    for process in processes:
        stdout, stderr = process.communicate(timeout=120)
        check(process.returncode == 0, f"exit code {process.returncode}: {stdout} {stderr}")
        reports.append(json.loads(stdout))
    check(reports[0]["subnet"] != reports[1]["subnet"], "both use the same addresses")
    check(len(work.runs()) == 2, "each has a folder of its own")


def a_run_leaves_one_capture_of_all_nodes(work):
    code, stdout, stderr = work.run(work.scenario(), "--capture")
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    capture = os.path.join(work.runs()[0], "capture.pcapng")
    check(capture in stdout and not glob.glob(os.path.join(work.runs()[0], "nodes", "*", "*.pcapng")), stdout)
    nothing_malformed(capture)
    types = message_types(capture)
    # Every block is there once, not once from each end; a few come twice in the endgame.
    check(128 <= types.count("7") <= 160, f"{types.count('7')} blocks of 64 pieces for two clients")
    links = {tuple(line[0].split(" -> ")) for line in decode(capture, "bittorrent", "frame.interface_name")}
    nodes = {name for link in links for name in link}
    check(nodes == {"seeder-1", "client-1", "client-2"}, f"links: {links}")
    comments = [line[0] for line in decode(capture, "bittorrent.msg.type == 1", "frame.comment")]
    check(len(comments) >= 2 and all(text.startswith("unchoked: reason=") for text in comments), f"unchokes: {comments}")


def a_terminal_shows_a_table_and_a_pipe_plain_lines(work):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen([program("swarm-lab"), "run", work.scenario(), "--out", work.out],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    work.started.append(process)
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        shown += part
    check(process.wait(10) == 0, "exit code")
    last = shown.decode().split("\x1b[J")[-1]
    for word in ("tracker", "seeder-1", "client-1", "client-2", "[####", "100.0%", "peers"):
        check(word in last, f"{word} is not in the table: {last}")
    _, _, stderr = work.run(work.scenario())
    check("\x1b" not in stderr and "client-1 is complete" in stderr, f"plain lines: {stderr}")


def the_starter_scenario_is_fine_and_runs(work):
    path = os.path.join(work.folder, "mine.toml")
    lab = program("swarm-lab")
    done = subprocess.run([lab, "init", path], capture_output=True, text=True, check=False)
    check(done.returncode == 0 and os.path.exists(path), f"init: {done}")
    done = subprocess.run([lab, "init", path], capture_output=True, text=True, check=False)
    check(done.returncode == 2 and "is there already" in done.stderr, f"a second init: {done}")
    done = subprocess.run([lab, "check", path], capture_output=True, text=True, check=False)
    check(done.returncode == 0 and "mine: fine" in done.stdout, f"check: {done}")
    code, stdout, stderr = work.run(path)
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    done = subprocess.run([lab, "list"], capture_output=True, text=True, check=False)
    check(done.returncode == 0 and "first-swarm" in done.stdout, f"list: {done}")
    with open(path, "a", encoding="utf-8") as file:
        file.write("files_identcal = true\n")
    done = subprocess.run([lab, "check", path], capture_output=True, text=True, check=False)
    check(done.returncode == 2 and "files_identical?" in done.stderr and "mine.toml:" in done.stderr, f"check: {done}")


def a_node_is_killed_and_comes_back(work):
    timeline = """[[timeline]]
when = "client-2 has 20%"
do = "kill"
nodes = "client-2"
for = "500ms"
[[timeline]]
at = "200ms"
do = "tracker-down"
for = "500ms"
[[timeline]]
at = "300ms"
do = "pause"
nodes = "client-1"
for = "300ms"
"""
    scenario = work.scenario(client_options='link = { down = "300 kB/s" }')
    with open(scenario, "a", encoding="utf-8") as file:
        file.write("\n" + timeline)
    code, stdout, stderr = work.run(scenario)
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    report = work.report()
    check(node(report, "client-2")["starts"] == 2 and node(report, "tracker")["starts"] == 2, f"{report['nodes']}")
    check(all(e["fired_at_s"] is not None and e["undone_at_s"] is not None for e in report["timeline"]), "timeline")


def what_a_node_did_before_it_was_killed_counts(work):
    """The only source is killed on the way: what both of its processes sent makes the content."""
    scenario = work.scenario(clients=1, client_options='link = { down = "400 kB/s" }',
                             expect='bounds = [{ nodes = "client-1", what = "downloaded", min = 1000000 }]')
    with open(scenario, "a", encoding="utf-8") as file:
        file.write('\n[[timeline]]\nwhen = "client-1 has 50%"\ndo = "restart"\nnodes = "seeder-1"\n'
                   '[[timeline]]\nwhen = "client-1 has 60%"\ndo = "restart"\nnodes = "client-1"\n')
    code, stdout, stderr = work.run(scenario)
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    report = work.report()
    check(report["seed_bytes_over_content"] >= 1, f"{report['seed_bytes_over_content']}")
    check(node(report, "client-1")["starts"] == 2 and node(report, "seeder-1")["starts"] == 2, "starts")


def a_program_of_others_that_is_missing_ends_with_3(work):
    adapters = os.path.join(work.folder, "adapters")
    os.makedirs(adapters)
    with open(os.path.join(adapters, "imagined.toml"), "w", encoding="utf-8") as file:
        file.write('package = "imagined-client"\n[client]\nargv = ["no-such-program"]\n')
    scenario = work.scenario()
    with open(scenario, "a", encoding="utf-8") as file:
        file.write('\n[[nodes]]\nkind = "imagined"\n')
    os.environ["SWARMLAB_DATA"] = work.folder
    code, _, stderr = work.run(scenario)
    check(code == 3 and "no-such-program" in stderr and "install imagined-client" in stderr, f"exit code {code}: {stderr}")
    del os.environ["SWARMLAB_DATA"]
    code, _, stderr = work.run(scenario)
    check(code == 2 and "nodes[" in stderr and "kind" in stderr, f"exit code {code}: {stderr}")


def set_up_without_root_names_the_packages(work):
    for folder in (".ci", "lab"):
        os.makedirs(os.path.join(work.folder, folder))
    shutil.copy(os.path.join(ROOT, "lab/setup.sh"), os.path.join(work.folder, "lab"))
    with open(os.path.join(work.folder, ".ci/packages.txt"), "w", encoding="utf-8") as file:
        file.write("# [build] x\nbash\nno-such-package-1\n# [test] y\nno-such-package-2\n# [bench] z\nno-such-package-3\n")
    # Everything that the script uses, and no sudo.
    tools = os.path.join(work.folder, "tools")
    os.makedirs(tools)
    for tool in ("awk", "dirname", "dpkg-query", "id", "sort", "tr"):
        os.symlink(shutil.which(tool), os.path.join(tools, tool))
    subprocess.run(["chmod", "-R", "a+rX", work.folder], check=True)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}

    def sourced(command):
        return subprocess.run(["/bin/bash", "-c", f". '{work.folder}/lab/setup.sh'; {command}; echo went on"], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, env={"PATH": tools}, **nobody)

    done = sourced("swarm_packages build test")
    check(done.returncode == 3 and "went on" not in done.stdout, f"exit code {done.returncode}: {done.stderr}")
    check("no-such-package-1 no-such-package-2\n" in done.stderr and "bash" not in done.stderr.split(), done.stderr)
    check("no-such-package-3" not in done.stderr, done.stderr)
    with open(os.path.join(work.folder, ".ci/packages.txt"), "w", encoding="utf-8") as file:
        file.write("# [build] x\nbash\n")
    done = sourced("swarm_packages build")
    check(done.returncode == 0 and done.stdout == "went on\n" and done.stderr == "", f"nothing to do: {done}")


def main(cases):
    case = cases.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if not callable(case):
        sys.exit(f"usage: {sys.argv[0]} CASE")
    work = Work()
    try:
        case(work)
    except TestFailure as failure:
        for log in glob.glob(os.path.join(work.out, "*/nodes/*/log")):
            with open(log, "rb") as file:
                print(f"-- {log}\n{file.read()[-2000:].decode('utf-8', 'replace')}", file=sys.stderr)
        sys.exit(f"FAILED {sys.argv[1]}: {failure}")
    finally:
        work.close()
    print(f"held: {sys.argv[1]}")


if __name__ == "__main__":
    main(globals())
