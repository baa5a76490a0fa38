"""The live page in a real headless Chromium, while ten clients announce over HTTP and UDP; and what hostile peer ids,
keys and paths do to it (nothing). A screenshot of each size goes to the build folder."""
import os
import random
import socket
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from common import Lab, check, main, program

SIZES = ((1280, 720), (1920, 1080))
INFO_HASH = bytes(range(0x10, 0x24))
OTHER_HASH = b"another torrent here"
SCRIPT_ID = b"<img src=x onerror=1>"[:20]


def query(info_hash, peer_id, port, left, event="", extra=""):
    text = (f"info_hash={urllib.parse.quote(info_hash)}&peer_id={urllib.parse.quote(peer_id)}&port={port}"
            f"&uploaded=0&downloaded=0&left={left}&compact=1&numwant=50")
    return text + (f"&event={event}" if event else "") + extra


def announce_http(url, source_ip, *arguments, **named):
    host, _, port = url.removeprefix("http://").removesuffix("/announce").partition(":")
    with socket.create_connection((host, int(port)), timeout=5, source_address=(source_ip, 0)) as stream:
        stream.sendall(f"GET /announce?{query(*arguments, **named)} HTTP/1.1\r\nHost: {host}\r\n"
                       f"User-Agent: <script>alert(1)</script>\r\nConnection: close\r\n\r\n".encode("latin-1"))
        reply = b""
        while part := stream.recv(65536):
            reply += part
    return reply


def announce_udp(address, source_ip, info_hash, peer_id, port, left, event=0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source_ip, 0))
        sock.settimeout(5)
        sock.connect(address)
        sock.send(struct.pack(">QII", 0x41727101980, 0, 7))
        connection = struct.unpack(">IIQ", sock.recv(2048))[2]
        sock.send(struct.pack(">QII20s20sQQQIIIiH", connection, 1, 8, info_hash, peer_id, 0, left, 0, event, 0, 42, -1,
                              port))
        return sock.recv(2048)


def start_tracker(lab, rules=""):
    ip = lab.address()

    def argv(port):
        config = lab.write("tracker.toml", f'port = {port}\nrngSeed = 1\n[stats]\nenabled = true\n{rules}')
        return [program("swarm-tracker"), config, "--bind", ip, "--web"]

    _, port = lab.start_listening("tracker", argv, ip)
    return ip, port


def browser(lab, size):
    """A session with a Chromium that dies with its driver, as the driver dies with this process."""
    from selenium import webdriver  # pylint: disable=import-outside-toplevel
    chromium = lab.write("chromium", '#!/bin/sh\nexec setpriv --pdeathsig KILL /usr/bin/chromium "$@"\n')
    os.chmod(chromium, 0o755)
    _, port = lab.start_listening("chromedriver", lambda p: ["/usr/bin/chromedriver", f"--port={p}"], "127.0.0.1")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                     f"--user-data-dir={lab.make_dir('profile-%d' % size[0])}",
                     f"--window-size={size[0]},{size[1]}", "--force-device-scale-factor=1"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Remote(command_executor=f"http://127.0.0.1:{port}", options=options)
    # The window has a frame even without a screen: the page itself shall have the size.
    driver.command_executor._commands["cdp"] = (  # pylint: disable=protected-access
        "POST", "/session/$sessionId/goog/cdp/execute")
    driver.execute("cdp", {"cmd": "Emulation.setDeviceMetricsOverride",
                           "params": {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}})
    # Nor does it have the focus that a window on a screen has, not in every version.
    driver.execute("cdp", {"cmd": "Emulation.setFocusEmulationEnabled", "params": {"enabled": True}})
    return driver


class Page:
    """What the tests ask of a page."""

    def __init__(self, driver, url):
        self.driver = driver
        driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)", selector)

    def count(self, selector):
        return self.run("return document.querySelectorAll(arguments[0]).length", selector)

    def press(self, key, selector="body"):
        self.run("const e = document.querySelector(arguments[1]); e.focus();"
                 "e.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true, cancelable: true}))",
                 key, selector)

    def wait(self, condition, what, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.1)
        check(False, f"{what} (after {seconds} s); the page shows: {self.text('body')[:1500]}")

    def errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


