// Answers as elements. Texts of clients and models are set as text, never as HTML.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function bar(share, label, shown) {
  const cell = element("span", { class: "bar", text: label });
  cell.style.setProperty("--share", `${Math.max(0, Math.min(1, share)) * 100}%`);
  return element("tr", {}, element("td", {}, cell), element("td", { class: "number", text: shown }));
}

function table(say, heads, rows) {
  const head = element("tr", {}, ...heads.map((name) => element("th", { scope: "col", text: say(name) })));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

const number = (value) => (typeof value === "number" && !Number.isInteger(value) ? value.toFixed(4) : String(value));

function paragraph(text) {
  return element("p", { class: "text", text });
}

// Offsets count code points, JavaScript's strings UTF-16 units.
function entities(row, given, say) {
  const points = Array.from(given.text.replace(/[\ud800-\udfff]/gu, "\ufffd"));
  const shown = element("p", { class: "text" });
  const kinds = [];
  let place = 0;
  for (let i = 0; i < row.count; i++) {
    shown.append(points.slice(place, row.start[i]).join(""));
    if (!kinds.includes(row.label[i])) kinds.push(row.label[i]);
    const mark = element("mark", { class: `kind${kinds.indexOf(row.label[i]) % 6}` });
    mark.append(points.slice(row.start[i], row.end[i]).join(""));
    mark.append(element("small", { text: `${row.label[i]} ${row.score[i].toFixed(2)}` }));
    shown.append(mark);
    place = row.end[i];
  }
  shown.append(points.slice(place).join(""));
  return row.count ? [shown] : [shown, element("p", { class: "quiet", text: say("nothing") })];
}

function classes(row, say) {
  // Of any number of labels the text has the first `count`.
  const chosen = "label" in row ? 0 : row.count ?? 0;
  const rows = row.labels.map((label, i) => bar(row.scores[i], i < chosen ? `${label} \u2713` : label, row.scores[i].toFixed(4)));
  return [table(say, ["label", "score"], rows)];
}

function outputs(row, say) {
  const rows = Object.entries(row).map(([name, value]) =>
    element("tr", {}, element("td", { text: name }),
      element("td", { text: Array.isArray(value) ? value.flat(9).map(number).join(", ").slice(0, 2000) : number(value) })));
  return [table(say, ["name", "value"], rows)];
}

// Elements for one row of answers, whose outputs are by name.
export function shownAnswer(task, row, given, say) {
  const cut = row.truncated ? [element("p", { class: "quiet", text: say("cut") })] : [];
  switch (task) {
    case "generate":
      return [paragraph(given.text + row.text), element("p", { class: "quiet", text: `${row.num_tokens} ${say("tokens")}` }), ...cut];
    case "chat":
    case "rewrite":
      return [paragraph(row.text), ...cut];
    case "entities":
      return entities(row, given, say);
    case "classify":
      return classes(row, say);
    case "answer":
      return [paragraph(row.answer || say("unanswered")), element("p", { class: "quiet", text: `${say("score")} ${number(row.score)}` })];
    case "pair":
      return row.labels ? classes(row, say) : outputs(row, say);
    case "mask":
      return Array.from({ length: row.count }, (_, blank) => {
        const rows = row.tokens[blank].map((token, i) => bar(row.scores[blank][i], token, row.scores[blank][i].toFixed(4)));
        return element("div", {}, element("h4", { text: `${say("blank")} ${blank + 1}` }), table(say, ["result", "score"], rows));
      });
    default:
      return outputs(row, say);
  }
}

// Lines in the order of their vectors' nearness to the first one.
export function shownSearch(lines, vectors, say) {
  const length = (vector) => Math.hypot(...vector) || 1;
  const [query, ...others] = vectors;
  const found = others.map((vector, i) => {
    const product = vector.reduce((sum, value, j) => sum + value * query[j], 0);
    return { line: lines[i], score: product / (length(vector) * length(query)) };
  });
  found.sort((one, other) => other.score - one.score);
  return [table(say, ["result", "score"], found.map((each) => bar(each.score, each.line, each.score.toFixed(4))))];
}
