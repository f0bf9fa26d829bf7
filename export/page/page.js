import { element, shownAnswer, shownSearch } from "./answers.js";
import { infer, listModels, stream } from "./server.js";
import { entriesOf } from "./tasks.js";
import { TEXTS } from "./texts.js";

const at = (id) => document.getElementById(id);
const SEPARATOR = "\u001e";
const state = { entries: [], entry: null, streaming: false, turns: [], stopping: null };

function language() {
  return at("language").value;
}

function say(key) {
  return TEXTS[language()][key] ?? key;
}

function translatePage() {
  document.documentElement.lang = language();
  document.title = say("title");
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = say(each.dataset.text);
}

// The controls that a person may want to set; the others keep their defaults.
const HIDDEN = new Set(["so_far", "history"]);

// Fields in the order in which people think of them; those of other tasks come last, as the server names them.
const ORDER = ["question", "text", "text_pair", "context", "user"];
const rank = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

function showModels() {
  at("models").replaceChildren(...state.entries.map((entry) => {
    const title = entry.task === "other" ? `${say("other")}: ${entry.signature}` : say(entry.task);
    const button = element("button", { type: "button", "aria-current": String(entry === state.entry) });
    button.append(title, element("small", { text: entry.model }));
    button.addEventListener("click", () => { choose(entry); at("work").focus(); });
    return element("li", {}, button);
  }));
  if (!state.entries.length) at("message").textContent = say("none");
}

// Without the digits that float32 does not have.
const plain = (value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value);

function field(name, label, rows) {
  const area = element("textarea", { id: `in-${name}`, rows: String(rows), spellcheck: "false" });
  return element("label", {}, element("span", { text: label }), area);
}

function choose(entry) {
  state.entry = entry;
  state.turns = [];
  showModels();
  at("task-name").textContent = `${entry.task === "other" ? say("other") : say(entry.task)} · ${entry.model}`;
  at("about").textContent = entry.signature;
  at("message").textContent = "";
  at("answers").replaceChildren();
  const texts = Object.keys(entry.inputs).filter((name) => !("default" in entry.inputs[name]));
  const fields = entry.task === "embed"
    ? [field("query", say("query"), 2), field("lines", say("lines"), 6)]
    : texts.sort((one, other) => rank(one) - rank(other)).map((name) => field(name, say(name), name === "user" ? 3 : 5));
  const options = Object.keys(entry.inputs).filter((name) => "default" in entry.inputs[name] && !HIDDEN.has(name)).sort();
  if (options.length) {
    const details = element("details", {}, element("summary", { text: say("options") }));
    for (const name of options) {
      const input = element("input", { id: `in-${name}`, placeholder: `${say("default")}: ${plain(entry.inputs[name].default)}` });
      details.append(element("label", {}, element("span", { text: name }), input));
    }
    fields.push(details);
  }
  if (entry.task === "chat") {
    const clear = element("button", { type: "button", text: say("clear") });
    clear.addEventListener("click", () => choose(entry));
    fields.push(element("p", {}, clear));
  }
  at("fields").replaceChildren(...fields);
  const versions = [...entry.versions].sort((one, other) => other - one);
  at("versions").replaceChildren(...versions.map((version) => element("option", { value: version, text: version })));
  at("versions").size = Math.min(3, Math.max(2, versions.length));
  at("versions").options[0].selected = true;
  at("versions-label").hidden = versions.length < 2;
}

// Values of the options that are set, by name; refused by name if they are no numbers.
function options() {
  const set = {};
  for (const [name, input] of Object.entries(state.entry.inputs)) {
    const box = at(`in-${name}`);
    if (!("default" in input) || !box || box.value === "") continue;
    if (input.datatype === "BYTES") set[name] = box.value;
    else {
      set[name] = Number(box.value);
      if (!Number.isFinite(set[name])) throw new Error(`${name}: ${box.value}`);
    }
  }
  return set;
}

function answerBox(version) {
  const time = element("span", { class: "quiet" });
  const head = element("h3", { text: `${state.entry.model} · ${say("version")} ${version} ` });
  head.append(time);
  const body = element("div");
  return { box: element("section", { class: "answer", "aria-label": `${say("version")} ${version}` }, head, body), body, time };
}

const took = (milliseconds) => `${Math.round(milliseconds)} ${say("milliseconds")}`;

