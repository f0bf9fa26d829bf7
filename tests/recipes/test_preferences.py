"""Direct preference optimisation: loss and scores beside PyTorch and transformers, and files that are refused."""

import json

import numpy as np
import pytest

import zoo
from recipes.language_modeling import main
from zoo.checkpoints.hugging_face import save_hugging_face
from zoo.data import ConversationTokens, PreferenceBatches
from zoo.errors import UserError
from zoo.training import DirectPreferenceLoss, PreferenceNegativeLogLikelihood, RewardAccuracy, RewardMargin

pytest.importorskip("torch")
pytest.importorskip("transformers")

import chat_checkpoint
import torch
import transformers

GOOD, BAD = ["low", "brown", "quick", "中国"], ["slower", "fox", "jumps", "café"]


def messages(number):
    return [{"role": "user", "content": f"the fox {number}"}]


def answer(text):
    return [{"role": "assistant", "content": text}]


def row(number):
    """All forms in turn: messages, whole conversations, and texts."""
    good, bad, asked = GOOD[number % 4], BAD[number % 4], messages(number)
    if number % 3 == 0:
        return {"prompt": asked, "chosen": answer(good), "rejected": answer(bad)}
    if number % 3 == 1:
        earlier = [*messages(7), *answer("quick"), *asked]
        return {"chosen": earlier + answer(good), "rejected": earlier + answer(bad)}
    return {"prompt": f"the fox {number}:", "chosen": f" {good}", "rejected": f" {bad}"}


