"""Another legal value for every key of a Hugging Face directory: what transformers answers then, and what the zoo does.

A family is a tiny directory of random weights. Its keys are those that transformers writes, with the defaults of its
classes, and further ones that published files have. A key counts as held if with another value the zoo answers as
transformers does, or refuses it by name; one that changes neither an answer of transformers nor anything that the zoo
reads must be one of `UNIMPORTANT`.
"""

import copy
import functools
import re
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from key_families import FAMILIES
from keys_of_files import KEYS_OF_FILES, PREPARED
from other_values import another, last_name, write_with_value

import zoo
from zoo.errors import UserError

_TRAINING = "of training alone"
_RETURNED = "of what is returned or stored beside an answer"
_SPEED = "of speed or memory alone"
_FOR_PEOPLE = "says where a model comes from; nothing reads it"
_SAMPLING = "of sampling, which do_sample false leaves out"
_ASSISTED = "of decoding with an assistant, which a call must ask for"
UNIMPORTANT = {
    **dict.fromkeys(
        ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout"), _TRAINING
    ),
    **dict.fromkeys(("attention_dropout", "activation_dropout", "dropout_rate", "seq_classif_dropout"), _TRAINING),
    **dict.fromkeys(("qa_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_first_dropout"), _TRAINING),
    **dict.fromkeys(("encoder_layerdrop", "decoder_layerdrop", "initializer_range", "init_std"), _TRAINING),
    **dict.fromkeys(("initializer_factor", "label2id"), _TRAINING),
    **dict.fromkeys(("output_hidden_states", "output_attentions", "return_dict", "output_scores"), _RETURNED),
    **dict.fromkeys(("output_logits", "return_dict_in_generate"), _RETURNED),
    **dict.fromkeys(("use_cache", "cache_implementation", "cache_config", "compile_config", "disable_compile"), _SPEED),
    **dict.fromkeys(("chunk_size_feed_forward", "low_memory", "prefill_chunk_size", "reorder_and_upcast_attn"), _SPEED),
    **dict.fromkeys(("dtype", "torch_dtype"), "of stored weights; the zoo computes in the dtype asked for"),
    **dict.fromkeys(("_name_or_path", "transformers_version", "_from_model_config", "use_fast"), _FOR_PEOPLE),
    **dict.fromkeys(("temperature", "top_k", "top_p", "min_p", "typical_p", "top_h"), _SAMPLING),
    **dict.fromkeys(("epsilon_cutoff", "eta_cutoff"), _SAMPLING),
    **dict.fromkeys(("num_assistant_tokens", "num_assistant_tokens_schedule"), _ASSISTED),
    **dict.fromkeys(("assistant_confidence_threshold", "prompt_lookup_num_tokens"), _ASSISTED),
    **dict.fromkeys(("max_matching_ngram_size", "assistant_early_exit", "assistant_lookbehind"), _ASSISTED),
    **dict.fromkeys(("target_lookbehind", "assistant_ensemble_weight"), _ASSISTED),
    **dict.fromkeys(("max_cache_len", "continuous_batching_config"), _SPEED),
    "pad_token_id": "padding is masked",
    "padding_side": "padding is masked",
    "decoder_start_token_id": "of config.json beside generation_config.json, which counts alone",
    "forced_eos_token_id": "of config.json beside generation_config.json, which counts alone",
    "max_len": "beside model_max_length, which counts alone",
    "sp_model_kwargs": "transformers 5 splits into the pieces itself, but for Marian",
    "add_prefix_space": "SentencePiece's tokenizers always have it",
    "extra_ids": "of T5",
    "offset": "of PEGASUS",
    "separate_vocabs": "of Marian",
    **dict.fromkeys(("source_lang", "target_lang"), "of Marian's normalize, which a call of the tokenizer leaves out"),
    "target_vocab_file": "read only where the vocabularies are apart, and there transformers finds the file itself",
    "pruned_heads": "transformers 5 no longer reads it",
    **dict.fromkeys(("id2label", "num_labels"), "of classifiers"),
    "problem_type": "of classifiers",
    "eos_token_id": "of models that write, and there by generation_config.json where it is",
    "tie_word_embeddings": "of an output matrix, which the model does not have or the files decide on",
    "bos_token_id": "begins an answer only where decoder_start_token_id is missing",
    "model_input_names": "masks and segments that it leaves out are those of a text alone",
    "task_specific_params": "generate does not read it",
    "is_encoder_decoder": "transformers takes it from the class",
    "summary_type": "of GPT-2's head for multiple choice",
    "summary_use_proj": "of GPT-2's head for multiple choice",
    "summary_activation": "of GPT-2's head for multiple choice",
    "summary_proj_to_labels": "of GPT-2's head for multiple choice",
    "sinusoidal_pos_embds": "fills a table that the file then replaces",
    "n_positions": "T5 has no positions; of GPT-2 the table is of another shape",
    "num_hidden_layers": "a second name of encoder_layers",
    "decoder_vocab_size": "read only where the vocabularies are apart",
    "clean_up_tokenization_spaces": "of decoded texts; transformers 5 leaves those of byte pairs alone",
    "trim_offsets": "of where tokens are in a text",
    "legacy": "of special tokens inside a text",
    "never_split": "of tokenizers in Python, which transformers 5 no longer has",
    "max_input_chars_per_word": "no word of the texts is that long",
    "type_id": "the model has no segments, or refuses it",
    "post_processor.pair": "of two texts",
    "added_tokens": "the class has these anyway",
    "added_tokens_decoder": "the class has these anyway",
    "pre_tokenizer.trim_offsets": "post_processor decides",
    "decoder.add_prefix_space": "of pre-tokenizers alone",
    "decoder.trim_offsets": "of post-processors alone",
    "decoder.use_regex": "of pre-tokenizers alone",
    "truncation": "a call of transformers sets its own",
    "padding": "a call of transformers sets its own",
    "version": "of the file's layout",
    **dict.fromkeys(("unk_surface", "normalizer_spec.name"), "transformers does not read it"),
    **{
        f"trainer_spec.{role}_{part}": "numbers and names are the family's"
        for role in ("unk", "bos", "eos", "pad")
        for part in ("id", "piece")
    },
    "name_or_path": _FOR_PEOPLE,
    "special_tokens_map_file": _FOR_PEOPLE,
    "backend": _FOR_PEOPLE,
    "is_local": _FOR_PEOPLE,
}
# A refusal of tensors of another shape or number names tensors in place of the key.
_OF_TENSORS = ("of another shape", "is of shape", "need an even hidden_dim", "missing: ", "unexpected: ")
_OF_TENSORS += ("must be a multiple of", "is damaged: it lacks", "is not the sinusoidal table")


