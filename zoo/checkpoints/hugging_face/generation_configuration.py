"""How a Hugging Face directory wants its model decoded: generation_config.json, earlier config.json; and written so."""

import json
from typing import Any

from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.errors import UserError

GENERATION_FILE = "generation_config.json"

# Key: the values that change nothing. Any other asks for a search that the zoo does not have.
NEUTRAL = {
    "do_sample": (False,),
    "num_beam_groups": (1,),
    "num_return_sequences": (1,),
    "diversity_penalty": (0.0,),
    "repetition_penalty": (1.0,),
    "encoder_repetition_penalty": (1.0,),
    "encoder_no_repeat_ngram_size": (0,),
    "guidance_scale": (1.0,),
    "penalty_alpha": (0.0,),
    "remove_invalid_values": (False,),
    "token_healing": (False,),
    "exponential_decay_length_penalty": (),
    "sequence_bias": ({},),
    "force_words_ids": ([],),
    "constraints": ([],),
    "begin_suppress_tokens": ([],),
    "forced_decoder_ids": ([],),
    "stop_strings": ([],),
    "max_time": (),
    "watermarking_config": ({},),
    "dola_layers": (),
    # It ends an answer at the first token of low probability.
    "is_assistant": (False,),
}
_FOLLOWED = (
    "num_beams",
    "max_length",
    "max_new_tokens",
    "min_length",
    "min_new_tokens",
    "length_penalty",
    "no_repeat_ngram_size",
    "early_stopping",
    "bad_words_ids",
    "suppress_tokens",
    "renormalize_logits",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)
# Of sampling, of speed or of what is returned: without do_sample they change no text.
WITHOUT_EFFECT = (
    "temperature",
    "top_k",
    "top_p",
    "top_h",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "use_cache",
    "cache_implementation",
    "cache_config",
    "return_legacy_cache",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "output_logits",
    "return_dict_in_generate",
    "transformers_version",
    "_from_model_config",
    "compile_config",
    "disable_compile",
    "low_memory",
    "prefill_chunk_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "assistant_confidence_threshold",
    "assistant_early_exit",
    "assistant_lookbehind",
    "target_lookbehind",
    "prompt_lookup_num_tokens",
    "max_matching_ngram_size",
    "forced_bos_token",
)
_STOPPING = {True: "first", False: "estimate", "never": "exact"}


def read_generation(directory, defaults):
    """Settings of decoding after a Hugging Face directory.

    Where generation_config.json is there it alone counts, as in transformers: also of single tokens; before 2023 the
    same keys stood in config.json. Where neither says how long an answer may be, nothing is set, though transformers
    would stop after 20 tokens.

    Args:
        directory: The directory.
        defaults: Token ids by key for what config.json does not say where it alone counts.

    Returns:
        A dict of settings by the names of `zoo.tasks.SequenceToSequenceSettings`, and the tokens that end an answer, a
        tuple. Lengths do not count the decoder's start token, as transformers does. `start_token_id` is None where the
        target language of a multilingual model is yet to be chosen.

    Raises:
        UserError: for a damaged file, and for what the zoo cannot follow exactly, naming the key and its value.
    """
    content, path = generation_content(directory, defaults, NEUTRAL, {*NEUTRAL, *_FOLLOWED, *WITHOUT_EFFECT})
    old = path.name != GENERATION_FILE and content.get("force_bos_token_to_be_generated")
    if old and content.get("forced_bos_token_id") is None:
        # BART's spelling before 2021.
        content["forced_bos_token_id"] = content["bos_token_id"]
    settings = _Settings(content, path)
    return settings.settings(), settings.tokens("eos_token_id")


def generation_file(
    settings: dict[str, Any],
    *,
    start_token_id: int,
    pad_token_id: int,
    end_token_id: int,
    begin_token_id: int | None = None,
) -> bytes:
    """What `read_generation` and transformers read settings of decoding from.

    Args:
        settings: Values by the names of `zoo.tasks.SequenceToSequenceSettings`. A limit after the length of the source
            is left out, for transformers has none.
        start_token_id, pad_token_id, end_token_id, begin_token_id: As in `save_hugging_face`.

    Returns:
        The content of generation_config.json, bytes.

    Raises:
        UserError: for settings that transformers does not have.
    """
    if settings["source_prefix"]:
        raise UserError(f"transformers has no source_prefix {settings['source_prefix']!r}; put it into the texts")
    if settings["length_penalty_type"] != "average" and settings["length_penalty"]:
        raise UserError(
            f"transformers has no length_penalty_type {settings['length_penalty_type']!r}, only 'average'; "
            "set it and the length_penalty that suits it with with_settings"
        )
    content = {
        "decoder_start_token_id": start_token_id,
        "pad_token_id": pad_token_id,
        "eos_token_id": end_token_id,
        "bos_token_id": begin_token_id,
        "num_beams": settings["num_beams"],
        "length_penalty": settings["length_penalty"],
        "max_new_tokens": settings["max_new_tokens"],
        "min_new_tokens": settings["min_new_tokens"],
        "no_repeat_ngram_size": settings["no_repeat_ngram_size"],
        "early_stopping": next(theirs for theirs, ours in _STOPPING.items() if ours == settings["stopping"]),
        "suppress_tokens": list(settings["suppressed_token_ids"]) or None,
        "renormalize_logits": settings["renormalize"],
        "forced_bos_token_id": settings["forced_first_token_id"],
        "forced_eos_token_id": settings["forced_last_token_id"],
    }
    content = {key: value for key, value in content.items() if value is not None}
    return (json.dumps(content, indent=2) + "\n").encode()


