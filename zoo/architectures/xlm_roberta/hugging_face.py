"""XLM-RoBERTa in Hugging Face directories: a RoBERTa of many languages."""

from zoo.architectures.roberta.hugging_face import RobertaArchitecture
from zoo.architectures.xlm_roberta.model import XLMRoberta


class XLMRobertaArchitecture(RobertaArchitecture):
    """XLM-RoBERTa."""

    model_type = "xlm-roberta"
    model_class = XLMRoberta
    class_prefix = "XLMRoberta"
    tokenizer_class = "XLMRobertaTokenizer"


ARCHITECTURE = XLMRobertaArchitecture()
