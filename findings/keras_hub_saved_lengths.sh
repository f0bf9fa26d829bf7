#!/bin/sh
# keras-hub 0.32.0: save_to_preset forgets the lengths of a sequence-to-sequence preprocessor.
#
# Presets keep the sequence_length of a classifier's preprocessor. The encoder_sequence_length and
# decoder_sequence_length of BartSeq2SeqLMPreprocessor are not in its configuration: the loaded model cuts its
# sources and its answers at 1024 tokens instead of the lengths it was made with.
#
# Run with Python 3.11 on Linux x86-64, CPU: keras-hub 0.32.0, keras 3.15.1, tensorflow 2.21.0, tensorflow-text 2.21.1.
# Output:
#   encoder and decoder length: made with (20, 6) loaded (1024, 1024)
#   classifier's length: made with 20 loaded 20
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet keras-hub==0.32.0 keras==3.15.1 tensorflow==2.21.0 tensorflow-text==2.21.1
KERAS_BACKEND=tensorflow venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
from keras_hub import models

vocabulary = {token: id for id, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"])}
tokenizer = models.BartTokenizer(vocabulary=vocabulary, merges=["a b"])
backbone = models.BartBackbone(8, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)


def lengths(model):
    preprocessor = model.preprocessor
    return preprocessor.encoder_sequence_length, preprocessor.decoder_sequence_length


translator = models.BartSeq2SeqLM(backbone, models.BartSeq2SeqLMPreprocessor(tokenizer, 20, 6))
translator.save_to_preset("translator")
loaded = models.Seq2SeqLM.from_preset("translator")
print("encoder and decoder length: made with", lengths(translator), "loaded", lengths(loaded))

preprocessor = models.RobertaTextClassifierPreprocessor(models.RobertaTokenizer(vocabulary, ["a b"]), 20)
backbone = models.RobertaBackbone(8, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
models.RobertaTextClassifier(backbone, 2, preprocessor).save_to_preset("classifier")
reloaded = models.TextClassifier.from_preset("classifier").preprocessor.sequence_length
print("classifier's length: made with", preprocessor.sequence_length, "loaded", reloaded)
assert (preprocessor.sequence_length, reloaded) == (20, 20), "the behaviour has changed"
assert lengths(translator) == (20, 6) and lengths(loaded) == (1024, 1024), "the behaviour has changed"
EOF
