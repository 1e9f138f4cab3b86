/** What was generated in one event of a completions or chat stream. Only for replies whose text is kept. */
export function generatedIn(event: string): { readonly text: string; readonly aside: string } {
  const choice = fieldsOf(listOf(fieldsOf(parsed(event)).get("choices"))[0]);
  const delta = fieldsOf(choice.get("delta"));
  const content = delta.get("content");
  return {
    text: textOf(choice.get("text") ?? content) + textOfParts(content) + textOf(delta.get("refusal")),
    aside: thoughtIn(content) + reasoningIn(delta) + calledIn(delta),
  };
}

function textOfParts(content: unknown): string {
  return listOf(content)
    .map((part) => textOf(fieldsOf(part).get("text")))
    .join("");
}

function thoughtIn(content: unknown): string {
  return listOf(content)
    .map((part) => textOfParts(fieldsOf(part).get("thinking")))
    .join("");
}

/** The same words may stand in several of them. */
function reasoningIn(delta: ReadonlyMap<string, unknown>): string {
  const plain = ["reasoning_content", "reasoning", "reasoning_text", "thinking"].map((name) => textOf(delta.get(name))).find(Boolean);
  if (plain !== undefined) return plain;
  const thoughts = listOf(delta.get("reasoning_details")).map(fieldsOf);
  return thoughts.map((thought) => textOf(thought.get("text") ?? thought.get("summary"))).join("");
}

/** Names and arguments of tool calls; not the marks that the model put around them. */
function calledIn(delta: ReadonlyMap<string, unknown>): string {
  const calls = listOf(delta.get("tool_calls")).map((call) => fieldsOf(call).get("function"));
  return [...calls, delta.get("function_call")]
    .map(fieldsOf)
    .map((called) => textOf(called.get("name")) + textOf(called.get("arguments")))
    .join("");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
