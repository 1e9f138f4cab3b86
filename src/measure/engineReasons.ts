import type { ValidityReason } from "../model/figures.ts";
import { grouped, groupedIfWhole } from "../model/grouped.ts";
import type { RequestRecord } from "../model/record.ts";
import { halvesApart } from "./drift.ts";
import { isSentAgain, opening, tokensOfEvents, ttft } from "./latency.ts";
import { offeredChange } from "./offeredChange.ts";
import { ofEngine } from "./ofEngine.ts";
import { foundOf, mayBeOvertaken } from "./overtaken.ts";
import { queueGrowth, type QueueGrowth } from "./queueGrowth.ts";
import { sum, sumOf } from "./sums.ts";
import { isCompleted } from "./summary.ts";
import { toldCached } from "./toldCached.ts";
import { tokensOfTemplate } from "./tokensAdded.ts";
import { toldTokens, tooHighBy } from "./untoldTokens.ts";
import { milliseconds } from "./inWords.ts";
import { beyond, limits as usual, share, type Limits } from "./validityLimits.ts";

/** Did each engine do the work that was asked for, the same as the others, and stay what it was? */
export function engineReasons(records: readonly RequestRecord[], engines: readonly string[], limits: Limits): readonly ValidityReason[] {
  const completed = records.filter(isCompleted);
  const each = engines.map((engine) => ({ engine, own: ofEngine(records, engine), replies: ofEngine(completed, engine) }));
  return [
    ...each.flatMap(({ engine, own }) => steadiness(own, engine, limits)),
    ...each.flatMap(({ engine, own }) => sentTwice(own, engine, limits)),
    ...each.flatMap(({ engine, own }) => connections(own, engine, limits)),
    ...each.flatMap(({ engine, own }) => tokenCounts(own, engine, limits)),
    ...each.flatMap(({ engine, own }) => promptLength(own, engine, limits)),
    ...(engines.length < 2 ? [] : unlikeEngines(completed, limits)),
    ...each.flatMap(({ engine, replies }) => overlong(replies, engine, limits)),
    ...each.flatMap(({ engine, replies }) => cacheState(replies, engine, limits)),
    ...each.flatMap(({ engine, replies }) => impossibleHits(replies, engine, limits)),
  ];
}

/** Of one that falls behind it goes without saying that it becomes slower, also where the experiment means it to. */
function steadiness(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const growth = queueGrowth(records);
  if (growth === undefined) return drifting(records, engine, limits);
  const saturated = saturation(growth, engine, limits);
  const fallsBehind = saturated.length > 0 || growth.behind > usual.saturation.degraded;
  return fallsBehind ? saturated : drifting(records, engine, limits);
}

function drifting(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const found = halvesApart(records);
  if (found === undefined) return [];
  const { metric, ratio, apart } = found;
  const change = offeredChange(records);
  const isOfSchedule = change !== undefined && change > 1 === ratio > 1;
  return beyond(limits.drift, apart, {
    what: `${ratio > 1 ? "became slower" : "became faster"} while it was measured: in the second half of its requests ${metric} was ${ratio.toPrecision(3)} times that of the first`,
    advice: isOfSchedule
      ? `its figures are a mean of the two, and its schedule may be why: requests came ${change.toPrecision(3)} times as fast then. Where that is meant, say limits: { drift: false } in a test file's experiment`
      : "its figures are a mean of the two: look at its requests over time in the report, and measure again when whatever changed is over",
    engine,
  });
}

