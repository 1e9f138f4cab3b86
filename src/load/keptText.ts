import { generatedIn } from "./generatedIn.ts";

/** The text of one reply, piece by piece; what was generated beside it is kept apart, since no later prompt contains that. */
export class KeptText {
  private readonly texts: string[];
  private readonly asides: string[];

  constructor() {
    this.texts = [];
    this.asides = [];
  }

  add(text: string): void {
    this.texts.push(text);
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
