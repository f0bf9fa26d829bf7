"""The option of recipes that add tokens to a vocabulary."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from recipes.options.training import TrainingOptions
from recipes.vocabularies.added_tokens import check_added_tokens


@dataclass(frozen=True)
class AddedTokenOptions(TrainingOptions):
    """Tokens that a vocabulary gets besides its own."""

    add_token: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="TOKEN", help_behavior_hint="(repeatable)")
    ] = ()
    """A token to add to the vocabulary, one id wherever a text holds it, such as "[E1]". The vector of a token that is
    new to a pretrained model starts as the mean of all others."""

    def __post_init__(self):
        super().__post_init__()
        check_added_tokens(self.add_token)
