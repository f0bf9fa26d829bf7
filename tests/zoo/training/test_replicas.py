"""The same update on any number of devices, workers and parts; each check is in processes of its own."""

import functools
import json
import os
import re
import signal
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from commands import run_python
from mesh_cases import ROWS
from replica_cases import (
    OPTIMIZERS,
    PARTS,
    STEPS,
    model_of_float16,
    overflowing_batch,
    reference,
    small_model,
    trained,
    uneven_batch,
)
from worker_processes import environment, finished, free_ports, start, torchrun_variables

from recipes.options.devices import DeviceOptions
from zoo.errors import UserError
from zoo.training.distributed import devices
from zoo.training.distributed.batch_parts import every_nth_row, pad_rows
from zoo.training.distributed.devices import open_devices
from zoo.training.distributed.jax_processes import join_processes
from zoo.training.distributed.rendezvous import meet, meet_at_first
from zoo.training.runs.checkpoint_files import checkpoint_paths
from zoo.training.updates.summed_loss import SummedLoss
from zoo.training.updates.token_loss import TokenCrossEntropy

HERE = Path(__file__).parent


OF_TWO_REPLICAS = (
    "resume with dropout",
    "one device, then several",
    "dropout differs",
    "overflow on the second replica",
    "blocks that keep",
    "blocks that recompute",
    "mixed_bfloat16",
    "mixed_float16",
)


@pytest.mark.parametrize("count", [2, 4])
def test_any_replicas_and_parts_update_as_one_batch_does(tmp_path, count):
    """One device too, in the process that has two replicas."""
    done = run_python([HERE / "replica_run.py", tmp_path, count])
    assert done.returncode == 0, done.stderr[-3000:]
    counts = (2, 1) if count == 2 else (4,)
    assert [each.partition("\t")[0] for each in done.stdout.splitlines()] == [
        *(
            f"{name}, {number} replicas, {parts} parts"
            for number in counts
            for name, numbers in PARTS[number].items()
            for parts in numbers
        ),
        *(OF_TWO_REPLICAS if count == 2 else ()),
    ]


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_optimizer_with_every_number_of_parts(tmp_path, count):
    checks = finished(start("replica_run.py", tmp_path, count, "all")).splitlines()
    assert [each.partition("\t")[0] for each in checks] == [
        *(f"{name}, {count} replicas, {parts} parts" for name in OPTIMIZERS for parts in (1, 2, 4)),
        "resume with dropout",
        *(("mixed_bfloat16", "mixed_float16") if count > 1 else ()),
    ]


def test_a_mesh_updates_as_one_device_does(tmp_path):
    pytest.importorskip("jax")
    checks = finished(start("jax_replica_run.py", tmp_path, **on_processors(4))).splitlines()
    cases = ((1, 2, ("adamw",)), (4, 1, ("adamw",)), (4, 2, OPTIMIZERS))
    expected = [f"{name}, {count} replicas, {parts} parts" for count, parts, names in cases for name in names]
    assert [each.partition("\t")[0] for each in checks] == [*expected, "overflow on one device"]


