"""What families of decoders have in common."""

from typing import ClassVar, Literal

import keras

from zoo.architectures.architecture import Architecture
from zoo.architectures.configuration_keys import ConfigurationKeys


class LanguageModelArchitecture(Architecture):
    """A family of decoders, whose `model_class` is a `zoo.models.decoder.Decoder`.

    Attributes:
        prefix: Prefix of the name of every tensor but the output matrix; files of the model without a head and
            `ignored_tensors` leave it out.
        output_matrix: Name of the output matrix.
        table: Name of the table of token vectors.
        begins_with_end: Whether the token that ends a text begins one, too.
        has_tokenizer_json: Whether tokenizers are read from tokenizer.json by whatever it says; else they are byte
            pairs of GPT-2's kind, also in vocab.json and merges.txt.
    """

    group: ClassVar[Literal["language_model"]] = "language_model"
    prefix: ClassVar[str] = "model."
    output_matrix: ClassVar[str] = "lm_head.weight"
    table: ClassVar[str] = "model.embed_tokens.weight"
    begins_with_end: ClassVar[bool] = False
    has_tokenizer_json: ClassVar[bool] = True

    def finish(self, model: keras.Model, keys: ConfigurationKeys) -> None:
        """Changes the weights of a model that was read where keys ask for what other weights compute."""
