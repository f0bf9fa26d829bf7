"""Every command and every program in the README runs, in the order given, on smaller settings."""

import importlib
import json
import re
import shlex
import subprocess
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from commands import run_python
from fine_tuning_data import write_classes, write_conll
from tiny_checkpoints import TARGET_WORDS, sentences, write_bart, write_marian
from tiny_sentencepiece import write_mbart, write_t5

from zoo.data.datasets.sample_corpus import sample_pairs

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FEW_STEPS = "--total-steps 4 --warmup-steps 2 --validate-every-steps 4 --checkpoint-every-steps 4"
SMALL = f"{FEW_STEPS} --validation-bleu-lines 2"
# Models that have learnt little write until they may no longer, so they may not for long.
SMALLER_MODEL = "--size tiny --num-layers 1 --num-beams 3 --max-length 32"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


def run(arguments, directory):
    done = run_python(arguments, directory)
    assert done.returncode == 0, f"python {shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A directory in which the README's recipe and export commands have run."""
    directory = tmp_path_factory.mktemp("readme")
    for name, pairs in (("train", sample_pairs(600, seed=3)), ("val", sample_pairs(20, seed=4))):
        for side, language in enumerate(("en", "de")):
            text = "".join(pair[side] + "\n" for pair in pairs)
            (directory / f"{name}.{language}").write_text(text, encoding="utf-8")
    run_module(find("recipes.translation", "runs/translation"), directory)
    for name, column in (("sources.en", 0), ("references.de", 1)):
        text = "".join(pair[column] + "\n" for pair in sample_pairs(40, seed=6))
        (directory / name).write_text(text, encoding="utf-8")
    assert "published" in run_module(find("export", "serving/translation"), directory)
    for name, count, seed in (("corpus.txt", 400, 7), ("heldout.txt", 40, 8)):
        text = "".join(pair[0] + "\n" for pair in sample_pairs(count, seed=seed))
        (directory / name).write_text(text, encoding="utf-8")
    run_module(find("recipes.language_modeling", "runs/generator"), directory)
    write_conll(directory / "train.conll", 40, 1)
    write_conll(directory / "val.conll", 10, 2)
    write_classes(directory / "train.csv", 1)
    write_hugging_face(directory / "bert-base-cased")
    run_module(find("recipes.ner", "runs/ner"), directory)
    return directory


