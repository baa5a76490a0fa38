"""A pytest file that runs inside a swarm:

    swarm-lab exec lab/scenarios/small.toml -- python3 -m pytest lab/examples/test_swarm.py
"""
import json
import os
import socket
import time
import urllib.parse
import urllib.request

import pytest


@pytest.fixture
def nodes():
    return {node["name"]: node for node in json.loads(os.environ["SWARMLAB_NODES"])}


INFO_HASH = bytes.fromhex(os.environ["SWARMLAB_INFO_HASH"])


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_tracker_knows_the_seeder(nodes):
    query = urllib.parse.urlencode({"info_hash": INFO_HASH, "peer_id": b"-PY0001-abcdefghijkl",
                                    "port": 1, "uploaded": 0, "downloaded": 0, "left": 1, "compact": 1})
    ip, port = nodes["seeder-1"]["listen"].split(":")

    def is_told_of_it():
        with urllib.request.urlopen(f"{os.environ['SWARMLAB_TRACKER_URL']}?{query}", timeout=5) as reply:
            return socket.inet_aton(ip) + int(port).to_bytes(2, "big") in reply.read()

    until(is_told_of_it)  # a node is ready before its announce is answered


def test_the_seeder_answers_a_handshake(nodes):
    ip, port = nodes["seeder-1"]["listen"].split(":")
    with socket.create_connection((ip, int(port)), timeout=5) as peer:
        peer.sendall(b"\x13BitTorrent protocol" + bytes(8) + INFO_HASH + b"-PY0001-abcdefghijkl")
        answer = b""
        while len(answer) < 68:
            answer += peer.recv(68 - len(answer))
    assert answer[:20] == b"\x13BitTorrent protocol" and answer[28:48] == INFO_HASH


def test_a_client_gets_its_files(nodes):
    until(lambda: os.path.isdir(os.path.join(nodes["client-1"]["files"], "small")))
