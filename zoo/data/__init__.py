"""Text pairs, texts with entities and with classes, plain documents: readers, named data sets, filters and batches.

Needs no TensorFlow, but for `zoo.data.token_windows`.
"""

from zoo.data.batch_stream import BatchStream
from zoo.data.classified_text import ClassifiedText, CsvClasses, JsonlClasses, TsvClasses
from zoo.data.dataset_splits import DatasetSplits
from zoo.data.document_blocks import DocumentBlocks
from zoo.data.entities import Entity, EntityText
from zoo.data.entity_readers import ConllEntities, JsonlEntities
from zoo.data.exact_documents import ExactDocuments
from zoo.data.joined_pair_batches import JoinedPairBatches
from zoo.data.length_filter import FilterReport, LengthFilter
from zoo.data.line_rows import LineRows
from zoo.data.masked_batches import MaskedBatches
from zoo.data.named_datasets import open_dataset
from zoo.data.pair_batches import PairBatches
from zoo.data.readers import JsonlText, ParallelText, TableText
from zoo.data.row_batches import RowBatches
from zoo.data.sentence_pairs import SentencePairs
from zoo.data.strided_windows import StridedWindows
from zoo.data.summaries import JsonlSummaries, SummarizedText
from zoo.data.text_documents import TextDocuments
from zoo.data.token_blocks import TokenBlocks
from zoo.data.token_masking import TokenMasking
from zoo.data.tokenized_documents import TokenizedDocuments

__all__ = [
    "BatchStream",
    "ClassifiedText",
    "ConllEntities",
    "CsvClasses",
    "DatasetSplits",
    "DocumentBlocks",
    "Entity",
    "EntityText",
    "ExactDocuments",
    "FilterReport",
    "JoinedPairBatches",
    "JsonlClasses",
    "JsonlEntities",
    "JsonlSummaries",
    "JsonlText",
    "LengthFilter",
    "LineRows",
    "MaskedBatches",
    "PairBatches",
    "ParallelText",
    "RowBatches",
    "SentencePairs",
    "StridedWindows",
    "SummarizedText",
    "TableText",
    "TextDocuments",
    "TokenBlocks",
    "TokenMasking",
    "TokenizedDocuments",
    "TsvClasses",
    "open_dataset",
]
