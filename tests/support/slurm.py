"""A Slurm cluster of four virtual nodes on this machine, for one test: Debian's slurm-wlm, no munge, no systemd, no
cgroup, as root or as a user; ports from the kernel; nothing of /etc/slurm is read or changed.

    with Cluster() as cluster:
        subprocess.run(["srun", "-N4", "hostname"], env=cluster.environment())

The daemons belong to a holder, a process of its own that is the reaper of all that they start (slurmstepd leaves its
parent's group and session). It ends everything when its standard input closes, and removes the folder: at the end of the
block, and whatever way the test dies.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

NODES = 4
STARTS = 3  # a port may be taken between our look and their bind
READY_S = 60
_PR_SET_CHILD_SUBREAPER = 36

CONF = """ClusterName=swarmlab
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
CryptoType=crypto/openssl
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
KillWait=2
MinJobAge=30
SlurmdTimeout=60
PropagateResourceLimits=NONE
{nodes}
PartitionName=all Nodes=n[1-{count}] Default=YES MaxTime=60 State=UP OverSubscribe=FORCE:8
"""


def available():
    """What is missing of Slurm here, or nothing."""
    return [name for name in ("slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue", "scontrol")
            if not shutil.which(name, path=_path())]


def _path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    def __init__(self):
        self.folder = ""
        self.holder = None

    def environment(self):
        return dict(os.environ, SLURM_CONF=os.path.join(self.folder, "slurm.conf"), PATH=_path())

    def run(self, *command):
        """The output of one of Slurm's commands."""
        return subprocess.run(command, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False).stdout

    def jobs(self):
        return self.run("squeue", "--noheader", "--format=%i %T").split("\n")[:-1]

    def __enter__(self):
        for _ in range(STARTS):
            self._start()
            if self._wait_ready():
                return self
            said = self.said()
            self.stop()
        raise RuntimeError("Slurm did not come up:\n" + said)

    def __exit__(self, *exception):
        self.stop()

    def said(self):
        text = ""
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as log:
                    text += f"--- {name}\n" + "".join(log.readlines()[-15:])
        return text

    def _start(self):
        self.folder = tempfile.mkdtemp(prefix="slurm-test-")
        os.mkdir(os.path.join(self.folder, "state"))
        host = socket.gethostname().partition(".")[0]
        ports = _free_ports(NODES + 1)
        # Each virtual node has an address of its own, as machines have.
        nodes = "\n".join(f"NodeName=n{i} NodeHostname={host} NodeAddr=127.0.0.{i + 10} Port={ports[i]} CPUs=1 "
                          "RealMemory=1 State=UNKNOWN" for i in range(1, NODES + 1))
        user = subprocess.run(["id", "-un"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        with open(os.path.join(self.folder, "slurm.conf"), "w", encoding="utf-8") as conf:
            conf.write(CONF.format(host=host, user=user, port=ports[0], folder=self.folder, nodes=nodes, count=NODES))
        # Nothing here uses cgroups, but slurmd looks which version there is, and there may be none.
        with open(os.path.join(self.folder, "cgroup.conf"), "w", encoding="utf-8") as conf:
            conf.write("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        # In a session of its own: what ends the test's group leaves it to clean up.
        self.holder = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.folder],
                                       stdin=subprocess.PIPE, env=self.environment(), start_new_session=True)

    def _wait_ready(self):
        end = time.monotonic() + READY_S
        while time.monotonic() < end and self.holder.poll() is None and not self._has_failed():
            states = self.run("sinfo", "--noheader", "--Node", "--format=%t").split()
            if len(states) == NODES and set(states) == {"idle"}:
                return True
            time.sleep(0.1)
        return False

    def _has_failed(self):
        said = self.said()
        return "fatal: " in said or "initialization failed" in said

    def stop(self):
        if self.holder:
            self.holder.stdin.close()
            self.holder.wait(timeout=30)
            self.holder = None


def processes(folder):
    """Live processes of the cluster in this folder, by their environment."""
    mark = f"SLURM_CONF={folder}/".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark in file.read():
                        found.append(int(entry))
            except OSError:
                pass
    return found


def _children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass  # it ended
    return found


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def _end_all():
    """Whoever loses its parent becomes ours: until there is nobody left."""
    while True:
        _reap()
        left = _children(os.getpid())
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def _hold(folder):
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    daemons = [["slurmctld", "-D", "-i"]] + [["slurmd", "-D", "-N", f"n{i}"] for i in range(1, NODES + 1)]
    for daemon in daemons:
        with open(os.path.join(folder, f"{daemon[0]}-{daemon[-1].strip('-')}.log"), "wb") as log:
            subprocess.Popen(daemon, stdin=subprocess.DEVNULL, stdout=log, stderr=log, restore_signals=True,
                             preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL)
                                                 for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)])
    while os.read(0, 100):
        pass
    _end_all()
    shutil.rmtree(folder)


if __name__ == "__main__":
    _hold(sys.argv[1])
