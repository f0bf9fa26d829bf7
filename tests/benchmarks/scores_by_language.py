"""BLEU, chrF and ROUGE of identical, near and disjoint texts in nine languages, beside references. Some seconds.

    python tests/benchmarks/scores_by_language.py      # needs the extras ja and ko; prints a table in Markdown

The references are, for BLEU, sacreBLEU with the tokenizer that its own command takes for the target language, and
characters for Thai; for English ROUGE, rouge-score with its stemmer; for ROUGE in other languages, counts after the
definition (Lin 2004) over words that blanks part, or over characters in Chinese, Japanese and Thai. Every score is
computed twice, with the language given and without. The exit status is 1 if a score differs from its reference.
"""

import sys
from collections import Counter

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from zoo.errors import UserError, command_line
from zoo.metrics import bleu, chrf, rouge
from zoo.metrics.bleu_tokenizers import check_bleu_tokenizer

# Sentences, and a word of theirs with what stands in its place in the near texts.
TEXTS = {
    "en": (["The weather is very fine today.", "Yesterday she was buying two new books."], "fine", "bad"),
    "de": (["Das Wetter ist heute sehr schön.", "Für drei Bücher zahlte sie gestern zwölf Euro."], "schön", "trüb"),
    "ru": (["Сегодня очень хорошая погода.", "Вчера она купила две новые книги."], "хорошая", "плохая"),
    "zh": (["今天天气很好，我们去公园玩。", "他昨天买了两本新书。"], "很好", "真好"),
    "ja": (["今日はとても良い天気です。", "彼女は昨日新しい本を二冊買いました。"], "とても", "かなり"),
    "ko": (["오늘은 날씨가 아주 좋습니다.", "그녀는 어제 새 책을 두 권 샀습니다."], "아주", "매우"),
    "th": (["วันนี้อากาศดีมาก", "เมื่อวานเธอซื้อหนังสือใหม่สองเล่ม"], "ดีมาก", "แย่มาก"),
    "ar": (["الطقس جميل جدا اليوم", "اشترت أمس كتابين جديدين من المكتبة"], "جميل", "سيئ"),
    "hi": (["आज मौसम बहुत अच्छा है।", "उसने कल दो नई किताबें खरीदीं।"], "बहुत", "काफी"),
}
CODES = {
    "en": "en_US",
    "de": "deu_Latn",
    "ru": "ru",
    "zh": "zh-CN",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "th": "tha_Thai",
    "ar": "arb_Arab",
    "hi": "hi_IN",
}
WITHOUT_BLANKS = ("zh", "ja", "th")
ROUGE = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL"}
PUNCTUATION = ".,。，।"


def words(text, language):
    """Words, or characters, without punctuation, told apart in the simplest way that is right for these texts."""
    text = text.lower().translate(str.maketrans("", "", PUNCTUATION))
    return list(text.replace(" ", "")) if language in WITHOUT_BLANKS else text.split()


def rouge_by_definition(name, hypothesis, reference):
    """F1 of two lists of words, in percent."""
    if name == "rougeL":
        lengths = [[0] * (len(reference) + 1) for _ in range(len(hypothesis) + 1)]
        for i, one in enumerate(hypothesis):
            for j, other in enumerate(reference):
                same = lengths[i][j] + 1
                lengths[i + 1][j + 1] = same if one == other else max(lengths[i][j + 1], lengths[i + 1][j])
        hits, sizes = lengths[-1][-1], (len(hypothesis), len(reference))
    else:
        size = int(name[-1])
        grams = [
            Counter(tuple(each[i : i + size]) for i in range(len(each) - size + 1)) for each in (hypothesis, reference)
        ]
        hits, sizes = (grams[0] & grams[1]).total(), [each.total() for each in grams]
    precision, recall = (hits / size if size else 0.0 for size in sizes)
    return 200 * precision * recall / (precision + recall) if hits else 0.0


def expected(language, hypotheses, references):
    """The references' scores by name."""
    tokenizer = {"tokenize": "char"} if language == "th" else {"trg_lang": language}
    found = {
        "BLEU": BLEU(**tokenizer).corpus_score(hypotheses, [references]).score,
        "chrF2": CHRF().corpus_score(hypotheses, [references]).score,
    }
    scorer = RougeScorer(list(ROUGE.values()), use_stemmer=True)
    for shown, name in ROUGE.items():
        pairs = list(zip(hypotheses, references, strict=True))
        if language == "en":
            scores = [100 * scorer.score(reference, hypothesis)[name].fmeasure for hypothesis, reference in pairs]
        else:
            scores = [rouge_by_definition(name, *(words(text, language) for text in pair)) for pair in pairs]
        found[shown] = sum(scores) / len(scores)
    return found


def scored(code, hypotheses, references):
    """This project's scores by name, and the signatures of BLEU and ROUGE."""
    one, summaries = bleu(hypotheses, references, language=code), rouge(hypotheses, references, language=code)
    found = {"BLEU": one.value, "chrF2": chrf(hypotheses, references).value}
    found |= {shown: summaries[name].value for shown, name in ROUGE.items()}
    return found, one.signature, summaries["rouge1"].signature


def tokenizer_of(signature):
    """What a signature names as the tokenizer."""
    return next(part for part in signature.split("|") if part.startswith("tok:")).removeprefix("tok:")


@command_line
def main():
    """Prints the table and what is wrong."""
    for name in ("ja-mecab", "ko-mecab"):
        check_bleu_tokenizer(name)
    metrics = ["BLEU", "chrF2", *ROUGE]
    wrong, count = [], 0
    print("Each cell: identical / near / disjoint texts.\n")
    print(f"| language | BLEU's tokenizer | {' | '.join(metrics)} | ROUGE's tokenizer |")
    print("| --- " * (len(metrics) + 3) + "|")
    for language, (texts, word, other) in TEXTS.items():
        if sum(word in text for text in texts) != 1:
            raise UserError(f"{language}: {word!r} must occur in one of the texts")
        elsewhere = TEXTS["en" if language in ("zh", "ja") else "zh"][0]
        kinds = {"identical": texts, "near": [text.replace(word, other) for text in texts], "disjoint": elsewhere}
        cells = {name: [] for name in metrics}
        for kind, hypotheses in kinds.items():
            right = expected(language, hypotheses, texts)
            for code in (CODES[language], None):
                found, *signatures = scored(code, hypotheses, texts)
                count += len(found)
                wrong += [
                    f"{language} {kind} {name}, language {code}: {found[name]:.6f} instead of {right[name]:.6f}"
                    for name in metrics
                    if abs(found[name] - right[name]) > 1e-9 or not _possible(kind, found[name])
                ]
            for name in metrics:
                cells[name].append(f"{found[name]:.2f}")
        tokenizers = list(map(tokenizer_of, signatures))
        values = " | ".join(" / ".join(cells[name]) for name in metrics)
        print(f"| {language} | {tokenizers[0]} | {values} | {tokenizers[1]} |")
    print(f"\n{count} scores, {len(wrong)} wrong")
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


def _possible(kind, value):
    return {"identical": value > 100 - 1e-9, "near": 0 < value < 100, "disjoint": value == 0}[kind]


if __name__ == "__main__":
    main()
