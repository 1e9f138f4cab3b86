import {
  bodyFields,
  listOfTexts,
  mistakeIn,
  nonEmptyText,
  notNegative,
  objectOfTexts,
  oneOf,
  positive,
  serviceWord,
  shown,
  wholeNumber,
  yesOrNo,
  type OptionRule,
} from "./checkOptions.ts";
import type { Command, Engine, Launch, Readiness, Wire } from "./engine.ts";
import type { Service } from "./service.ts";

/** Rules of members: of `optional` ones only where they are there. */
interface Rules {
  readonly needed: Readonly<Record<string, OptionRule>>;
  readonly optional?: Readonly<Record<string, OptionRule>>;
}

const someText: OptionRule = (value) => (typeof value === "string" ? undefined : "must be a text");
/** A promise is none: what it will give is nowhere yet. */
export const anObject: OptionRule = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Promise) ? undefined : "must be an object";
export const listOfObjects: OptionRule = (value) =>
  Array.isArray(value) && value.every((one) => anObject(one) === undefined) ? undefined : "must be a list of objects";
const aFunction: OptionRule = (value) => (typeof value === "function" ? undefined : "must be a function");
const ofWhole: OptionRule = (value) => notNegative(value) ?? (Number(value) > 1 ? "must be at most 1" : undefined);
const path: OptionRule = (value) => (typeof value === "string" && value.startsWith("/") ? undefined : 'must begin with "/"');
const listOfPaths: OptionRule = (value) =>
  listOfTexts(value) ?? (value as readonly string[]).map(path).find((wrong) => wrong !== undefined);

const withoutNul = (texts: readonly string[]) => (texts.some((text) => text.includes("\0")) ? "must hold no NUL character" : undefined);
/** What the system can start a program with. */
const programArguments: OptionRule = (value) => listOfTexts(value) ?? withoutNul(value as readonly string[]);
const variables: OptionRule = (value) => {
  const notTexts = objectOfTexts(value);
  if (notTexts !== undefined) return notTexts;
  const entries = Object.entries(value as Readonly<Record<string, string>>);
  if (entries.some(([name]) => name === "" || name.includes("="))) return 'must have names that are not empty and hold no "="';
  return withoutNul(entries.flat());
};

const ofEngine: Rules = {
  needed: {
    kind: nonEmptyText,
    model: nonEmptyText,
    simulated: yesOrNo,
    gpuShare: ofWhole,
    launch: anObject,
    wire: anObject,
    features: listOfTexts,
    configFiles: listOfTexts,
  } satisfies Partial<Record<keyof Engine, OptionRule>>,
  optional: {
    gpus: wholeNumber({ from: 0 }),
    needsItsShare: yesOrNo,
    inner: anObject,
    configuredFeatures: aFunction,
    takesKvConnector: yesOrNo,
    simulation: aFunction,
    contextLimit: positive,
    usualLimit: positive,
    metrics: anObject,
    tokenizer: listOfObjects,
    info: listOfObjects,
    claims: aFunction,
    resets: anObject,
    staysFull: aFunction,
    cacheRoom: aFunction,
    services: aFunction,
    keepsOutside: aFunction,
    simulatedWithout: aFunction,
  } satisfies Partial<Record<keyof Engine, OptionRule>>,
};

const ofWire: Rules = {
  needed: {
    api: oneOf("chat", "completions"),
    takesTokenIds: yesOrNo,
    tokenIdOffset: wholeNumber({ from: 0 }),
    fixesLength: yesOrNo,
  } satisfies Partial<Record<keyof Wire, OptionRule>>,
  optional: {
    model: nonEmptyText,
    leavesOutZeros: yesOrNo,
    listsModels: yesOrNo,
    extraBody: bodyFields,
  } satisfies Partial<Record<keyof Wire, OptionRule>>,
};

const ofReadiness: Rules = {
  needed: { path, within: positive } satisfies Partial<Record<keyof Readiness, OptionRule>>,
  optional: { watched: path } satisfies Partial<Record<keyof Readiness, OptionRule>>,
};

/** One line for every way an engine gets to run. */
const ofLaunch: Readonly<Record<Launch["kind"], Rules>> = {
  process: { needed: { command: aFunction, ready: anObject, missing: someText } },
  docker: { needed: { image: nonEmptyText, command: aFunction, container: anObject, ready: anObject } },
  attached: { needed: { url: nonEmptyText, ready: anObject } },
  inProcess: { needed: { simulation: anObject } },
};

const ofCommand: Rules = {
  needed: { program: someText, args: programArguments, env: variables } satisfies Partial<Record<keyof Command, OptionRule>>,
  optional: { files: objectOfTexts, keepsIn: listOfTexts, discards: listOfTexts } satisfies Partial<Record<keyof Command, OptionRule>>,
};

