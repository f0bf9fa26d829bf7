// Requests: KServe's V2 for everything, and OpenAI's API for conversations that come token by token.
const base = new URL("..", import.meta.url);

function headers() {
  const key = document.getElementById("key").value;
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

async function failure(response) {
  const text = await response.text();
  try {
    const error = JSON.parse(text).error;
    return new Error(error.message ?? error);
  } catch {
    return new Error(`${response.status} ${text.slice(0, 200)}`);
  }
}

export async function listModels() {
  const response = await fetch(new URL("page/models.json", base), { headers: headers() });
  if (!response.ok) throw Object.assign(await failure(response), { status: response.status });
  return response.json();
}

// Rows of outputs by name, for columns of inputs by name.
export async function infer(entry, version, columns, signal) {
  const inputs = Object.entries(columns).map(([name, data]) => ({ name, datatype: entry.inputs[name].datatype, shape: [data.length], data }));
  const url = new URL(`v2/models/${encodeURIComponent(entry.model)}/versions/${version}/infer`, base);
  const body = JSON.stringify({ parameters: { signature_name: entry.signature }, inputs });
  const started = performance.now();
  const response = await fetch(url, { method: "POST", headers: headers(), body, signal });
  if (!response.ok) throw await failure(response);
  const { outputs } = await response.json();
  const milliseconds = performance.now() - started;
  const count = outputs[0].shape[0];
  const rows = Array.from({ length: count }, () => ({}));
  for (const { name, shape, data } of outputs) nested(data, shape).forEach((value, row) => { rows[row][name] = value; });
  const refused = rows.find((row) => row.error);
  if (refused) throw new Error(refused.error);
  return { rows, milliseconds };
}

function nested(data, shape) {
  if (shape.length <= 1) return data;
  const inner = shape.slice(1).reduce((product, size) => product * size, 1);
  return Array.from({ length: shape[0] }, (_, i) => nested(data.slice(i * inner, (i + 1) * inner), shape.slice(1)));
}

// Parts of what an assistant says, or of a continuation, as they come.
export async function* stream(path, body, signal) {
  const response = await fetch(new URL(path, base), { method: "POST", headers: headers(), body: JSON.stringify({ ...body, stream: true }), signal });
  if (!response.ok) throw await failure(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    const events = buffer.split("\n\n");
    buffer = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") return;
      const parsed = JSON.parse(data);
      if (parsed.error) throw new Error(parsed.error.message);
      const [choice] = parsed.choices;
      if (choice) yield choice.text ?? choice.delta.content ?? "";
    }
  }
}