def ten_clients(url, address):
    rng = random.Random(7)
    for i in range(10):
        ip = f"127.0.1.{i + 1}"
        peer_id = b"-%s-%012d" % (rng.choice((b"TR3000", b"LT2080", b"qB4520", b"XX0001")), i)
        left = 0 if i < 3 else 1000000 * (i + 1)
        if i % 3 == 2:
            announce_udp(address, ip, INFO_HASH, peer_id, 6881 + i, left, 2)
        else:
            announce_http(url, ip, INFO_HASH, peer_id, 6881 + i, left, "started")
    for i in (0, 4, 5):
        announce_http(url, f"127.0.1.{i + 1}", OTHER_HASH, b"-XX0001-%012d" % i, 6881 + i, 5)


RULES = """
[[rules]]
name = "the eighth is lied to"
peer = "127.0.1.8"
action = "peersInvented"
peers = 4
"""


def ten_clients_announce():
    with Lab("live_page") as lab:
        ip, port = start_tracker(lab, RULES)
        url = f"http://{ip}:{port}/announce"
        folder = os.environ.get("BT_SCREENSHOTS", lab.folder)
        for size in SIZES:
            driver = browser(lab, size)
            try:
                page = Page(driver, f"http://{ip}:{port}/")
                if size == SIZES[0]:
                    page.wait(lambda: page.text("#link").startswith("live"), "the page is live")
                    check(url in page.text("#requests-empty"), "an empty page says where to announce")
                    check(page.count(".request") == 0, "no request yet")
                    driver.save_screenshot(os.path.join(folder, "live-page-empty.png"))
                before = page.count(".request")
                ten_clients(url, (ip, port))
                page.wait(lambda: page.count(".request") >= before + 16, "the requests are listed")
                look_at(page)
                driver.save_screenshot(os.path.join(folder, f"live-page-{size[0]}x{size[1]}.png"))
                page.press("m")
                page.wait(lambda: page.count("#graph .cell") >= 100, "the matrix")
                driver.save_screenshot(os.path.join(folder, f"live-page-{size[0]}x{size[1]}-matrix.png"))
                page.press("t")
                page.press("t")
                check(page.run("return document.documentElement.dataset.theme") == "dark", "T changes the theme")
                page.press("m")
                driver.save_screenshot(os.path.join(folder, f"live-page-{size[0]}x{size[1]}-dark.png"))
                check(page.errors() == [], f"errors in the browser: {page.errors()}")
            finally:
                driver.quit()


def look_at(page):
    page.wait(lambda: page.count("#peers tbody tr") == 10, "ten peers of the first swarm")
    check(page.text("#n-torrents") == "2", page.text("#numbers"))
    check(page.text("#n-complete") == "3", page.text("#numbers"))
    check(INFO_HASH.hex() in page.texts("#swarms button"), "the swarm by its info_hash")
    row = page.texts("#swarms tbody tr")[0].split()
    check(row[-3:] == ["3", "7", "0"], f"complete, incomplete, downloaded: {row}")
    check(page.count("#graph .node") >= 10 and page.count("#graph .edge") > 20, "the graph has nodes and edges")
    check(any("peersInvented (the eighth is lied to)" in t for t in page.texts(".request.bent")), "the rule is marked")
    check(page.run("return document.documentElement.scrollWidth <= innerWidth && "
                   "document.documentElement.scrollHeight <= innerHeight"), "the page fits the screen")
    pin_http_announce(page)
    pin_udp_announce(page)
    pin_http_announce(page)


def pin_row(page, words):
    number = page.run("const row = [...document.querySelectorAll('.request')].find((r) => arguments[0].every("
                      "(w) => r.innerText.includes(w))); if (!row) return 0; row.click(); return Number(row.dataset.number)",
                      words)
    check(number > 0, f"no row with {words}: {page.texts('.request')}")
    page.wait(lambda: f"Request {number}:" in page.text("#request-title"), "the request is taken apart")
    check(f"pinned: request {number}" in page.text("#pin"), "it is pinned")


def focus_marks(page, field, marked):
    """The field's row has the focus, and these bytes are marked."""
    page.wait(lambda: page.run(
        "const row = [...document.querySelectorAll('#request-fields tr')].find((r) => r.cells[0].innerText === arguments[0]);"
        "row.blur(); row.focus();"
        "return [...document.querySelectorAll('#request-bytes .lit')].map((e) => e.innerText.trim())", field) == marked,
        f"the bytes of {field} are marked")


