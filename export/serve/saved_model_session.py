"""A SavedModel in a session, loaded and run the way TensorFlow Serving's own loader does it."""

import contextlib
import logging
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the text ops that stock servers link
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from export.serve.status import Code, ServingError, invalid_argument
from export.serve.tensors import type_name

_LOG = logging.getLogger("export.serve")
_INIT_OP = "__saved_model_init_op"


class SavedModelSession:
    """The graph of a SavedModel's `serve` tag with restored variables.

    The server runs SavedModels through a session, not through Python functions: inputs and outputs are tensors named
    in the signatures, shapes are checked by the ops alone, and messages are the runtime's own. So does this class.

    Args:
        directory: The SavedModel, `saved_model.pb` or `saved_model.pbtxt` inside.

    Attributes:
        signatures: dict of name to `SignatureDef`.

    Raises:
        ServingError: there is no SavedModel, or none for serving.
        tf.errors.OpError: variables, assets or initialisers failed.
    """

    def __init__(self, directory):
        directory = Path(directory)
        meta_graph = _serving_meta_graph(directory)
        self.signatures = dict(meta_graph.signature_def)
        self._placeholders = {}
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=tf.compat.v1.ConfigProto(allow_soft_placement=True))
        with contextlib.ExitStack() as failure:
            failure.callback(self._session.close)
            with graph.as_default():
                self._load(directory, meta_graph)
            failure.pop_all()

    def _load(self, directory, meta_graph):
        # Python's session refuses feeds that do not fit a placeholder's static shape; the server does not. Feeding
        # shapeless placeholders in their stead leaves the check to the ops.
        for signature in self.signatures.values():
            for info in signature.inputs.values():
                if info.name and info.name not in self._placeholders:
                    self._placeholders[info.name] = tf.compat.v1.placeholder(info.dtype, shape=None)
        saver = tf.compat.v1.train.import_meta_graph(meta_graph, input_map=self._placeholders)
        variables = directory / "variables" / "variables"
        if saver is not None and variables.with_suffix(".index").exists():  # no variables is no error to the server
            saver.restore(self._session, str(variables))
        assets = {
            asset.tensor_info.name: str(directory / "assets" / asset.filename) for asset in meta_graph.asset_file_def
        }
        initializer = _initializer_name(meta_graph)
        if initializer:
            self._session.run(self._session.graph.as_graph_element(initializer), feed_dict=assets)
        if any("_XlaMustCompile" in function.attr for function in meta_graph.graph_def.library.function):
            _LOG.warning(
                "%s is compiled with XLA; TensorFlow Serving runs it only with --xla_cpu_compilation_enabled "
                "or --xla_gpu_compilation_enabled",
                directory,
            )

    def run(self, feeds, fetches, timeout_seconds=None):
        """Runs the graph.

        Args:
            feeds: dict of tensor name to array.
            fetches: list of tensor names.
            timeout_seconds: Fail with DEADLINE_EXCEEDED after this time; None waits for ever.

        Returns:
            The list of arrays; strings are object arrays of bytes.

        Raises:
            ServingError: a feed has another type than its tensor.
            tf.errors.OpError: the graph failed.
        """
        feed_dict = {}
        for index, name in enumerate(sorted(feeds)):
            placeholder, array = self._placeholders[name], feeds[name]
            if tf.as_dtype(array.dtype) != placeholder.dtype:
                raise invalid_argument(
                    f"Expects arg[{index}] to be {type_name(placeholder.dtype)} "
                    f"but {type_name(array.dtype)} is provided"
                )
            feed_dict[placeholder] = array
        options = None
        if timeout_seconds is not None:
            options = tf.compat.v1.RunOptions(timeout_in_ms=max(1, round(timeout_seconds * 1000)))
        try:
            return [np.asarray(value) for value in self._session.run(fetches, feed_dict, options=options)]
        except UnicodeDecodeError as error:
            # The runtime's message quotes bytes of the request that are no UTF-8, and Python cannot build the error.
            raise invalid_argument(bytes(error.object).decode("utf-8", errors="replace")) from error

    def close(self):
        """Frees variables, tables and the graph."""
        self._session.close()


def _serving_meta_graph(directory):
    binary, text = directory / "saved_model.pb", directory / "saved_model.pbtxt"
    if not binary.exists() and not text.exists():
        raise ServingError(
            Code.NOT_FOUND, f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {directory}"
        )
    saved_model = saved_model_pb2.SavedModel()
    try:
        if binary.exists():
            saved_model.ParseFromString(binary.read_bytes())
        else:
            text_format.Parse(text.read_text(encoding="utf-8"), saved_model)
    except (DecodeError, text_format.ParseError) as error:
        path = binary if binary.exists() else text
        raise ServingError(Code.DATA_LOSS, f"Can't parse {path} as a SavedModel") from error
    for meta_graph in saved_model.meta_graphs:
        if list(meta_graph.meta_info_def.tags) == [tf.saved_model.SERVING]:
            return meta_graph
    raise ServingError(
        Code.NOT_FOUND, f"Could not find meta graph def matching supplied tags: {{ serve }} in {directory}"
    )


def _initializer_name(meta_graph):
    """Returns the name of the op or tensor that initialises tables and the like, or None."""
    if _INIT_OP in meta_graph.signature_def:
        return meta_graph.signature_def[_INIT_OP].outputs[_INIT_OP].name
    for key in ("saved_model_main_op", "legacy_init_op"):
        names = meta_graph.collection_def[key].node_list.value if key in meta_graph.collection_def else ()
        if names:
            return names[0]
    return None
