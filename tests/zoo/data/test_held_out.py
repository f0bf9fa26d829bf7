import pytest

from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.classified_text import ClassifiedText
from zoo.data.readers.entities import Entity, EntityText
from zoo.errors import UserError


def texts(*labels):
    return [ClassifiedText(str(number), each, f"f.csv:{number}") for number, each in enumerate(labels, 2)]


def test_hold_out():
    all_texts = texts(*([("x",)] * 40 + [("y",)] * 10 + [("z",)] * 4 + [("w",)]))
    training, validation = hold_out(all_texts, 0.2)
    assert [sum(text.labels == (label,) for text in validation) for label in "xyzw"] == [8, 2, 0, 0]
    assert sorted(training + validation, key=lambda text: int(text.text)) == all_texts
    assert [int(text.text) - 1 for text in validation if text.labels == ("x",)] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert len(hold_out(texts(("x",), ("x",)), 0.9)[0]) == 1
    with pytest.raises(UserError, match="between 0 and 1"):
        hold_out(all_texts, 1)


def test_rare_labels_are_held_out_together_and_none_is_lost():
    # 59 labels of 3 or 4 texts each: a tenth of the 180 texts, though no label has ten.
    everything = texts(*[(f"label {number % 59}",) for number in range(180)])
    training, validation = hold_out(everything)
    assert len(validation) == 18
    assert {text.labels for text in training} == {text.labels for text in everything}
    assert len({text.labels for text in validation}) > 6


def test_one_text_is_held_out_where_a_tenth_is_less():
    training, validation = hold_out(texts(("x",), ("x",), ("y",), ("y",)))
    assert (len(training), len(validation)) == (3, 1)


def test_sets_of_labels_that_occur_once_each():
    everything = texts(*[(f"a{number % 3}", f"b{number % 7}", f"c{number % 11}") for number in range(100)])
    training, validation = hold_out(everything)
    assert len(validation) == 10
    assert {label for text in training for label in text.labels} == {label for t in everything for label in t.labels}


@pytest.mark.parametrize("labels", [[("x",), ("y",), ("z",)], [("x",)], []])
def test_no_text_to_spare(labels):
    with pytest.raises(UserError, match=r"no label has enough texts to hold out a tenth .* give .*--validation"):
        hold_out(texts(*labels))


def test_entities_of_a_rare_label_stay_in_training():
    everything = [EntityText("Rome", (Entity(0, 4, "place"),)) for _ in range(30)]
    everything += [EntityText("nothing") for _ in range(30)]
    everything.insert(29, EntityText("ACME", (Entity(0, 4, "firm"),)))
    training, validation = hold_out(everything, labels_of=lambda text: tuple(each.label for each in text.entities))
    assert len(validation) == 6 and sum(bool(text.entities) for text in validation) == 3
    assert any(text.text == "ACME" for text in training)
