"""swarm-lab plan and export: what is written is valid, and its commands really make a swarm. Usage: lab_export.py CASE.

Nothing of docker or Kubernetes runs here: compose files go through `docker-compose config`, Kubernetes objects through
kubernetes_schema.py, and the commands of both are run on loopback, each container as a process with an address.
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys

import lab_run
from lab_exec import wait_for
from lab_run import ROOT, SMALL, check

from tests.support.nodes import program  # noqa: E402

try:
    import jsonschema
    import yaml
    from kubernetes_schema import SCHEMAS
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

LIMITS = 'link = { down = "4 MiB/s" }'


def export(work, target, scenario=None):
    folder = os.path.join(work.folder, target)
    result = subprocess.run([program("swarm-lab"), "export", target,
                             scenario or work.scenario(clients=3, client_options=LIMITS), "-o", folder],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(result.returncode == 0, f"export {target}: {result.returncode}: {result.stderr}")
    for path in result.stdout.split():
        check(os.path.isfile(path), f"{path} is written")
    return folder


def load(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


class Loopback:
    """Containers as processes: the shared volume and the configuration are folders, each name is an address."""

    def __init__(self, work, config):
        self.work = work
        self.volume = os.path.join(work.folder, "swarm")
        os.makedirs(self.volume)
        self.config = config
        self.net = f"127.77.{os.getpid() % 250}."
        self.names = []

    def address(self, name):
        if name not in self.names:
            self.names.append(name)
        return self.net + str(self.names.index(name) + 1)

    def argv(self, name, command, hosts, index=None):
        out = []
        for word in command:
            word = re.sub("(?<![a-z])/swarm/", self.volume + "/", word).replace("/config/", self.config + "/")
            word = word.replace("$$", "$").replace("$(JOB_COMPLETION_INDEX)", str(index))
            for host in hosts:
                word = word.replace(f"//{host}:", f"//{self.address(host)}:")
            out.append(word)
        if out[0].startswith("swarm-"):
            out[0] = program(out[0])
        if "--port" in out:
            out += ["--bind", self.address(name), "--die-with-parent"]
        return out

    def environment(self):
        return dict(os.environ, PATH=os.path.dirname(os.path.abspath(program("swarm-lab"))) + ":" + os.environ["PATH"])

    def start(self, argv):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=self.environment(), text=True)
        self.work.started.append(process)
        return process

    def finish(self, argv, what):
        process = self.start(argv)
        _, stderr = process.communicate(timeout=60)
        check(process.returncode == 0, f"{what}: exit code {process.returncode}: {stderr}")

    def verify(self, torrent, client):
        self.finish([program("swarm-client"), "verify", "--quiet", os.path.join(self.volume, torrent),
                     os.path.join(self.volume, client)], f"verify {client}")


def run_compose(work, folder):
    """The services in the order of their conditions, as docker-compose goes; the exit code of the verdict."""
    services = load(folder, "docker-compose.yml")[0]["services"]
    lab = Loopback(work, os.path.join(folder, "config"))
    running, done = {}, set()

    def reach(name, condition):
        if name in done:
            return
        if name not in running:
            for other, wanted in services[name].get("depends_on", {}).items():
                reach(other, wanted["condition"])
            running[name] = lab.start(lab.argv(name, services[name]["command"], services))
        if condition == "service_completed_successfully":
            _, stderr = running[name].communicate(timeout=60)
            check(running[name].returncode == 0, f"{name}: exit code {running[name].returncode}: {stderr}")
            done.add(name)

    reach("verdict", "service_completed_successfully")
    return lab, services


def a_plan_carried_out_by_hand_is_a_swarm(work):
    result = subprocess.run([program("swarm-lab"), "plan", work.scenario(clients=2, client_options=LIMITS)],
                            stdout=subprocess.PIPE, text=True, check=True)
    words = {"run": os.path.join(work.folder, "run"), "bin": os.path.dirname(program("swarm-lab"))}

    def fill(text, **more):
        return re.sub(r"\{(\w+)\}", lambda found: {**words, **more}[found[1]], text)

    plan = json.loads(result.stdout)
    check([n["role"] for n in plan["nodes"]] == ["tracker", "seeder", "client", "client"], "roles")
    for file in plan["prepare"]["files"] + [f for n in plan["nodes"] for f in n["files"]]:
        os.makedirs(os.path.dirname(fill(file["path"])), exist_ok=True)
        with open(fill(file["path"]), "w", encoding="utf-8") as out:
            out.write(file["text"])
    for command in plan["prepare"]["commands"]:
        subprocess.run([fill(word) for word in command], check=True, timeout=60)
    events = {}

    def start(number, one):
        os.makedirs(fill(one["folder"]), exist_ok=True)
        events[one["name"]] = path = os.path.join(fill(one["folder"]), "events.jsonl")
        with open(path, "wb"):
            pass
        argv = [fill(word, address=f"127.78.{os.getpid() % 250}.{number + 1}") for word in one["argv"]]
        # The descriptor that the plan names, which the shell opens.
        return work.started.append(subprocess.Popen(
            ["sh", "-c", f'exec {one["events_fd"]}>"$0"; exec "$@"', path] + argv,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def seen(name, event):
        with open(events[name], encoding="utf-8") as file:
            found = [one for one in map(json.loads, filter(lambda line: line.endswith("\n"), file)) if one["event"] == event]
        return found[0] if found else None

    def begin(after):
        for number, one in enumerate(plan["nodes"]):
            if one["start"]["after"] == after:
                start(number, one)
        for one in plan["nodes"]:
            if one["start"]["after"] == after:
                wait_for(lambda: seen(one["name"], one["ready"]["event"]), f"{one['name']} is ready")

    begin("prepared")
    announce = seen("tracker", "ready")["announce"]
    subprocess.run([fill(word, announce=announce) for word in plan["make_torrent"]["argv"]], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    begin("torrent made")
    begin("clients begin")
    for one in plan["nodes"]:
        if one["end"]["complete"]:
            wait_for(lambda: seen(one["name"], "completed"), f"{one['name']} is complete", 60)
    for one, process in zip(plan["nodes"], work.started):
        process.send_signal(one["end"]["stop_signal"])
        check(process.wait(timeout=20) in one["end"]["exit_codes"], f"{one['name']}: {process.returncode}")


def compose_is_valid_and_a_bad_key_is_not(work):
    folder = export(work, "compose")

    def config(name):
        return subprocess.run(["docker-compose", "-f", name, "config"], cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    if not shutil.which("docker-compose"):
        raise SystemExit(77)
    good = config("docker-compose.yml")
    check(good.returncode == 0, f"docker-compose config: {good.stderr}")
    services = yaml.safe_load(good.stdout)["services"]
    check({"content", "torrent", "tracker", "seeder-1", "client-1", "client-3", "verdict"} <= set(services), "services")
    with open(os.path.join(folder, "docker-compose.yml"), encoding="utf-8") as file:
        text = file.read()
    for wrong, right in (("comand:", "command:"), ('service_complete"', 'service_completed_successfully"')):
        with open(os.path.join(folder, "bad.yml"), "w", encoding="utf-8") as file:
            file.write(text.replace(right, wrong, 1))
        check(config("bad.yml").returncode != 0, f"{wrong} is refused")


def compose_commands_make_a_swarm(work):
    folder = export(work, "compose")
    lab, services = run_compose(work, folder)
    check(services["client-1"]["command"].count("--config") == 1, "limits")
    for name in ("tracker", "seeder-1", "client-1"):
        check(os.path.getsize(os.path.join(lab.volume, f"{name}.events.jsonl")) > 0, f"events of {name}")
    lab.verify("t.torrent", "client-3")


def compose_verdict_fails_for_a_bad_file(work):
    folder = export(work, "compose")
    lab, services = run_compose(work, folder)
    for base, _, names in os.walk(os.path.join(lab.volume, "client-2")):
        for name in names:
            with open(os.path.join(base, name), "r+b") as file:
                file.write(b"not what was there")
    verdict = lab.start(lab.argv("verdict", services["verdict"]["command"], services))
    verdict.communicate(timeout=60)
    check(verdict.returncode != 0, "the verdict sees it")


def validate(objects):
    names = {}
    for one in objects:
        schema = SCHEMAS.get((one.get("apiVersion"), one.get("kind")))
        check(schema is not None, f"a schema for {one.get('apiVersion')} {one.get('kind')}")
        jsonschema.validate(one, schema)
        names.setdefault(one["kind"], set()).add(one["metadata"]["name"])
    for one in objects:  # what one names, another is
        template = one.get("spec", {}).get("template")
        for volume in template["spec"]["volumes"] if template else []:
            claim, config = volume.get("persistentVolumeClaim"), volume.get("configMap")
            check(not claim or claim["claimName"] in names["PersistentVolumeClaim"], f"claim {claim}")
            check(not config or config["name"] in names["ConfigMap"], f"config {config}")
        if template and "subdomain" in template["spec"]:
            check(template["spec"]["subdomain"] in names["Service"], "the headless service")
    return names


def kubernetes_is_valid(work):
    folder = export(work, "kubernetes")
    objects = load(folder, "swarm.yaml")
    names = validate(objects)
    check(names["Job"] == {"t-seeder", "t-client"} and names["Deployment"] == {"t-tracker"}, f"names: {names}")
    with open(os.path.join(ROOT, "torrents/recipes/small.toml"), encoding="utf-8") as file:
        check(objects[0]["data"]["recipe.toml"] == file.read(), "the recipe, byte by byte")
    clients = next(one for one in objects if one["metadata"]["name"] == "t-client")["spec"]
    check(clients["completionMode"] == "Indexed" and clients["completions"] == 3, "an indexed job of clients")
    if shutil.which("kubectl"):
        built = subprocess.run(["kubectl", "kustomize", folder], stdout=subprocess.PIPE, text=True, check=True).stdout
        check(len(list(yaml.safe_load_all(built))) == len(objects), "kustomize finds every object")


def a_broken_kubernetes_object_is_refused(work):
    objects = load(export(work, "kubernetes"), "swarm.yaml")
    job = next(number for number, one in enumerate(objects) if one["kind"] == "Job")

    def refused(change, what):
        broken = copy.deepcopy(objects)
        change(broken)
        try:
            validate(broken)
        except (jsonschema.ValidationError, lab_run.TestFailure):
            return
        check(False, f"accepted: {what}")

    refused(lambda o: o[job]["spec"].update(completions="3"), "a number as text")
    refused(lambda o: o[job]["spec"].update(completion=3), "an unknown key")
    refused(lambda o: o[job]["spec"].pop("template"), "no template")
    refused(lambda o: o[job]["spec"]["template"]["spec"].update(restartPolicy="Always"), "a policy that jobs do not have")
    refused(lambda o: o[job]["spec"]["template"]["spec"]["containers"][0].pop("image"), "no image")
    refused(lambda o: o[job]["metadata"].update(name="T_client"), "a bad name")
    refused(lambda o: o[job].update(apiVersion="batch/v2"), "an unknown version")
    refused(lambda o: o[0]["data"].update(x=1), "configuration that is no text")
    refused(lambda o: o[0]["metadata"].update(name="other"), "a volume without its configuration")
    refused(lambda o: o[2]["spec"]["ports"][0].update(port=70000), "a port out of range")


def kubernetes_commands_make_a_swarm(work):
    objects = load(export(work, "kubernetes"), "swarm.yaml")
    config = os.path.join(work.folder, "config")
    os.makedirs(config)
    for name, text in objects[0]["data"].items():
        with open(os.path.join(config, name), "w", encoding="utf-8") as file:
            file.write(text)
    lab = Loopback(work, config)
    hosts = [one["metadata"]["name"] for one in objects if one["kind"] == "Service"]
    tracker = next(one for one in objects if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    for _ in range(2):  # a pod that is started again does it again
        for one in tracker["initContainers"]:
            lab.finish(lab.argv("t-tracker", one["command"], hosts), one["name"])
    lab.start(lab.argv("t-tracker", tracker["containers"][0]["command"], hosts))
    clients = []
    for one in (one for one in objects if one["kind"] == "Job"):
        pod = one["spec"]["template"]["spec"]
        for index in range(one["spec"]["completions"]):
            name = f"{one['metadata']['name']}-{index}"
            for before in pod["initContainers"]:
                lab.finish(lab.argv(name, before["command"], hosts, index), before["name"])
            process = lab.start(lab.argv(name, pod["containers"][0]["command"], hosts, index))
            if name.startswith("t-client"):
                clients.append((f"client-{index}", process))
    for name, process in clients:
        _, stderr = process.communicate(timeout=60)
        check(process.returncode == 0, f"{name}: exit code {process.returncode}: {stderr}")
        lab.verify("t.torrent", name)


def what_cannot_be_exported_is_refused(work):
    def refused(target, scenario, line):
        result = subprocess.run([program("swarm-lab"), "export", target, scenario, "-o", os.path.join(work.folder, "no")],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        check(result.returncode == 2 and line in result.stderr, f"{result.returncode}: {result.stderr}")
        check(not os.path.exists(os.path.join(work.folder, "no")), "nothing is written")

    refused("compose", os.path.join(ROOT, "lab/scenarios/partition.toml"), "partition.toml:")
    refused("kubernetes", os.path.join(ROOT, "lab/scenarios/flash-crowd.toml"), "flash-crowd.toml:")
    refused("compose", work.scenario(client_options="magnet = true"), "t.toml:")
    refused("kubernetes", work.scenario(content=f'path = "{ROOT}/docs"'), "content.path")
    refused("helm", work.scenario(), "compose")
    folder = export(work, "compose")
    again = subprocess.run([program("swarm-lab"), "export", "compose", work.scenario(), "-o", folder],
                           stderr=subprocess.PIPE, text=True, check=False)
    check(again.returncode == 2 and "not empty" in again.stderr, "never over what is there")


def the_image_has_what_the_programs_link(work):
    with open(os.path.join(export(work, "compose"), "Dockerfile"), encoding="utf-8") as file:
        words = file.read().split()
    wanted = {"libssl.so": "libssl3", "libuv.so": "libuv1", "libz.so": "zlib1g", "libstdc++.so": "libstdc++6",
              "libtomlplusplus.so": "libtomlplusplus3"}
    base = ("libc.so", "libm.so", "libgcc_s.so", "ld-linux", "linux-vdso", "libcrypto.so", "libpthread", "libdl", "librt")
    for name in ("swarm-client", "swarm-seeder", "swarm-tracker", "swarm-lab"):
        linked = subprocess.run(["ldd", program(name)], stdout=subprocess.PIPE, text=True, check=True).stdout
        for library in (os.path.basename(line.split()[0]) for line in linked.splitlines()):
            if not library.startswith(base):
                package = next((wanted[start] for start in wanted if library.startswith(start)), None)
                check(package in words, f"{library} of {name} is in the image")


if __name__ == "__main__":
    lab_run.main(globals())
