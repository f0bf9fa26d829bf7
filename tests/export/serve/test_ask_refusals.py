"""What keeps `python -m export.ask` from answers ends in one line."""

import socket
import sys
from types import SimpleNamespace

import pytest

from export import ask
from export.serve.status import Code, ServingError
from zoo.errors import UserError

BOTH = pytest.mark.parametrize(("protocol", "ask_one"), [("REST", ask.ask_rest), ("gRPC", ask.ask_grpc)])


def test_a_directory_without_versions(refused, tmp_path):
    line = refused(ask.main, [tmp_path, "a"])
    assert line == (
        f"error: {tmp_path} holds no version of a model; write one with `python -m export PRESET_DIR {tmp_path}`"
    )


def test_a_version_that_cannot_be_loaded(refused, publish, tmp_path):
    (publish(tmp_path / "toy", 1) / "saved_model.pb").write_bytes(b"no graph")
    line = refused(ask.main, [tmp_path / "toy", "a"])
    assert line.startswith(f"error: {tmp_path}/toy: version 1 cannot be loaded (")
    assert "saved_model.pb" in line and line.endswith("; export it again")


def test_a_directory_that_is_not_there(refused, tmp_path):
    assert f"{tmp_path}/no: no such folder" in refused(ask.main, [tmp_path / "no", "a"])


def test_impossible_options(refused, tmp_path):
    (tmp_path / "empty.txt").touch()
    for options, expected in (
        (["a", "--input-file", "texts.txt"], "give either TEXTS to send or --input-file"),
        ([], "give either TEXTS to send or --input-file"),
        (["--input-file", "texts.txt"], "--input-file and --output-dir belong together"),
        (["a", "--output-dir", "answers"], "--input-file and --output-dir belong together"),
        (["a", "--batch-size", "0"], "--batch-size must be at least 1, got 0"),
        (["a", "--timeout-seconds", "0"], "--timeout-seconds must be more than 0, got 0"),
        (["a", "--timeout-seconds", "nan"], "--timeout-seconds must be more than 0, got nan"),
        (["--input-file", tmp_path / "absent.txt", "--output-dir", "answers"], "absent.txt: no such file"),
        (["--input-file", tmp_path / "empty.txt", "--output-dir", "answers"], "empty.txt: the file is empty"),
    ):
        assert expected in refused(ask.main, [tmp_path, *options])


def test_without_the_serving_extra(refused, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "'uvicorn'" in refused(ask.main, [tmp_path, "a"])


@BOTH
def test_a_request_that_the_server_refuses(server, protocol, ask_one):
    expected = rf"^the server refused the request over {protocol}: Servable not found for request: Latest\(absent\)$"
    with pytest.raises(UserError, match=expected):
        ask_one(server, "absent", [{"text": "a"}], 30)


@BOTH
def test_a_server_that_has_gone(protocol, ask_one):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UserError, match=rf"^no answer over {protocol} from .*127\.0\.0\.1:{port}: .*refused") as caught:
        ask_one(at(port), "toy", [{"text": "a"}], 30)
    assert "\n" not in str(caught.value)


@BOTH
def test_a_server_that_does_not_answer(protocol, ask_one):
    expected = rf"^no answer over {protocol} within 0\.2 s; give a longer --timeout-seconds or a smaller --batch-size$"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UserError, match=expected):
        ask_one(at(silent.getsockname()[1]), "toy", [{"text": "a"}], 0.2)


def at(port):
    return SimpleNamespace(rest_url=f"http://127.0.0.1:{port}", grpc_address=f"127.0.0.1:{port}")


def test_a_model_that_takes_too_long(server, monkeypatch):
    def too_slow(*_):
        raise ServingError(Code.DEADLINE_EXCEEDED, "Timed out waiting for the answer")

    monkeypatch.setattr("export.serve.rest.RestApi._answer", too_slow)
    with pytest.raises(UserError, match=r"^no answer over REST within 30 s; give a longer --timeout-seconds"):
        ask.ask_rest(server, "toy", [{"text": "a"}], 30)


@pytest.mark.parametrize("body", [b"<html>Bad\nGateway</html>", b"[]"])
def test_an_error_answer_of_something_else_than_the_server(server, monkeypatch, body):
    def answer(*_):
        from starlette.responses import Response

        return Response(body, 502)

    monkeypatch.setattr("export.serve.rest.RestApi._respond", answer)
    with pytest.raises(UserError, match=r"^the server refused the request over REST: .*[a-z\]]") as caught:
        ask.ask_rest(server, "toy", [{"text": "a"}], 30)
    assert "\n" not in str(caught.value)