/** Sent more than it can answer, an engine is measured by the length of the run: the longer that is, the slower it looks. */
function saturation(growth: QueueGrowth, engine: string, limits: Limits): readonly ValidityReason[] {
  const { offered, served, longer, behind } = growth;
  if (growth.mayBeConstant) {
    return beyond(limits.saturation, behind, {
      what: `answered hardly anything before most had been sent, and then each after about as long: whether it keeps up with ${perSecond(offered)} requests/s is not known`,
      advice:
        "send for several times as long as a first token takes, or read its latencies as those of one burst; where that is meant, say limits: { saturation: false } in a test file's experiment",
      engine,
    });
  }
  return beyond(limits.saturation, behind, {
    what: `was saturated: of ${perSecond(offered)} requests/s that fell due it answered ${perSecond(served)}, and fell behind by ${milliseconds(longer)} with each`,
    advice:
      "lower the rate, or its latencies are those of a queue that grows with the run; to compare engines at saturation on purpose, say limits: { saturation: false } in a test file's experiment",
    engine,
  });
}

/** A few are the race that every kept connection runs with the server's idle limit. */
function sentTwice(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const again = records.filter(isSentAgain);
  return beyond(limits.sentTwice, share(again.length, records.length), {
    what: `closed the connections of ${grouped(again.length)} of ${grouped(records.length)} requests before it answered a byte, and they were sent once more`,
    advice:
      "their TTFT and E2E latency count from the second time: see in its log why it closes connections, or have it keep idle ones for longer",
    engine,
  });
}

/** Whose connections have to be opened amid the load is compared by its network, or its keep-alive. */
function connections(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const replies = records.filter(isCompleted);
  const times = replies.flatMap((record) => opening(record) ?? []);
  const part = share(
    sum(times),
    sumOf(replies, (record) => ttft(record) ?? 0),
  );
  return beyond(limits.opening, part, {
    what: `${grouped(times.length)} of its ${grouped(replies.length)} replies had a connection to open first, and ${Math.round((part ?? 0) * 100)} % of all TTFT is that`,
    advice:
      "have it, or the proxy before it, keep connections open; those of requests with times of their own (every, poisson) are opened ahead",
    engine,
  });
}

function tokenCounts(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const replies = records.filter(isCompleted);
  const byEvents = replies.filter(({ outputTokensSource }) => outputTokensSource === "events");
  const untold = byEvents.filter(({ impossibleTokens }) => impossibleTokens === undefined).length;
  return [
    ...beyond(limits.countedByEvents, share(untold, replies.length), {
      what: `output tokens of ${grouped(untold)} replies are counted as one for each event, because the server told no usage`,
      advice: "do not rely on tokens/s, TPOT and throughput where an event may carry several tokens",
      engine,
    }),
    ...impossibleCounts(byEvents, replies.length, engine, limits),
    ...againstEvents(replies, "usage", engine, limits),
    ...againstEvents(replies, "tokenizer", engine, limits),
    ...againstTokenizer(replies, engine, limits),
  ];
}

/** Believed, they would be the answer: of 2 billion tokens each takes no time. */
function impossibleCounts(byEvents: readonly RequestRecord[], replies: number, engine: string, limits: Limits): readonly ValidityReason[] {
  const told = byEvents.filter(({ impossibleTokens }) => impossibleTokens !== undefined);
  const [first] = told;
  return beyond(limits.countedByEvents, share(told.length, replies), {
    what: `output tokens of ${grouped(told.length)} replies are counted as one for each event, because usage told what cannot be: ${groupedIfWhole(first?.impossibleTokens)} in a reply of ${groupedIfWhole(first?.outputTokens)} events, where at most ${groupedIfWhole(first?.maxOutputTokens)} were asked for`,
    advice:
      "do not rely on tokens/s, TPOT and throughput where an event may carry several tokens; the server, or what stands before it, counts wrongly",
    engine,
  });
}

