import contextlib
import shutil
import threading
import time

import grpc
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_management_pb2, predict_pb2, prediction_log_pb2

from export.serve import LocalServer

FAST = {"poll_seconds": 0.1}


def predict_request(signature, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "toy"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def states(client):
    status, body = client.get()
    assert status == 200
    return {int(entry["version"]): entry["state"] for entry in body["model_version_status"]}


def eventually(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_no_request_fails_while_versions_change(publish, rest_client, grpc_client, tmp_path):
    base_path = tmp_path / "toy"
    publish(base_path, 1)
    stop, failures, seen = threading.Event(), [], set()

    with LocalServer(base_path, **FAST) as server:
        rest = rest_client(server)

        def ask_rest():
            while not stop.is_set():
                status, body = rest.predict({"signature_name": "lookup", "instances": ["two", "six"]})
                if status != 200 or [row["number"] for row in body["predictions"]] != [2, -1]:
                    failures.append(body)
                else:
                    seen.update(row["version"] for row in body["predictions"])

        def ask_grpc():
            client = grpc_client(server)
            while not stop.is_set():
                try:
                    outputs = client.prediction.Predict(predict_request("lookup", word=["one"]), timeout=30).outputs
                except grpc.RpcError as error:
                    failures.append(error)
                else:
                    seen.update(outputs["version"].int64_val)
            client.channel.close()

        threads = [threading.Thread(target=ask) for ask in (ask_rest, ask_rest, ask_grpc, ask_grpc)]
        for thread in threads:
            thread.start()
        for version in (2, 3):
            publish(base_path, version)
            assert server.wait_until_available(version=version)
            eventually(lambda old=version - 1: states(rest)[old] == "END")
        shutil.rmtree(base_path / "3")
        assert server.wait_until_available(version=2)
        eventually(lambda: states(rest) == {1: "END", 2: "AVAILABLE", 3: "END"})
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert seen == {1, 2, 3}


def test_a_request_inside_finishes_on_the_old_version(publish, rest_client, grpc_client, tmp_path):
    base_path = tmp_path / "toy"
    publish(base_path, 1)
    with LocalServer(base_path, **FAST) as server:
        rest, client = rest_client(server), grpc_client(server)
        started, release = tmp_path / "started", tmp_path / "release"
        answer = client.prediction.Predict.future(predict_request("gate", files=[str(started), f"{release}*"]))
        eventually(started.exists)
        publish(base_path, 2)
        assert server.wait_until_available(version=2)
        assert not answer.done()
        assert states(rest) == {1: "UNLOADING", 2: "AVAILABLE"}
        status, body = rest.predict({"signature_name": "lookup", "instances": ["two"]})
        assert (status, body["predictions"][0]["version"]) == (200, 2)
        release.touch()
        response = answer.result(timeout=60)
        assert response.model_spec.version.value == 1
        assert list(response.outputs["version"].int64_val) == [1, 1]
        eventually(lambda: states(rest)[1] == "END")
        client.channel.close()


def break_graph(folder):
    (folder / "saved_model.pb").write_bytes(b"no graph")


def break_variables(folder):
    next((folder / "variables").glob("*.data*")).write_bytes(b"cut")


def remove_asset(folder):
    (folder / "assets" / "words.txt").unlink()


def remove_graph(folder):
    (folder / "saved_model.pb").unlink()


def break_warm_up(folder):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request("linear", x=[[1.0, 2.0, 3.0]]))
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        (break_graph, "DATA_LOSS", "saved_model.pb"),
        (break_variables, "OUT_OF_RANGE", "Read less bytes than requested"),
        (remove_asset, "NOT_FOUND", "words.txt"),
        (remove_graph, "NOT_FOUND", "Could not find SavedModel"),
        (break_warm_up, "INVALID_ARGUMENT", "Matrix size-incompatible: In[0]: [1,3], In[1]: [2,1]"),
    ],
)
def test_a_broken_version_leaves_the_old_one_serving(publish, rest_client, tmp_path, damage, code, message):
    base_path, aside = tmp_path / "toy", tmp_path / "aside"
    publish(base_path, 1)
    broken = publish(aside, 2)
    damage(broken)
    with LocalServer(base_path, **FAST) as server:
        rest = rest_client(server)
        broken.rename(base_path / "2")
        eventually(lambda: states(rest).get(2) == "END")
        _, body = rest.get("/versions/2")
        (entry,) = body["model_version_status"]
        assert entry["status"]["error_code"] == code
        assert message in entry["status"]["error_message"]
        assert states(rest)[1] == "AVAILABLE"
        assert rest.predict({"instances": ["a"]})[0] == 200
        # A repaired version is tried once its folder has been away.
        shutil.rmtree(base_path / "2")
        time.sleep(0.3)
        publish(base_path, 2)
        assert server.wait_until_available(version=2)
        eventually(lambda: states(rest) == {1: "END", 2: "AVAILABLE"})


def test_good_warm_up_records_are_replayed(publish, rest_client, tmp_path):
    folder = publish(tmp_path / "toy", 1)
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request("", text=["a"]))
    (folder / "assets.extra").mkdir()
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            writer.write(log.SerializeToString())
    with LocalServer(tmp_path / "toy") as server:
        assert rest_client(server).predict({"instances": ["a"]})[0] == 200


def test_a_model_compiled_with_xla_brings_a_warning(caplog, tmp_path):
    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def double(x):
        return {"y": x * 2.0}

    module = tf.Module()
    module.double = double
    tf.saved_model.save(module, str(tmp_path / "toy" / "1"), signatures=double)
    with LocalServer(tmp_path / "toy"):
        assert "--xla_cpu_compilation_enabled" in caplog.text