def generation_content(directory, defaults, neutral, known):
    """What a directory says of decoding, by key.

    Args:
        directory: The directory.
        defaults: Token ids by key for what config.json does not say where it alone counts.
        neutral: By key the values that change nothing; any other is refused.
        known: The keys that generation_config.json may hold.

    Returns:
        The dict, and the path that messages name.

    Raises:
        UserError: as `read_generation`.
    """
    files = DirectoryFiles.of(directory)
    path = files / GENERATION_FILE
    if files.holds(GENERATION_FILE):
        content = files.json(GENERATION_FILE)
        unknown = sorted(key for key, value in content.items() if key not in known and value not in (None, False))
        if unknown:
            raise UserError(f"{path}: {unknown[0]} {content[unknown[0]]!r} is not supported; remove it to do without")
    else:
        path = files / CONFIG_FILE
        content = {**defaults, **files.config}
    for key, values in neutral.items():
        value = content.get(key)
        if value is not None and value not in values:
            raise UserError(f"{path}: {key} {value!r} is not supported; remove it to do without")
    return content, path


class GenerationValues:
    """Values of such a dict, checked; messages name the path."""

    def __init__(self, content, path):
        self.content, self.path = content, path

    def value(self, key, default):
        """A key's value, or the default where it has none."""
        value = self.content.get(key)
        return default if value is None else value

    def integer(self, key):
        """A key's value, an integer of at least 0."""
        value = self.content[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise UserError(f"{self.path}: {key} {value!r} is not supported; it must be an integer of at least 0")
        return value

    def tokens(self, key):
        """The tokens of a key that may hold one, several or none, a tuple."""
        value = self.content.get(key)
        if value is None:
            return ()
        return tuple(value) if isinstance(value, list) else (value,)

    def token(self, *keys):
        """The one token of the first key that has any."""
        for key in keys:
            value = self.content.get(key)
            if isinstance(value, list):
                if len(value) != 1:
                    raise UserError(f"{self.path}: {key} {value!r} is not supported; it must be one token")
                value = value[0]
            if value is not None:
                return value
        return None


class _Settings(GenerationValues):
    def settings(self):
        stopping = self.value("early_stopping", False)
        if stopping not in _STOPPING:
            raise UserError(f"{self.path}: early_stopping {stopping!r} is not supported")
        found = {
            "num_beams": self.value("num_beams", 1),
            "length_penalty": float(self.value("length_penalty", 1.0)),
            "length_penalty_type": "average",
            "no_repeat_ngram_size": self.value("no_repeat_ngram_size", 0),
            "min_new_tokens": self._length("min_new_tokens", "min_length") or 0,
            "stopping": _STOPPING[stopping],
            "start_token_id": self.token("decoder_start_token_id", "bos_token_id"),
            "suppressed_token_ids": self._suppressed(),
            "renormalize": bool(self.value("renormalize_logits", False)),
            "forced_first_token_id": self.token("forced_bos_token_id"),
            "forced_last_token_id": self.token("forced_eos_token_id"),
        }
        blocks_more = found["min_new_tokens"] or found["no_repeat_ngram_size"]
        if found["renormalize"] and found["num_beams"] > 1 and blocks_more:
            raise UserError(
                f"{self.path}: renormalize_logits with min_length or no_repeat_ngram_size is not supported; remove one"
            )
        longest = self._length("max_new_tokens", "max_length")
        if longest is not None:
            found["max_new_tokens"] = longest
        # A limit after the length of the source is ours; transformers has none.
        return {**found, "max_tokens_factor": 0.0}

    def _length(self, new_tokens, all_tokens):
        if self.content.get(new_tokens) is not None:
            return self.integer(new_tokens)
        # The decoder's start token is one of these.
        return None if self.content.get(all_tokens) is None else max(self.integer(all_tokens) - 1, 0)

    def _suppressed(self):
        words = self.value("bad_words_ids", [])
        phrases = [word for word in words if len(word) != 1]
        if phrases:
            raise UserError(f"{self.path}: bad_words_ids {phrases!r} are not supported; each must be one token")
        # transformers takes an end token out of bad_words_ids, but not out of suppress_tokens.
        bad = [word[0] for word in words if word[0] not in self.tokens("eos_token_id")]
        return tuple(sorted({*bad, *self.value("suppress_tokens", [])}))
