"""swarm-lab run --executor slurm, on a Slurm of four virtual nodes that the test starts and ends. Usage: lab_slurm.py CASE."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

import lab_run
from lab_exec import wait_for
from lab_run import ROOT, SMALL, check, node

from tests.support import slurm

RUN = ("--executor", "slurm", "--quiet")
SLOW = 'options = { download-limit = "20k" }'  # 1 MB takes 50 s: whatever interrupts it comes before


def on_cluster(case):
    def run(work):
        missing = slurm.available()
        if missing:
            print(f"skipped: no {', '.join(missing)} here")
            raise SystemExit(77)
        with slurm.Cluster() as cluster:
            try:
                case(work, cluster)
            except Exception:
                print(cluster.said(), file=sys.stderr)
                raise
            finally:
                for process in work.started:
                    if process.poll() is None:
                        process.kill()
    run.__name__ = case.__name__
    return run


def run_on(work, cluster, scenario, *options):
    return work.run(scenario, *RUN, *options, env=cluster.environment())


def wait_nothing_left(work, cluster, timeout_s=20):
    end = time.monotonic() + timeout_s
    while cluster.jobs():
        check(time.monotonic() < end, f"jobs are left: {cluster.jobs()}")
        time.sleep(0.1)
    work.wait_no_process(timeout_s)


def downloading(work):
    """How many clients have received something."""
    return sum(os.path.getsize(path) > 0 for path in glob.glob(os.path.join(work.out, "*/nodes/client-*/events.jsonl")))


def start_slow(work, cluster):
    process = work.start(work.scenario(clients=4, client_options=SLOW), *RUN, env=cluster.environment())
    wait_for(lambda: process.poll() is not None or downloading(work) == 4, "four clients run", 60)
    check(process.poll() is None, f"the lab ended: {process.returncode}")
    check(len(cluster.jobs()) == 1, f"one job, not {cluster.jobs()}")
    return process


@on_cluster
def slurm_runs_a_shipped_scenario_on_four_hosts(work, cluster):
    code, stdout, stderr = run_on(work, cluster, os.path.join(ROOT, "lab/scenarios/first-swarm.toml"))
    check(code == 0, f"exit code {code}: {stdout}{stderr}")
    report = work.report()
    check(report["verdict"] == "held" and report["executor"] == "slurm" and report["job"], "verdict")
    check(report["subnet"] is None, "no addresses of this machine")
    clients = [n for n in report["nodes"] if n["kind"] == "client"]
    check(len(clients) >= 4, "four clients or more")
    for client in clients:
        check(client["completed_at_s"] is not None and client["exit_code"] == 0, f"{client['name']} is complete")
        check(client["compared"]["different"] == 0 and client["compared"]["files"] > 0, "and verified")
    hosts = {n["host"]: n["address"] for n in report["nodes"]}
    check(set(hosts) == {"n1", "n2", "n3", "n4"}, f"hosts: {hosts}")
    check(len(set(hosts.values())) == 4, f"each with its own address: {hosts}")
    for one in report["nodes"]:
        check(one["listen"].startswith(hosts[one["host"]] + ":"), f"{one['name']} listens on {one['listen']}")
    events = os.path.join(work.runs()[0], "events.jsonl")
    with open(events, encoding="utf-8") as file:
        seen = {line.partition('"node":"')[2].partition('"')[0] for line in file}
    check({n["name"] for n in report["nodes"]} <= seen, f"events of every node: {seen}")
    wait_nothing_left(work, cluster)


@on_cluster
def slurm_gives_a_corrupting_peer_a_host_of_its_own(work, cluster):
    code, stdout, stderr = run_on(work, cluster, os.path.join(ROOT, "lab/scenarios/corrupting-peer.toml"))
    check(code == 0, f"exit code {code}: {stdout}{stderr}")
    where = {n["name"]: n["host"] for n in work.report()["nodes"]}
    bad = where.pop("corrupt-block-1")
    check(bad not in where.values(), f"{bad} is shared: {where}")
    wait_nothing_left(work, cluster)


@on_cluster
def slurm_a_failed_expectation_ends_with_1(work, cluster):
    scenario = work.scenario(clients=2, expect='bounds = [{ nodes = "client-*", what = "hash_failures", min = 1 }]')
    code, stdout, stderr = run_on(work, cluster, scenario, "--hosts", "2")
    check(code == 1, f"exit code {code}: {stdout}{stderr}")
    report = work.report()
    check(report["verdict"] == "failed", "verdict")
    check(len({n["host"] for n in report["nodes"]}) == 2, "two hosts")
    wait_nothing_left(work, cluster)


@on_cluster
def slurm_hosts_are_reached_by_the_timeline(work, cluster):
    scenario = work.scenario(clients=3, client_options="link = { down = '300 KiB/s' }")
    with open(scenario, "a", encoding="utf-8") as file:
        file.write('[[timeline]]\nwhen = "client-1 has 10%"\ndo = "kill"\nnodes = "client-1"\nfor = "500ms"\n'
                   '[[timeline]]\nwhen = "client-2 has 10%"\ndo = "pause"\nnodes = "client-2"\nfor = "500ms"\n'
                   '[[timeline]]\nwhen = "client-3 has 10%"\ndo = "limit"\nnodes = "client-3"\ndownload = "0"\n')
    code, stdout, stderr = run_on(work, cluster, scenario)
    check(code == 0, f"exit code {code}: {stdout}{stderr}")
    report = work.report()
    check(node(report, "client-1")["starts"] == 2, "client-1 came back")
    check(all(entry["fired_at_s"] is not None for entry in report["timeline"]), "every entry fired")
    wait_nothing_left(work, cluster)


@on_cluster
def slurm_ctrl_c_ends_the_job(work, cluster):
    process = start_slow(work, cluster)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    check(process.returncode == 130, f"exit code {process.returncode}: {stdout}{stderr}")
    check(not cluster.jobs(), f"jobs: {cluster.jobs()}")
    work.wait_no_process()
    report = work.report()
    check(report["verdict"] == "interrupted", "verdict")
    check(all(n["exit_code"] in (0, 130) for n in report["nodes"]), "every node ended in order")


@on_cluster
def slurm_ctrl_c_in_the_queue_ends_the_job(work, cluster):
    blocker = subprocess.Popen(["srun", "--nodes=4", "--exclusive", "sleep", "100"], env=cluster.environment(),
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    work.started.append(blocker)
    wait_for(lambda: len(cluster.jobs()) == 1, "the hosts are taken")
    process = work.start(work.scenario(), *RUN, env=cluster.environment())
    wait_for(lambda: any("PENDING" in job for job in cluster.jobs()), "the job waits", 60)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    check(process.returncode == 130, f"exit code {process.returncode}: {stdout}{stderr}")
    check(len(cluster.jobs()) == 1, f"jobs: {cluster.jobs()}")
    check(not work.runs(), f"left behind: {work.runs()}")


@on_cluster
def slurm_kill_9_of_the_lab_ends_the_job(work, cluster):
    process = start_slow(work, cluster)
    process.kill()
    process.wait()
    wait_nothing_left(work, cluster)
    check(not work.runs(), f"left behind: {work.runs()}")


@on_cluster
def slurm_jobs_end_by_themselves_without_lab_and_guard(work, cluster):
    process = start_slow(work, cluster)
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        children = [int(word) for word in file.read().split()]
    guards = []
    for child in children:
        with open(f"/proc/{child}/comm", encoding="ascii") as file:
            guards += [child] * (file.read().strip() == "swarm-lab-guard")
    check(len(guards) == 1, "one guard")
    os.kill(guards[0], signal.SIGKILL)
    process.kill()
    process.wait()
    wait_nothing_left(work, cluster, 90)


def slurm_refuses_what_cannot_be_done_elsewhere(work):
    def refused(more):
        scenario = work.scenario(name="r.toml")
        with open(scenario, encoding="utf-8") as file:
            text = file.read().replace("[expect]\n", more + "[expect]\n")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(text)
        line = text[:text.index(more)].count("\n") + 1
        code, _, stderr = work.run(scenario, *RUN)
        check(code == 2 and f"r.toml:{line}: " in stderr, f"line {line} of\n{text}exit code {code}: {stderr}")
        check(not work.runs(), "nothing was begun")

    refused('[[nodes]]\nkind = "client"\nname = "far"\nlink = { delay = "20ms" }\n')
    refused('[[nodes]]\nkind = "aria2"\n')
    refused('[[timeline]]\nat = "1s"\ndo = "partition"\nnodes = "client-1"\n')


def slurm_daemons_end_with_a_test_that_is_killed(work):
    if slurm.available():
        raise SystemExit(77)
    holder = subprocess.Popen([sys.executable, "-c", "import sys, time; sys.path.insert(0, sys.argv[1])\n"
                               "from tests.support import slurm\n"
                               "with slurm.Cluster() as cluster:\n"
                               "    cluster.run('sbatch', '--output=/dev/null', '--wrap', 'sleep 100')\n"
                               "    while not any('RUNNING' in job for job in cluster.jobs()):\n"
                               "        time.sleep(0.05)\n"
                               "    print(cluster.folder, flush=True)\n    time.sleep(100)", ROOT],
                              stdout=subprocess.PIPE, text=True)
    work.started.append(holder)
    folder = holder.stdout.readline().strip()
    check(folder and slurm.processes(folder), "the daemons run")
    holder.kill()
    wait_for(lambda: not slurm.processes(folder), f"left behind: {slurm.processes(folder)}", 20)
    check(not os.path.exists(folder), "its folder is gone")


if __name__ == "__main__":
    lab_run.main(globals())
