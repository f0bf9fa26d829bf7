"""What families of decoders have in common."""

from typing import ClassVar

from zoo.architectures.architecture import Architecture


class LanguageModelArchitecture(Architecture):
    """A family of decoders, whose `model_class` is a `zoo.models.decoder.Decoder`.

    Attributes:
        output_matrix: Name of the output matrix.
        table: Name of the table of token vectors.
    """

    group = "language_model"
    output_matrix: ClassVar[str] = "lm_head.weight"
    table: ClassVar[str] = "model.embed_tokens.weight"
