"""Labels in the configuration beside versions, and what a running server makes of each step."""

import http.server
import json
import re
import shlex
import threading
from pathlib import Path

import pytest
import tyro
from google.protobuf import text_format

from export import __main__ as command
from export.export_command import ExportConfig
from export.generated_files import marked
from export.promote_command import PromoteConfig, promote
from export.served_versions import read_served_versions
from export.serving_files import ServedVersions, compose, models_config, read_models_config
from zoo.errors import UserError


@pytest.fixture
def serving(tmp_path):
    """A serving directory `folder` of versions 1 to 3, with the files of an export."""
    directory = tmp_path / "folder"
    for version in (1, 2, 3):
        (directory / str(version)).mkdir(parents=True)
        (directory / str(version) / "saved_model.pb").touch()
    (directory / "4").mkdir()  # half a version
    (directory / "models.config").write_text(marked("models.config", models_config(ServedVersions("folder"))))
    return directory


class RunningServer:
    """What ServerCore::ReloadConfig and the policy of tag 2.20.0 do: labels are checked before anything is loaded."""

    def __init__(self, directory):
        self.directory = directory
        self.loaded, self.labels = set(), None
        self.poll()

    def poll(self):
        config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
        config = text_format.Parse((self.directory / "models.config").read_text(), config_pb2.ModelServerConfig())
        (model,) = config.model_config_list.config
        for label, version in model.version_labels.items():
            if (self.labels or {}).get(label, version) != version and version not in self.loaded:
                return  # refused, and with it the rest of the file
        self.labels = dict(model.version_labels)
        policy = model.model_version_policy
        existing = {int(path.parent.name) for path in self.directory.glob("*/saved_model.pb")}
        wanted = set(policy.specific.versions) if policy.HasField("specific") else {max(existing)}
        self.loaded = wanted & existing

    def answers(self, label):
        return self.labels.get(label) if self.labels.get(label) in self.loaded else None


def test_labels_move_without_a_lost_request(serving):
    promote(serving, 1, "stable")
    server = RunningServer(serving)
    assert server.answers("stable") == 1 and server.loaded == {1}
    # A new label may belong to a version that is not loaded yet.
    promote(serving, 2, "canary")
    server.poll()
    assert (server.answers("stable"), server.answers("canary"), server.loaded) == (1, 2, {1, 2})
    before, after = promote(serving, 2, "stable")
    server.poll()
    assert (server.answers("stable"), server.loaded) == (2, {1, 2}) and (before.labels["stable"], after.kept) == (
        1,
        (1,),
    )
    # A label in use may not: the version is loaded first, and the label moves with the second command.
    _, after = promote(serving, 3, "canary")
    assert after.labels == {"stable": 2, "canary": 2} and after.loaded == [1, 2, 3]
    server.poll()
    assert (server.answers("canary"), server.loaded) == (2, {1, 2, 3})
    _, after = promote(serving, 3, "canary")
    server.poll()
    assert (server.answers("stable"), server.answers("canary")) == (2, 3) and after.labels["canary"] == 3
    # And back, to what is still loaded.
    promote(serving, 2, "canary")
    server.poll()
    assert server.answers("canary") == 2 and server.loaded == {2, 3}
    assert promote(serving, 2, "canary")[1].loaded == [2]  # once more changes no label and ends the way back


def test_a_label_moved_at_once_would_be_refused_for_ever(serving):
    """Why it takes two steps."""
    promote(serving, 1, "stable")
    server = RunningServer(serving)
    at_once = ServedVersions("folder", {"stable": 3}, (1,))
    (serving / "models.config").write_text(marked("models.config", models_config(at_once)))
    for _ in range(3):
        server.poll()
    assert server.answers("stable") == 1 and server.loaded == {1}


