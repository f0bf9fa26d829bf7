"""What a family of models has to say of itself to be read from other programs' files and written to them."""

import abc
from typing import Any, ClassVar, Literal

import keras

from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.architectures.tensor_name import TensorName


class Architecture(abc.ABC):
    """A family of models, as Hugging Face directories hold them.

    A subclass for each group of families says what those have in common; readers and writers go by the group.

    Attributes:
        group: Which families this one is read and written like: "language_model", "encoder" or "sequence_to_sequence".
        model_type: What `model_type` of a configuration says.
        class_names: What `architectures` may say: the first is written.
        model_class: The family's class of models, without a head.
        tokenizer_class: The class, without "Fast", that transformers takes for a tokenizer whose files name none, where
            that matters; else None.
        ignored_tensors: Regular expressions of tensors that files may hold and no model reads.
        second_names: By second name of a key of config.json the first one, as the class of transformers has them.
    """

    group: ClassVar[Literal["encoder", "language_model", "sequence_to_sequence"]]
    model_type: ClassVar[str]
    class_names: ClassVar[tuple[str, ...]]
    model_class: ClassVar[type[keras.Model]]
    tokenizer_class: ClassVar[str | None] = None
    ignored_tensors: ClassVar[tuple[str, ...]] = ()
    second_names: ClassVar[dict[str, str]] = {}

    def holds(self, model: keras.Model) -> bool:
        """Whether a model is of the family's class."""
        return isinstance(model, self.model_class)

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
        """Every weight of a built model and its name in the file, but for tensors that repeat another."""
