"""Which TensorFlow operations a stock TensorFlow Serving binary has, by server version.

A server that lacks an operation still loads the model and fails at the first request, so exports check beforehand. The
stock binary holds TensorFlow's own operations and those of tensorflow_text that its build links; nothing can be loaded
later, Python functions cannot run, and XLA compilation is off unless a flag turns it on.

Sources: `ops_lib` in tensorflow_text/BUILD of the tensorflow_text release that each server pins (2.8.2 for servers
2.11, 2.12.1 for 2.12 to 2.19, 2.20.0 for 2.20), and the generated operation wrappers in the TensorFlow wheels 2.11.0,
2.12.1, 2.19.1, 2.20.0 and 2.21.0. Operation names are compared, attributes are not.
"""

from pathlib import Path

from export.errors import VerificationError
from zoo.errors import UserError

DEFAULT_SERVERS = ("2.20",)


def _op_names(names):
    return frozenset(names.split())


_TEXT_OPS_2_8 = _op_names(
    """
    CaseFoldUTF8 ConstrainedSequence FastWordpieceTokenizeWithOffsets FindSourceOffsets MaxSpanningTree
    NormalizeUTF8 NormalizeUTF8WithOffsetsMap RegexSplitWithOffsets RougeL SentenceFragments SentenceFragmentsV2
    SentencepieceDetokenizeOp SentencepieceIdToStringOp SentencepieceOp SentencepieceStringToIdOp
    SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp SentencepieceVocabSizeOp
    SplitMergeTokenizeWithOffsets TFText>FastWordpieceDetokenize TFText>WhitespaceTokenizeWithOffsetsV2
    TokenizerFromLogits UnicodeScriptTokenizeWithOffsets WhitespaceTokenizeWithOffsets WordpieceTokenizeWithOffsets
    """
)
_TEXT_OPS_2_12 = _TEXT_OPS_2_8 | _op_names(
    """
    FastBertNormalize PhraseTokenize TFText>BoiseTagsToOffsets TFText>ByteSplitByOffsets TFText>ByteSplitWithOffsets
    TFText>FastSentencepieceDetokenize TFText>FastSentencepieceTokenize TFText>NgramsStringJoin
    TFText>OffsetsToBoiseTags TFText>PhraseDetokenize
    """
)
_TEXT_OPS_2_20 = _TEXT_OPS_2_12 | {"TFText>RoundRobinGenerateMasks", "TFText>RoundRobinTrim", "TFText>Utf8Binarize"}

# TensorFlow's own operations that came after a server's release (TPU and XLA operations are refused everywhere).
_NEWER_THAN_2_20 = frozenset({"DecodeJxl"})
_NEWER_THAN_2_19 = _NEWER_THAN_2_20 | {"DecodeWebP"}
_NEWER_THAN_2_12 = _NEWER_THAN_2_19 | _op_names(
    """
    CheckPinned CollectiveAllToAllV2 Conv ConvertToCooTensor ConvertToListOfSparseCoreCooTensors
    ConvertToSparseCoreCsrWrappedCooTensor DatasetFingerprint DebugIdentityV3
    DynamicEnqueueTPUEmbeddingRaggedTensorBatch FFTND GetMinibatchSplitsWithPhysicalReplica
    GetMinibatchesInCsrWithPhysicalReplica GetStatsFromListOfSparseCoreCooTensors GlobalIterId GlobalShuffleDataset
    IFFTND IRFFTND IndexFlatMapDataset IteratorGetModelProto ListSnapshotChunksDataset RFFTND RaggedFillEmptyRows
    RaggedFillEmptyRowsGrad SegmentMaxV2 SegmentMinV2 SnapshotChunkDataset SortListOfSparseCoreCooTensors
    SparseSegmentMeanGradV2 SparseSegmentSqrtNGradV2 SparseSegmentSumGradV2 StoreMinibatchStatisticsInFdo
    TFRecordDatasetV2 WeightedFlatMapDataset
    """
)
_NEWER_THAN_2_11 = _NEWER_THAN_2_12 | _op_names(
    """
    CollectiveReduceScatterV2 Conv2DBackpropFilterV2 Conv2DBackpropInputV2 DistributedSave RandomDatasetV2
    SegmentProdV2 SegmentSumV2 StatelessRandomGammaV3 SyncDevice UniformQuantizedAdd UniformQuantizedConvolution
    UniformQuantizedConvolutionHybrid
    """
)