def pin_http_announce(page):
    pin_row(page, ["http", "started", "127.0.1.5:6885"])
    names = page.texts("#request-fields td:first-child")
    for name in ("method", "path", "info_hash", "peer_id", "port", "left", "event", "User-Agent"):
        check(name in names, f"{name} is explained: {names}")
    values = dict(zip(names, page.texts("#request-fields .value")))
    check(values["info_hash"] == INFO_HASH.hex() and values["left"] == "5000000", str(values))
    answer = page.texts("#answer-fields td:first-child")
    check("interval" in answer and answer.count("peer") >= 4, f"the answer is explained: {answer}")
    focus_marks(page, "left", ["left=5000000"])


def pin_udp_announce(page):
    pin_row(page, ["udp", "started", "127.0.1.6:6886"])
    names = page.texts("#request-fields td:first-child")
    check(names[:4] == ["connection id", "action", "transaction id", "info_hash"], str(names))
    focus_marks(page, "transaction id", ["00 00 00 08"])


def hostile_text():
    with Lab("live_page") as lab:
        ip, port = start_tracker(lab)
        url = f"http://{ip}:{port}/announce"
        announce_http(url, "127.0.1.1", INFO_HASH, SCRIPT_ID, 6881, 1, "",
                      "&key=</script><script>document.title='owned'</script>&<b>x</b>=<i>y</i>")
        announce_udp((ip, port), "127.0.1.2", INFO_HASH, b"\"><script>1</script>"[:20], 6882, 0)
        try:
            urllib.request.urlopen(f"http://{ip}:{port}/<svg/onload=alert(1)>", timeout=5)
            check(False, "a path that is none")
        except urllib.error.HTTPError as error:
            check(error.code == 404, str(error))
        driver = browser(lab, SIZES[0])
        try:
            page = Page(driver, f"http://{ip}:{port}/")
            page.wait(lambda: page.count(".request") >= 4, "the requests are listed")
            check(page.count("#requests script, #requests img, #detail img, #detail script, #detail b, svg svg") == 0,
                  "no element is made of what peers say")
            check(any("<img src=x" in text for text in page.texts("#peers td")), "the peer id is shown as it is")
            pin_row(page, ["http", "127.0.1.1"])
            check("</script><script>" in page.text("#request-fields"), "the key is shown as it is")
            check(page.run("return document.title") == "swarm-tracker", "no script of a peer ran")
            check(page.errors() == [], f"errors in the browser: {page.errors()}")
            blocked = page.run("return fetch('http://127.0.0.1:1/').then(() => 'went out', () => 'blocked')")
            check(blocked == "blocked", "requests to elsewhere are blocked")
        finally:
            driver.quit()


def keyboard_and_hold():
    with Lab("live_page") as lab:
        ip, port = start_tracker(lab)
        url = f"http://{ip}:{port}/announce"
        driver = browser(lab, SIZES[0])
        try:
            page = Page(driver, f"http://{ip}:{port}/")
            for i in range(5):
                announce_http(url, "127.0.1.1", INFO_HASH, b"-XX0001-%012d" % i, 7000 + i, 1)
            page.wait(lambda: page.count(".request") == 5, "five requests")
            boxes = "return ['swarms-panel','graph-panel','peers-panel','requests-panel','detail-panel'].map((id) => {" \
                    "const b = document.getElementById(id).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]})"
            before = page.run(boxes)
            page.press("ArrowDown", "#requests")
            page.press("ArrowDown", "#requests")
            page.press("Enter", "#requests")
            page.wait(lambda: "pinned: request 3" in page.text("#pin"), "the third from above is pinned")
            announce_http(url, "127.0.1.1", INFO_HASH, b"-XX0001-%012d" % 9, 7009, 1)
            page.wait(lambda: page.count(".request") == 6, "another one arrives")
            check("Request 3:" in page.text("#request-title"), "what is pinned stays")
            check(page.run(boxes) == before, "no panel has moved")
            page.press("Escape")
            page.wait(lambda: "Request 6:" in page.text("#request-title"), "Escape goes back to the newest")
            page.press("p")
            check(page.text("#link") == "paused", "P pauses")
            announce_http(url, "127.0.1.1", INFO_HASH, b"-XX0001-%012d" % 10, 7010, 1)
            time.sleep(1.5)
            check(page.count(".request") == 6, "nothing moves while it is paused")
            page.press("p")
            page.wait(lambda: page.count(".request") == 7, "and it goes on")
        finally:
            driver.quit()


if not (os.access("/usr/bin/chromium", os.X_OK) and os.access("/usr/bin/chromedriver", os.X_OK)):
    print("skipped: no Chromium with its driver here")
    sys.exit(77)
main({"ten_clients_announce": ten_clients_announce, "bad_hostile_text": hostile_text,
      "keyboard_and_hold": keyboard_and_hold})
