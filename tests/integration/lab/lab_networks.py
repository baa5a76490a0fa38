"""network = "netns": a kernel network for each node, with and without root, and nothing of it left behind.

Usage: lab_networks.py CASE. Each case is a function below; skipped (77) where the machine allows no namespaces.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab_run import ROOT, SMALL, main  # noqa: E402
from tests.support.nodes import bin_dir, check  # noqa: E402

NOBODY = 65534


def network_scenario(work, seeder="{}", client="{}", expect=""):
    path = work.scenario("networks.toml", client_options=f"link = {client}", expect=expect)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write('network = "netns"\n' + text.replace('kind = "seeder"\n', f'kind = "seeder"\nlink = {seeder}\n'))
    return path


def interfaces():
    with open("/proc/net/dev", encoding="ascii") as file:
        return sorted(line.split(":")[0].strip() for line in file if ":" in line)


def network_of(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


def processes_in(networks):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if network_of(entry) in networks:
                found.append(entry)
        except OSError:
            continue
    return found


def exec_in_swarm(work, scenario, command):
    process = work.lab("exec", scenario, "--out", work.out, "--", *command)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


def every_node_has_a_network_of_its_own(work):
    before = interfaces()
    show = "import json,os; print('NODES', os.environ['SWARMLAB_NODES']); print('OWN', os.readlink('/proc/self/ns/net')); " \
           "print('SEEN', [os.readlink('/proc/%d/ns/net' % n['pid']) for n in json.loads(os.environ['SWARMLAB_NODES'])]); " \
           "import urllib.request; print('TRACKER', urllib.request.urlopen(os.environ['SWARMLAB_TRACKER_URL'], timeout=10).status)"
    code, stdout, stderr = exec_in_swarm(work, network_scenario(work), [sys.executable, "-c", show])
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    lines = dict(line.split(" ", 1) for line in stdout.splitlines() if line.split(" ")[0] in ("NODES", "OWN", "SEEN", "TRACKER"))
    nodes = json.loads(lines["NODES"])
    check([node["address"] for node in nodes] == [f"10.77.0.{i}" for i in range(1, 5)], f"addresses: {nodes}")
    seen = eval(lines["SEEN"], {})  # noqa: S307 - a list of strings that we printed
    everywhere = seen + [lines["OWN"], network_of("self")]
    check(len(set(everywhere)) == 6, f"networks: {everywhere}")
    check(lines["TRACKER"] == "200", "the command reaches the tracker")
    check(interfaces() == before, f"interfaces before {before}, after {interfaces()}")


def a_link_keeps_its_rate(work):
    # The bucket gives 16 KiB at once.
    code, stdout, stderr = work.run(network_scenario(work, seeder='{ up = "400 kB/s" }'))
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    report = work.report()
    size = report["content"]["bytes"]
    check(report["completion_s"] > 0.9 * (size - 16384) / 400e3, f"{size} bytes within {report['completion_s']} s")


def a_link_gets_another_rate_from_the_timeline(work):
    expect = '[[timeline]]\nat = "0s"\ndo = "limit"\nnodes = "seeder-1"\nupload = "400 kB/s"\n'
    code, stdout, stderr = work.run(network_scenario(work, seeder='{ up = "1 MB/s" }', expect=expect))
    check(code == 0, f"exit code {code}: {stdout} {stderr}")
    report = work.report()
    size = report["content"]["bytes"]
    check(report["completion_s"] > 0.9 * (size - 1e6 / 50) / 400e3, f"{size} bytes within {report['completion_s']} s")


def a_partition_loses_packets_until_it_is_healed(work):
    expect = """all_complete_within = "60s"
bounds = [{ nodes = "client-1", what = "completed_s", min = 2 }]
[[timeline]]
when = "any client-1 has 20%"
do = "partition"
nodes = "client-1"
for = "2s"
"""
    code, stdout, stderr = work.run(network_scenario(work, seeder='{ up = "400 kB/s" }', expect=expect))
    check(code == 0, f"exit code {code}: {stdout} {stderr}")


def delay_needs_netem_and_the_lab_says_so(work):
    code, stdout, stderr = work.run(network_scenario(work, client='{ delay = "20ms" }'))
    if code == 3:
        check("netem" in stderr and "networks.toml" not in stderr, f"stderr: {stderr}")
        check(work.processes() == [], f"left: {work.processes()}")
        return
    check(code == 0, f"exit code {code}: {stdout} {stderr}")


def kill_9_leaves_no_network(work):
    ready = os.path.join(work.folder, "ready")
    lab = work.lab("exec", network_scenario(work), "--out", work.out, "--", "sh", "-c",
                   f"printf %s \"$SWARMLAB_NODES\" > {ready}.new; mv {ready}.new {ready}; exec sleep 600")
    end = time.monotonic() + 60
    while not os.path.exists(ready):
        check(time.monotonic() < end and lab.poll() is None, "the swarm came up")
        time.sleep(0.02)
    with open(ready, encoding="utf-8") as file:
        networks = {network_of(node["pid"]) for node in json.load(file)}
    check(len(networks) == 4, f"networks: {networks}")
    networks.add(network_of(lab.pid))
    lab.send_signal(signal.SIGKILL)
    lab.wait()
    work.wait_no_process()
    check(processes_in(networks) == [], f"still inside: {processes_in(networks)}")


def nobody_needs_to_be_root(work):
    programs = os.path.join(work.folder, "bin")
    if os.geteuid() != 0:
        return every_node_has_a_network_of_its_own(work)
    shutil.copytree(bin_dir(), programs, ignore=lambda folder, names: [n for n in names if not n.startswith("swarm-")])
    os.chmod(work.folder, 0o777)
    recipe = os.path.join(work.folder, "small.toml")
    shutil.copy(f"{ROOT}/torrents/recipes/small.toml", recipe)
    scenario = network_scenario(work)
    with open(scenario, encoding="utf-8") as file:
        text = file.read().replace(SMALL, f'recipe = "{recipe}"')
    with open(scenario, "w", encoding="utf-8") as file:
        file.write(text)
    lab = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", os.path.join(programs, "swarm-lab"),
                          "run", scenario, "--out", work.out], capture_output=True, text=True, timeout=120, check=False,
                         stdin=subprocess.DEVNULL, cwd=work.folder)
    if lab.returncode == 3 and "user namespace" in lab.stderr:
        sys.exit(77)
    check(lab.returncode == 0, f"exit code {lab.returncode}: {lab.stdout} {lab.stderr}")


if __name__ == "__main__":
    if not any(subprocess.run(["unshare", flag, "true"], capture_output=True, check=False).returncode == 0 for flag in ("-n", "-Un")):
        sys.exit(77)
    main(globals())
