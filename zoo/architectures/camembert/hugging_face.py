"""CamemBERT in Hugging Face directories: a RoBERTa under another name."""

from zoo.architectures.camembert.model import Camembert
from zoo.architectures.roberta.hugging_face import RobertaArchitecture


class CamembertArchitecture(RobertaArchitecture):
    """CamemBERT."""

    model_type = "camembert"
    model_class = Camembert
    class_prefix = "Camembert"
    tokenizer_class = "CamembertTokenizer"


ARCHITECTURE = CamembertArchitecture()
