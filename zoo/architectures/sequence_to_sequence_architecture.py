"""What families of encoder-decoders have in common."""

from typing import Any, ClassVar, Literal

import keras
import numpy as np

from zoo.architectures.architecture import Architecture
from zoo.architectures.configuration_keys import ConfigurationKeys


class SequenceToSequenceArchitecture(Architecture):
    """A family of encoder-decoders, whose `model_class` is a `zoo.models.sequence_to_sequence.SequenceToSequenceModel`.

    Attributes:
        task: What models of the family are mostly for: "translation" or "summarization".
        special_tokens: By key of config.json what it stands for where the file has no such key.
        table: Name of the one table of token vectors, where source, target and output share it.
        longest_text: Tokens of a source that are read where the files name no limit; None if positions set one.
    """

    group: ClassVar[Literal["sequence_to_sequence"]] = "sequence_to_sequence"
    task: ClassVar[str] = "summarization"
    special_tokens: ClassVar[dict[str, int | None]]
    table: ClassVar[str]
    longest_text: ClassVar[int | None] = None

    def name_with_head(self, name: str) -> str:
        """A tensor's name in files of the model with a head, by that in files of the model alone."""
        return name

    def copies(self, arguments: dict[str, Any]) -> dict[str, str]:
        """Tensors that files may repeat: the name of the original by that of each repetition."""
        raise NotImplementedError

    def arguments_of_tensors(self, keys: ConfigurationKeys, arguments: dict[str, Any], tensors) -> dict[str, Any]:
        """The arguments of `model_class` that tensors tell rather than the configuration.

        Args:
            keys: The configuration.
            arguments: What `arguments` makes of it.
            tensors: `zoo.checkpoints.named_tensors.NamedTensors` of the file, by `name_with_head`.

        Raises:
            UserError: for tensors that no model of the family has.
        """
        return {}

    def finish(self, model: keras.Model, tensors) -> None:
        """Sets the weights of a model from a file that `tensor_names` does not name."""

    def further_tensors(self, model: keras.Model) -> dict[str, np.ndarray]:
        """The tensors of a file that `tensor_names` does not name, by name."""
        return {}
