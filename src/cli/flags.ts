import { attached } from "../engines/attached.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { mistakesIn, together } from "../run/mistakes.ts";

/** One flag of a command, as commander takes it. */
export interface Flag {
  readonly flags: string;
  readonly says: string;
  /** Turns the text into its value; throws HarnessError("usage") with what is wrong. */
  readonly parse?: (text: string, before: unknown) => unknown;
  readonly default?: unknown;
}

export interface CommandDescription {
  readonly name: string;
  readonly argument?: string;
  readonly says: string;
  readonly flags: readonly Flag[];
  readonly examples: readonly string[];
  /** Flags that go together with nothing else that was given, or lack something; told with the mistakes of their values. */
  readonly contradictions?: (call: Call) => readonly HarnessError[];
  /** What the command finds by itself, and tells with mistakes of its own. Where it does not get so far, it is told with those of the flags. */
  readonly foundLater?: (call: Call) => readonly HarnessError[];
  /** Loaded only when called, so that `list` does not pay for charts. Returns the exit code. */
  readonly load: (call: Call) => Promise<(call: Call) => Promise<number>>;
}

/** A command as it was called. */
export interface Call {
  readonly argument: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  readonly argv: readonly string[];
}

/** A variable of a CI job that is not set leaves an empty text, which was meant to be something: no default is guessed, no directory, no seed. */
export function refuseEmpty(what: string, given: string | readonly unknown[]): void {
  if ((typeof given === "string" ? given.trim() : given).length > 0) return;
  throw new HarnessError("usage", `${what}: its value is empty`, {
    hint: "where it comes from a variable, that is not set; give it a value, or leave it out",
  });
}

/** What a number may be at most, and why. */
export interface AtMost {
  readonly value: number;
  readonly because: string;
}

/** Beyond, neighbouring numbers are one and the same. */
const largestWhole: AtMost = { value: Number.MAX_SAFE_INTEGER, because: "beyond, a number's last digits are lost" };

export function wholeNumber(flag: string, least = 0, most = largestWhole): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) {
      throw new HarnessError("usage", `${flag} ${text}: a whole number of at least ${least} is wanted`);
    }
    return notBeyond(most, value, flag, text);
  };
}

export function aboveZero(flag: string, most: AtMost): (text: string) => number {
  return (text) => {
    const value = Number(text);
    // The inverse of the smallest of all numbers is none.
    if (Number.isNaN(value) || value <= 0 || 1 / value === Infinity)
      throw new HarnessError("usage", `${flag} ${text}: a number above 0 is wanted`);
    return notBeyond(most, value, flag, text);
  };
}

function notBeyond({ value: most, because }: AtMost, value: number, flag: string, text: string): number {
  if (value <= most) return value;
  throw new HarnessError("usage", `${flag} ${text}: at most ${grouped(most)} is wanted`, { hint: because });
}

export function oneOf(flag: string, ...known: readonly string[]): (text: string) => string {
  return (text) => {
    if (!known.includes(text)) throw new HarnessError("usage", `${flag} ${text}: ${known.join(" or ")} is wanted`);
    return text;
  };
}

/** The name of an environment variable; what it holds is looked at where it is used. */
export function setVariable(flag: string): (name: string) => string {
  return (name) => {
    if ((process.env[name] ?? "") === "") throw new HarnessError("usage", `${flag} ${name}: that environment variable is not set`);
    return name;
  };
}

/** Of servers that are up, the first the baseline. A flag that is repeated adds to them. */
export function serverUrls(text: string, before: unknown): readonly string[] {
  const urls = commaList(text);
  const mistakes = urls.flatMap((url) => mistakesIn(() => attached({ url })).map(ofTheFlag));
  if (mistakes.length > 0) throw together(mistakes);
  return [...((before as readonly string[] | undefined) ?? []), ...urls]; // what this very parser returned
}

function ofTheFlag({ message, hint }: HarnessError): HarnessError {
  return new HarnessError("usage", message.replace("attached():", "--attach:"), hint === undefined ? {} : { hint });
}

export function ports(text: string): readonly number[] {
  return text.split(",").map((part) => {
    const port = Number(part);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new HarnessError("usage", `-p ${part}: a port is a number from 1 to 65535`, { hint: "two engines take two: -p 8000 8001" });
    }
    return port;
  });
}

export function commaList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** As CUDA_VISIBLE_DEVICES takes them; whether they are here is looked at where they are given to engines. */
export function gpuList(text: string): readonly string[] {
  const ids = commaList(text);
  const wrong = ids.filter((id) => !/^(?:\d+|(?:GPU|MIG)-.+)$/.test(id));
  if (ids.length > 0 && wrong.length === 0) return ids;
  throw new HarnessError("usage", `--gpus ${wrong.join(",")}: a GPU is named by its number or UUID`, {
    hint: "nvidia-smi -L lists both: --gpus 2,3 or --gpus GPU-5a3e…,MIG-77f0…",
  });
}

export function keyValue(text: string, before: unknown): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1)
    throw new HarnessError("usage", `--set ${text}: key=value is wanted`, { hint: "for example --set url=http://127.0.0.1:8000" });
  return { ...(before as Record<string, string> | undefined), [text.slice(0, at)]: text.slice(at + 1) };
}

/**
 * lmcache-tests takes `-p 8000 8001`. Two numbers after the flag become one value, so that a FILE after them stays a file;
 * the same for `--attach URL URL`.
 */
export function joinPairs(argv: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const flag = argv[i] as string;
    if (flag === "--simulate") {
      joined.push("--simulate=h100"); // never the next word, which may be a FILE
      continue;
    }
    const belongs = pairOf(flag);
    if (belongs === undefined) {
      joined.push(flag);
      continue;
    }
    const values: string[] = [];
    while (i + 1 < argv.length && belongs.test(argv[i + 1] as string)) values.push(argv[++i] as string);
    joined.push(flag, ...(values.length === 0 ? [] : [values.join(",")]));
  }
  return joined;
}

function pairOf(flag: string): RegExp | undefined {
  if (flag === "-p" || flag === "--ports") return /^\d+$/;
  // Also what is no URL of a server, to be told as that: a FILE has neither a scheme nor a port.
  return flag === "--attach" ? /^[a-z][a-z\d+.-]*:\/\/|^[\w.-]+:\d+(?:\/|$)/i : undefined;
}
