import { comparedAnswers, departureText, type ComparedAnswers } from "../measure/answers.ts";
import { differences } from "../measure/proofs.ts";
import type { CacheTokens, SharedCacheTokens } from "../measure/cacheTokens.ts";
import { groupedSize } from "../model/grouped.ts";
import type { TestResult } from "../model/result.ts";
import type { Block } from "./document.ts";
import { count, counted, missing } from "./numbers.ts";

/** What each engine was proven to be, and where the engines are unlike. Nothing where nothing was proven. */
export function proofBlocks(result: TestResult): readonly Block[] {
  const { proofs = [], experiments } = result;
  const rows = proofs.flatMap(({ engine, checks, experiment }) => {
    const title = experiment === undefined ? "" : `${experiments[experiment]?.description.title ?? `experiment ${experiment}`}: `;
    return checks.map(({ what, wanted, found, ok, partly }) => [
      engine,
      `${title}${what}`,
      groupedSize(wanted),
      groupedSize(found),
      verdictOf(ok, partly),
    ]);
  });
  if (rows.length === 0) return [];
  return [
    { kind: "heading", level: 3, text: "Were the engines what was asked for?" },
    {
      kind: "table",
      columns: [
        { title: "Engine", align: "left" },
        { title: "What", align: "left" },
        { title: "Wanted", align: "left" },
        { title: "Found", align: "left", wide: true },
        { title: "", align: "left" },
      ],
      rows: [...rows, ...comparedAnswers(result).map(answersRow)],
    },
    ...differenceBlocks(result),
  ];
}

function answersRow(compared: ComparedAnswers): readonly string[] {
  const { engine, baseline, prompts, cachedTokens, departures, isJudged } = compared;
  const what = `answers to ${counted(prompts, "prompt")}${baseline === undefined ? ", asked twice" : ""}`;
  const cached = baseline === undefined ? `, with ${count(cachedTokens)} prompt tokens out of a cache` : "";
  const same = departures.length === 0;
  const found = same ? `the same${cached}` : `${departures.map(departureText).join("; ")}${cached}`;
  return [
    engine,
    what,
    baseline === undefined ? "the same again" : `those of ${baseline}`,
    found,
    verdictOf(same || isJudged ? same : undefined),
  ];
}

function verdictOf(ok: boolean | undefined, partly = false): string {
  if (partly) return "IN PART";
  if (ok === undefined) return "not known";
  return ok ? "proven" : "NOT SO";
}

function differenceBlocks(result: TestResult): readonly Block[] {
  if (result.description.engines.length < 2) return [];
  const items = differences(result).map(({ what, found, wasAsked }) => {
    const values = found.map(({ engine, value }) => `${engine} ${groupedSize(value)}`).join(", ");
    return `${what}: ${values}${wasAsked ? " (asked for)" : ""}`;
  });
  const text =
    items.length === 0
      ? "The engines are alike in everything they tell of themselves, but for what was asked for."
      : "Where the engines are unlike:";
  return [{ kind: "paragraph", tone: "plain", text }, ...(items.length === 0 ? [] : [{ kind: "list", items } as const])];
}

/** Expected prompt tokens from caches beside those found; what engines share stands below them, as all of theirs. Nothing where neither is known of any engine. */
export function cacheTokenTable(tokens: readonly CacheTokens[], shared: readonly SharedCacheTokens[] = []): readonly Block[] {
  if (tokens.every(({ expected, observed }) => expected === undefined || (expected === 0 && observed === 0))) return [];
  const tiers = [...tokens, ...shared].some(({ memoryTier, lowerTier }) => memoryTier !== undefined || lowerTier !== undefined);
  return [
    {
      kind: "table",
      columns: [
        { title: "Prompt tokens from a cache", align: "left" },
        { title: "Of", align: "right" },
        { title: "Expected", align: "right" },
        { title: "Told in replies", align: "right" },
        { title: "Counted: own", align: "right" },
        { title: "Counted: beside", align: "right" },
        ...(tiers
          ? ([
              { title: "Of it: memory", align: "right" },
              { title: "Below", align: "right" },
            ] as const)
          : []),
      ],
      rows: [
        ...tokens.map(({ engine, promptTokens, expected, observed, own, external, memoryTier, lowerTier }) => [
          engine,
          ...[promptTokens, expected, observed, own, external, ...(tiers ? [memoryTier, lowerTier] : [])].map(countOrDash),
        ]),
        ...shared.map(({ cache, engines, memoryTier, lowerTier }) => [
          `${cache}, of ${engines.join(" and ")} together`,
          ...[undefined, undefined, undefined, undefined, undefined, memoryTier, lowerTier].map(countOrDash),
        ]),
      ],
    },
  ];
}

function countOrDash(value: number | undefined): string {
  return value === undefined ? missing : count(value);
}
