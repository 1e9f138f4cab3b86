/** The generated text in one event of a completions or chat stream; empty where there is none. Only for replies whose text is kept. */
export function textOf(event: string): string {
  const choice = fieldsOf(listOf(fieldsOf(parsed(event)).get("choices"))[0]);
  const text = choice.get("text") ?? fieldsOf(choice.get("delta")).get("content");
  return typeof text === "string" ? text : "";
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