const ofService: Rules = {
  needed: { name: serviceWord, kind: nonEmptyText, needs: anObject, launch: anObject, ready: anObject } satisfies Partial<
    Record<keyof Service, OptionRule>
  >,
  optional: { shared: serviceWord } satisfies Partial<Record<keyof Service, OptionRule>>,
};

/** What is wrong with an engine, which nothing need have type-checked: every member by its own rule, and those that contradict each other. */
export function mistakesInEngine(engine: unknown): readonly string[] {
  const { launch, wire, metrics, tokenizer, info, resets } = membersOf(engine);
  return [
    ...broken("", engine, ofEngine),
    ...mistakesInLaunch(launch),
    ...broken("wire.", wire, ofWire),
    ...contradiction(membersOf(wire)),
    ...broken("metrics.", metrics, { needed: { path, series: anObject } }),
    ...each("tokenizer", tokenizer, { needed: { path, body: aFunction, tokensIn: aFunction } }),
    ...each("info", info, { needed: { path, facts: aFunction } }),
    ...broken("resets.", resets, { needed: { paths: listOfPaths }, optional: { own: path, env: variables } }),
  ];
}

/** Likewise of what an engine, or a service, is started with. */
export function mistakesInCommand(command: unknown): readonly string[] {
  return whole(command, ofCommand);
}

export function mistakesInClaims(claims: unknown): readonly string[] {
  return whole(claims, { needed: { traits: listOfObjects }, optional: { reuse: anObject, never: listOfObjects } });
}

export function mistakesInServices(services: unknown): readonly string[] {
  if (isService(services)) return ["it is one service, and must be an object of services, such as { store: redis() }"];
  const each = Object.entries(membersOf(services)).map(([label, service]) => [label, mistakesInService(service)] as const);
  return [...whole(services, { needed: {} }), ...each.flatMap(([label, mistakes]) => mistakes.map((mistake) => `of ${label}, ${mistake}`))];
}

function mistakesInService(service: unknown): readonly string[] {
  if (areServices(service)) return ["it is an object of services, and must be one service: services: () => redisSentinel()"];
  const { needs } = membersOf(service);
  return [...whole(service, ofService), ...(anObject(needs) === undefined ? mistakesInServices(needs) : [])];
}

function isService(value: unknown): boolean {
  return whole(value, ofService).length === 0;
}

function areServices(value: unknown): value is object {
  const all = Object.values(membersOf(value));
  return all.length > 0 && all.every(isService);
}

function whole(value: unknown, rules: Rules): readonly string[] {
  const wrong = anObject(value);
  return wrong === undefined ? broken("", value, rules) : [`it ${wrong}, not ${shown(value)}`];
}

function mistakesInLaunch(launch: unknown): readonly string[] {
  const { kind, ready, url } = membersOf(launch);
  if (launch === undefined || anObject(launch) !== undefined) return [];
  const known = Object.entries(ofLaunch).find(([name]) => name === kind);
  if (known === undefined) return [mistakeIn("launch.kind", kind, oneOf(...Object.keys(ofLaunch))) ?? ""];
  return [
    ...broken("launch.", launch, known[1]),
    ...(kind === "attached" ? mistakesInUrl(url) : []),
    ...broken("launch.ready.", ready, ofReadiness),
  ];
}

/** Neither says what it is: there may be a password in it. That it is a text is a rule of its own. */
function mistakesInUrl(given: unknown): readonly string[] {
  if (nonEmptyText(given) !== undefined) return [];
  const url = URL.canParse(String(given)) ? new URL(String(given)) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return ["launch.url must be the http or https URL of a server"];
  const isOpen = url.username !== "" || url.password !== "";
  return isOpen ? [`launch.url, of ${url.host}, must not hold a user or a password: the server's key is wire.apiKey`] : [];
}

function contradiction({ api, takesTokenIds }: Readonly<Record<string, unknown>>): readonly string[] {
  return api === "chat" && takesTokenIds === true ? ['wire.takesTokenIds must be false with api "chat", whose prompts are text'] : [];
}

/** That it is an object is a rule of whoever has it. */
function broken(prefix: string, value: unknown, { needed, optional = {} }: Rules): readonly string[] {
  if (anObject(value) !== undefined) return [];
  const members = membersOf(value);
  const there = Object.entries(optional).filter(([name]) => members[name] !== undefined);
  return [...Object.entries(needed), ...there].flatMap(([name, rule]) => mistakeIn(`${prefix}${name}`, members[name], rule) ?? []);
}

function each(name: string, list: unknown, rules: Rules): readonly string[] {
  return Array.isArray(list) ? list.flatMap((one, index) => broken(`${name}[${index}].`, one, rules)) : [];
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