function againstEvents(
  replies: readonly RequestRecord[],
  source: "usage" | "tokenizer",
  engine: string,
  limits: Limits,
): readonly ValidityReason[] {
  const told = replies.filter(({ outputTokensSource }) => outputTokensSource === source);
  const sums = toldTokens(told);
  const { tokens, events } = sums;
  const teller = source === "usage" ? "usage" : "its tokenizer";
  const tooHigh = tooHighBy(sums);
  const ofFirst =
    tooHigh < 1.005
      ? ""
      : `, and of the first event one: if it has as many as the others, throughput is ${tooHigh.toFixed(2)} times what it was`;
  return beyond(limits.tokenCounts, apart(tokens, events, told.length), {
    what: `${teller} tells ${grouped(tokens)} output tokens, the events carried ${grouped(events)} (${offDifference})`,
    advice: `read ITL as the gaps between events, not between tokens; TPOT and throughput count the tokens of ${teller}${ofFirst}`,
    engine,
  });
}

/** Where usage tells them, and the text was kept all the same. */
function againstTokenizer(replies: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const both = replies.flatMap(({ outputTokens, outputTokensSource, countedTokens }) =>
    outputTokensSource === "usage" && outputTokens !== undefined && countedTokens !== undefined
      ? [{ told: outputTokens, counted: countedTokens }]
      : [],
  );
  const usage = sumOf(both, ({ told }) => told);
  const counted = sumOf(both, (reply) => reply.counted);
  return beyond(limits.tokenCounts, apart(usage, counted, both.length), {
    what: `usage tells ${grouped(usage)} output tokens, its tokenizer counts ${grouped(counted)} in the same replies (${offDifference})`,
    advice:
      "one of the two counts otherwise: tokens that make no text (marks around reasoning and tool calls), or a usage that is not of this reply alone",
    engine,
  });
}

const offDifference = "one a reply, the one that ends it, is taken off the difference";

/** The token that ends a text has none itself, and need not have an event. */
function apart(told: number, counted: number, replies: number): number | undefined {
  return share(Math.abs(told - counted) - replies, told > 0 ? told : counted);
}

/**
 * Text is as many tokens as the engine's tokenizer makes of it; an experiment is named by as many as were asked for. A chat template's tokens of each
 * request are taken off the difference, whichever way it goes, before it is held against the limit.
 */
function promptLength(records: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const counted = records.flatMap(({ promptTokens, contextTokens, questionTokens }) =>
    promptTokens === undefined ? [] : [{ there: promptTokens, asked: contextTokens + questionTokens }],
  );
  const there = sumOf(counted, (prompt) => prompt.there);
  const asked = sumOf(counted, (prompt) => prompt.asked);
  // A server that says 0, or 1, whatever it is sent, does not count.
  if (there <= counted.length) return [];
  const off = share(Math.abs(there - asked) - tokensOfTemplate * counted.length, asked);
  return beyond(limits.promptLength, off, {
    what: `counted ${grouped(there)} prompt tokens where ${grouped(asked)} were asked for (${(there / asked).toPrecision(3)} times as many; ${tokensOfTemplate} a request, a chat template's, are taken off the difference)`,
    advice: there < asked ? shorterAdvice : longerAdvice,
    engine,
  });
}

const longerAdvice =
  "its tokenizer takes the text apart otherwise: read the lengths in titles as words, or send token ids where it takes them";
const shorterAdvice =
  "look whether it cuts prompts short (its context window), or tells only those that it had to compute; else its tokenizer takes the text apart otherwise, and the lengths in titles are words";

/** The same request must have been the same work on every engine. */
function unlikeEngines(completed: readonly RequestRecord[], limits: Limits): readonly ValidityReason[] {
  const requests = [...Map.groupBy(completed, ({ block, request }) => `${block} ${request}`).values()];
  const prompts = requests.filter((same) => areUnlike(same.map(({ promptTokens }) => promptTokens))).length;
  const outputs = requests.filter(haveUnlikeLengths).length;
  return [
    ...beyond(limits.promptTokens, share(prompts, requests.length), {
      what: `${grouped(prompts)} requests had another number of prompt tokens on another engine`,
      advice: "compare engines with the same tokenizer and chat template, or that take token ids",
    }),
    ...beyond(limits.outputTokens, share(outputs, requests.length), {
      what: `${grouped(outputs)} requests got an answer of another length on another engine`,
      advice: "rely on TTFT and TPOT; E2E latency and tokens/s differ by the length too",
    }),
  ];
}