class Status(http.server.BaseHTTPRequestHandler):
    """Answers of a server that loads a version: one state after the other, the last one for ever."""

    states = ()

    def do_GET(self):
        states = type(self).states
        state, message = states.pop(0) if len(states) > 1 else states[0]
        if state is None:
            self.send_error(404)
            return
        status = {"error_code": "OK", "error_message": message}
        body = {"model_version_status": [{"version": "3", "state": state, "status": status}]}
        assert self.path == "/v1/models/folder/versions/3"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def status_server(monkeypatch):
    monkeypatch.setattr("export.promote_command._LOOK_SECONDS", 0.01)
    server = http.server.HTTPServer(("localhost", 0), Status)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_command_waits_for_servers(serving, status_server, capsys):
    (serving / "compose.yaml").write_text(marked("compose.yaml", compose("folder", "tensorflow/serving:2.19.1")))
    promote(serving, 1, "stable")
    Status.states = [(None, ""), ("LOADING", ""), ("AVAILABLE", "")]
    command.main(["promote", str(serving), "3", "--label", "stable", "--server", status_server])
    shown = capsys.readouterr().out
    assert "stable is version 3 (before: 1); servers load 1, 3\n" in shown
    assert "tensorflow/serving:2.19.1 --model_config_file=/models/folder/models.config" in shown
    assert "--allow_version_labels_for_unavailable_models=true" in shown
    assert "--allow_version_labels_for_unavailable_models=true" in (serving / "compose.yaml").read_text()
    assert len(Status.states) == 1
    command.main(["list", str(serving)])
    assert capsys.readouterr().out.splitlines() == [
        "version  loaded  labels", "1        yes", "2        no", "3        yes     stable",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("states", "options", "message"),
    [
        ([("END", "no such op")], (), r"cannot load version 3 \(no such op\); the label has not moved"),
        ([("LOADING", "")], ("--timeout-seconds", "0.05"), "version 3 is not loaded after 0.05 s .it is LOADING."),
        (None, ("--server", "http://localhost:1"), "--server http://localhost:1: no answer as of TensorFlow Serving"),
    ],
)
def test_a_label_stays_where_a_server_cannot_follow(serving, status_server, refused, states, options, message):
    promote(serving, 1, "stable")
    Status.states = states
    server = () if states is None else ("--server", status_server)
    line = refused(command.main, ["promote", serving, 3, "--label", "stable", *server, *options])
    assert re.search(message, line)
    assert read_served_versions(serving).labels == {"stable": 1}


def test_without_a_server_the_command_says_what_comes_next(serving, capsys):
    promote(serving, 1, "stable")
    command.main(["promote", str(serving), "2", "--label", "stable"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "version 2 is being loaded; stable still is version 1" in shown
    assert "When /v1/models/folder/versions/2 of every server says AVAILABLE" in shown
    command.main(["list", str(serving)])
    listed = capsys.readouterr().out
    assert "2        yes\n" in listed and "Version 3 waits: python -m export promote" in listed


def test_what_cannot_be_promoted(serving, tmp_path, refused):
    def promoted(*arguments):
        return refused(command.main, ["promote", *arguments])

    before = (serving / "models.config").read_text()
    assert "has no version 4; it has 1, 2, 3" in promoted(serving, 4, "--label", "stable")
    assert "no such folder" in promoted(tmp_path / "none", 1, "--label", "stable")
    assert "holds no version of a model" in promoted(serving / "1", 1, "--label", "stable")
    assert "--label: 'a/b' cannot be a label" in promoted(serving, 1, "--label", "a/b")
    assert (serving / "models.config").read_text() == before
    for edited in (before.split("\n", 1)[1], before.replace("folder", "other", 1)):
        (serving / "models.config").write_text(edited)
        assert "models.config has been edited: set version_labels" in promoted(serving, 1, "--label", "stable")
        assert (serving / "models.config").read_text() == edited


def test_models_config_is_read_back():
    served = ServedVersions("a.b-c_1", {"stable": 3, "canary": 12}, (2,))
    assert read_models_config(marked("models.config", models_config(served))) == served
    assert read_models_config(models_config(served).replace("12", "13", 1)) is None
    assert read_models_config("nothing") is None
    with pytest.raises(UserError, match="cannot be a model name"):
        read_served_versions("/")


def test_commands_of_the_guide_are_understood():
    programs = {"promote": PromoteConfig, "export": ExportConfig}
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    understood = set()
    for _, _, module, *arguments in commands:
        program = arguments.pop(0) if arguments[0] in ("promote", "list") else module
        if program in programs:
            assert tyro.cli(programs[program], args=arguments).serving_dir.parts[0] == "serving"
            understood.add(program)
    assert understood == set(programs)
