"""Text pairs, texts with entities and with classes, plain documents: readers, named data sets, filters and batches.

Needs no TensorFlow, but for `zoo.data.batches.token_windows`.
"""

from zoo.data.batches.batch_stream import BatchStream
from zoo.data.batches.conversation_blocks import ConversationBlocks, ConversationTokens
from zoo.data.batches.document_blocks import DocumentBlocks
from zoo.data.batches.joined_pair_batches import JoinedPairBatches
from zoo.data.batches.length_filter import FilterReport, LengthFilter
from zoo.data.batches.line_rows import LineRows
from zoo.data.batches.masked_batches import MaskedBatches
from zoo.data.batches.pair_batches import PairBatches
from zoo.data.batches.preference_batches import PreferenceBatches
from zoo.data.batches.row_batches import RowBatches
from zoo.data.batches.same_label_batches import SameLabelBatches
from zoo.data.batches.sentence_pairs import SentencePairs
from zoo.data.batches.strided_windows import StridedWindows
from zoo.data.batches.token_blocks import TokenBlocks
from zoo.data.batches.token_masking import TokenMasking
from zoo.data.batches.tokenized_documents import TokenizedDocuments
from zoo.data.batches.tuple_batches import TupleBatches
from zoo.data.datasets.dataset_splits import DatasetSplits
from zoo.data.datasets.named_datasets import open_dataset
from zoo.data.readers.classified_text import ClassifiedText, CsvClasses, JsonlClasses, TsvClasses
from zoo.data.readers.conversation_lines import ConversationLines
from zoo.data.readers.entities import Entity, EntityText
from zoo.data.readers.entity_readers import ConllEntities, JsonlEntities
from zoo.data.readers.exact_documents import ExactDocuments
from zoo.data.readers.preference_lines import Preference, PreferenceLines
from zoo.data.readers.summaries import JsonlSummaries, SummarizedText
from zoo.data.readers.text_documents import TextDocuments
from zoo.data.readers.text_pairs import JsonlText, ParallelText, TableText

__all__ = [
    "BatchStream",
    "ClassifiedText",
    "ConllEntities",
    "ConversationBlocks",
    "ConversationLines",
    "ConversationTokens",
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
    "Preference",
    "PreferenceBatches",
    "PreferenceLines",
    "RowBatches",
    "SameLabelBatches",
    "SentencePairs",
    "StridedWindows",
    "SummarizedText",
    "TableText",
    "TextDocuments",
    "TokenBlocks",
    "TokenMasking",
    "TokenizedDocuments",
    "TsvClasses",
    "TupleBatches",
    "open_dataset",
]
