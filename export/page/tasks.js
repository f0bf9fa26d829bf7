// What a signature does, by the names of its inputs and outputs.
export function taskOf(name, signature) {
  const takes = Object.keys(signature.inputs).filter((key) => !("default" in signature.inputs[key]));
  const gives = new Set(Object.keys(signature.outputs));
  const has = (...names) => names.every((each) => gives.has(each));
  const is = (...names) => takes.length === names.length && names.every((each) => takes.includes(each));
  if (is("user") && has("text")) return "chat";
  if (is("text") && has("text", "label", "start", "end", "count")) return "entities";
  if (is("text") && has("text")) return has("num_tokens") ? "generate" : "rewrite";
  if (is("text") && has("embedding")) return "embed";
  if (is("text") && has("tokens", "scores", "count")) return "mask";
  if (is("question", "context") && has("answer")) return "answer";
  if (is("text", "text_pair") && (has("score") || has("labels"))) return "pair";
  if (is("text") && has("labels", "scores")) return "classify";
  return takes.every((key) => signature.inputs[key].datatype === "BYTES") ? "other" : null;
}

// The signatures worth an entry: of those that do the same, the one with more options.
export function entriesOf(model) {
  const entries = new Map();
  for (const [name, signature] of Object.entries(model.signatures)) {
    const task = taskOf(name, signature);
    if (task === null) continue;
    const key = task === "other" ? name : task;
    const known = entries.get(key);
    const more = known && Object.keys(known.inputs).length >= Object.keys(signature.inputs).length;
    if (!more) entries.set(key, { model: model.name, versions: model.versions, signature: name, task, ...signature });
  }
  return [...entries.values()];
}
