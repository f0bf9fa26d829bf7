"""What recipes say and keep of a model of which only a part learns."""

import math

from zoo.adapters import adapters_of
from zoo.checkpoints.peft import peft_content
from zoo.errors import UserError


def learning_line(model, method):
    """What to say of a model of which only a part learns."""
    learning = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    total = model.count_params()
    return f"--tune {method}: {learning:,} of {total:,} weights learn ({100 * learning / total:.2f}%)"


def keeps_adapters_apart(recipe):
    """Whether the adapters of a model can be kept by themselves, too; if not, the reason is said."""
    if not adapters_of(recipe.model):
        return False
    try:
        peft_content(recipe.model, recipe.config.pretrained)
    except UserError as error:
        recipe.say(f"the preset alone will hold the adapters: {error}")
        return False
    return True
