"""Writes synthetic Chinese CoNLL files, a character a line: sentences of news and everyday life with made-up names.

Public Chinese entity data may not be passed on, so this shows that the line works, and not how good a model is on real
text. Names are put together from surnames, given names, syllables of places and words of trades; those of the test file
occur in no other, so that a recognizer has to know them by what stands around them and how they are built.

    python tests/benchmarks/chinese_entities.py data
    python -m recipes.ner --train data/train.conll --test data/test.conll --directory runs/chinese
    python -m export runs/chinese serving/chinese
    python -m export.ask serving/chinese "昨天王建国从青河市来到远大电子公司。"
"""

import random
import sys
from pathlib import Path

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰春梅文辉建国志红晓东海燕宇航子轩雨涵思远嘉怡浩然梓萱"
PLACE_FIRST = "青远长安临永新清南北东西高平兴广福泉江山云石金银龙凤海天乐宁德昌"
PLACE_SECOND = "河山州阳城江海门川陵原湖岭林泉桥台溪浦岗"
PLACE_KINDS = ("市", "县", "省", "区", "镇", "村")
FIRM_FIRST = (
    "远大",
    "中兴",
    "华美",
    "天成",
    "金龙",
    "东方",
    "新世纪",
    "长城",
    "宏达",
    "万通",
    "光明",
    "星海",
    "国泰",
    "恒通",
)
FIRM_TRADES = ("电子", "钢铁", "食品", "医药", "汽车", "软件", "纺织", "航空", "能源", "建筑", "出版", "保险")
FIRM_KINDS = ("公司", "集团", "银行", "大学", "研究所", "医院")
SENTENCES = (
    "{PER}昨天从{LOC}来到{LOC}。",
    "{ORG}的经理{PER}在会上说，今年的产量增加了{NUM}%。",
    "记者{PER}从{LOC}报道。",
    "{LOC}今天下了大雨，最高气温{NUM}度。",
    "{ORG}宣布将在{LOC}开设新的办事处。",
    "{PER}和{PER}是{ORG}的同事。",
    "据{ORG}介绍，该项目投资{NUM}万元。",
    "我的朋友{PER}住在{LOC}。",
    "{NUM}年，{PER}考上了{ORG}。",
    "他在{ORG}工作了{NUM}年，后来搬到{LOC}去了。",
    "{LOC}的春天很美，游客很多。",
    "{PER}老师对学生们很好。",
    "今天的会议由{PER}主持，{ORG}派人参加。",
    "从{LOC}到{LOC}的火车每天有{NUM}班。",
    "天气很好，我们去公园散步吧。",
    "这本书我已经看了{NUM}遍，非常有意思。",
    "请问去火车站怎么走？",
    "{ORG}与{ORG}签订了合作协议。",
    "Windows {NUM}系统在{ORG}使用。",
)


def names(generator, count):
    """Made-up names by label, `count` different ones each, in a random order."""

    def person():
        return generator.choice(SURNAMES) + "".join(generator.sample(GIVEN, generator.choice((1, 2, 2))))

    def place():
        return generator.choice(PLACE_FIRST) + generator.choice(PLACE_SECOND) + generator.choice(PLACE_KINDS)

    def firm():
        return generator.choice(FIRM_FIRST) + generator.choice(FIRM_TRADES) + generator.choice(FIRM_KINDS)

    found = {}
    for label, make in (("PER", person), ("LOC", place), ("ORG", firm)):
        different = {}
        while len(different) < count:
            different[make()] = None
        found[label] = list(different)
    return found


def sentence(generator, known):
    """One sentence as a list of (character, tag); a number or Latin word is one token, as such files have it."""
    rows = []
    template = generator.choice(SENTENCES)
    while template:
        if template[0] == "{":
            label, _, template = template[1:].partition("}")
            if label == "NUM":
                rows.append((str(generator.randrange(1, 2030)), "O"))
                continue
            for index, character in enumerate(generator.choice(known[label])):
                rows.append((character, ("I-" if index else "B-") + label))
        elif template[0].isascii() and template[0].isalpha():
            word = template.split(" ")[0]
            rows.append((word, "O"))
            template = template[len(word) + 1 :]
        else:
            rows.append((template[0], "O"))
            template = template[1:]
    return rows


def write(directory, train=2000, test=300, seed=1):
    """Writes train.conll and test.conll, whose names differ."""
    generator = random.Random(seed)
    known = names(generator, 800)
    directory.mkdir(parents=True, exist_ok=True)
    for name, count, share in (("train", train, slice(0, 600)), ("test", test, slice(600, None))):
        some = {label: each[share] for label, each in known.items()}
        with (directory / f"{name}.conll").open("w", encoding="utf-8") as file:
            for _ in range(count):
                file.writelines(f"{token} {tag}\n" for token, tag in sentence(generator, some))
                file.write("\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