/** Work that nobody asked for: its E2E latency and tokens/s are of another workload. */
function overlong(completed: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const longer = completed.filter((record) => certainTokens(record) > (record.maxOutputTokens ?? Infinity));
  const [longest] = longer.map((record) => ({ ...record, tokens: certainTokens(record) })).sort((one, other) => other.tokens - one.tokens);
  return beyond(limits.overlong, share(longer.length, completed.length), {
    what: `answered ${grouped(longer.length)} of ${grouped(completed.length)} requests with more tokens than were asked for (up to ${groupedIfWhole(longest?.tokens)} for ${groupedIfWhole(longest?.maxOutputTokens)})`,
    advice: longer.every(areSeen)
      ? "it does not keep to max_tokens: rely on TTFT and TPOT; E2E latency and tokens/s are of longer answers"
      : "it does not keep to max_tokens, or its usage counts wrongly, since its events carried fewer: rely on TTFT alone",
    engine,
  });
}

function areSeen(record: RequestRecord): boolean {
  return tokensOfEvents(record) > (record.maxOutputTokens ?? Infinity);
}

/** At least so many: what a tokenizer makes of a text need not be what it was made of, but each event has a token. */
function certainTokens(record: RequestRecord): number {
  return record.outputTokensSource === "tokenizer" ? tokensOfEvents(record) : (record.outputTokens ?? 0);
}

/** Counted in the same way, since a tokenizer's count may be off. */
function haveUnlikeLengths(same: readonly RequestRecord[]): boolean {
  const isEstimate = ({ outputTokensSource }: RequestRecord) => outputTokensSource === "tokenizer";
  return [true, false].some((estimated) =>
    areUnlike(same.filter((record) => isEstimate(record) === estimated).map(({ outputTokens }) => outputTokens)),
  );
}

function areUnlike(counts: readonly (number | undefined)[]): boolean {
  const told = counts.filter((count) => count !== undefined);
  return told.some((count) => count !== told[0]);
}

function cacheState(replies: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const cold = replies.filter((record) => record.cache === "cold" && toldCached(record) !== undefined);
  const hits = cold.filter((record) => foundOf(record) > 0);
  const isOvertaken = mayBeOvertaken(hits.length === 0 ? [] : replies);
  const all = sumOf(hits, foundOf);
  const unexplained = sumOf(hits, (record) => (isOvertaken(record) ? 0 : foundOf(record)));
  const prompt = sumOf(cold, ({ promptTokens = 0 }) => promptTokens);
  const found = share(all, prompt);
  return beyond(limits.coldCached, found, {
    what: `cold requests found ${Math.round((found ?? 0) * 100)} % of their prompts in the cache`,
    advice: `do not call them cold: ${2 * unexplained > all ? "empty the caches before, start the engine anew, or take another seed" : overtaken}`,
    engine,
  });
}

/** Emptied caches change nothing of it. */
const overtaken =
  "others with the same beginning fell due before they were computed, and may have been taken first; have such requests fall due further apart, or fewer at once";

function impossibleHits(replies: readonly RequestRecord[], engine: string, limits: Limits): readonly ValidityReason[] {
  const told = replies.filter(({ impossibleCachedTokens }) => impossibleCachedTokens !== undefined);
  const [first] = told;
  return beyond(limits.cachedTokens, share(told.length, replies.length), {
    what: `usage told what cannot be in ${grouped(told.length)} of ${grouped(replies.length)} replies: ${groupedIfWhole(first?.impossibleCachedTokens)} cached tokens of a prompt of ${first?.promptTokens === undefined ? "unknown length" : groupedIfWhole(first.promptTokens)}`,
    advice: "they are taken for untold: look at the engine's own counters of hits; the server, or what stands before it, counts wrongly",
    engine,
  });
}

function perSecond(rate: number): string {
  return rate.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}
