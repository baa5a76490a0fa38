"""Port in use, an original that is not the torrent's, a full disk, a directory that cannot be written."""
import os
import resource
import shutil
import signal
import socket
import subprocess

from common import (DEAD_TRACKER, EXIT_DISK, EXIT_DISK_FULL, EXIT_LISTEN, EXIT_VERIFY, KIB, Lab, Payload, check,
                    ends_with, main, peers_file, program, says, start_client, start_seeder, wire_peer)


def port_in_use():
    with Lab("port") as lab:
        payload = Payload(lab, announce=DEAD_TRACKER)
        original = payload.write_original(lab)
        ip = lab.address()
        with socket.create_server((ip, 0)) as taken:
            port = str(taken.getsockname()[1])
            config = lab.write("tracker.toml", f'port = {port}\ntorrentFile = "{payload.torrent_path}"\n')
            nodes = [
                lab.start("client", [program("swarm-client"), "-t", payload.torrent_path, "--outdir",
                                     lab.make_dir("out"), "--bind", ip, "--port", port]),
                lab.start("seeder", [program("swarm-seeder"), "-t", payload.torrent_path, "-s", original, "--bind", ip,
                                     "--port", port]),
                lab.start("tracker", [program("swarm-tracker"), config, "--bind", ip])]
            for node in nodes:
                ends_with(lab, node, EXIT_LISTEN)
                says(node, f"{ip}:{port}")
                says(node, "in use")


def wrong_original(change, pattern):
    with Lab("original") as lab:
        payload = Payload(lab, announce=DEAD_TRACKER)
        original = payload.write_original(lab, change)
        before = os.stat(original)
        seeder = start_seeder(lab, payload, original)
        ends_with(lab, seeder, EXIT_VERIFY)
        says(seeder, pattern)
        after = os.stat(original)
        check((before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns), "the original was touched")
        check(not seeder.has_event("ready"), "it served a wrong original")


def original_missing():
    with Lab("original") as lab:
        payload = Payload(lab, announce=DEAD_TRACKER)
        missing = lab.path("nowhere", "payload.bin")
        seeder = start_seeder(lab, payload, missing)
        lab.wait_exit(seeder, 20)
        check(seeder.exit_code in (EXIT_DISK, EXIT_VERIFY), f"exit code {seeder.exit_code}")
        says(seeder, "nowhere")
        check(not os.path.exists(missing), "it made the missing original")


def private_mount(command, folder):
    """The command with a tmpfs of 256 KiB over folder that only it sees and that ends with it; None where the machine
    does not allow that."""
    inner = f'mount -t tmpfs -o size=256k none "{folder}" && exec "$@"'
    for flags in ["-m"] if os.getuid() == 0 else ["-Urm"]:
        argv = ["unshare", flags, "sh", "-c", inner, "sh"]
        if shutil.which("unshare") and subprocess.run([*argv, "true"], stderr=subprocess.DEVNULL,
                                                      check=False).returncode == 0:
            return [*argv, *command]
    return None


def disk_full():
    with Lab("disk") as lab:
        payload = Payload(lab, announce=DEAD_TRACKER, size=1024 * KIB)
        seed = wire_peer.Seed(lab, payload.shared)
        outdir = lab.make_dir("out")
        argv = private_mount([program("swarm-client"), "-t", payload.torrent_path, "--outdir", outdir, "--bind",
                              lab.address(), "--peers", peers_file(lab, seed.endpoint())], outdir)
        if argv is None:
            print("no private mounts on this machine: the file size limit stands in for the full disk")
            return file_size_limit()
        client = lab.start("client", argv)
        ends_with(lab, client, EXIT_DISK_FULL)
        says(client, "no space|full")
        says(client, "payload.bin|out")
    return None


def file_size_limit():
    def limits():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead of ending the process
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * KIB, 256 * KIB))

    with Lab("disk") as lab:
        payload = Payload(lab, announce=DEAD_TRACKER, size=1024 * KIB)
        seed = wire_peer.Seed(lab, payload.shared)
        client = start_client(lab, payload, lab.make_dir("out"), "--peers", peers_file(lab, seed.endpoint()),
                              limits=limits)
        ends_with(lab, client, EXIT_DISK_FULL)
        says(client, "too large|full")


def unwritable(make_outdir):
    with Lab("unwritable") as lab:
        payload = Payload(lab, announce=DEAD_TRACKER)
        seed = wire_peer.Seed(lab, payload.shared)
        outdir = make_outdir(lab, payload)
        client = start_client(lab, payload, outdir, "--peers", peers_file(lab, seed.endpoint()))
        ends_with(lab, client, EXIT_DISK)
        says(client, f"{payload.name}|{os.path.basename(outdir)}")


def file_in_the_way(lab, _):
    return os.path.join(lab.write("plain-file", "x"), "out")


def read_only_folder(lab, _):
    if os.getuid() == 0:
        return "/proc/swarm-out"  # root may write into any folder of a disk
    outdir = lab.make_dir("read-only")
    os.chmod(outdir, 0o555)
    return outdir


def folder_in_the_way(lab, payload):
    lab.make_dir("out", payload.name)
    return lab.path("out")


main({
    "port_in_use": port_in_use,
    "original_too_short": lambda: wrong_original(lambda data: data[:-1], "size|bytes"),
    "original_too_long": lambda: wrong_original(lambda data: data + b"x", "size|bytes"),
    "original_wrong_content": lambda: wrong_original(lambda data: data[:-1] + bytes([data[-1] ^ 1]),
                                                     "hash|content|piece|verif"),
    "original_missing": original_missing,
    "disk_full": disk_full,
    "file_size_limit": file_size_limit,
    "directory_file_in_the_way": lambda: unwritable(file_in_the_way),
    "directory_read_only": lambda: unwritable(read_only_folder),
    "directory_folder_in_the_way": lambda: unwritable(folder_in_the_way),
})
