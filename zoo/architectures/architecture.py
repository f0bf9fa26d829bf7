"""What a family of models has to say of itself to be read from other programs' files and written to them."""

import abc
from typing import Any, ClassVar

import keras

from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.architectures.tensor_name import TensorName


class LanguageModelArchitecture(abc.ABC):
    """A family of decoders, as Hugging Face directories hold them.

    Attributes:
        model_type: What `model_type` of a configuration says.
        class_names: What `architectures` may say: the first is written.
        model_class: The `zoo.models.decoder.Decoder` of the family.
        ignored_tensors: Regular expressions of tensors that files may hold and no model reads.
        output_matrix: Name of the output matrix.
        table: Name of the table of token vectors.
    """

    model_type: ClassVar[str]
    class_names: ClassVar[tuple[str, ...]]
    model_class: ClassVar[type[keras.Model]]
    ignored_tensors: ClassVar[tuple[str, ...]] = ()
    output_matrix: ClassVar[str] = "lm_head.weight"
    table: ClassVar[str] = "model.embed_tokens.weight"

    @abc.abstractmethod
    def arguments(self, keys: ConfigurationKeys) -> dict[str, Any]:
        """Arguments of `model_class` after a configuration.

        Raises:
            UserError: for a value that the zoo cannot follow exactly, naming its key.
        """

    @abc.abstractmethod
    def configuration(self, model: keras.Model) -> dict[str, Any]:
        """The keys of config.json that `arguments` reads a model's arguments from.

        Raises:
            UserError: for a model that transformers has no class for, saying what differs.
        """

    @abc.abstractmethod
    def tensor_names(self, model: keras.Model) -> list[TensorName]:
        """Every weight of a built model and its name in the file, but for an output matrix that is the table."""
