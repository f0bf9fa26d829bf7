import contextlib
import errno
import hashlib
import http.server
import socket
import threading

import pytest

from zoo.data.datasets import download as download_module
from zoo.data.datasets.download import download
from zoo.errors import UserError

BODY = bytes(range(256)) * 3000
ADVICE = "copy it yourself"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/absent":
            self.send_error(404, "Not here")
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
            return
        self.send_response(200)
        if self.path != "/unsized":
            self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000] if self.path == "/short" else BODY)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("name", ["whole", "unsized", "moved"])
def test_download(server, tmp_path, name, capsys):
    path = tmp_path / "new" / "folders" / "file.gz"
    download(f"{server}/{name}", path, SHA256, ADVICE)
    assert path.read_bytes() == BODY
    assert [each.name for each in path.parent.iterdir()] == ["file.gz"]
    assert path.stat().st_mode & 0o777 == 0o644
    output = capsys.readouterr()
    assert output.out == ""
    assert "file.gz" in output.err  # the progress bar


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "cannot be downloaded .*Not [hH]ere"),
        ("short", r"cannot be downloaded .*ended before all 768,000 bytes had come"),
    ],
)
def test_server_fails(server, tmp_path, name, message):
    with pytest.raises(UserError, match=message) as caught:
        download(f"{server}/{name}", tmp_path / "file.gz", SHA256, ADVICE)
    for part in ("file.gz", f"{server}/{name}", ADVICE):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_other_data_is_not_kept(server, tmp_path):
    (tmp_path / "file.gz").write_bytes(b"what was there before")
    with pytest.raises(UserError, match=rf"file\.gz: {server}/whole sent other data .* not {'0' * 64}.*copy"):
        download(f"{server}/whole", tmp_path / "file.gz", "0" * 64, ADVICE)
    assert (tmp_path / "file.gz").read_bytes() == b"what was there before"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_server(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UserError, match=rf"file\.gz: cannot be downloaded from http://127\.0\.0\.1:{port}/x .*copy"):
        download(f"http://127.0.0.1:{port}/x", tmp_path / "file.gz", SHA256, ADVICE)
    assert list(tmp_path.iterdir()) == []


def test_silent_server_times_out(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download_module, "_TIMEOUT_SECONDS", 0.2)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(UserError, match="timed out"):
            download(url, tmp_path / "file.gz", SHA256, ADVICE)
    assert list(tmp_path.iterdir()) == []


def test_full_disk(server, tmp_path, monkeypatch):
    import shutil

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "move", full)
    with pytest.raises(UserError, match=r"file\.gz: cannot be written \(No space left on device\); copy it"):
        download(f"{server}/whole", tmp_path / "file.gz", SHA256, ADVICE)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        download("http://127.0.0.1:1/x", tmp_path / "file" / "file.gz", SHA256, ADVICE)
