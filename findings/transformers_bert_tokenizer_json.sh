#!/bin/sh
# transformers 5.24.0: AutoTokenizer does not follow a BERT model's tokenizer.json.
#
# A folder holds config.json with model_type "bert" and a tokenizer.json with an empty normalizer that splits at
# whitespace only, so "Paris" and "a-b" are tokens. AutoTokenizer takes the vocabulary from that file and puts BERT's own
# normalizer and pre-tokenizer in place of the file's: texts are lower-cased and split at punctuation, with no warning.
# A tokenizer_config.json that only names BertTokenizer does not help. 4.57.1 followed the file, and so does the
# tokenizers package.
#
# Run with Python 3.11 on Linux x86-64: transformers 4.57.1 with tokenizers 0.22.1, 5.24.0 with 0.23.3. Output:
#   4.57.1 the file itself: ['Paris', 'a-b'] AutoTokenizer: ['Paris', 'a-b'] BertTokenizer named: ['Paris', 'a-b']
#   5.24.0 the file itself: ['Paris', 'a-b'] AutoTokenizer: ['paris', 'a', '-', 'b'] BertTokenizer named: ['paris', 'a', '-', 'b']
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
for versions in "transformers==4.57.1 tokenizers==0.22.1" "transformers==5.24.0 tokenizers==0.23.3"; do
    venv/bin/python -m pip install --quiet $versions
    rm -rf model && mkdir model
    venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
import json
from pathlib import Path

import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Paris", "paris", "a-b", "a", "-", "b"]
tokenizer = Tokenizer(models.WordPiece({token: id for id, token in enumerate(vocabulary)}, unk_token="[UNK]"))
tokenizer.normalizer = normalizers.Sequence([])
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer.save("model/tokenizer.json")
Path("model/config.json").write_text(json.dumps({"model_type": "bert"}))
of_file = tokenizer.encode("Paris a-b").tokens
of_auto = transformers.AutoTokenizer.from_pretrained("model").tokenize("Paris a-b")
Path("model/tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
of_named = transformers.AutoTokenizer.from_pretrained("model").tokenize("Paris a-b")
print(transformers.__version__, "the file itself:", of_file, "AutoTokenizer:", of_auto, "BertTokenizer named:", of_named)
seen = of_file if transformers.__version__ == "4.57.1" else ["paris", "a", "-", "b"]
assert of_file == ["Paris", "a-b"] and of_auto == of_named == seen, "the behaviour has changed"
EOF
done
