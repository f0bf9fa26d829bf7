"""Text pairs: readers, named data sets, filters and length-bucketed batches. Needs no TensorFlow."""

from zoo.data.batch_stream import BatchStream
from zoo.data.length_filter import FilterReport, LengthFilter
from zoo.data.named_datasets import DatasetSplits, open_dataset
from zoo.data.pair_batches import PairBatches
from zoo.data.readers import JsonlText, ParallelText, TsvText
from zoo.data.row_batches import RowBatches

__all__ = [
    "BatchStream",
    "DatasetSplits",
    "FilterReport",
    "JsonlText",
    "LengthFilter",
    "PairBatches",
    "ParallelText",
    "RowBatches",
    "TsvText",
    "open_dataset",
]