def test_an_empty_folder_waits_for_a_version(publish, rest_client, grpc_client, tmp_path):
    base_path = tmp_path / "toy"
    base_path.mkdir()
    (base_path / "3.tmp").mkdir()
    (base_path / "notes").mkdir()
    with LocalServer(base_path, **FAST) as server:
        rest, client = rest_client(server), grpc_client(server)
        health = health_pb2_grpc.HealthStub(client.channel)
        check = health_pb2.HealthCheckRequest()
        assert rest.get()[0] == 404
        assert rest.predict({"instances": ["a"]}) == (404, {"error": "Servable not found for request: Latest(toy)"})
        assert health.Check(check).status == health_pb2.HealthCheckResponse.NOT_SERVING
        publish(base_path, 1)
        assert server.wait_until_available()
        assert rest.predict({"instances": ["a"]})[0] == 200
        eventually(lambda: health.Check(check).status == health_pb2.HealthCheckResponse.SERVING)
        shutil.rmtree(base_path / "1")
        eventually(lambda: states(rest) == {1: "END"})
        assert rest.predict({"instances": ["a"]})[0] == 404
        eventually(lambda: health.Check(check).status == health_pb2.HealthCheckResponse.NOT_SERVING)
        client.channel.close()


def test_a_folder_that_vanishes_unloads_nothing(publish, rest_client, tmp_path):
    publish(tmp_path / "toy", 1)
    with LocalServer(tmp_path / "toy", **FAST) as server:
        (tmp_path / "toy").rename(tmp_path / "moved")
        time.sleep(0.4)
        assert rest_client(server).predict({"instances": ["a"]})[0] == 200


@contextlib.contextmanager
def configured(tmp_path, text):
    path = tmp_path / "models.config"
    path.write_text(text)
    with LocalServer(model_config_file=path, **FAST) as server:
        yield server


def test_policies_and_labels_of_a_config_file(publish, rest_client, tmp_path):
    for version in (1, 2, 3):
        publish(tmp_path / "many", version)
    publish(tmp_path / "one", 3)
    text = f"""
    model_config_list {{
      config {{
        name: "pinned" base_path: "{tmp_path}/many" model_platform: "tensorflow"
        model_version_policy {{ specific {{ versions: 1 versions: 3 }} }}
        version_labels {{ key: "stable" value: 1 }}
        version_labels {{ key: "canary" value: 3 }}
        version_labels {{ key: "gone" value: 7 }}
      }}
      config {{
        name: "latest_two" base_path: "{tmp_path}/many" model_platform: "tensorflow"
        model_version_policy {{ latest {{ num_versions: 2 }} }}
      }}
      config {{
        name: "every" base_path: "{tmp_path}/many" model_platform: "tensorflow"
        model_version_policy {{ all {{ }} }}
      }}
      config {{ name: "plain" base_path: "{tmp_path}/one" model_platform: "tensorflow" }}
    }}"""

    def version(client, path=":predict"):
        status, body = client.predict({"signature_name": "lookup", "instances": ["one"]}, path)
        return body["predictions"][0]["version"] if status == 200 else (status, body["error"])

    with configured(tmp_path, text) as server:
        pinned = rest_client(server, "pinned")
        assert states(pinned) == {1: "AVAILABLE", 3: "AVAILABLE"}
        assert states(rest_client(server, "latest_two")) == {2: "AVAILABLE", 3: "AVAILABLE"}
        assert states(rest_client(server, "every")) == {1: "AVAILABLE", 2: "AVAILABLE", 3: "AVAILABLE"}
        assert version(rest_client(server, "plain")) == 3
        assert version(pinned) == 3
        assert version(pinned, "/labels/stable:predict") == 1
        assert version(pinned, "/labels/canary:predict") == 3
        assert version(pinned, "/versions/1:predict") == 1
        assert version(pinned, "/labels/gone:predict") == (
            404,
            "Servable not found for request: Specific(pinned, 7)",
        )
        assert version(pinned, "/labels/new:predict") == (400, "Unrecognized servable version label: new")
        assert pinned.get("/labels/stable/metadata")[1]["model_spec"]["version"] == "1"


def test_another_config_over_grpc(publish, rest_client, grpc_client, tmp_path):
    publish(tmp_path / "first", 1)
    publish(tmp_path / "second", 2)
    with LocalServer(tmp_path / "first", model_name="toy", **FAST) as server:
        client = grpc_client(server)
        request = model_management_pb2.ReloadConfigRequest()
        models = request.config.model_config_list.config
        models.add(name="second", base_path=str(tmp_path / "second"), model_platform="tensorflow")
        models[0].version_labels["best"] = 2
        assert client.model.HandleReloadConfigRequest(request).status.error_code == 0
        assert rest_client(server, "second").predict({"instances": ["a"]}, "/labels/best:predict")[0] == 200
        eventually(lambda: states(rest_client(server)) == {1: "END"})

        def refusal():
            with pytest.raises(grpc.RpcError) as caught:
                client.model.HandleReloadConfigRequest(request)
            return caught.value.code(), caught.value.details()

        models[0].version_labels["best"] = 5
        assert refusal() == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "Request to assign label to version 5 of model second, which is not currently available for inference",
        )
        models[0].version_labels["best"] = 2
        models.add(name="second", base_path=str(tmp_path / "second"), model_platform="tensorflow")
        assert refusal() == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Illegal to list model second multiple times in config list",
        )
        (tmp_path / "third").mkdir()
        models[1].name, models[1].base_path = "third", str(tmp_path / "third")
        code, details = refusal()
        assert code == grpc.StatusCode.UNKNOWN and "1 model(s) did not become available" in details
        client.channel.close()
