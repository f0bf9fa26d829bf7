"""Tasks: a model, its tokenizers and decoding as one text-in, result-out callable."""

from zoo.generation.control import Control
from zoo.tasks.chat_template import ChatTemplate, RenderedChat
from zoo.tasks.decoder_summarizer import DecoderSummarizationSettings, DecoderSummarizer
from zoo.tasks.entity_recognizer import EntityRecognizer, EntitySettings
from zoo.tasks.generation_settings import GenerationSettings
from zoo.tasks.loading import load
from zoo.tasks.masked_language_model import FillSettings, MaskedLanguageModel
from zoo.tasks.pair_classifier import PairClassificationSettings, PairClassifier
from zoo.tasks.pair_scorer import PairScorer, PairScoringSettings
from zoo.tasks.pretrained import is_embedder, load_pretrained_encoder
from zoo.tasks.prompt_template import PromptTemplate
from zoo.tasks.question_answerer import QuestionAnswerer, QuestionAnsweringSettings
from zoo.tasks.registry import register_task
from zoo.tasks.sequence_to_sequence_settings import SequenceToSequenceSettings
from zoo.tasks.signature import Signature
from zoo.tasks.summarizer import SummarizationSettings, Summarizer, Summary
from zoo.tasks.task import Task
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier
from zoo.tasks.text_control import TextControl
from zoo.tasks.text_embedder import EmbeddingSettings, TextEmbedder
from zoo.tasks.text_generator import ContinuationScore, Generation, TextGenerator
from zoo.tasks.text_regressor import RegressionSettings, TextRegressor
from zoo.tasks.translator import Translation, TranslationSettings, Translator

__all__ = [
    "ChatTemplate",
    "ClassificationSettings",
    "ContinuationScore",
    "Control",
    "DecoderSummarizationSettings",
    "DecoderSummarizer",
    "EmbeddingSettings",
    "EntityRecognizer",
    "EntitySettings",
    "FillSettings",
    "Generation",
    "GenerationSettings",
    "MaskedLanguageModel",
    "PairClassificationSettings",
    "PairClassifier",
    "PairScorer",
    "PairScoringSettings",
    "PromptTemplate",
    "QuestionAnswerer",
    "QuestionAnsweringSettings",
    "RegressionSettings",
    "RenderedChat",
    "SequenceToSequenceSettings",
    "Signature",
    "SummarizationSettings",
    "Summarizer",
    "Summary",
    "Task",
    "TextClassifier",
    "TextControl",
    "TextEmbedder",
    "TextGenerator",
    "TextRegressor",
    "Translation",
    "TranslationSettings",
    "Translator",
    "is_embedder",
    "load",
    "load_pretrained_encoder",
    "register_task",
]
