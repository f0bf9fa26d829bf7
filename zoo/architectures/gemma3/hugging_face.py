"""The text model of Gemma 3 in Hugging Face directories: Gemma with normalised queries and keys and two bases."""

from typing import ClassVar

from zoo.architectures.gemma2.hugging_face import Gemma2Architecture
from zoo.architectures.layer_types import FULL, WINDOWED
from zoo.architectures.rotary_keys import read_rotary_group, write_rotary


class Gemma3Architecture(Gemma2Architecture):
    """Gemma 3 of 270 million and one billion weights, and the text part of the others."""

    model_type = "gemma3_text"
    class_names = ("Gemma3ForCausalLM", "Gemma3TextModel")
    fixed: ClassVar = {"qk_norm": True}
    default_length = 131072
    default_softcaps: ClassVar = {"attn_logit_softcapping": None, "final_logit_softcapping": None}

    def has_window(self, keys):
        """All blocks but every sixth, or but every n-th as a key of earlier files says."""
        pattern = keys.integer("sliding_window_pattern", 6)
        return lambda i: (i + 1) % pattern != 0

    def rotary_arguments(self, keys):
        """Positions of blocks with a window and of the others."""
        found = {}
        groups = keys.value("rope_parameters", {})
        scaling = keys.value("rope_scaling", {})
        for kind, prefix, base_key, base in (
            (WINDOWED, "", "rope_local_base_freq", 10000.0),
            (FULL, "full_", "rope_theta", 1000000.0),
        ):
            group = groups.get(kind) or {} if isinstance(groups, dict) else groups
            group = {**group, **(scaling if kind == FULL else {})}
            group = {"rope_theta": keys.number(base_key, base), **group}
            rotary = read_rotary_group(keys, group, "rope_parameters", base)
            if rotary["rotary_share"] != 1.0:
                raise keys.unsupported("rope_parameters", "partial_rotary_factor must be 1")
            found[f"{prefix}rotary_base"] = rotary["rotary_base"]
            found[f"{prefix}rotary_scaling"] = rotary["rotary_scaling"]
        return found

    def check(self, config):
        """Both kinds of blocks may have positions of their own."""
        self.check_values(config)

    def rotary_keys(self, config):
        """Positions of blocks with a window and of the others."""
        full = {
            "rotary_base": config["full_rotary_base"] or config["rotary_base"],
            "rotary_scaling": config["full_rotary_scaling"],
        }
        groups = {WINDOWED: config, FULL: full}
        return {
            "rope_parameters": {
                kind: write_rotary({**each, "rotary_share": 1.0})["rope_parameters"] for kind, each in groups.items()
            }
        }


ARCHITECTURE = Gemma3Architecture()
