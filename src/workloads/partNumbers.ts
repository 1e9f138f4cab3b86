import type { Passage, ReplyOf } from "../model/request.ts";

/** Parts of prompts by number, the same for the same text: prompts are then compared without it. Workloads share parts, so each is looked up by itself first. */
export class PartNumbers {
  private readonly ofParts: Map<Passage | ReplyOf, number>;
  private readonly ofTexts: Map<string, number>;

  constructor() {
    this.ofParts = new Map();
    this.ofTexts = new Map();
  }

  numberOf(part: Passage | ReplyOf): number {
    const known = this.ofParts.get(part);
    if (known !== undefined) return known;
    const text = part.kind === "passage" ? part.text : (part.scripted?.text ?? `reply of ${part.request}`);
    const number = this.ofTexts.get(text) ?? this.ofTexts.size;
    this.ofTexts.set(text, number);
    this.ofParts.set(part, number);
    return number;
  }
}
