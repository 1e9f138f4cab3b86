import type { Interval } from "../model/figures.ts";
import type { Seconds } from "../model/time.ts";

/** What a person sees where there is no number. */
export const missing = "–";

/** "412 ms", "4.12 s": three digits that count, in the unit that suits them. */
export function duration(length: Seconds | undefined): string {
  if (length === undefined) return missing;
  const rounded = Number(length.toPrecision(3));
  return Math.abs(rounded) < 1 ? `${threeDigits(rounded * 1000)} ms` : `${threeDigits(rounded)} s`;
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

/** "5 %", "0.4 %". */
export function percent(share: number | undefined): string {
  if (share === undefined) return missing;
  const value = share * 100;
  return `${grouped(value, Number.isInteger(Number(value.toFixed(6))) || Math.abs(value) >= 10 ? 0 : 1)} %`;
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

/** "2.4": as many decimals as it takes to tell the ratio from 1 and, when an interval is given, its ends from each other. */
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
  const start = Math.abs(value) >= 20 ? 0 : Math.abs(value) >= 2 ? 1 : 2;
  const width = interval === undefined ? 0 : interval[1] - interval[0];
  return width > 1e-6 && 10 ** -start > width / 2 ? start + 1 : start;
}

function threeDigits(value: number): string {
  const size = Math.abs(Number(value.toPrecision(3)));
  if (size === 0) return "0";
  return grouped(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function grouped(value: number, decimals: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
