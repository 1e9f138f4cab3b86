import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";

import { describedTest, documentQuestions } from "../journal/fixture.ts";
import { freshDirectory } from "../journal/freshDirectory.ts";
import { readTest } from "../journal/read.ts";
import { openJournal } from "../journal/write.ts";
import { completed, failed, type Outcome } from "../model/outcome.ts";
import type { RequestRecord } from "../model/record.ts";
import type { Ending } from "../model/exchange.ts";
import { countReplies } from "./countReplies.ts";
import type { Count } from "./tokenizer.ts";

const never = new AbortController().signal;
const wordsIn: Count = async (text) => text.trim().split(" ").length;

interface Counted {
  readonly records: readonly RequestRecord[];
  readonly warnings: readonly string[];
}

/** Replies of one engine, each with as many events as told, counted by `count` once they are on disk. */
async function counted(
  endings: readonly Ending[],
  count: Count,
  { within, stop = never }: { within?: number; stop?: AbortSignal } = {},
): Promise<Counted> {
  const directory = join(freshDirectory(), "test_two");
  using journal = openJournal(directory, { virtual: true });
  journal.describe(describedTest(endings.length));
  journal.workload(0, documentQuestions(endings.length), "hash");
  for (const [request, ending] of endings.entries()) {
    journal.ended(journal.due({ experiment: 0, block: 0, engine: "plain", request, start: 0, due: request }), 1_000, ending);
  }
  journal.flush();
  const warnings: string[] = [];
  const tell = (event: { kind: string; message?: string }) => void (event.kind === "warning" && warnings.push(event.message ?? ""));
  await countReplies(0, new Map([["plain", count]]), {
    directory,
    journal,
    tell,
    stop,
    kill: never,
    ...(within === undefined ? {} : { within }),
  });
  return { records: (await readTest(directory)).experiments[0]?.records ?? [], warnings };
}

function byEvents(text: string, outcome: Outcome = completed): Ending {
  return { outcome, outputTokens: 2, outputTokensSource: "events", text };
}

test("replies without usage have the tokens of their whole text, those that were cut off too; one without a text keeps what it had", async () => {
  const reset = failed("disconnected", "reset");
  const endings = [byEvents(" one two three"), byEvents(" one two", reset), { outcome: failed("refused", "nobody") }];
  const { records, warnings } = await counted(endings, wordsIn);
  expect(records.map(({ outputTokens, outputTokensSource }) => [outputTokens, outputTokensSource])).toEqual([
    [3, "tokenizer"],
    [2, "tokenizer"],
    [undefined, undefined],
  ]);
  expect(warnings).toEqual([]);
});

test("reasoning and tool calls are counted with the text", async () => {
  const { records } = await counted([{ ...byEvents(" so: four"), aside: "let me think" }], wordsIn);
  expect(records[0]?.outputTokens).toBe(5);
});

test("usage is believed before the tokenizer, which stands beside it", async () => {
  const { records } = await counted([{ ...byEvents(" one two three"), outputTokensSource: "usage" }], wordsIn);
  expect(records[0]).toMatchObject({ outputTokens: 2, outputTokensSource: "usage", countedTokens: 3 });
});

test("a tokenizer that stops answering is told, and what it had not counted stays as it was", async () => {
  let asked = 0;
  const count: Count = async (text) => {
    if (++asked > 5) throw new Error("gone");
    return wordsIn(text, never);
  };
  const { records, warnings } = await counted(
    Array.from({ length: 40 }, () => byEvents(" one two three")),
    count,
  );
  expect(records.filter(({ outputTokensSource }) => outputTokensSource === "tokenizer")).toHaveLength(5);
  expect(records.filter(({ outputTokensSource }) => outputTokensSource === "events")).toHaveLength(35);
  expect(asked).toBeLessThan(13);
  expect(warnings).toEqual(["engine plain: its tokenizer counted 5 of 40 replies (gone); the others stay as they were told or counted"]);
});

test("a slow one is asked four things at a time, and no longer than it may take", async () => {
  let [now, most, asked] = [0, 0, 0];
  const slow: Count = async (text, signal) => {
    most = Math.max(most, ++now);
    await pause(++asked > 12 ? 60_000 : 10, undefined, { signal });
    now--;
    return wordsIn(text, signal);
  };
  const { records, warnings } = await counted(
    Array.from({ length: 400 }, () => byEvents(" one two three")),
    slow,
    { within: 1 },
  );
  expect(most).toBe(4);
  expect(records.filter(({ outputTokensSource }) => outputTokensSource === "tokenizer")).toHaveLength(12);
  expect(warnings[0]).toContain("engine plain: its tokenizer counted 12 of 400 replies (its 1 s were over)");
});

test("a run that was interrupted waits for it for a few seconds only", async () => {
  const slow: Count = async (_text, signal) => pause(60_000, 1, { signal });
  const from = performance.now();
  const { warnings } = await counted([byEvents(" one")], slow, { stop: AbortSignal.timeout(100) });
  expect(performance.now() - from).toBeLessThan(6_000);
  expect(warnings[0]).toContain("engine plain: its tokenizer counted 0 of 1 replies (the run was interrupted)");
});
