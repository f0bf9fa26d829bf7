"""The page in a real browser: Debian's Chromium without a screen."""

import re
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "export" / "page"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """A page that is loaded; what goes wrong in it or leaves it for another server fails the test."""
    contexts = []

    def open_page(url, **options):
        context = browser.new_context(**{"locale": "en-GB", **options})
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith((url, "data:")) else wrong.append(request.url)
        )
        page.goto(url)
        page.wait_for_selector("body[data-ready]", state="attached")
        return page, wrong

    yield open_page
    for context in contexts:
        context.close()


def choose(page, task, model):
    page.get_by_role("button", name=re.compile(f"^{task}.*{model}$")).click()


def ask(page, **fields):
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " "), exact=False).first.fill(text)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector("#send:not([disabled])")
    return page.locator("#answers")


def cells(rows):
    return [row.replace("\n", "").split("\t") for row in rows.all_inner_texts()]


@pytest.mark.parametrize("kind", ["gateway", "local server"])
def test_every_task(kind, gateway, server, generator, opened):
    page, wrong = opened(f"{gateway.url if kind == 'gateway' else server.rest_url}/")
    choose(page, "Translate or summarise", "tasks")
    page.get_by_label("Versions").select_option(["1", "2"])
    answers = ask(page, Text="guten Tag")
    assert answers.get_by_text("GUTEN TAG").count() == 2 and answers.get_by_text(re.compile(r"^\d+ ms$")).count() == 2
    choose(page, "Names in a text", "tasks")
    # The first character is two of JavaScript's.
    found = ask(page, Text="😀 Ann <b> Rome").locator("mark")
    assert found.all_inner_texts() == ["AnnPER 0.90", "RomeLOC 0.50"]
    choose(page, "Classify", "tasks")
    rows = ask(page, Text="low").locator("tbody tr")
    assert cells(rows) == [["good", "0.7500"], ["bad", "0.2500"]]
    choose(page, "Fill blanks", "tasks")
    assert cells(ask(page, Text="a [MASK]").locator("tbody tr")) == [["cat", "0.6000"], ["dog", "0.3000"]]
    choose(page, "Answer questions", "tasks")
    assert "Ann" in ask(page, Question="Who?", Context="Ann did.").inner_text()
    choose(page, "Compare two texts", "ranker")
    assert "0.5000" in ask(page, Text="abc", Second_text="ab").inner_text()
    choose(page, "Search by meaning", "vectors")
    rows = ask(page, What_to_search_for="abc", Lines_to_search="x\n\nabcd\n").locator("tbody tr")
    assert sorted(cells(rows)) == [["abcd", "1.0000"], ["x", "1.0000"]]
    choose(page, "Continue a text", "writer")
    page.get_by_text("Options").click()
    page.get_by_label("seed").fill("5")
    assert ask(page, Text="the quick").locator("p.text").text_content() == "the quick" + generator("the quick", seed=5)
    page.get_by_label("top_p", exact=True).fill("7")
    ask(page, Text="the quick")
    assert "top_p must be between" in page.get_by_role("alert").inner_text()
    assert wrong == [] or all("400" in each for each in wrong)


@pytest.mark.parametrize("kind", ["gateway", "local server"])
def test_a_conversation(kind, gateway, server, generator, opened):
    page, wrong = opened(f"{gateway.url if kind == 'gateway' else server.rest_url}/", locale="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.get_by_role("button", name=re.compile("^对话")).click()
    page.get_by_text("选项").click()
    page.get_by_label("seed").fill("5")
    page.get_by_label("temperature").fill("0")
    said, expected = [], []
    for text in ("low", "the quick"):
        page.get_by_label("您的消息").fill(text)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#send:not([disabled])")
        said.append({"role": "user", "content": text})
        rendered = generator.conversations.rendered(said)
        expected.append(generator(rendered, seed=5, temperature=0.0))
        said.append({"role": "assistant", "content": expected[-1]})
    found = page.locator(".turn.assistant > span")
    assert [found.nth(i).text_content() for i in range(2)] == expected and wrong == []


def test_keyboard_keys_and_accessibility(gateway, start, opened, tmp_path):
    page, wrong = opened(f"{gateway.url}/", viewport={"width": 375, "height": 700}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('nav') !== null")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tasks = page.locator("nav button")
    for place in range(tasks.count()):
        tasks.nth(place).click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page)
            assert found.violations_count == 0, found.generate_report()
    assert wrong == []
    keys = tmp_path / "keys.txt"
    keys.write_text("sk-1\n")
    guarded, _ = start(api_keys=keys)
    with guarded:
        page, _ = opened(f"{guarded.url}/")
        assert "API key is missing" in page.get_by_role("alert").inner_text()
        page.get_by_label("API key").fill("sk-1")
        page.keyboard.press("Tab")
        page.get_by_role("button", name=re.compile("^Chat")).wait_for()


def test_size_and_languages():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 150_000
    texts = (FOLDER / "texts.js").read_text(encoding="utf-8")
    english, chinese = (set(re.findall(r"(\w+): \"", part)) for part in texts.split("zh: {"))
    assert english == chinese and len(english) > 40
    assert not any(re.search("https?://", path.read_text(encoding="utf-8")) for path in FOLDER.iterdir())
