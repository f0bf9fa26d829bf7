"""mBART in Hugging Face directories: a BART with normalisation before each sub-layer."""

from typing import ClassVar

from zoo.architectures.bart.hugging_face import BartArchitecture


class MBartArchitecture(BartArchitecture):
    """mBART and mBART-50."""

    model_type = "mbart"
    class_names = ("MBartForConditionalGeneration", "MBartModel")
    tokenizer_class = "MBartTokenizer"
    task = "translation"
    special_tokens: ClassVar = {**BartArchitecture.special_tokens, "decoder_start_token_id": None}
    fixed: ClassVar = {**BartArchitecture.fixed, "norm": "pre"}
    old_keys: ClassVar = dict(normalize_before=True, normalize_embedding=True, add_final_layer_norm=True)


ARCHITECTURE = MBartArchitecture()
