"""The commands of swarm-client that look at one thing: their exact output, their exit codes, both spellings; --config,
--print-config, completions and man pages as they are installed."""
import json
import os
import random
import shutil
import subprocess

from common import EXIT_OK, EXIT_TORRENT, Lab, bencode, check, main, program

EXIT_ARGUMENTS, EXIT_CONFIG = 2, 10
HASH = "d69f91e6b2ae4c542468d1073a71d4ea13879a7f"
PROGRAMS = ("swarm-client", "swarm-seeder", "swarm-tracker", "swarm-lab")


def run(*arguments, name="swarm-client", stdin=b""):
    return subprocess.run([program(name), *arguments], input=stdin, capture_output=True, timeout=30, check=False)


def prints(expected, *arguments, stdin=b""):
    """Exactly this on standard output, nothing on standard error, exit code 0."""
    result = run(*arguments, stdin=stdin)
    expected = expected if isinstance(expected, bytes) else expected.encode()
    check((result.returncode, result.stdout, result.stderr) == (EXIT_OK, expected, b""),
          f"{arguments}: {result} instead of {expected}")


def refuses(code, *arguments, words=(), stdin=b""):
    """Nothing on standard output, one line on standard error."""
    result = run(*arguments, stdin=stdin)
    lines = result.stderr.decode().splitlines()
    check(result.returncode == code and result.stdout == b"" and len(lines) == 1, f"{arguments}: {result}")
    for word in words:
        check(word in lines[0], f"{arguments}: {word!r} is not in {lines[0]!r}")


def decode():
    prints('"hello"\n', "decode", "5:hello")
    prints("52\n", "decode", "i52e")
    prints('["hello",52]\n', "decode", "l5:helloi52ee")
    prints('{"foo":"bar","hello":52}\n', "decode", "d3:foo3:bar5:helloi52ee")
    prints('"http://a/b"\n', "decode", "10:http://a/b")
    prints("-9223372036854775808\n", "decode", "i-9223372036854775808e")
    prints("[]\n", "decode", "-", stdin=b"le")
    prints("[]\n", "decode", "-", stdin=b"le\n")
    for raw in (bytes(range(256)), "ü/日本/😀".encode(), b"\xed\xb2\x80\xff", b""):
        result = run("decode", "-", stdin=bencode.encode(raw))
        check(json.loads(result.stdout).encode("utf-8", "surrogateescape") == raw, f"{raw} was lost: {result.stdout}")


def bad_decode():
    for text, offset in (("5:hell", 0), ("i05e", 0), ("le3", 2), ("d1:a", 4), ("", 0), ("i9223372036854775808e", 0)):
        refuses(EXIT_TORRENT, "decode", text, words=[f"at byte {offset}"])
    refuses(EXIT_TORRENT, "decode", "-", stdin=b"l" * 101 + b"e" * 101, words=["at byte"])


def sample(lab):
    data = random.Random(7).randbytes(70000)
    torrent = bencode.single_file_torrent("sample.bin", data, 32768, "http://127.0.0.1:6969/announce")
    return data, torrent, lab.write("sample.torrent", torrent)


def info():
    with Lab("info") as lab:
        data, torrent, path = sample(lab)
        hashes = bencode.piece_hashes(data, 32768)
        lines = ["Tracker URL: http://127.0.0.1:6969/announce", "Length: 70000",
                 f"Info Hash: {bencode.info_hash(torrent).hex()}", "Piece Length: 32768", "Piece Hashes:",
                 *(hashes[at:at + 20].hex() for at in range(0, 60, 20))]
        prints("\n".join(lines) + "\n", "info", path)
        told = json.loads(run("info", "--json", path).stdout)
        check(told["length"] == 70000 and told["info_hash"] == bencode.info_hash(torrent).hex(), str(told))
        check(told["files"] == [{"path": "sample.bin", "length": 70000}] and told["private"] is False, str(told))
        check(told["piece_hashes"] == [line for line in lines[5:]], str(told))

        os.makedirs(lab.path("tree", "sub"))
        for name in ("a.txt", "sub/b.txt"):
            lab.write(os.path.join("tree", name), b"x" * 2000)
        made = run("create", lab.path("tree"), "-o", lab.path("tree.torrent"), "--private", "--comment", "a\x1b[2Jb",
                   "--tracker", "http://127.0.0.1:1/a", "--tracker", "http://127.0.0.1:2/b", "--creation-date", "86400")
        check(made.returncode == EXIT_OK, str(made))
        full = run("info", "--full", lab.path("tree.torrent")).stdout.decode()
        for part in ("Name:         tree\n", "Private:      yes", "Created:      1970-01-02 00:00:00 UTC\n",
                     "Comment:      a?[2Jb\n", "  tier 1  http://127.0.0.1:1/a\n", "  tier 2  http://127.0.0.1:2/b\n",
                     "  1    2.0 kB  tree/a.txt\n", "  2    2.0 kB  tree/sub/b.txt\n"):
            check(part in full, f"{part!r} is not in {full}")


def bad_info():
    with Lab("info") as lab:
        path = lab.write("bad.torrent", b"d4:infod6:lengthi5e4:name1:a12:piece lengthi-1e6:pieces20:" + b"h" * 20 + b"ee")
        refuses(EXIT_TORRENT, "info", path, words=["bad.torrent", "piece length", "at byte"])
        refuses(EXIT_TORRENT, "info", lab.path("nothing.torrent"), words=["nothing.torrent", "No such file"])