def write_hugging_face(directory):
    """A BERT of random weights, as transformers saves it."""
    import transformers

    letters = [prefix + chr(code) for code in range(33, 127) for prefix in ("", "##")]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    sizes = dict(hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1)
    config = transformers.BertConfig(vocab_size=len(vocabulary), **sizes, max_position_embeddings=128)
    transformers.BertModel(config).save_pretrained(directory)
    (directory / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    (directory / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')


def find(module, *words):
    """The one README command that runs a module with all of the words in it."""
    found = [argv for argv in commands() if argv[:3] == ["python", "-m", module] and set(words) <= set(argv)]
    assert len(found) == 1, (module, words, found)
    return found[0]


def run_module(argv, directory):
    extra = []
    if argv[2] == "recipes.translation":
        model = "--max-length 40 --num-beams 3" if "--pretrained" in argv else SMALLER_MODEL
        extra = f"{SMALL} {model}".split()
    if argv[2] in ("recipes.ner", "recipes.text_classification"):
        extra = ["--epochs", "1"]
    if argv[2] == "recipes.language_modeling":
        extra = f"{FEW_STEPS} --vocabulary-size 300 --num-layers 1 --hidden-dim 16 --num-heads 2 --context 64".split()
    if argv[2] == "recipes.summarization":
        extra = f"{FEW_STEPS} --vocabulary-size 400 --size tiny --num-layers 1 --validation-rouge-texts 2".split()
        extra += ["--schedule", "cosine"]
    if argv[2] == "recipes.pretraining":
        extra = f"{FEW_STEPS} --vocabulary-size 300 --batch-size 4 --sequence-length 32".split()
    return run([*argv[1:], *extra], directory)


def test_every_command_is_one_that_is_tested_here():
    tested = {
        "make demo",
        "make test",
        "pip install -e",
        "python -m recipes.translation",
        "python -m recipes.ner",
        "python -m recipes.text_classification",
        "python -m recipes.pretraining",
        "python -m recipes.language_modeling",
        "python -m recipes.summarization",
        "python -m export",
        "docker run -p",
        "curl -d {",
        "python -m export.serve",
        "python -m export.ask",
        "python -m zoo.metrics",
        "python -m zoo.convert",
    }
    assert {" ".join(argv[:3])[: len(shown)] for argv in commands() for shown in tested} & tested == tested
    for argv in commands():
        line = " ".join(argv)
        assert any(line.startswith(known) for known in tested), f"no test runs: {line}"


def test_make_targets_exist():
    for argv in commands():
        if argv[0] == "make":
            shown = subprocess.run(["make", "--dry-run", argv[1]], cwd=ROOT, capture_output=True, text=True, check=True)
            assert "python" in shown.stdout


def test_extras_are_declared():
    declared = metadata.metadata("keras-transformer-zoo").get_all("Provides-Extra")
    (install,) = [argv for argv in commands() if argv[:2] == ["pip", "install"]]
    extras = re.search(r"\[(.*)\]", install[-1]).group(1).split(",")
    assert set(extras) <= set(declared)


def test_own_data(workplace):
    output = run_module(find("recipes.translation", "runs/mine"), workplace)
    assert "validation: 20 sentences" in output


def test_devices_are_shown_and_a_batch_is_trained_on_in_parts(workplace):
    output = run_module(find("recipes.translation", "--dry-run"), workplace)
    assert "devices" in output and "4, " in output and not (workplace / "runs/dry/checkpoints").exists()
    run_module(find("recipes.translation", "--accumulate-steps"), workplace)
    assert (workplace / "runs/parts/results.json").is_file()


def test_ask_prints_the_answers_of_both_protocols(workplace):
    output = run_module(find("export.ask", "In Vienna it was 15 degrees."), workplace)
    assert output.count("  REST  {") == output.count("  gRPC  {") == 2
    assert output.rstrip().endswith("server stopped")


def test_the_local_server_is_given_the_exported_directory(workplace):
    argv = find("export.serve")
    assert (workplace / argv[3] / "1" / "saved_model.pb").is_file()
    assert "--rest-port" in run([*argv[1:], "--help"], workplace)


def test_docker_and_curl_name_what_was_exported(workplace):
    (docker,) = [argv for argv in commands() if argv[0] == "docker"]
    guide = (workplace / "serving/translation/serving.md").read_text(encoding="utf-8")
    assert docker[-1] in guide and "MODEL_NAME=translation" in docker
    (curl,) = [argv for argv in commands() if argv[0] == "curl" and "translation" in argv[-1]]
    assert curl[-1] in guide


def test_a_file_is_asked_and_scored_as_python_would(workplace):
    import zoo

    assert "40 texts" in run_module(find("export.ask", "--input-file"), workplace)
    sources = (workplace / "sources.en").read_text(encoding="utf-8").splitlines()
    expected = [text.replace("\n", " ") for text in zoo.load(workplace / "runs/translation")(sources)]
    for protocol in ("rest", "grpc"):
        assert (workplace / f"served/{protocol}.txt").read_text(encoding="utf-8").split("\n") == [*expected, ""]
    assert "BLEU" in run_module(find("zoo.metrics"), workplace)


def test_fine_tuning_and_exporting_entities(workplace):
    assert "accuracy" in run_module(find("recipes.text_classification", "runs/intents"), workplace)
    assert "published" in run_module(find("export", "runs/ner"), workplace)
    guide = (workplace / "serving/ner/serving.md").read_text(encoding="utf-8")
    (curl,) = [argv for argv in commands() if argv[0] == "curl" and "models/ner:" in argv[-1]]
    assert curl[-1] in guide


def test_pretraining(workplace):
    assert "[MASK]" in run_module(find("recipes.pretraining"), workplace)


def test_generators_are_trained_and_exported_with_their_scores(workplace):
    assert "published" in run_module(find("export", "runs/generator"), workplace)
    guide = (workplace / "serving/generator/serving.md").read_text(encoding="utf-8")
    (curl,) = [argv for argv in commands() if argv[0] == "curl" and "generator" in argv[-1]]
    assert curl[-1] in guide
    sample = json.loads((workplace / "serving/generator/request_score.json").read_text(encoding="utf-8"))
    asked = json.loads(curl[2])
    assert sample.keys() == asked.keys() and sample["instances"][0].keys() == asked["instances"][0].keys()


def test_summarizers(workplace):
    for name, count, seed in (("texts", 100, 3), ("heldout", 10, 4)):
        rows = ({"text": f"{one} {other}", "summary": other} for one, other in sample_pairs(count, seed=seed))
        (workplace / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert "rougeLsum" in run_module(find("recipes.summarization", "runs/summaries"), workplace)


def test_translators_and_summarizers_of_other_programs(workplace):
    write_marian(workplace / "opus-mt-en-de")
    write_bart(workplace / "bart-large-cnn")
    for name, preset, task in (
        ("opus-mt-en-de", "presets/en-de", "Translator"),
        ("bart-large-cnn", "presets/summaries", "Summarizer"),
    ):
        assert f"a preset of {task}" in run_module(find("zoo.convert", name), workplace)
        assert "published" in run_module(find("export", preset), workplace)
    for name, count in (("medical", 30), ("medical-heldout", 4)):
        pairs = zip(sentences(count, seed=3), sentences(count, TARGET_WORDS, seed=4), strict=True)
        text = "".join(f"{source}\t{target}\n" for source, target in pairs)
        (workplace / f"{name}.tsv").write_text(text, encoding="utf-8")
    assert "validation: 4 sentences" in run_module(find("recipes.translation", "presets/en-de"), workplace)
    write_mbart(workplace / "mbart-large-50-many-to-many-mmt", "mbart50")
    assert "a preset of Translator" in run_module(find("zoo.convert", "--target-language"), workplace)
    write_t5(workplace / "t5-small")
    assert "a preset of Summarizer" in run_module(find("zoo.convert", "--source-prefix"), workplace)


def test_converting_there_and_back(workplace):
    assert "a Hugging Face directory" in run_module(find("zoo.convert", "--to"), workplace)
    assert "a preset of EntityRecognizer" in run_module(find("zoo.convert", "presets/ner"), workplace)


@pytest.mark.parametrize(
    ("recipe", "variant"),
    [
        ("translation", "multi30k"),
        ("translation", "multi30k-lowercase"),
        ("translation", "multi30k-lowercase-restart"),
        ("translation", "multi30k-one-hour"),
        ("ner", "wnut17"),
        ("text_classification", "banking77"),
        ("language_modeling", "shakespeare"),
        ("language_modeling", "shakespeare-large"),
        ("summarization", "dialogsum"),
        ("summarization", "dialogsum-decoder"),
    ],
)
def test_variants_parse(recipe, variant):
    argv = find(f"recipes.{recipe}", variant)
    config = importlib.import_module(f"recipes.{recipe}.config")
    pretrained = {"pretrained": Path(argv[-1])} if "--pretrained" in argv else {}
    assert config.parse_command_line(argv[3:]) == replace(config.VARIANTS[variant](), **pretrained)


def test_python_programs_run(workplace):
    programs = blocks("python")
    assert len(programs) == 3
    for program in programs:
        run(["-c", program], workplace)
    assert (workplace / "serving/python/1/saved_model.pb").is_file()
    assert (workplace / "my_preset/config.json").is_file()
    loading = "import keras, zoo; print(keras.saving.load_model('model.keras').count_params())"
    assert int(run(["-c", loading], workplace).split()[-1]) > 100_000


def test_the_code_map_names_what_is_there():
    rooms = re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE)
    assert len(rooms) > 10
    for room in rooms:
        assert (ROOT / room).exists(), room
