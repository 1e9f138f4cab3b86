import { checkTogether, mistakeIn, nonEmptyText, oneOf, plainData, shown, wholeNumber, type OptionRule } from "../model/checkOptions.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { partsOf, type Passage, type ReplyOf, type Request } from "../model/request.ts";
import type { Workload } from "../model/workload.ts";
import { circleOf } from "./circleOf.ts";
import { mistakeInArrival } from "./mistakeInArrival.ts";

/** Throws where a generator of somebody's own, which nothing need have type-checked, made requests that cannot be sent or told apart. */
export function refuseUnsound(kind: string, workload: Workload): void {
  if (!isObject(workload)) throw unsound(kind, `generate() must give { kind, options, seed, requests }, not ${shown(workload)}`);
  const { requests } = workload;
  if (!Array.isArray(requests)) throw unsound(kind, `requests must be a list, not ${shown(requests)}`);
  const wrong = first(members, ([name, rule]) => mistakeIn(name, workload[name], rule));
  if (wrong !== undefined) throw unsound(kind, `of what generate() gives, ${wrong}`);
  if (requests.length === 0) throw unsound(kind, "it has no requests");
  refuseBy(mistakeInShape, kind, requests);
  const position = wholeNumber({ from: 0, to: requests.length - 1 });
  const mistakeInPassage = passageRule();
  const rules: readonly RequestRule[] = [
    ({ id }, place) => (id === place ? undefined : `id must be its position, not ${shown(id)}`),
    ({ arrival }) => mistakeInArrival(arrival, position),
    ({ messages }) => first(messages, ({ role }) => mistakeIn("role", role, knownRole)),
    (request) => first(partsOf(request), (part) => mistakeInPart(part, position, mistakeInPassage)),
    (request) => first(lengths, ([name, rule]) => mistakeIn(name, request[name], rule)),
    mistakeInReuse,
  ];
  checkTogether(...rules.map((rule) => () => refuseBy(rule, kind, requests)));
  const circle = circleOf(requests);
  if (circle.length > 0) throw unsound(kind, `${circlePhrase(circle)}, and would never be sent`);
}

/** What is wrong with a request in this place; undefined when nothing is. */
export type RequestRule = (request: Request, place: number) => string | undefined;

const members = [
  ["kind", nonEmptyText],
  ["options", plainData],
  ["seed", wholeNumber({ from: 0 })],
] as const satisfies readonly (readonly [keyof Workload, OptionRule])[];

const knownRole = oneOf("system", "user", "assistant");
const knownPart = oneOf("passage", "reply");
const knownSource = oneOf("own", "scripted");
const someText: OptionRule = (value) => (typeof value === "string" ? undefined : "must be a text");
const tokenId = wholeNumber({ from: 0 });
const lengths = [
  ["contextTokens", wholeNumber({ from: 0 })],
  ["questionTokens", wholeNumber({ from: 0 })],
  ["reusableTokens", wholeNumber({ from: 0 })],
  ["maxOutputTokens", wholeNumber({ from: 1 })],
] as const satisfies readonly (readonly [keyof Request, OptionRule])[];

/** Tells the first that breaks a rule, and how many more do. */
export function refuseBy(rule: RequestRule, kind: string, requests: readonly Request[]): void {
  const place = requests.findIndex((request, index) => rule(request, index) !== undefined);
  const wrong = requests[place];
  if (wrong === undefined) return;
  const others = requests.filter((request, index) => index > place && rule(request, index) !== undefined).length;
  const andOthers = others === 0 ? "" : ` (and ${others} more like it)`;
  throw unsound(kind, `request ${place}: ${rule(wrong, place)}${andOthers}`);
}

function unsound(kind: string, mistake: string): HarnessError {
  return new HarnessError("usage", `workload ${kind}: ${mistake}`, {
    hint: "docs/workloads.md says what generate() has to make; passage(text) makes the parts of a prompt",
  });
}

/** Without these there is nothing to look at. */
function mistakeInShape(request: Request): string | undefined {
  if (!isObject(request)) return `it must be an object, not ${shown(request)}`;
  if (!Array.isArray(request.messages)) return `messages must be a list, not ${shown(request.messages)}`;
  if (request.messages.length === 0) return "messages must be a list of at least one message, not []";
  return first(request.messages, (message) => {
    if (!isObject(message) || !Array.isArray(message.parts)) return `a message must have a list of parts, not ${shown(message)}`;
    return first(message.parts, (part) => (isObject(part) ? undefined : `a part must be an object, not ${shown(part)}`));
  });
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function mistakeInPart(part: Passage | ReplyOf, position: OptionRule, mistakeInPassage: PassageRule): string | undefined {
  if (part.kind === "passage") return mistakeInPassage(part);
  if (part.kind !== "reply") return mistakeIn("a part's kind", (part as Passage).kind, knownPart);
  const wrong = mistakeIn("a reply's request", part.request, position) ?? mistakeIn("a reply's source", part.source, knownSource);
  if (wrong !== undefined || part.source === "own") return wrong;
  return part.scripted === undefined ? "a scripted reply has no scripted" : mistakeInPassage(part.scripted);
}

type PassageRule = (passage: Passage) => string | undefined;

/** Looks at each passage once: requests share them, and a document may have millions of tokens. */
function passageRule(): PassageRule {
  const found = new Map<Passage, string | undefined>();
  return (passage) => {
    if (!found.has(passage)) found.set(passage, mistakeInText(passage) ?? mistakeInIds(passage));
    return found.get(passage);
  };
}

function mistakeInText({ text }: Passage): string | undefined {
  return mistakeIn("a passage's text", text, someText);
}

/** Engines that take token ids are sent these, and never the text. */
function mistakeInIds({ text, tokenIds }: Passage): string | undefined {
  if (!Array.isArray(tokenIds)) return mistakeIn("a passage's tokenIds", tokenIds, () => "must be a list of token ids");
  if (tokenIds.length === 0 && text !== "") return "a passage's tokenIds must be those of its text, not []: passage(text) makes both";
  const place = tokenIds.findIndex((id) => tokenId(id) !== undefined);
  return place === -1 ? undefined : mistakeIn("a passage's token id", tokenIds[place], tokenId);
}

function mistakeInReuse({ reusableTokens, contextTokens, questionTokens }: Request): string | undefined {
  const prompt = contextTokens + questionTokens;
  if (!(reusableTokens > prompt)) return undefined;
  return `reusableTokens must be at most its contextTokens and questionTokens together, ${grouped(prompt)}, not ${grouped(reusableTokens)}`;
}

function circlePhrase(circle: readonly number[]): string {
  if (circle.length === 1) return `request ${circle[0]} waits for itself`;
  const rest = circle.length > mostNamed ? ` and ${circle.length - mostNamed} more` : "";
  return `requests ${circle.slice(0, mostNamed).join(", ")}${rest} wait for one another`;
}

const mostNamed = 8;

function first<One>(all: readonly One[], mistakeOf: (one: One) => string | undefined): string | undefined {
  for (const one of all) {
    const found = mistakeOf(one);
    if (found !== undefined) return found;
  }
  return undefined;
}
