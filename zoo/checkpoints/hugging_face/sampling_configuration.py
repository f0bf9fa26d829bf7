"""How a Hugging Face directory wants texts continued by its language model, in and out."""

import json
from typing import Any

from zoo.checkpoints.hugging_face.directory_files import AnyDirectory
from zoo.checkpoints.hugging_face.generation_configuration import (
    GENERATION_FILE,
    NEUTRAL,
    WITHOUT_EFFECT,
    GenerationValues,
    generation_content,
)
from zoo.errors import UserError

_FOLLOWED = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "no_repeat_ngram_size",
    "max_length",
    "max_new_tokens",
    "min_new_tokens",
    "eos_token_id",
)
_NEUTRAL = {
    **{key: values for key, values in NEUTRAL.items() if key not in _FOLLOWED},
    "num_beams": (1,),
    # It counts the prompt; min_new_tokens does not.
    "min_length": (0,),
    "bad_words_ids": ([],),
    "suppress_tokens": ([],),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
}
# Filters that the zoo does not have: their values that let everything pass.
_OTHER_FILTERS = {"typical_p": (1.0,), "epsilon_cutoff": (0.0,), "eta_cutoff": (0.0,), "top_h": ()}
_WITHOUT_EFFECT = (
    *WITHOUT_EFFECT,
    "early_stopping",
    "length_penalty",
    "renormalize_logits",
    "bos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
)


def read_sampling(directory: AnyDirectory, end_token_id: int | None, max_sequence_length: int) -> dict[str, Any]:
    """Settings of text generation after a Hugging Face directory.

    generation_config.json decides where it is there; before 2023 the same keys stood in config.json. Without a word in
    either, the most probable token is taken, as transformers does.

    Args:
        directory: The directory.
        end_token_id: Of the tokenizer; it ends every continuation.
        max_sequence_length: Of the model. Of a max_length, which counts the prompt too, continuations get as much as
            the shortest prompt leaves, but at most half of these positions.

    Returns:
        A dict of settings by the names of `zoo.tasks.GenerationSettings`; without "max_new_tokens" if the files give no
        length.

    Raises:
        UserError: for a damaged file, and for what the zoo cannot follow exactly, naming the key and its value.
    """
    known = {*_NEUTRAL, *_FOLLOWED, *_WITHOUT_EFFECT}
    content, path = generation_content(directory, {"eos_token_id": None}, _NEUTRAL, known)
    return _Settings(content, path).settings(end_token_id, max_sequence_length)


def sampling_file(settings: dict[str, Any], end_token_id: int | None) -> bytes:
    """What `read_sampling` and transformers read such settings from.

    Args:
        settings: A dict as `read_sampling` returns it, complete.
        end_token_id: Of the tokenizer.

    Returns:
        The content of generation_config.json, bytes.
    """
    further = settings.get("end_token_ids", ())
    content = {
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end_token_id),
        **({"eos_token_id": [end_token_id, *further]} if further else {}),
        **{
            key: settings[key]
            for key in ("max_new_tokens", "min_new_tokens", "repetition_penalty", "no_repeat_ngram_size")
        },
        "do_sample": settings["temperature"] > 0,
    }
    if content["do_sample"]:
        content |= {key: settings[key] for key in ("temperature", "top_k", "top_p", "min_p")}
    return (json.dumps(content, indent=2) + "\n").encode()


class _Settings(GenerationValues):
    def settings(self, end_token_id, max_sequence_length):
        ends = self.tokens("eos_token_id")
        # config.json of old models may leave out what its class has for a default.
        alone = self.path.name == GENERATION_FILE
        if end_token_id not in ends and (ends or alone):
            raise UserError(
                f"{self.path}: eos_token_id {self.content.get('eos_token_id')!r} is not supported; the tokenizer's end "
                f"token is {end_token_id}"
            )
        sampled = self.value("do_sample", False)
        if not isinstance(sampled, bool):
            raise UserError(f"{self.path}: do_sample {sampled!r} is not supported; it must be true or false")
        found = {"temperature": 0.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
        if sampled:
            for key, values in _OTHER_FILTERS.items():
                if self.content.get(key) not in (*values, None):
                    raise UserError(f"{self.path}: {key} {self.content[key]!r} is not supported; remove it")
            # Without a word, transformers draws from the 50 most probable tokens.
            defaults = {"temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": 0.0}
            found = {key: self.value(key, default) for key, default in defaults.items()}
            if found["temperature"] == 0:
                raise UserError(f"{self.path}: temperature 0 is not supported with do_sample; set do_sample to false")
        found |= {
            key: self.value(key, default)
            for key, default in (("repetition_penalty", 1.0), ("no_repeat_ngram_size", 0), ("min_new_tokens", 0))
        }
        further = tuple(each for each in ends if each != end_token_id)
        if further:
            found["end_token_ids"] = further
        if self.content.get("max_new_tokens") is not None:
            found["max_new_tokens"] = self.integer("max_new_tokens")
        elif self.content.get("max_length") is not None:
            found["max_new_tokens"] = max(min(self.integer("max_length") - 1, max_sequence_length // 2), 1)
        return found