def magnet_parse():
    uri = f"magnet:?xt=urn:btih:{HASH}&dn=x&tr=http%3A%2F%2Ftracker.example%2Fannounce"
    expected = f"Tracker URL: http://tracker.example/announce\nInfo Hash: {HASH}\n"
    prints(expected, "magnet_parse", uri)
    prints(expected, "magnet-parse", uri)
    refuses(EXIT_TORRENT, "magnet_parse", "magnet:?dn=x", words=["xt=urn:btih", "at byte"])
    refuses(EXIT_TORRENT, "magnet-parse", "http://x/", words=["magnet"])


def arguments():
    refuses(EXIT_ARGUMENTS, "--max-peer", "3", words=["unknown option --max-peer", "--max-peers?", "--help"])
    refuses(EXIT_ARGUMENTS, "--max-peers", "0", "x", words=["--max-peers", "1 to 10000"])
    refuses(EXIT_ARGUMENTS, words=["nothing to download"])
    refuses(EXIT_ARGUMENTS, "info", words=["FILE is required"])
    for name in PROGRAMS:
        help_text = run("--help", name=name)
        check(help_text.returncode == EXIT_OK and help_text.stdout.startswith(b"Examples:"), f"{name}: {help_text}")
        check(b"Exit codes:" in help_text.stdout, f"{name}: no exit codes in --help")


def config():
    with Lab("config") as lab:
        printed = run("--print-config").stdout.decode()
        lines = [line[1:] if line.startswith("#") and line[1:2].isalpha() and " = " in line else line
                 for line in printed.splitlines()]
        lines = [line for line in lines if not line.startswith(("events =", "ca-file =", "peers =", "bind =", "listen ="))]
        # Every key with its default or its example is good; what it names is not there.
        path = lab.write("all.toml", "\n".join(lines) + "\n")
        refuses(EXIT_TORRENT, "--config", path, words=["ubuntu.torrent", "No such file"])
        path = lab.write("c.json", '{\n "torrent": "x.torrent",\n "max-peer": 3\n}\n')
        refuses(EXIT_CONFIG, "--config", path, words=["c.json:3: unknown key max-peer", "max-peers?"])
        path = lab.write("c.toml", "seed-time = 'soon'\n")
        refuses(EXIT_CONFIG, "--config", path, words=["c.toml:1: seed-time", "soon"])


def shell(name, script, *argv):
    result = subprocess.run([name, *argv, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    check(result.returncode == 0 and result.stderr == "", f"{name}: {result}")
    return result.stdout.split()


def installed():
    """cmake --install puts completions and man pages where the shells look, and they work."""
    with Lab("install") as lab:
        build = os.path.dirname(os.path.dirname(program("swarm-client")))
        done = subprocess.run(["cmake", "--install", build, "--prefix", lab.path("usr"), "--component", "programs"],
                              capture_output=True, text=True, timeout=120, check=False)
        check(done.returncode == 0, str(done))
        share = lab.path("usr", "share")
        for name in PROGRAMS:
            check(os.access(lab.path("usr", "bin", name), os.X_OK), f"{name} is not installed")
            page = os.path.join(share, "man", "man1", f"{name}.1")
            groff = subprocess.run(["groff", "-man", "-Tutf8", "-P-cbou", "-ww", "-Kutf8", page], capture_output=True, timeout=60,
                                   check=False)
            check(groff.returncode == 0 and groff.stderr == b"", f"{page}: {groff.stderr}")
            text = groff.stdout.decode()
            check("SYNOPSIS" in text and "EXIT STATUS" in text and name in text, f"{page}: {text[:500]}")
            bash = os.path.join(share, "bash-completion", "completions", name)
            shell("bash", f". {bash}")
        words = "COMP_WORDS=({}); COMP_CWORD={}; _swarm_client; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        bash = ". " + os.path.join(share, "bash-completion", "completions", "swarm-client") + "; "
        check(shell("bash", bash + words.format("swarm-client --max", 1)) == ["--max-peers"], "bash: option")
        check("magnet-parse" in shell("bash", bash + words.format("swarm-client magnet", 1)), "bash: command")
        check(shell("bash", bash + words.format("swarm-client --encryption r", 2)) == ["require"], "bash: word")
        check("--piece-length" in shell("bash", bash + words.format("swarm-client create --p", 2)), "bash: of a command")
        if shutil.which("zsh"):
            zsh = os.path.join(share, "zsh", "site-functions")
            shell("zsh", f"fpath=({zsh} $fpath); autoload -Uz compinit; compinit -u -d {lab.path('dump')}; "
                         "autoload +X _swarm-client && (( $+functions[_swarm-client] ))", "-f")
            for name in PROGRAMS:
                shell("zsh", "", "-f", "-n", os.path.join(zsh, f"_{name}"))
        if shutil.which("fish"):
            fish = "source " + os.path.join(share, "fish", "vendor_completions.d", "swarm-client.fish") + "; "
            found = shell("fish", fish + "complete -C 'swarm-client --max' | string replace -r '\\t.*' ''", "-N")
            check(found == ["--max-peers"], f"fish: {found}")
            found = shell("fish", fish + "complete -C 'swarm-client create --pi' | string replace -r '\\t.*' ''", "-N")
            check(found == ["--piece-length"], f"fish: {found}")


main({"decode": decode, "bad_decode": bad_decode, "info": info, "bad_info": bad_info, "magnet_parse": magnet_parse,
      "arguments": arguments, "config": config, "installed": installed})
