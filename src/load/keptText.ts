import { generatedIn } from "./generatedIn.ts";

/** The text of one reply, piece by piece; what was generated beside it is kept apart, since no later prompt contains that. */
export class KeptText {
  private readonly texts: string[] = [];
  private readonly asides: string[] = [];

  /** As it stands in JSON, without its quotes. */
  addQuoted(text: string): void {
    this.texts.push(text.includes("\\") ? unescaped(text) : text);
  }

  /** One event of a stream, as JSON. */
  addEvent(event: string): void {
    const { text, aside } = generatedIn(event);
    if (text !== "") this.texts.push(text);
    if (aside !== "") this.asides.push(aside);
  }

  get text(): string {
    return this.texts.join("");
  }

  /** Undefined where there was nothing beside it. */
  get aside(): string | undefined {
    return this.asides.length === 0 ? undefined : this.asides.join("");
  }
}

/** Nothing where it is no JSON after all (only its end was looked for): as of any other event that is none. */
function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return "";
  }
}