def write(path, numbers):
    path.write_text("".join(json.dumps(row(number)) + "\n" for number in numbers), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    chat_checkpoint.write(path)
    return path


def test_loss_and_gradient_are_those_of_the_formula():
    generator = np.random.default_rng(3)
    references, log_probs = (generator.normal(-20, 5, size=(9, 2)).astype("float32") for _ in range(2))
    weights = np.array([1] * 7 + [0] * 2, "float32")
    theirs = torch.tensor(log_probs, requires_grad=True)
    ratios = theirs - torch.tensor(references)
    expected = -torch.nn.functional.logsigmoid(0.3 * (ratios[:, 0] - ratios[:, 1]))[:7].mean()
    expected.backward()
    loss = DirectPreferenceLoss(0.3)
    assert float(loss(references, log_probs, weights)) == pytest.approx(expected.item(), rel=1e-5)
    step = 1e-2
    for place in np.ndindex(7, 2):
        moved = [log_probs.copy() for _ in range(2)]
        moved[0][place] += step
        moved[1][place] -= step
        slope = (float(loss(references, moved[0], weights)) - float(loss(references, moved[1], weights))) / (2 * step)
        assert slope == pytest.approx(float(theirs.grad[place]), abs=2e-4)
    margins = 0.3 * ((log_probs - references)[:7] @ [1, -1])
    for metric, value in ((RewardAccuracy(0.3), (margins > 0).mean()), (RewardMargin(0.3), margins.mean())):
        metric.update_state(references, log_probs, weights)
        assert float(metric.result()) == pytest.approx(value, rel=1e-5, abs=1e-6)
        assert type(metric).from_config(metric.get_config()).beta == 0.3
    metric = PreferenceNegativeLogLikelihood(0.3)
    metric.update_state(references, log_probs, weights)
    assert float(metric.result()) == pytest.approx(expected.item(), rel=1e-5)
    with pytest.raises(UserError, match="beta must be above 0"):
        DirectPreferenceLoss(0.0)


def test_batches_hold_whole_pairs_and_their_references():
    def text(length):
        return ConversationTokens(np.arange(1, length + 1, dtype=np.int32), np.arange(length) >= length - 2)

    pairs = [(text(length), text(length + 1)) for length in (3, 5, 40, 4, 6)]
    batches = PreferenceBatches(pairs, batch_size=3, max_length=30, pad_id=0, seed=1)
    assert (len(batches), batches.num_left_out, batches.num_batches()) == (4, 1, 2)
    batches.references = np.arange(8, dtype=np.float32).reshape(4, 2)
    seen = []
    for x, references, weights in batches.epoch(1):
        assert x["token_ids"].shape == x["labels"].shape == x["learned"].shape == (3, 2, 30)
        for place in np.flatnonzero(weights):
            lengths = [np.count_nonzero(x["labels"][place, k]) + 1 for k in (0, 1)]
            assert x["learned"][place].sum(axis=1).tolist() == [2, 2] and lengths[1] == lengths[0] + 1
            assert x["learned"][place, 1, lengths[1] - 3 : lengths[1] - 1].all()
            seen.append((lengths[0], *references[place].tolist()))
    assert sorted(seen) == [(3, 0, 1), (4, 4, 5), (5, 2, 3), (6, 6, 7)]
    with pytest.raises(UserError, match="none has both texts within 3 tokens"):
        PreferenceBatches(pairs, batch_size=3, max_length=2, pad_id=0)


def their_log_prob(model, before, after):
    """Log-probability of tokens behind others, by transformers' model in float64."""
    with torch.no_grad():
        logits = model(torch.tensor([[*before, *after]])).logits[0].double()
    log_probs = torch.log_softmax(logits, -1)[len(before) - 1 : -1]
    return float(log_probs[torch.arange(len(after)), torch.tensor(after)].sum())


def test_a_model_learns_what_is_preferred(directory, tmp_path, capsys):
    """The scores are those of the formula, of answers that transformers' renderer, tokenizer and model give."""
    train, held_out = write(tmp_path / "train.jsonl", range(48)), write(tmp_path / "val.jsonl", range(48, 57))
    options = "--context 96 --batch-size 8 --total-steps 40 --warmup-steps 4 --learning-rate 3e-3 --dpo-beta 0.2"
    files = ["--pretrained", str(directory), "--train", str(train), "--validation", str(held_out)]
    main(["--variant", "preferences", "--directory", str(tmp_path / "run"), *files, *options.split()])
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    output = capsys.readouterr().out
    assert "48 preferences" in output and "rewards of chosen answers higher in" in output
    task = zoo.load(tmp_path / "run")
    save_hugging_face(task.model, tmp_path / "after", end_token_id=2, begin_token_id=None)
    models = [transformers.AutoModelForCausalLM.from_pretrained(path) for path in (directory, tmp_path / "after")]
    tokenizer = chat_checkpoint.reference_tokenizer()
    margins = []
    for number in range(48, 57):
        said = row(number)
        log_probs = []
        for key in ("chosen", "rejected"):
            if isinstance(said[key], str):
                before, after = (tokenizer(text)["input_ids"] for text in (said["prompt"], said[key]))
                after = [*after, tokenizer.eos_token_id]
            else:
                whole = [*said.get("prompt", []), *said[key]]
                before = tokenizer.apply_chat_template(whole[:-1], add_generation_prompt=True, return_dict=False)
                after = [*tokenizer(whole[-1]["content"])["input_ids"], tokenizer.eos_token_id]
            log_probs.append([their_log_prob(model, before, after) for model in models])
        (chosen_before, chosen), (rejected_before, rejected) = log_probs
        margins.append(0.2 * ((chosen - chosen_before) - (rejected - rejected_before)))
    margins = np.array(margins)
    scores = results["scores"]
    assert scores["nll"] == pytest.approx(np.log1p(np.exp(-margins)).mean(), rel=1e-3, abs=1e-5)
    assert scores["reward_margin"] == pytest.approx(margins.mean(), rel=1e-3)
    assert scores["reward_accuracy"] == pytest.approx((margins > 0).mean())
    assert scores["reward_accuracy"] == 1.0 and scores["nll"] < 0.2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "a", "chosen": "b"}', "train.jsonl:1: has no field 'rejected'"),
        ('{"chosen": "b", "rejected": "c"}', "train.jsonl:1: has no field 'prompt'"),
        ('{"prompt": "a", "chosen": "b", "rejected": "b"}', "train.jsonl:1: 'chosen' and 'rejected' are the same"),
        ('{"prompt": "a", "chosen": "b", "rejected": " "}', "train.jsonl:1: field 'rejected' is empty"),
        ('{"prompt": "a", "chosen": "b", "rejected": 3}', "train.jsonl:1: field 'rejected' must be text, not a number"),
        (
            '{"prompt": "a", "chosen": [{"role": "assistant", "content": "b"}], "rejected": []}',
            "must be a list of messages as",
        ),
        ('{"chosen": [{"content": "b"}], "rejected": []}', "message 0 of 'chosen' must be an object with a"),
        (
            '{"chosen": [{"role": "user", "content": "b"}], "rejected": []}',
            "'chosen' must end with a message of the assis",
        ),
    ],
)
def test_bad_files_are_named(line, message, directory, tmp_path, capsys):
    (tmp_path / "train.jsonl").write_text(line + "\n", encoding="utf-8")
    files = ["--train", str(tmp_path / "train.jsonl"), "--validation", str(write(tmp_path / "val.jsonl", [1]))]
    with pytest.raises(SystemExit) as stopped:
        main(["--data", "preferences", "--pretrained", str(directory), "--directory", str(tmp_path / "run"), *files])
    assert stopped.value.code == 2 and not (tmp_path / "run").exists()
    assert message in capsys.readouterr().err
