#!/bin/sh
# sentencepiece from 0.2.2 on: the same model gives other ids where two segmentations are equally probable.
#
# "????" can be spelled "???", "?" or "?", "???", whose probabilities are the same but for the rounding of a sum. With the
# three scores below, which are those of T5's vocabulary, 0.2.1 takes the first and 0.2.3 the second, as it does with
# T5's own model file. The file, the text and its normalisation are the same. TensorFlow Text 2.21 takes the first, so
# the tokenizer in a served graph and the Python package differ on such texts: in 7 of 24,000 odd texts with two models.
#
# Run with Python 3.11 on Linux x86-64: sentencepiece 0.2.1 and 0.2.3, protobuf 6.33.2. Output:
#   0.2.1 ['▁', '???', '?']
#   0.2.3 ['▁', '?', '???']
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet sentencepiece==0.2.1 protobuf==6.33.2
venv/bin/python - <<'EOF'
from sentencepiece import sentencepiece_model_pb2

SCORES = {"\u2581": -2.0122928619384766, "?": -6.585887432098389, "???": -11.547683715820312}
model = sentencepiece_model_pb2.ModelProto()
model.trainer_spec.model_type = model.trainer_spec.UNIGRAM
model.trainer_spec.unk_id, model.trainer_spec.bos_id, model.trainer_spec.eos_id = 0, -1, -1
model.normalizer_spec.name = "identity"
unknown = model.pieces.add(piece="<unk>", score=0.0)
unknown.type = unknown.UNKNOWN
for piece, score in SCORES.items():
    model.pieces.add(piece=piece, score=score)
open("ties.model", "wb").write(model.SerializeToString())
EOF
for version in 0.2.1 0.2.3; do
    venv/bin/python -m pip install --quiet "sentencepiece==$version"
    venv/bin/python - <<'EOF'
import sentencepiece

pieces = sentencepiece.SentencePieceProcessor(model_file="ties.model").encode("????", out_type=str)
print(sentencepiece.__version__, ascii(pieces))
expected = ["\u2581", "???", "?"] if sentencepiece.__version__ == "0.2.1" else ["\u2581", "?", "???"]
assert pieces == expected, "the behaviour has changed"
EOF
done
