"""T5 of version 1.0 or 1.1 from a Hugging Face directory."""

import numpy as np

from zoo.architectures.configuration_keys import ACTIVATIONS
from zoo.architectures.tensor_name import TensorName
from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.hugging_face.configuration import (
    check_architectures,
)
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.generation_configuration import read_generation
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.hugging_face.tokenizer_settings import max_text_length
from zoo.checkpoints.named_tensors import assign_tensors
from zoo.checkpoints.sequence_to_sequence_families import SEQUENCE_TO_SEQUENCE
from zoo.errors import UserError
from zoo.models import T5

MODEL_TYPE = "t5"
CLASS_NAMES = ("T5ForConditionalGeneration", "T5WithLMHeadModel", "T5Model")
"""What `architectures` may say: the second is its name of 2019; the third has the same tensors where they are tied."""
LONGEST_TEXT = 2048
"""Tokens of a source that are read where the files name no limit. T5 has no positions to run out of."""

OUTPUT_NAME = "lm_head.weight"
_TABLE = "shared.weight"
# Names that files may repeat the table under, and a table that old files have and no model reads.
_COPIES = {f"{side}.embed_tokens.weight": _TABLE for side in ("encoder", "decoder")}
_UNUSED = [r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight"]

_REQUIRED = object()
# Our argument: (their key, the value where a configuration has none, which is that of transformers).
MODEL_KEYS = {
    "vocabulary_size": ("vocab_size", _REQUIRED),
    "hidden_dim": ("d_model", _REQUIRED),
    "intermediate_dim": ("d_ff", _REQUIRED),
    "num_heads": ("num_heads", _REQUIRED),
    "head_dim": ("d_kv", _REQUIRED),
    "num_encoder_layers": ("num_layers", _REQUIRED),
    "num_buckets": ("relative_attention_num_buckets", 32),
    "max_distance": ("relative_attention_max_distance", 128),
    "dropout": ("dropout_rate", 0.1),
    "norm_epsilon": ("layer_norm_epsilon", 1e-6),
}
# Key: the values that change nothing. Any other makes a model that the zoo does not have.
_ONLY = {"is_encoder_decoder": (True,), "is_decoder": (False,), "quantization_config": ()}
_GENERATION = dict(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, bos_token_id=None)


def is_t5(content):
    """Whether a config.json's content is a T5's."""
    return content.get("model_type") == MODEL_TYPE


def load_t5(directory, dtype=None):
    """Reads a T5 from a Hugging Face directory, with the weights it was saved with.

    Args:
        directory: A directory with config.json and model.safetensors, whole or in shards; generation_config.json says
            how to decode, or older keys in config.json.
        dtype: A Keras dtype policy; the global one if None, whatever the file's.

    Returns:
        A `ForeignModel` of kind "sequence_to_sequence" and family "t5".

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and tensors missing, unexpected or
            of another shape, each by name.
    """
    files = DirectoryFiles.of(directory)
    content, path = files.config, files / CONFIG_FILE
    check_architectures(content, path, CLASS_NAMES)
    arguments = _model_arguments(content, path)
    generation, end_token_ids = read_generation(files, _GENERATION)
    longest = (LONGEST_TEXT, max_text_length(files) or 0, generation.get("max_new_tokens", 0))
    arguments["max_sequence_length"] = max(arguments["max_sequence_length"], *longest)
    tensors = SafetensorsFiles(files.path)
    copies = _name_shared_table(tensors)
    # Files tell what config.json may not: transformers 5 calls every output matrix tied.
    if content.get("tie_word_embeddings") is False and OUTPUT_NAME not in tensors.shapes:
        # transformers 4 would draw one at random, and transformers 5 take the table of token vectors.
        raise UserError(f"{files} lacks {OUTPUT_NAME}, which tie_word_embeddings false in {CONFIG_FILE} asks for")
    tied = OUTPUT_NAME not in tensors.shapes or _equal(tensors, OUTPUT_NAME, _TABLE)
    try:
        model = T5(**arguments, tied_embeddings=tied, dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    copies = {**copies, **({OUTPUT_NAME: _TABLE} if tied else {})}
    assign_tensors(model, tensors, tensor_names(model), _UNUSED, copies)
    return ForeignModel(
        files.path,
        model,
        SEQUENCE_TO_SEQUENCE,
        family=MODEL_TYPE,
        generation=generation,
        end_token_ids=end_token_ids,
    )


def tensor_names(model):
    """`TensorName` of every weight of a `T5`."""
    config = model.get_config()
    found = [TensorName("token_embedding.embeddings", _TABLE)]
    if not config["tied_embeddings"]:
        found.append(TensorName("output_embedding.embeddings", OUTPUT_NAME))

    def add_norm(ours, theirs):
        found.append(TensorName(f"{ours}.scale", f"{theirs}.weight"))

    def add_dense(ours, theirs):
        found.append(TensorName(f"{ours}.kernel", f"{theirs}.weight", transposed=True))

    for side in ("encoder", "decoder"):
        bias = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        found.append(TensorName(f"{side}_bias.table", bias))
        add_norm(f"{side}_norm", f"{side}.final_layer_norm")
        attentions = {"self": "SelfAttention", **({"cross": "EncDecAttention"} if side == "decoder" else {})}
        for i in range(config[f"num_{side}_layers"]):
            ours, theirs = f"{side}_blocks.{i}", f"{side}.block.{i}.layer"
            for number, (kind, name) in enumerate(attentions.items()):
                add_norm(f"{ours}.{kind}_attention_norm", f"{theirs}.{number}.layer_norm")
                for part in ("query", "key", "value", "output_projection"):
                    add_dense(f"{ours}.{kind}_attention.{part}", f"{theirs}.{number}.{name}.{part[0]}")
            last = f"{theirs}.{len(attentions)}"
            add_norm(f"{ours}.feed_forward_norm", f"{last}.layer_norm")
            gated = {"gate_projection": "wi_0", "up_projection": "wi_1"}
            projections = gated if config["gated"] else {"up_projection": "wi"}
            for part, name in {**projections, "down_projection": "wo"}.items():
                add_dense(f"{ours}.feed_forward.{part}", f"{last}.DenseReluDense.{name}")
    return found


def _model_arguments(content, path):
    """Arguments of `T5` but whether its tables are tied."""
    for key, values in _ONLY.items():
        value = content.get(key)
        if value is not None and value not in values:
            known = values[0] if values else None
            raise UserError(f"{path}: {key} {value!r} is not supported for t5; it must be {known!r}")
    absent = [key for key, default in MODEL_KEYS.values() if default is _REQUIRED and content.get(key) is None]
    if absent:
        raise UserError(f"{path} is damaged: it lacks {', '.join(absent)}; copy it again")
    arguments = {ours: content.get(key, default) for ours, (key, default) in MODEL_KEYS.items()}
    arguments["num_decoder_layers"] = content.get("num_decoder_layers") or arguments["num_encoder_layers"]
    for ours, value in arguments.items():
        wanted = (int, float) if ours in ("dropout", "norm_epsilon") else int
        if not isinstance(value, wanted) or isinstance(value, bool) or value < (wanted is int):
            raise UserError(f"{path}: {MODEL_KEYS.get(ours, (ours,))[0]} {value!r} is not supported")
    projection = content.get("feed_forward_proj", "relu")
    gate, _, name = projection.rpartition("-") if isinstance(projection, str) else (projection, "", "")
    # "gated-gelu" means the approximation by tanh, as in T5's own program.
    name = "gelu_new" if projection == "gated-gelu" else name
    if gate not in ("", "gated") or name not in ACTIVATIONS:
        raise UserError(f"{path}: feed_forward_proj {projection!r} is not supported; relu and gated-gelu are")
    arguments["activation"], arguments["gated"] = ACTIVATIONS[name], gate == "gated"
    # Files repeat what follows from it, and transformers would go by the repetition.
    for key, wanted in (("dense_act_fn", name), ("is_gated_act", arguments["gated"])):
        if content.get(key, wanted) != wanted:
            raise UserError(
                f"{path}: {key} {content[key]!r} is not supported beside feed_forward_proj {projection!r}; "
                f"it must be {wanted!r}"
            )
    # Version 1.1 has neither the tie nor the scale; transformers 5 keeps the latter under a name of its own.
    scaled = content.get("scale_decoder_outputs", content.get("tie_word_embeddings") is not False)
    length = content.get("n_positions", 512)
    return {**arguments, "scale_logits": bool(scaled), "max_sequence_length": length}


def _name_shared_table(tensors):
    """Gives the table its name where a file holds it under that of a repetition alone; the names that repeat it."""
    if _TABLE not in tensors.shapes:
        found = next((name for name in (*_COPIES, OUTPUT_NAME) if name in tensors.shapes), None)
        tensors.rename(lambda name: _TABLE if name == found else name)
    return dict(_COPIES)


def _equal(tensors, one, other):
    same = tensors.shapes[one] == tensors.shapes.get(other)
    return same and np.array_equal(tensors.read(one), tensors.read(other))
