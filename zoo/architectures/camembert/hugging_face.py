"""CamemBERT in Hugging Face directories: a RoBERTa under another name."""

from zoo.architectures.roberta.hugging_face import RobertaArchitecture


class CamembertArchitecture(RobertaArchitecture):
    """CamemBERT."""

    model_type = "camembert"
    class_prefix = "Camembert"
    tokenizer_class = "CamembertTokenizer"


ARCHITECTURE = CamembertArchitecture()