# Server minor version -> (tensorflow_text operations inside, TensorFlow operations missing). Between 2.12 and 2.19 the
# older set is assumed, which is safe.
_SERVERS = {
    11: (_TEXT_OPS_2_8, _NEWER_THAN_2_11),
    **{minor: (_TEXT_OPS_2_12, _NEWER_THAN_2_12) for minor in range(12, 19)},
    19: (_TEXT_OPS_2_12, _NEWER_THAN_2_19),
    20: (_TEXT_OPS_2_20, _NEWER_THAN_2_20),
}
KNOWN_SERVERS = tuple(f"2.{minor}" for minor in _SERVERS)

_PYTHON_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_REFUSED_PREFIXES = ("Xla", "_Xla", "TPU", "_TPU")
# Operations that graphs hold but that have no Python wrapper.
_INTERNAL_OPS = frozenset({"_Arg", "_Retval"})


def parse_servers(servers):
    """Checks names of server versions such as "2.20" or "2.19.1".

    Returns:
        Their minor versions as a tuple of int.

    Raises:
        UserError: for a version whose operations are not known.
    """
    minors = []
    for server in servers:
        parts = str(server).split(".")
        if len(parts) < 2 or parts[0] != "2" or not parts[1].isdecimal() or int(parts[1]) not in _SERVERS:
            raise UserError(
                f"--servers: {server!r} is not a TensorFlow Serving version whose operations are known; "
                f"use versions from {KNOWN_SERVERS[0]} to {KNOWN_SERVERS[-1]}"
            )
        minors.append(int(parts[1]))
    if not minors:
        raise UserError("--servers: name at least one TensorFlow Serving version, for example 2.20")
    return tuple(minors)


def servers_with(op):
    """The known server versions, oldest first, whose stock binary runs operation `op` with default flags."""
    if op in _PYTHON_OPS or op.startswith(_REFUSED_PREFIXES):
        return ()
    # Here, so that the options of the command line, which name servers, are read without it.
    import tensorflow as tf

    accepting = []
    for minor, (text_ops, missing) in _SERVERS.items():
        is_core = op not in _TEXT_OPS_2_20 and op not in missing and (op in _INTERNAL_OPS or hasattr(tf.raw_ops, op))
        if is_core or op in text_ops:
            accepting.append(f"2.{minor}")
    return tuple(accepting)


def _load_graph(directory):
    from tensorflow.core.protobuf import saved_model_pb2

    path = Path(directory) / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString(path.read_bytes())
    return saved_model


def ops_used(directory):
    """Operations of a SavedModel, of its main graph and of every function in its library.

    Args:
        directory: the SavedModel's directory.

    Returns:
        dict from operation name to the first place that uses it ("main graph" or "function NAME", and the node).
    """
    found = {}
    for place, nodes, functions in _graphs(directory):
        for node in nodes:
            # A node may call a library function by its bare name.
            if node.op not in functions:
                found.setdefault(node.op, f"{place}, node {node.name}")
    return found


def _graphs(directory):
    for meta_graph in _load_graph(directory).meta_graphs:
        library = meta_graph.graph_def.library.function
        functions = {function.signature.name for function in library}
        yield "main graph", meta_graph.graph_def.node, functions
        for function in library:
            yield f"function {function.signature.name}", function.node_def, functions


def _xla_places(directory):
    for meta_graph in _load_graph(directory).meta_graphs:
        for function in meta_graph.graph_def.library.function:
            if function.attr["_XlaMustCompile"].b:
                yield f"function {function.signature.name}"
    for place, nodes, _ in _graphs(directory):
        for node in nodes:
            if "_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b:
                yield f"{place}, node {node.name}"


def check_ops(directory, servers=DEFAULT_SERVERS):
    """Checks that every server version in `servers` can run a SavedModel with default flags.

    Args:
        directory: the SavedModel's directory.
        servers: TensorFlow Serving versions, for example ("2.19", "2.20").

    Returns:
        All known server versions that can run it, oldest first.

    Raises:
        VerificationError: naming each operation that a server lacks, where it is used, and which servers have it.
        UserError: for an unknown server version.
    """
    wanted = [f"2.{minor}" for minor in parse_servers(servers)]
    problems = [
        f"{place} must be compiled by XLA (jit_compile=True), which stock servers refuse"
        for place in _xla_places(directory)
    ]
    accepted = list(KNOWN_SERVERS)
    for op, place in sorted(ops_used(directory).items()):
        having = servers_with(op)
        accepted = [server for server in accepted if server in having]
        lacking = [server for server in wanted if server not in having]
        if lacking:
            only = f"servers {having[0]} to {having[-1]} have it" if having else "no stock server runs it"
            problems.append(f"operation {op} ({place}) is missing from TensorFlow Serving {', '.join(lacking)}; {only}")
    if problems:
        raise VerificationError("the SavedModel uses operations that the target server does not have", problems)
    return tuple(accepted)
