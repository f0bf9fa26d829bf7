"""Marian in Hugging Face directories: a BART of sinusoidal positions, whose sides may have tables of their own."""

from typing import ClassVar

from zoo.architectures.bart.hugging_face import BartArchitecture


class MarianArchitecture(BartArchitecture):
    """Marian, the translators of OPUS-MT."""

    model_type = "marian"
    class_names = ("MarianMTModel", "MarianModel")
    tokenizer_class = "MarianTokenizer"
    task = "translation"
    special_tokens: ClassVar = dict(
        decoder_start_token_id=58100, pad_token_id=58100, eos_token_id=0, bos_token_id=None, forced_eos_token_id=0
    )
    fixed: ClassVar = dict(norm="post", positions="sinusoidal_as_published", embedding_norm=False)
    old_keys: ClassVar = dict(normalize_before=False, normalize_embedding=False, add_final_layer_norm=False)
    ties_all = False

    def configuration(self, model):
        """The keys of config.json."""
        config = model.get_config()
        return {
            **super().configuration(model),
            "share_encoder_decoder_embeddings": config["tied_embeddings"] == "all",
            "decoder_vocab_size": config["target_vocabulary_size"],
        }


ARCHITECTURE = MarianArchitecture()
