"""Fine-tuning on conversations: what is learned of them beside transformers, how they share rows, and a whole run."""

import json

import numpy as np
import pytest

import zoo
from recipes.language_modeling import main
from zoo.data import ConversationBlocks, ConversationTokens
from zoo.errors import UserError

pytest.importorskip("transformers")
pytest.importorskip("torch")

import chat_checkpoint

GENERATION = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}{% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}{% else %}"
    "{{ message.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
COLORS = ["low", "brown", "quick", "中国"]


def conversation(number):
    color = COLORS[number % 4]
    return [
        {"role": "user", "content": f"the fox {number}"},
        {"role": "assistant", "content": f"{color} fox"},
        {"role": "user", "content": "slower"},
        {"role": "assistant", "content": f"{color}er"},
    ][: 2 + 2 * (number % 2)]


def write(path, numbers):
    lines = [json.dumps({"messages": conversation(number)}) + "\n" for number in numbers]
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    chat_checkpoint.write(path, GENERATION)
    return path


@pytest.fixture(scope="module")
def generator(directory):
    return zoo.load(directory)


def test_what_is_learned_is_what_transformers_calls_the_assistants(generator):
    theirs = chat_checkpoint.reference_tokenizer()
    for number in range(4):
        messages = conversation(number)
        expected = theirs.apply_chat_template(
            messages, chat_template=GENERATION, return_dict=True, return_assistant_tokens_mask=True
        )
        found = generator.conversations.tokens(messages)
        # There the line end behind the last answer counts, too.
        length = len(found.token_ids)
        assert found.token_ids.tolist() == expected["input_ids"][:length]
        assert found.learned.astype(int).tolist() == expected["assistant_masks"][:length]
        assert not any(expected["assistant_masks"][length:])


def test_a_template_that_changes_earlier_messages_is_refused(generator):
    template = GENERATION.replace("message.content + '<|im_end|>' }}", "(message.content if loop.last else '') }}")
    changed = type(generator)(
        generator.model, generator.tokenizer, generator.settings, chat_template=template
    ).conversations
    with pytest.raises(UserError, match="writes what comes before message 3 otherwise once it follows"):
        changed.tokens(conversation(1))
    assert changed.tokens(conversation(0)).learned.any()


def test_rows_hold_whole_conversations_and_learn_their_answers():
    generator, conversations = np.random.default_rng(5), []
    for length in generator.integers(2, 14, 60):
        learned = generator.random(length) < 0.1
        learned[-1] = True
        conversations.append(ConversationTokens(generator.integers(1, 99, length).astype(np.int32), learned))
    batches = ConversationBlocks(conversations, block_length=9, batch_size=4, pad_id=0, seed=3)
    for epoch in (0, 1):
        found = []
        for x, labels, weights in batches.epoch(epoch):
            for row in range(4):
                segments = x["segment_ids"][row]
                for segment in np.unique(segments):
                    place = segments == segment
                    tokens, follow = x["token_ids"][row, place], labels[row, place]
                    if tokens.any():
                        np.testing.assert_array_equal(tokens[1:], follow[:-1])
                        found.append((tokens[0], *follow.tolist(), *weights[row, place].tolist()))
                    else:
                        assert not weights[row, place].any()
        expected = [
            (each.token_ids[0], *each.token_ids[1:10].tolist(), *each.learned[1:10].astype(float).tolist())
            for each in conversations
            if each.learned[1:10].any()
        ]
        assert sorted(found) == sorted(expected)
    assert batches.num_conversations + batches.num_left_out == 60 and batches.num_left_out > 0
    assert batches.num_cut == sum(len(each.token_ids) > 10 and each.learned[1:10].any() for each in conversations)
    # Full rows: no more than a quarter of what first-fit decreasing is proved to waste.
    total = sum(min(len(each.token_ids) - 1, 9) for each in conversations if each.learned[1:10].any())
    assert batches.num_batches() * 4 <= 11 / 9 * -(-total // 9) + 1 + 3


def test_a_model_learns_its_answers(directory, tmp_path, capsys):
    train, held_out = write(tmp_path / "train.jsonl", range(48)), write(tmp_path / "val.jsonl", range(4))
    options = "--context 64 --batch-size 4 --total-steps 60 --warmup-steps 6 --learning-rate 1e-2 --weight-decay 0"
    files = ["--pretrained", str(directory), "--train", str(train), "--validation", str(held_out)]
    main(["--variant", "chat", "--directory", str(tmp_path / "run"), *files, *options.split()])
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    output = capsys.readouterr().out
    assert "48 conversations" in output and "answers: nll" in output
    rows = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text("utf-8").splitlines()]
    first = next(row["val_nll"] for row in rows if row["kind"] == "validation")
    assert results["answers"]["nll"] < 0.3 < first
    task = zoo.load(tmp_path / "run")
    asked = [conversation(number)[:1] for number in range(4)]
    assert task.chat(asked, temperature=0.0, max_new_tokens=8) == [f"{color} fox" for color in COLORS]
    # The perplexity is that of the answers alone, each conversation read by itself.
    total = count = 0
    for number in range(4):
        ids, learned = task.conversations.tokens(conversation(number))
        logits = np.array(task.model({"token_ids": ids[None, :-1]}))[0].astype(np.float64)
        log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        chosen = np.take_along_axis(log_probs, ids[1:, None], axis=1)[:, 0]
        total, count = total - chosen[learned[1:]].sum(), count + learned[1:].sum()
    assert results["answers"]["nll"] == pytest.approx(total / count, rel=1e-4)
    assert results["answers"]["tokens"] == count


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a"}', "train.jsonl:1: has no field 'messages'"),
        ('{"messages": "a"}', "train.jsonl:1: 'messages' must be a list of messages"),
        ('{"messages": [{"content": "a"}]}', 'train.jsonl:1: message 0 must be an object with a "role"'),
        ('{"messages": [{"role": "user"}]}', 'train.jsonl:1: message 0 must have a text as its "content"'),
        ('{"messages": [{"role": "user", "content": "a"}]}', "train.jsonl:1: no message is of the assistant"),
    ],
)
def test_bad_files_are_named(line, message, directory, tmp_path, capsys):
    (tmp_path / "train.jsonl").write_text(line + "\n", encoding="utf-8")
    files = ["--train", str(tmp_path / "train.jsonl"), "--validation", str(write(tmp_path / "val.jsonl", [1]))]
    with pytest.raises(SystemExit) as stopped:
        main(["--data", "chat", "--pretrained", str(directory), "--directory", str(tmp_path / "run"), *files])
    assert stopped.value.code == 2 and not (tmp_path / "run").exists()
    assert message in capsys.readouterr().err


def test_chat_needs_a_model_with_a_template(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--variant", "chat", "--train", "a", "--validation", "b", "--directory", str(tmp_path / "run")])
    assert "--data chat needs --pretrained" in capsys.readouterr().err
