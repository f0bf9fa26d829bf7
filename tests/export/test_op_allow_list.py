import subprocess
import sys

import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from export.errors import VerificationError
from export.op_allow_list import _TEXT_OPS_2_20, KNOWN_SERVERS, check_ops, ops_used, parse_servers, servers_with
from zoo.errors import UserError

_REGISTERED_BY_TEXT = """
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

def registered():
    ops = op_def_pb2.OpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {op.name for op in ops.op}

before = registered()
import tensorflow_text
print("\\n".join(registered() - before))
"""


def _save(directory, function, *specs):
    module = tf.Module()
    module.function = tf.function(function)
    tf.saved_model.save(module, str(directory), signatures=module.function.get_concrete_function(*specs))


def test_text_operations_are_those_of_the_installed_library():
    # The installed tensorflow_text has the operations of 2.20.0, the release inside TensorFlow Serving 2.20.
    finished = subprocess.run([sys.executable, "-c", _REGISTERED_BY_TEXT], capture_output=True, text=True, check=True)
    assert set(finished.stdout.split()) == _TEXT_OPS_2_20


@pytest.mark.parametrize(
    ("op", "servers"),
    [
        ("MatMul", KNOWN_SERVERS),
        ("StatefulPartitionedCall", KNOWN_SERVERS),
        ("SentencepieceTokenizeOp", KNOWN_SERVERS),
        ("FastBertNormalize", KNOWN_SERVERS[1:]),
        ("TFText>RoundRobinTrim", ("2.20",)),
        ("TFText>Utf8Binarize", ("2.20",)),
        ("SegmentMaxV2", ("2.19", "2.20")),
        ("DecodeWebP", ("2.20",)),
        ("EagerPyFunc", ()),
        ("XlaDynamicUpdateSlice", ()),
        ("OpOfSomeOtherLibrary", ()),
    ],
)
def test_servers_with(op, servers):
    assert servers_with(op) == servers


def test_portable_model_is_accepted_everywhere(tmp_path):
    _save(tmp_path, lambda x: {"y": tf_text.case_fold_utf8(x)}, tf.TensorSpec([None], tf.string))
    assert "CaseFoldUTF8" in ops_used(tmp_path)
    assert check_ops(tmp_path, ("2.11", "2.20.0")) == KNOWN_SERVERS


def test_operation_inside_a_nested_function_is_found(tmp_path):
    trimmer = tf_text.RoundRobinTrimmer(3)

    def loop(x):
        def body(i, y):
            return i + 1, trimmer.trim([tf.RaggedTensor.from_row_lengths(y, [tf.size(y)])])[0].values

        return {"y": tf.while_loop(lambda i, y: i < 2, body, [0, x], shape_invariants=[tf.TensorShape([]), x.shape])[1]}

    _save(tmp_path, loop, tf.TensorSpec([None], tf.int32))
    assert check_ops(tmp_path) == ("2.20",)
    with pytest.raises(VerificationError) as caught:
        check_ops(tmp_path, ("2.19", "2.20"))
    (detail,) = caught.value.details
    assert detail.startswith("operation TFText>RoundRobinTrim (function ")
    assert detail.endswith("is missing from TensorFlow Serving 2.19; servers 2.20 to 2.20 have it")


def test_python_functions_are_refused(tmp_path):
    def call_python(x):
        y = tf.py_function(lambda value: value, [x], tf.string)
        return {"y": tf.ensure_shape(y, [None])}

    _save(tmp_path, call_python, tf.TensorSpec([None], tf.string))
    with pytest.raises(VerificationError) as caught:
        check_ops(tmp_path)
    assert any("operation EagerPyFunc" in detail and "no stock server" in detail for detail in caught.value.details)


def test_compulsory_xla_is_refused(tmp_path):
    @tf.function(jit_compile=True)
    def double(x):
        return x * 2

    _save(tmp_path, lambda x: {"y": double(x)}, tf.TensorSpec([None], tf.float32))
    with pytest.raises(VerificationError) as caught:
        check_ops(tmp_path)
    assert any("double" in detail and "jit_compile" in detail for detail in caught.value.details)


@pytest.mark.parametrize("servers", [("2.5",), ("2.21",), ("3.0",), ("two",), ()])
def test_unknown_servers_name_the_option(servers):
    with pytest.raises(UserError, match=r"^--servers: "):
        parse_servers(servers)
