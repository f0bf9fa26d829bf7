"""Text pairs: readers, named data sets, filters and length-bucketed batches. Needs no TensorFlow."""

from zoo.data.length_filter import FilterReport, LengthFilter
from zoo.data.named_datasets import DatasetSplits, open_dataset
from zoo.data.pair_batches import PairBatches, PairBatchStream
from zoo.data.readers import JsonlText, ParallelText, TsvText

__all__ = [
    "DatasetSplits",
    "FilterReport",
    "JsonlText",
    "LengthFilter",
    "PairBatchStream",
    "PairBatches",
    "ParallelText",
    "TsvText",
    "open_dataset",
]
