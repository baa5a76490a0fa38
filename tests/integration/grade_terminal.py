"""swarm-lab grade as a person sees it: a table that is drawn over itself on a terminal that has room for it, and lines one
after the other everywhere else. The student is one that passes one stage, waits until it may go on, and fails the next."""
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from common import Lab, check, ends_with, main, program

FAILED = 1
STAGES = ("decode.refuse", "info.hash")
COMMAND = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


class Screen:
    """What stands on a terminal of endless height; every picture of it that the next one was drawn over."""

    def __init__(self):
        self.lines = [""]
        self.row = self.column = 0
        self.pictures = []
        self.raw = ""

    def feed(self, text):
        self.raw += text
        rest = text
        while rest:
            command = COMMAND.match(rest)
            if command:
                self.obey(command.group(2), command.group(1))
                rest = rest[command.end():]
                continue
            check(rest[0] != "\x1b", f"an unknown command: {rest[:10]!r}")
            self.write(rest[0])
            rest = rest[1:]

    def obey(self, letter, number):
        if letter == "A":
            self.pictures.append([line for line in self.lines if line])
            self.row -= int(number)
            check(self.row >= 0, "up over the first line")
        elif letter == "J":
            self.lines[self.row] = self.lines[self.row][:self.column]
            del self.lines[self.row + 1:]
        else:
            check(letter == "m", f"an unknown command: {letter}")

    def write(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        else:
            line = self.lines[self.row]
            self.lines[self.row] = line[:self.column].ljust(self.column) + char + line[self.column + 1:]
            self.column += 1


class Grading:
    def __init__(self, lab, name, rows=None, columns=100, **environment):
        """Without rows no terminal."""
        self.lab, self.go = lab, lab.path(f"{name}.go")
        student = lab.write(f"{name}.sh", '#!/bin/sh\n[ "$1" = decode ] || while [ ! -e ' + self.go +
                            " ]; do sleep 0.05; done\nexit 1\n")
        os.chmod(student, 0o755)
        self.screen, self.ours = Screen(), None
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        options = {"env": {**{key: value for key, value in os.environ.items() if key != "NO_COLOR"}, "TERM": "xterm",
                           **environment}}
        if rows:
            self.ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            options["limits"] = lambda: os.dup2(theirs, 1)
        chosen = [word for stage in STAGES for word in ("--stage", stage)]
        self.node = lab.start(name, [program("swarm-lab"), "grade", "--out", lab.path("out"), "--time-limit", "1m", *chosen,
                                     "--", student], **options)
        if rows:
            os.close(theirs)

    def said(self):
        with open(self.node.log_path, encoding="utf-8") as file:
            return file.read()

    def until(self, fits, what, timeout_s=30):
        """Reads the terminal until what stands there fits."""
        limit = time.monotonic() + timeout_s
        while not fits(self.screen.lines):
            check(time.monotonic() < limit, f"no {what} in time: {self.screen.lines}")
            if not select.select([self.ours], [], [], 1)[0]:
                continue
            try:
                self.screen.feed(self.decoder.decode(os.read(self.ours, 65536)))
            except OSError:  # the other side is closed
                check(fits(self.screen.lines), f"no {what}: {self.screen.lines}")

    def finish(self):
        with open(self.go, "w", encoding="utf-8"):
            pass
        if self.ours is not None:
            self.until(lambda lines: any("stages passed" in line for line in lines), "summary")
        ends_with(self.lab, self.node, FAILED)
        if self.ours is not None:
            os.close(self.ours)
        return [line for line in self.screen.lines if line]


def stands(word):
    return lambda lines: any(line.startswith(word) for line in lines)


def table():
    """Each stage has its line, which says how far it is; below them comes what went wrong."""
    with Lab("grade") as lab:
        grading = Grading(lab, "table", rows=4)  # the least that two stages need
        grading.until(stands("running  info.hash"), "second stage")
        now = [line for line in grading.screen.lines if line]
        check(len(now) == 2 and now[0].startswith("passed   decode.refuse"), f"while the second one runs: {now}")
        check(grading.screen.pictures[0] == ["running  decode.refuse", "         info.hash"], f"{grading.screen.pictures}")
        lines = grading.finish()
        check(re.match(r"passed   decode\.refuse +(\d+)/\1 ", lines[0]), f"{lines}")
        check(re.match(r"FAILED   info\.hash +0/", lines[1]), f"{lines}")
        check(sum(line.startswith("passed") for line in lines) == 1, f"a line is left of what was drawn over: {lines}")
        check(lines[2].startswith("FAILED   info.hash") and any(" hint " in line for line in lines[3:]), f"why: {lines}")
        check("1 of 2 stages passed" in lines[-1], f"{lines}")
        check("\x1b[32mpassed" in grading.screen.raw and "\x1b[31mFAILED" in grading.screen.raw, "colours")


def narrow_and_plain_tables():
    """No line of the table is wider than the terminal, where the next picture would miss it; NO_COLOR is heeded."""
    with Lab("grade") as lab:
        grading = Grading(lab, "narrow", rows=24, columns=30)
        lines = grading.finish()
        check(all(len(line) <= 29 for picture in grading.screen.pictures for line in picture), f"{grading.screen.pictures}")
        check(len(lines[0]) == 29 and lines[0].endswith("…"), f"{lines}")
        grading = Grading(lab, "colourless", rows=24, NO_COLOR="1")
        lines = grading.finish()
        check(lines[0].startswith("passed   decode.refuse") and lines[1].startswith("FAILED   info.hash"), f"{lines}")
        check({letter for _, letter in COMMAND.findall(grading.screen.raw)} == {"A", "J"}, "a table without colours")


def lines_where_no_table_fits():
    """A terminal that is too low, and one that cannot move its cursor."""
    with Lab("grade") as lab:
        for name, options in (("low", {"rows": 3}), ("dumb", {"rows": 24, "TERM": "dumb"})):
            grading = Grading(lab, name, **options)
            grading.until(stands("passed   decode.refuse"), "first result")
            lines = grading.finish()
            check("\x1b" not in grading.screen.raw, f"{name}: {grading.screen.raw!r}")
            check(lines[0].startswith("passed   decode.refuse") and lines[1].startswith("FAILED   info.hash"), f"{lines}")
            check(sum(line.startswith("FAILED") for line in lines) == 1, f"{name}: once: {lines}")


def lines_without_a_terminal():
    """Each result comes when it is known, also into a file."""
    with Lab("grade") as lab:
        grading = Grading(lab, "file")
        lab.wait_until(lambda: "passed   decode.refuse" in grading.said(), "the first result", [grading.node])
        check("info.hash" not in grading.said(), "the second one is not known yet")
        grading.finish()
        text = grading.said()
        check("\x1b" not in text and "running" not in text, text)
        check("\nFAILED   info.hash" in text and "1 of 2 stages passed" in text, text)


main({case.__name__: case for case in (table, narrow_and_plain_tables, lines_where_no_table_fits,
                                       lines_without_a_terminal)})
