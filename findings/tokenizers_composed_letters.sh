#!/bin/sh
# tokenizers 0.23.3: with the NFC normaliser, the place of a word leaves out the accents that were composed.
#
# A text may hold "é" as the letter e and a combining accent, as names of files and texts from macOS often do. A
# tokenizer with the normaliser NFC, such as ModernBERT's, reads both as one letter. Offsets say which part of the text
# a token came from, so that of a word at the end of which a letter was composed should reach behind the accent. It
# ends before it: the accent belongs to no token, and a word or an entity that is cut out of the text by its offsets
# has lost it. With NFD, which leaves this text as it is, every character belongs to a token.
#
# Run with Python 3.11 on Linux x86-64: tokenizers 0.23.3. Output:
#   NFC  tokens ['CafÃ©', 'Ġis', 'Ġopen'] cut out ['Cafe', ' is', ' open'] without a token ['\u0301']
#   NFKC tokens ['CafÃ©', 'Ġis', 'Ġopen'] cut out ['Cafe', ' is', ' open'] without a token ['\u0301']
#   NFD  tokens ['Cafe', 'Ìģ', 'Ġis', 'Ġopen'] cut out ['Cafe', '\u0301', ' is', ' open'] without a token []
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet tokenizers==0.23.3
venv/bin/python - <<'EOF'
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

text = "Cafe\N{COMBINING ACUTE ACCENT} is open"
found = {}
for name in ("NFC", "NFKC", "NFD"):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = getattr(normalizers, name)()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text] * 5, trainer)
    encoded = tokenizer.encode(text)
    parts = [text[start:end] for start, end in encoded.offsets]
    covered = {place for start, end in encoded.offsets for place in range(start, end)}
    found[name] = [each for place, each in enumerate(text) if place not in covered]
    print(f"{name:<4} tokens {encoded.tokens} cut out {ascii(parts)} without a token {ascii(found[name])}")
accent = "\N{COMBINING ACUTE ACCENT}"
assert found == {"NFC": [accent], "NFKC": [accent], "NFD": []}, "the behaviour has changed"
EOF
