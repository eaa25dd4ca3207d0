import hashlib
import http.server
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest

from hf_fairdropout.data.download import Download, fetch


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `content`, slowly, with ranges unless `ranges` is off; counts the bytes that went out."""

    content = b""
    ranges = True
    delay = 0.0
    sent = 0

    def do_GET(self):
        if self.path == "/gone":
            self.send_error(404)
            return
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers.get("Range") and self.ranges else 0
        if start and start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        for at in range(start, len(self.content), 1 << 16):
            block = self.content[at : at + (1 << 16)]
            try:
                self.wfile.write(block)
            except (BrokenPipeError, ConnectionResetError):
                return
            type(self).sent += len(block)
            time.sleep(self.delay)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Server,), {"content": np.random.default_rng(0).bytes(3_000_000)})
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    handler.address = f"http://127.0.0.1:{listening.server_port}"
    yield handler
    listening.shutdown()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_fetches_checks_and_fetches_once(server, tmp_path):
    download = Download("file.bin", (f"{server.address}/x",), sha256=sha256(server.content))
    path = fetch(download, tmp_path)
    assert path.read_bytes() == server.content
    sent = server.sent
    assert fetch(download, tmp_path) == path
    assert server.sent == sent
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("ranges", [True, False])
def test_goes_on_where_it_stopped(server, tmp_path, ranges):
    server.ranges = ranges
    (tmp_path / "file.bin.part").write_bytes(server.content[:2_000_000])
    fetch(Download("file.bin", (f"{server.address}/x",), sha256=sha256(server.content)), tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == server.content
    expected, deadline = 1_000_000 if ranges else 3_000_000, time.time() + 5
    while server.sent < expected and time.time() < deadline:  # the server counts a block after the client has it
        time.sleep(0.01)
    assert server.sent == expected


def test_a_whole_partial_file_needs_nothing_more(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(server.content)
    fetch(Download("file.bin", (f"{server.address}/x",), sha256=sha256(server.content)), tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == server.content


def test_the_next_mirror_is_tried(server, tmp_path):
    assert fetch(Download("file.bin", (f"{server.address}/gone", f"{server.address}/x")), tmp_path).read_bytes() == server.content
    with pytest.raises(OSError, match=r"cannot be fetched; what came so far is kept(.|\n)*404"):
        fetch(Download("other.bin", (f"{server.address}/gone",)), tmp_path)


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    with pytest.raises(ValueError, match="has SHA-256 .* is removed"):
        fetch(Download("file.bin", (f"{server.address}/x",), sha256="0" * 64), tmp_path)
    assert list(tmp_path.iterdir()) == []


def archive_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_archives_are_unpacked_whole(server, tmp_path):
    server.content = archive_of({"birds/a.txt": b"a", "birds/b/c.txt": b"c"})
    download = Download("birds.tar.gz", (f"{server.address}/x",), unpacks_to="birds")
    assert (fetch(download, tmp_path) / "b" / "c.txt").read_bytes() == b"c"


def test_damaged_and_foreign_archives(server, tmp_path):
    download = Download("birds.tar.gz", (f"{server.address}/x",), unpacks_to="birds")
    server.content = archive_of({"birds/a.txt": os.urandom(50_000)})[:30_000]
    with pytest.raises(ValueError, match="is damaged .* and is removed"):
        fetch(download, tmp_path)
    assert list(tmp_path.iterdir()) == []
    server.content = archive_of({"fish/a.txt": b"a"})
    with pytest.raises(ValueError, match="does not hold the folder 'birds'"):
        fetch(download, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["birds.tar.gz"]


CODE = """
import sys
from pathlib import Path
from hf_fairdropout.data.download import Download, fetch
print("ready", flush=True)
fetch(Download("birds.tar.gz", (sys.argv[1],), sha256=sys.argv[2], unpacks_to="birds"), Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_killed_at_random_moments(server, tmp_path):
    """Ten kills, then a run to the end: the same bytes, and until then nothing that looks finished."""
    files = {f"birds/{n:03d}.bin": np.random.default_rng(n).bytes(20_000) for n in range(150)}
    server.content, server.delay = archive_of(files), 0.02
    command = [sys.executable, "-c", CODE, f"{server.address}/x", sha256(server.content), str(tmp_path)]
    generator, kills = random.Random(0), 0
    for _ in range(10):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        time.sleep(generator.uniform(0.02, 0.3))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        if kills and process.returncode:
            assert not (tmp_path / "birds").exists() or len(list((tmp_path / "birds").iterdir())) == 150
    server.delay = 0
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert {f"birds/{p.name}": p.read_bytes() for p in (tmp_path / "birds").iterdir()} == files
    assert kills >= 5