async function ask(entry, version, given, set, shown, signal) {
  const repeated = (values, count) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Array(count).fill(value)]));
  if (entry.task === "embed") {
    const lines = given.lines.split("\n").filter((line) => line.trim());
    const texts = [given.query, ...lines];
    const { rows, milliseconds } = await infer(entry, version, { text: texts, ...repeated(set, texts.length) }, signal);
    shown.time.textContent = took(milliseconds);
    shown.body.replaceChildren(...shownSearch(lines, rows.map((row) => row.embedding), say));
    return;
  }
  if (entry.task === "generate" && state.streaming) {
    const text = element("p", { class: "text", text: given.text });
    shown.body.replaceChildren(text);
    const started = performance.now();
    const { max_new_tokens, min_new_tokens, stop, ...others } = set;
    const body = { model: `${entry.model}/versions/${version}`, prompt: given.text, ...others };
    if (max_new_tokens !== undefined) body.max_tokens = max_new_tokens;
    if (min_new_tokens !== undefined) body.min_tokens = min_new_tokens;
    if (stop !== undefined) body.stop = stop;
    for await (const part of stream("v1/completions", body, signal)) text.append(part);
    shown.time.textContent = took(performance.now() - started);
    return;
  }
  const { rows, milliseconds } = await infer(entry, version, { ...repeated(given, 1), ...repeated(set, 1) }, signal);
  shown.time.textContent = took(milliseconds);
  shown.body.replaceChildren(...shownAnswer(entry.task, rows[0], given, say));
}

function turn(role, text) {
  const content = element("span", { text });
  const box = element("div", { class: `turn ${role}` }, element("strong", { text: `${say(role === "user" ? "you" : "assistant")} ` }), content);
  at("answers").append(box);
  return content;
}

async function converse(entry, version, given, set, signal) {
  turn("user", given.user);
  const content = turn("assistant", "");
  if (state.streaming) {
    const { system, max_new_tokens, min_new_tokens, stop, ...others } = set;
    const messages = [...(system ? [{ role: "system", content: system }] : []), ...state.turns, { role: "user", content: given.user }];
    const body = { model: `${entry.model}/versions/${version}`, messages, ...others };
    if (max_new_tokens !== undefined) body.max_tokens = max_new_tokens;
    if (min_new_tokens !== undefined) body.min_tokens = min_new_tokens;
    if (stop !== undefined) body.stop = stop;
    for await (const part of stream("v1/chat/completions", body, signal)) content.append(part);
  } else {
    const columns = { user: [given.user], history: [state.turns.map((each) => each.content).join(SEPARATOR)] };
    for (const [name, value] of Object.entries(set)) columns[name] = [value];
    const { rows } = await infer(entry, version, columns, signal);
    content.textContent = rows[0].text;
  }
  state.turns.push({ role: "user", content: given.user }, { role: "assistant", content: content.textContent });
  at("in-user").value = "";
  at("in-user").focus();
}

async function send() {
  const { entry } = state;
  if (!entry || state.stopping) return;
  const versions = [...at("versions").selectedOptions].map((option) => option.value);
  at("message").textContent = versions.length ? "" : say("noVersion");
  if (!versions.length) return;
  const given = {};
  for (const area of at("fields").querySelectorAll("textarea")) given[area.id.replace("in-", "")] = area.value;
  state.stopping = new AbortController();
  const { signal } = state.stopping;
  at("send").disabled = true;
  at("stop").hidden = false;
  at("answers").setAttribute("aria-busy", "true");
  try {
    const set = options();
    if (entry.task === "chat") await converse(entry, versions[0], given, set, signal);
    else {
      const shown = versions.map(answerBox);
      at("answers").replaceChildren(...shown.map((each) => each.box));
      // One after the other, so that each has the server for itself and times compare.
      for (const [i, version] of versions.entries()) await ask(entry, version, given, set, shown[i], signal);
    }
  } catch (error) {
    at("message").textContent = signal.aborted ? say("stopped") : `${say("failed")} ${error.message}`;
  } finally {
    state.stopping = null;
    at("send").disabled = false;
    at("stop").hidden = true;
    at("answers").setAttribute("aria-busy", "false");
  }
}

async function load() {
  try {
    const found = await listModels();
    state.streaming = found.streaming;
    state.entries = found.models.flatMap(entriesOf);
    at("message").textContent = "";
    showModels();
    if (state.entries.length) choose(state.entries[0]);
  } catch (error) {
    if (error.status === 401) at("key-label").hidden = false;
    at("message").textContent = `${say("failed")} ${error.message}`;
  }
  document.body.dataset.ready = "true";
}

at("language").value = navigator.language.startsWith("zh") ? "zh" : "en";
at("language").addEventListener("change", () => {
  translatePage();
  showModels();
  if (state.entry) choose(state.entry);
});
at("key").addEventListener("change", load);
at("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
at("stop").addEventListener("click", () => state.stopping?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
});
translatePage();
load();
