"""The order of every run, from a configuration to results.json."""

import keras

from recipes.options.added_tokens import AddedTokenOptions
from recipes.skeleton.dry_run import end_if_dry_run
from recipes.skeleton.results import print_ending, training_facts, write_results
from recipes.skeleton.train_and_average import train_and_average
from recipes.skeleton.tuned_part import keeps_adapters_apart, learning_line
from recipes.vocabularies.added_tokens import added_tokens_line
from recipes.vocabularies.trained_size import vocabulary_line
from zoo.adapters import Tuning, fold_adapters
from zoo.checkpoints.peft import write_peft
from zoo.training import RunClaim, Validation, build_optimizer
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype


def run_recipe(recipe_class, config):
    """Trains, evaluates and saves what a recipe states.

    Nothing is written before the first update, so that a start which is refused leaves nothing; a run that was stopped
    goes on with the tokenizers that it kept and from its newest checkpoint. Of several processes that train together,
    the chief alone returns.

    Args:
        recipe_class: A class of `Recipe`.
        config: The recipe's configuration.

    Returns:
        The results as they are written to results.json, a dict.

    Raises:
        UserError: for a directory that holds something else, and what the recipe cannot do.
    """
    recipe = recipe_class(config)
    tuning = config.tuning() if hasattr(config, "tuning") else Tuning()
    recipe.resumed = check_run_directory(config, recipe=recipe.name)
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    recipe.open_data()
    with devices.scope():
        recipe.model, recipe.tokenizers = recipe.start()
        tuning.apply(recipe.model, recipe.pretrained_part())
    recipe.train_batches, validation_batches = recipe.batches()
    recipe.plan = recipe.make_plan(recipe.train_batches.num_batches())
    recipe.task = recipe.make_task(recipe.model)
    recipe.validation_batches = list(validation_batches.epoch(0))
    recipe.validation = Validation(recipe.validation_batches, recipe.validation_score(), recipe.validation_metrics())
    with devices.scope():
        _compile(recipe)
    for line in _lines(recipe):
        recipe.say(line)
    keeps_adapter = keeps_adapters_apart(recipe)
    end_if_dry_run(config, recipe.model, recipe.train_batches, recipe.plan.total_steps)

    kept = dict(zip(recipe.tokenizer_folders, dict.fromkeys(recipe.tokenizers), strict=False))
    claim = RunClaim(recipe.given, recipe.name, kept)
    result, checkpoints = train_and_average(
        config, recipe.plan, recipe.model, recipe.train_batches, recipe.validation, claim, recipe.callbacks()
    )

    final = recipe.model if config.precision == "float32" else with_dtype(recipe.model, "float32")
    final.jit_compile = recipe.model.jit_compile
    if keeps_adapter:
        write_peft(final, config.directory / "adapter", config.pretrained)
    fold_adapters(final)
    recipe.task = recipe.final_task(final)
    recipe.task.save(config.directory)
    results = {**recipe.evaluate(), **training_facts(final, result, checkpoints, speed=recipe.speed)}
    write_results(config.directory, results)
    recipe.report(results)
    print_ending(recipe.console, results, config.directory, recipe.leaves)
    return results


def _compile(recipe):
    """Compiles the model with what the recipe makes small, and how."""
    config = recipe.config
    recipe.model.compile(
        loss=recipe.loss(),
        optimizer=build_optimizer(
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
            loss_scaling=config.precision == "mixed_float16",
            **recipe.optimizer(),
        ),
        jit_compile=True if config.jit_compile else ("auto" if keras.config.backend() == "jax" else False),
    )


def _lines(recipe):
    """Yields what is said before training."""
    config, tokenizer, epoch = recipe.config, recipe.tokenizers[-1], recipe.train_batches.num_batches()
    yield from recipe.data_lines()
    batches = "" if epoch is None else f"{epoch:,} batches an epoch; "
    yield f"{recipe.model_line()}; {batches}{keras.config.backend()} backend"
    if getattr(config, "tune", "full") != "full":
        yield learning_line(recipe.model, config.tune)
    if recipe.trains_vocabulary() and config.vocabulary_size is None:
        yield from vocabulary_line(tokenizer)
    if isinstance(config, AddedTokenOptions):
        yield from added_tokens_line(tokenizer, config.add_token)
    yield recipe.plan.line(epoch, config.max_minutes)