def fingerprint(task):
    """Everything that an answer follows from, so that most keys need no answer to be seen not to matter."""
    weights = [float(np.abs(np.asarray(weight, "float64")).sum()) for weight in task.model.get_weights()]
    tokenizers = {getattr(task, name, None) for name in ("tokenizer", "target_tokenizer")} - {None}
    tokens = sorted(repr(tokenizer._options()) + repr(tokenizer.id_to_token(range(9))) for tokenizer in tokenizers)
    # Keras numbers the names of layers.
    config = re.sub(r"'name': '\w+'", "", repr(task.model.get_config()))
    return repr((type(task).__name__, asdict(task.settings), config, weights, getattr(task, "labels", None), tokens))


def same(found, expected):
    """Whether answers are equal; a score that is None is not compared."""
    for row, other in zip(found, expected, strict=True):
        if list(row) != list(other) and set(row) != set(other):
            return False
        pairs = [(row[name], other[name]) for name in row]
        if not all(None in pair or np.isclose(*pair, rtol=1e-4, atol=1e-4) for pair in pairs):
            return False
    return True


def verdicts(name, directory, file, only=None):
    """For every key of one file: what became of another value.

    Args:
        name: Of `FAMILIES`.
        directory: Where its directory is written.
        file: One of the family's files.
        only: The keys to try; all of them if None.

    Returns:
        By key: "equal", "refused", "illegal" (transformers refuses it), "unimportant", or what is wrong.
    """
    family = FAMILIES[name]
    family.write(directory)
    PREPARED.get(file, lambda directory: None)(directory)
    unchanged, changed = _Unchanged(family, directory), directory.with_name("changed")
    found = {}
    for key, value in KEYS_OF_FILES[file](directory).items():
        if key in getattr(family, "differing", ()) or (only is not None and key not in only):
            continue
        other = another(key, copy.deepcopy(value), directory)
        if other is None:
            found[key] = f"no other value than {value!r} is known"
            continue
        shutil.copytree(directory, changed)
        write_with_value(changed / file, key, other)
        found[key] = _verdict(family, changed, key, unchanged)
        shutil.rmtree(changed)
    if only is None:
        unchanged.check()
    shutil.rmtree(directory)
    return found


class _Unchanged:
    """What the directory itself gives, as far as it is asked for."""

    def __init__(self, family, directory):
        self._family, self._directory = family, directory

    @functools.cached_property
    def task(self):
        return zoo.load(self._directory)

    @functools.cached_property
    def fingerprint(self):
        return fingerprint(self.task)

    @functools.cached_property
    def theirs(self):
        return self._family.theirs(self._directory)

    @functools.cached_property
    def ours(self):
        return _answers(self._family, self.task)

    def check(self):
        """Without any change both answer the same."""
        assert same(self.ours, self.theirs), (self.ours, self.theirs)


def _answers(family, task):
    """What the zoo answers, without the time that a graph takes to be made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.tasks.inference_functions.traced", lambda function, *signature: function)
        return family.ours(task)


def _verdict(family, directory, key, unchanged):
    try:
        task = zoo.load(directory)
    except UserError as error:
        message = str(error)
        # A part of tokenizer.json counts as named where the whole that it belongs to is.
        named = any(name in message for name in (last_name(key), key.split(".")[0], *_OF_TENSORS))
        return "refused" if named and "\n" not in message else f"refused without its name: {message}"
    try:
        theirs = family.theirs(directory)
    # What transformers cannot do with a value is of many kinds, and no answer that could be another.
    except Exception as error:  # noqa: BLE001
        return f"illegal: {type(error).__name__}"
    same_task = fingerprint(task) == unchanged.fingerprint
    if same_task and same(theirs, unchanged.theirs):
        return _reason(family, key)
    found = unchanged.ours if same_task else _answers(family, task)
    if not same(found, theirs):
        return f"another answer: {found} instead of {theirs}"
    return "equal"


def _reason(family, key):
    reasons = {**UNIMPORTANT, **getattr(family, "unimportant", {})}
    said = key in reasons or last_name(key) in reasons or key.startswith("post_processor.pair.")
    return "unimportant" if said else "changes nothing, and UNIMPORTANT does not say why"
