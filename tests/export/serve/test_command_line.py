import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from export.serve.__main__ import main

ROOT = Path(__file__).parents[3]


def test_serves_until_terminated(publish, tmp_path):
    publish(tmp_path / "toy", 1)
    command = [sys.executable, "-m", "export.serve", tmp_path / "toy", "--rest-port", "0", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout.readline() == "toy (version 1)\n"
        urls = process.stdout.readline()
        url = re.search(r"REST (http://127\.0\.0\.1:\d+/v1/models/toy:predict)  gRPC 127\.0\.0\.1:\d+$", urls)[1]
        with urllib.request.urlopen(url, b'{"instances": ["a"]}', timeout=30) as response:
            assert response.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_folder_that_is_not_there(refused, tmp_path):
    message = refused(main, [tmp_path / "no"])
    assert str(tmp_path / "no") in message and "no such folder" in message


def test_a_version_folder_instead_of_its_parent(refused, publish, tmp_path):
    message = refused(main, [publish(tmp_path / "toy", 1)])
    assert f"give its parent folder {tmp_path / 'toy'}" in message


@pytest.mark.parametrize("flag", ["--rest-port", "--port"])
def test_a_port_in_use(refused, publish, tmp_path, flag):
    publish(tmp_path / "toy", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"--rest-port": 0, "--port": 0, flag: port}
        message = refused(main, [tmp_path / "toy", *[text for pair in ports.items() for text in pair]])
    assert str(port) in message and flag in message


def test_impossible_options(refused, tmp_path):
    assert "--poll-seconds" in refused(main, [tmp_path, "--poll-seconds", "-1"])
    assert "--rest-timeout-seconds" in refused(main, [tmp_path, "--rest-timeout-seconds", "0"])
    assert "--rest-port" in refused(main, [tmp_path, "--rest-port", "70000"])
    assert "SERVING_DIR" in refused(main, [])
    assert "--model-name" in refused(main, ["--model-config-file", tmp_path / "m", "--model-name", "x"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot read the model config"),
        ("model_config_list { config { nmae: 'x' } }", "1:30"),
        ("", "no model in it"),
        ("model_config_list { config { name: 'x' base_path: 'toy' model_platform: 'tensorflow' } }", "absolute path"),
        ("model_config_list { config { name: 'x' base_path: '/' } }", "model_platform"),
        (
            "model_config_list { config { name: 'x' base_path: '/no/such' model_platform: 'tensorflow' } }",
            "Could not find base path /no/such",
        ),
    ],
)
def test_bad_model_configs(refused, tmp_path, text, expected):
    path = tmp_path / "models.config"
    if text is not None:
        path.write_text(text)
    message = refused(main, ["--model-config-file", path])
    assert expected in message and str(path) in message


def test_without_the_serving_extra(refused, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    message = refused(main, [tmp_path])
    assert "'uvicorn'" in message and "[serving]" in message