def on_processors(count):
    """Variables of a process of JAX with some devices."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={count}"
    return dict(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", XLA_FLAGS=flags)


@pytest.fixture(scope="module")
def mesh_run(tmp_path_factory):
    """What `jax_mesh_run.py` prints, and where it leaves what one device comes to."""
    pytest.importorskip("jax")
    directory = tmp_path_factory.mktemp("mesh")
    # Found missing, as on a machine without it.
    (directory / "tensorflow.py").write_text("raise ImportError('tensorflow is not to be imported')\n")
    path = os.pathsep.join([str(directory), environment()["PYTHONPATH"]])
    return finished(start("jax_mesh_run.py", directory, PYTHONPATH=path, **on_processors(4))), directory


def test_a_mesh_with_a_model_axis_updates_as_one_device_does(mesh_run):
    printed, _ = mesh_run
    assert [each.partition("\t")[0] for each in printed.splitlines()] == [
        "GPT-2, 2 parts on 2x2, then 1x4",
        "encoder with dropout",
        "encoder with dropout with recompute",
        "bfloat16",
        "encoder-decoder",
        "dry run",
        "every layout",
        "refusals",
    ]


def start_jax_workers(count, devices_each, *arguments, **of_the_last):
    (port,) = free_ports(1)
    more = dict(on_processors(devices_each), JAX_COORDINATOR_ADDRESS=f"127.0.0.1:{port}", JAX_NUM_PROCESSES=str(count))
    variables = [{**more, "JAX_PROCESS_ID": str(index)} for index in range(count)]
    variables[-1] |= of_the_last
    return [start("jax_worker_run.py", *arguments, **each) for each in variables]


@pytest.mark.parametrize(
    ("count", "devices_each", "mesh"), [(2, 2, (2, 2)), pytest.param(4, 1, (4, 1), marks=pytest.mark.long)]
)
def test_processes_of_jax_update_as_one_device_does(tmp_path, mesh_run, count, devices_each, mesh):
    _, expected_in = mesh_run
    processes = start_jax_workers(count, devices_each, tmp_path, expected_in / "gpt2.npz", *mesh)
    reports = [json.loads(finished(process).splitlines()[-1]) for process in processes]
    assert [each["chief"] for each in reports] == [True] + [False] * (count - 1)
    assert {each["replicas"] for each in reports} == {mesh[0]} and len({each["val_nll"] for each in reports}) == 1
    # What was read ahead of an interval's end is fed again in the next, hence sets.
    expected = set(range(STEPS * ROWS))
    fed = [set(each["fed"]) & expected for each in reports]
    assert set.union(*fed) == expected, "rows were lost"
    assert sum(map(len, fed)) == len(expected), "two processes trained on one row"


@pytest.fixture(scope="module")
def adamw():
    """Losses and weights of one device, and what the `uneven_batch` that workers validate on comes to."""
    losses, weights = reference("adamw")
    model = small_model(OPTIMIZERS["adamw"]())
    model.set_weights(weights)
    x, labels, real = uneven_batch(9, 0)
    logits = np.asarray(model(x))
    nll = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    return losses, weights, (nll * real).sum() / real.sum()


def workers(backend, count, directory, **options):
    """Reports of `worker_run.py` from each of `count` processes."""
    processes = start_workers(backend, count, directory, json.dumps(options))
    return [json.loads(finished(process).splitlines()[-1]) for process in processes]


def start_workers(backend, count, *arguments, **of_the_last):
    ports = free_ports(count)
    variables = []
    for index in range(count):
        if backend == "tensorflow":
            cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            more = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})}
        else:
            more = torchrun_variables(index, count, ports[0])
        variables.append({"KERAS_BACKEND": backend, **more})
    variables[-1] |= of_the_last
    return [start("worker_run.py", *arguments, **each) for each in variables]


@pytest.mark.long
@pytest.mark.parametrize(("backend", "step"), [("tensorflow", 2), ("torch", 2), ("jax", 1), ("jax", 2)])
def test_sigterm_to_one_process_ends_all_with_a_checkpoint(tmp_path, adamw, mesh_run, backend, step):
    """Under JAX also while the last step of a run is made, which the others could take for the end of it."""
    if backend == "jax":
        begin = functools.partial(start_jax_workers, 2, 2, tmp_path, mesh_run[1] / "gpt2.npz", 4, 1)
    else:
        begin = functools.partial(start_workers, backend, 2, tmp_path, "{}")
    for process in (processes := begin(SIGTERM_AT=str(step))):
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [-signal.SIGTERM] * 2
    (stopped_at,) = [int(path.name[-8:]) for path in checkpoint_paths(tmp_path / "checkpoints")]
    assert 1 <= stopped_at < 4, "a checkpoint that was not due"
    reports = [json.loads(finished(process).splitlines()[-1]) for process in begin()]
    assert {report["step"] for report in reports} == {STEPS}
    if backend != "jax":
        # There the processes have compared what they came to themselves.
        losses, weights, _ = adamw
        np.testing.assert_allclose(reports[0]["losses"], losses, rtol=2e-6)
        with np.load(tmp_path / "weights.npz") as ours:
            for index, theirs in enumerate(weights):
                np.testing.assert_allclose(ours[f"arr_{index}"], theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("backend", "count", "parts"),
    [
        ("tensorflow", 2, 2),
        ("torch", 2, 2),
        *(pytest.param(backend, 4, 1, marks=pytest.mark.long) for backend in ("tensorflow", "torch")),
    ],
)
def test_workers_update_as_one_process_does(tmp_path, adamw, backend, count, parts):
    validate = count == 2
    # The replicas of TensorFlow and the mesh of JAX have checks of their own for that.
    options = dict(accumulate_steps=parts, validate=validate, recompute=backend == "torch", other_runs=validate)
    reports = workers(backend, count, tmp_path, **options)
    losses, weights, val_nll = adamw
    assert [report["chief"] for report in reports] == [True] + [False] * (count - 1)
    for report in reports:
        assert (report["replicas"], report["step"], report["stop_reason"]) == (count, STEPS, "finished")
        np.testing.assert_allclose(report["losses"], losses, rtol=2e-6)
        assert report["weights"] == reports[0]["weights"], "the workers went apart"
        assert report["val_nll"] == reports[0]["val_nll"]
        assert report["val_nll"] == (pytest.approx(val_nll, rel=2e-6) if validate else None)
    if validate:
        check_time(*(report["timed"] for report in reports))
        check_overflow([report["overflow"] for report in reports])
    with np.load(tmp_path / "weights.npz") as ours:
        for index, theirs in enumerate(weights):
            np.testing.assert_allclose(ours[f"arr_{index}"], theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())
    # What was read ahead of an interval's end is fed again in the next, hence sets.
    expected = {n for index in range(STEPS) for n in uneven_batch(*divmod(index, 5))[0]["number"][:, 0].tolist()}
    fed = [set(report["fed"]) & expected for report in reports]
    assert set().union(*fed) == expected, "rows were lost"
    assert sum(map(len, fed)) == len(expected), "two workers trained on one row"


def check_overflow(reports):
    """The update in which a gradient of one worker overflows is skipped by all; see `overflowing_batch`."""
    assert [report["iterations"] for report in reports] == [STEPS - 1] * 2
    assert reports[0]["weights"] == reports[1]["weights"] and np.isfinite(reports[0]["weights"])
    for report in reports:
        np.testing.assert_allclose(report["losses"], float16_losses(), rtol=2**-8)


@functools.cache
def float16_losses():
    """Of one device."""
    with tempfile.TemporaryDirectory() as directory:
        result = trained(model_of_float16(), Path(directory), make=overflowing_batch)
    return [row["loss"] for row in result.history]


def check_time(chief, other):
    """What the first process measured has decided: its minute and 15 steps of 4 s, in which the rate fell, for all.

    By the clock of the other there was time for all 100 steps.
    """
    assert chief == other and chief[0] == "time"
    steps, rates = zip(*chief[1], strict=True)
    assert steps == tuple(range(1, 17))
    # The first interval ends with step 4, when 12 more steps are to come.
    updates = [*range(1, 5), *(step / 0.16 for step in range(5, 17))]
    expected = [0.01 * (1 + np.cos(np.pi * (update - 2) / 98)) for update in updates]
    assert rates == pytest.approx((0.01, *expected[1:]), rel=1e-4, abs=1e-7)


def test_workers_meet_once_all_are_there():
    addresses = [f"127.0.0.1:{port}" for port in free_ports(3)]
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(meet, own, set(addresses) - {own}, 20.0) for own in addresses[:2]]
        time.sleep(0.5)
        assert not any(each.done() for each in waiting)
        waiting.append(pool.submit(meet, addresses[2], set(addresses[:2]), 20.0))
        assert [each.result() for each in waiting] == [None] * 3


def test_workers_meet_at_the_first_of_them():
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(meet_at_first, address, index, 3, 20.0) for index in (2, 0)]
        time.sleep(0.5)
        assert not any(each.done() for each in waiting)
        waiting.append(pool.submit(meet_at_first, address, 1, 3, 20.0))
        assert [each.result() for each in waiting] == [None] * 3
        waiting = [pool.submit(meet_at_first, address, index, 4, 1.0) for index in (0, 2)]
        with pytest.raises(UserError, match=f"of 4 workers these did not come to {address} within 1 seconds: 1, 3. St"):
            waiting[0].result()
        with pytest.raises(UserError, match=f"worker 2 was not let in by worker 0 at {address} within 1 seconds"):
            waiting[1].result()


def test_a_worker_that_meets_nobody_says_who_is_missing(monkeypatch):
    own, absent = (f"127.0.0.1:{port}" for port in free_ports(2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        cluster = {"worker": [own, absent, f"127.0.0.1:{port}"]}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
        monkeypatch.setattr(devices, "_SECONDS_TO_MEET", 1.0)
        expected = f"did not meet within 1 seconds; not reached: {absent}; not heard from: 127.0.0.1:{port}. Start all"
        with pytest.raises(UserError, match=re.escape(expected)):
            open_devices()
        cluster["worker"][0] = f"127.0.0.1:{port}"
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
        with pytest.raises(UserError, match=f"cannot listen at 127.0.0.1:{port}"):
            open_devices()


@pytest.mark.parametrize(
    ("strategy", "variables", "message"),
    [
        ("mesh", {}, '--strategy "mesh" does not exist on the tensorflow backend: choose one of auto, one, mirrored'),
        ("multi_worker", {}, "--strategy multi_worker needs workers: set TF_CONFIG"),
        ("auto", {"TF_CONFIG": "{'cluster': }"}, "TF_CONFIG is not understood"),
        ("auto", {"TF_CONFIG": '{"cluster": {}}'}, "TF_CONFIG is not understood"),
    ],
)
def test_devices_that_cannot_be(monkeypatch, strategy, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=re.escape(message)):
        open_devices(strategy)


def test_a_mesh_is_for_jax():
    with pytest.raises(UserError, match="--mesh does not exist on the tensorflow backend: leave it out, or set KERAS_"):
        open_devices("mirrored", (4, 2))
    assert DeviceOptions(mesh="4x2").mesh == "4x2"
    for mesh in ("4", "4x", "0x8", "4x2x1", "x4", "4*2"):
        with pytest.raises(UserError, match=re.escape(f"--mesh is two numbers of devices such as 4x2, got {mesh}")):
            DeviceOptions(mesh=mesh)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"JAX_NUM_PROCESSES": "2"}, 'JAX_COORDINATOR_ADDRESS needs a number in JAX_PROCESS_ID, got ""'),
        ({"JAX_NUM_PROCESSES": "two"}, 'JAX_COORDINATOR_ADDRESS needs a number in JAX_NUM_PROCESSES, got "two"'),
        ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "2"}, "JAX_PROCESS_ID is a number from 0 to 1, of 2 processes"),
        ({"JAX_COORDINATOR_ADDRESS": "first"}, 'JAX_COORDINATOR_ADDRESS is "host:port" of the first process, got "f'),
    ],
)
def test_processes_of_jax_that_cannot_be(monkeypatch, variables, message):
    pytest.importorskip("jax")
    for name, value in {"JAX_COORDINATOR_ADDRESS": "127.0.0.1:1", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=re.escape(message)):
        join_processes(1)


def test_rows_are_padded_without_weight_and_dealt_out():
    batch = ({"ids": np.arange(10).reshape(5, 2)}, np.arange(5), np.ones((5, 2), "float32"))
    x, labels, weights = padded = pad_rows(batch, 4)
    assert x["ids"].shape == (8, 2) and labels.tolist() == [0, 1, 2, 3, 4, 0, 0, 0]
    assert weights.sum() == 10 and not weights[5:].any()
    assert pad_rows(batch, 5) is batch
    dealt = [every_nth_row(padded, index, 4) for index in range(4)]
    assert [labels.tolist() for _, labels, _ in dealt] == [[0, 4], [1, 0], [2, 0], [3, 0]]


@pytest.mark.parametrize("reduction", ["mean_with_sample_weight", "sum_over_batch_size", "sum"])
def test_summed_loss_is_what_keras_reduces_to(reduction):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, 7)).astype("float32")
    labels = rng.integers(0, 7, (3, 4)).astype("int32")
    weights = (rng.random((3, 4)) < 0.7).astype("float32")
    plain = TokenCrossEntropy(0.1, reduction=reduction)
    loss = SummedLoss({"a": plain, "b": "sparse_categorical_crossentropy"})
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    divided = loss.divided({"a": weights, "b": weights})
    parts = [
        loss(*({"a": a[rows], "b": b[rows]} for a, b in ((labels, labels), (logits, probabilities))),
             {name: each[rows] for name, each in divided.items()})
        for rows in (slice(0, 1), slice(1, 3))
    ]  # fmt: skip
    of_b = -np.log(np.take_along_axis(probabilities, labels[..., None], -1)[..., 0])
    expected = float(plain(labels, logits, sample_weight=weights)) + (of_b * weights).sum() / weights.size
    np.testing.assert_allclose(sum(map(float, parts)), expected, rtol=1e-5)
    assert not loss.divided({"a": np.zeros((2, 2)), "b": np.zeros((2, 2))})["a"].any()
