import type { Interval } from "../model/figures.ts";
import type { Seconds } from "../model/time.ts";

/** What a person sees where there is no number. */
export const missing = "–";

/** "412 ms", "4.12 s", "0.0123 ms", "400 ns": three digits that count, in the unit that suits them. */
export function duration(length: Seconds | undefined): string {
  if (length === undefined) return missing;
  const rounded = Number(length.toPrecision(3));
  if (rounded !== 0 && Math.abs(rounded) < 1e-6) return `${threeDigits(rounded * 1e9)} ns`;
  return Math.abs(rounded) < 1 ? `${threeDigits(rounded * 1000)} ms` : `${threeDigits(rounded)} s`;
}

/** What was asked for, to its last digit: "50 ms", "123.4 ms", "5 s". */
export function asked(length: Seconds): string {
  const [value, unit] = length < 1 ? [length * 1_000, "ms"] : [length, "s"];
  return `${Number(value.toPrecision(15))} ${unit}`;
}

/** "1,234", "52.3", "0.125". */
export function rate(perSecond: number | undefined): string {
  return perSecond === undefined ? missing : threeDigits(perSecond);
}

/** "24,576". */
export function count(value: number | undefined): string {
  return value === undefined ? missing : grouped(value, 0);
}

/** A number whose unit is not known: "0.61", "0", "1,234". */
export function plain(value: number): string {
  return value.toLocaleString("en-US", Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
}

/** The value of a check: "0.24", or as many digits as it takes to see on which side of each number in `wanted` it lies: "0.5004" of at most 0.5. */
export function observedPhrase(value: number, wanted: string): string {
  const limits = (wanted.match(/-?\d+(\.\d+)?(e[+-]?\d+)?/gi) ?? []).map(Number);
  const hides = (text: string) => limits.some((limit) => Math.sign(numberIn(text) - limit) !== Math.sign(value - limit));
  const longer = Array.from({ length: mostDigits - 3 }, (_, more) => value.toLocaleString("en-US", { maximumSignificantDigits: 4 + more }));
  return [plain(value), ...longer].find((text) => !hides(text)) ?? String(value);
}

/** So many tell any two numbers apart. */
const mostDigits = 17;

function numberIn(text: string): number {
  return Number(text.replaceAll(",", ""));
}

/** What a check wants, with its limits as its value is told: "at most 10,000". */
export function wantedPhrase(wanted: string): string {
  return wanted.replaceAll(/(?<=^(?:at most|at least|from) |^from \S+ to )-?\d{4,15}\b/g, (digits) => count(Number(digits)));
}

/** "5 %", "0.4 %", and "99.6 %": what is not all of it is never 100 %. */
export function percent(share: number | undefined): string {
  return share === undefined ? missing : `${grouped(share * 100, percentDecimals(Math.abs(share * 100)))} %`;
}

function percentDecimals(value: number): number {
  if (Number.isInteger(Number(value.toFixed(6)))) return 0;
  const short = Math.abs(100 - value);
  if (short <= 0.5) return Math.max(1, decimalsFor(short));
  return value >= 10 ? 0 : 1;
}

/** "+3 %", "−2 %": a change. */
export function change(share: number | undefined): string {
  if (share === undefined) return missing;
  const text = percent(Math.abs(share));
  if (/^0(\.0)? %$/.test(text)) return "0 %";
  return share > 0 ? `+${text}` : `−${text}`;
}

/** "−2 % to +9 %": within what a change lies. */
export function changeInterval([low, high]: Interval): string {
  return `${change(low)} to ${change(high)}`;
}

/** "2.4", "1.02", "0.00040": more decimals near 1 and below, and when an interval is given, as many as it takes to tell its ends from each other. */
export function ratio(value: number | undefined, interval?: Interval): string {
  return value === undefined ? missing : grouped(value, decimalsOf(value, interval));
}

/** "1.9 to 3.1", with the decimals of the ratio it belongs to. */
export function ratioInterval(value: number, interval: Interval): string {
  const decimals = decimalsOf(value, interval);
  return `${grouped(interval[0], decimals)} to ${grouped(interval[1], decimals)}`;
}

/** "1 request", "10 requests". */
export function counted(amount: number, noun: string): string {
  return `${count(amount)} ${amount === 1 ? noun : `${noun}s`}`;
}

function decimalsOf(value: number, interval: Interval | undefined): number {
  const size = Math.abs(value);
  const start = size >= 20 ? 0 : size >= 2 ? 1 : size >= 0.1 || size === 0 ? 2 : decimalsFor(size) + 1;
  const width = interval === undefined ? 0 : interval[1] - interval[0];
  return width > 1e-6 ? Math.max(start, decimalsFor(width / 2)) : start;
}

/** So many decimals show a first digit of this that is not 0. */
function decimalsFor(size: number): number {
  return Math.min(mostDecimals, Math.max(0, Math.ceil(-Math.log10(size) - rounding)));
}

/** As many as every Node writes. */
const mostDecimals = 20;
/** 1.0513 − 1.0511 is a little less than 0.0002. */
const rounding = 1e-9;

function threeDigits(value: number): string {
  const size = Math.abs(Number(value.toPrecision(3)));
  if (size === 0) return "0";
  return grouped(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : decimalsFor(size) + 2);
}

function grouped(value: number, decimals: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
