#!/bin/sh
# transformers 5.24.0: a special token of an older BERT folder is read as an ordinary word.
#
# Folders saved by older versions keep a token that the user added in added_tokens.json and name it under
# additional_special_tokens in special_tokens_map.json. 5.24.0 lists such a token in `all_special_tokens`, yet adds it
# as one that is normalized and not special: in an uncased model the ordinary text "[e1]" becomes the special token,
# and decoding with skip_special_tokens=True keeps it. 4.57.1 did neither. (5.x renames the key to
# extra_special_tokens, but before it reads the file; with the new name in the file the token is special.)
#
# Run with Python 3.11 on Linux x86-64: transformers 4.57.1 with tokenizers 0.22.1, 5.24.0 with 0.23.3. Output:
#   4.57.1 listed: True "[e1] paris" is read as ['[', 'e', '##1', ']', 'paris'] "[E1] paris" decodes to 'paris'
#   5.24.0 listed: True "[e1] paris" is read as ['[e1]', 'paris'] "[E1] paris" decodes to '[e1] paris'
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
mkdir model
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' paris '[' ']' e '##1' >model/vocab.txt
echo '{"model_type": "bert"}' >model/config.json
echo '{"tokenizer_class": "BertTokenizer", "do_lower_case": true}' >model/tokenizer_config.json
echo '{"[E1]": 10}' >model/added_tokens.json
echo '{"unk_token": "[UNK]", "additional_special_tokens": ["[E1]"]}' >model/special_tokens_map.json
for versions in "transformers==4.57.1 tokenizers==0.22.1" "transformers==5.24.0 tokenizers==0.23.3"; do
    venv/bin/python -m pip install --quiet $versions
    venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
import transformers

tokenizer = transformers.AutoTokenizer.from_pretrained("model")
listed = "[E1]" in tokenizer.all_special_tokens
tokens = tokenizer.tokenize("[e1] paris")
ids = tokenizer("[E1] paris")["input_ids"]
text = tokenizer.decode(ids, skip_special_tokens=True)
print(transformers.__version__, "listed:", listed, '"[e1] paris" is read as', tokens, '"[E1] paris" decodes to', repr(text))
assert listed and 10 in ids, "the behaviour has changed"
if transformers.__version__ == "4.57.1":
    assert (tokens, text) == (["[", "e", "##1", "]", "paris"], "paris"), "the behaviour has changed"
else:
    assert (tokens, text) == (["[e1]", "paris"], "[e1] paris"), "the behaviour has changed"
EOF
done
