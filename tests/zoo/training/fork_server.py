"""Processes to be killed: forks of one that has imported Keras, which saves each of them the import."""

import multiprocessing

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    ["keras", "tensorflow", "matplotlib", "rich.progress", "zoo.training.runs.checkpoint_files"]
)
