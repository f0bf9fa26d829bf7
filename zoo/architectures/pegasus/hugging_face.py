"""PEGASUS in Hugging Face directories: a BART of sinusoidal positions with normalisation before each sub-layer."""

from typing import ClassVar

from zoo.architectures.bart.hugging_face import BartArchitecture


class PegasusArchitecture(BartArchitecture):
    """PEGASUS."""

    model_type = "pegasus"
    class_names = ("PegasusForConditionalGeneration", "PegasusModel")
    tokenizer_class = "PegasusTokenizer"
    special_tokens: ClassVar = dict(
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, bos_token_id=None, forced_eos_token_id=1
    )
    fixed: ClassVar = dict(norm="pre", positions="sinusoidal_as_published", embedding_norm=False)
    old_keys: ClassVar = dict(normalize_before=True, normalize_embedding=False, add_final_layer_norm=True)
    writes_positions = True


ARCHITECTURE = PegasusArchitecture()
