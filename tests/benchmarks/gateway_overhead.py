"""What a request through the gateway takes longer than the same one straight to the server, over gRPC.

    python tests/benchmarks/gateway_overhead.py --requests 1000

Server, gateway and client are processes of their own on this machine; the model does next to nothing, and requests of
both kinds take turns.
"""

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


class Vectors(tf.Module):
    """A vector of 384 numbers for each text."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def embed(self, text):
        length = tf.cast(tf.strings.length(text), tf.float32)
        return {"embedding": length[:, tf.newaxis] / tf.range(1.0, 385.0)}


@contextlib.contextmanager
def started(module, *arguments, says):
    """A process of a module, once it has said that it answers; yields the line."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-u", "-m", module, *map(str, arguments)]
    # The log of requests goes to standard output, which nobody reads here.
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with subprocess.Popen(command, env=environment, **pipes) as process:
        line = next(line for line in process.stdout if says in line)
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        try:
            yield line
        finally:
            process.terminate()
            reader.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1000)
    count = parser.parse_args().requests
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "vectors"
        vectors = Vectors()
        tf.saved_model.save(vectors, str(directory / "1"), signatures={"serving_default": vectors.embed})
        line = stack.enter_context(started("export.serve", directory, "--port", 0, "--rest-port", 0, says="gRPC"))
        address = line.split()[-1]
        line = stack.enter_context(
            started("export.gateway", address, "--models", "vectors", "--port", 0, says="OpenAI")
        )
        connection = http.client.HTTPConnection(line.split()[1].removeprefix("http://").removesuffix("/v1"))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(stack.enter_context(grpc.insecure_channel(address)))
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "vectors"
        request.inputs["text"].CopyFrom(tf.make_tensor_proto(["A man rides a horse."]))
        body = json.dumps({"model": "vectors", "input": "A man rides a horse.", "encoding_format": "base64"})

        def straight():
            return len(stub.Predict(request, timeout=30).outputs["embedding"].float_val)

        def through():
            connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.load(response)
            assert response.status == 200, answer
            return len(answer["data"][0]["embedding"])

        times = {straight: [], through: []}
        for turn in range(count + 50):
            for ask, taken in times.items():
                begin = time.perf_counter()
                ask()
                if turn >= 50:
                    taken.append(1000 * (time.perf_counter() - begin))
    for ask, taken in times.items():
        p50, p90, p99 = np.percentile(taken, [50, 90, 99])
        print(f"{ask.__name__:<9} p50 {p50:.2f} ms  p90 {p90:.2f} ms  p99 {p99:.2f} ms")
    print(f"overhead at p50 {np.median(times[through]) - np.median(times[straight]):.2f} ms, {count} requests each")


if __name__ == "__main__":
    main()
