"""Text pairs, texts with entities and with classes: readers, named data sets, filters and length-bucketed batches.

Needs no TensorFlow, but for `zoo.data.token_windows`.
"""

from zoo.data.batch_stream import BatchStream
from zoo.data.classified_text import ClassifiedText, CsvClasses, JsonlClasses, TsvClasses
from zoo.data.dataset_splits import DatasetSplits
from zoo.data.entities import Entity, EntityText
from zoo.data.entity_readers import ConllEntities, JsonlEntities
from zoo.data.length_filter import FilterReport, LengthFilter
from zoo.data.named_datasets import open_dataset
from zoo.data.pair_batches import PairBatches
from zoo.data.readers import JsonlText, ParallelText, TsvText
from zoo.data.row_batches import RowBatches

__all__ = [
    "BatchStream",
    "ClassifiedText",
    "ConllEntities",
    "CsvClasses",
    "DatasetSplits",
    "Entity",
    "EntityText",
    "FilterReport",
    "JsonlClasses",
    "JsonlEntities",
    "JsonlText",
    "LengthFilter",
    "PairBatches",
    "ParallelText",
    "RowBatches",
    "TsvClasses",
    "TsvText",
    "open_dataset",
]
