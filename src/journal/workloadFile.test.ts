import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { passage } from "../model/vocabulary.ts";
import type { Workload } from "../model/workload.ts";
import { documentQuestions } from "./fixture.ts";
import { freshDirectory } from "./freshDirectory.ts";
import { workloadFile } from "./paths.ts";
import { readWorkload } from "./workloadFile.ts";
import { workloadHash } from "./workloadHash.ts";
import { openJournal } from "./write.ts";

function written(workload: Workload): string {
  const directory = freshDirectory();
  using journal = openJournal(directory);
  journal.workload(0, workload, workloadHash(workload));
  return directory;
}

const conversation: Workload = {
  ...documentQuestions(2),
  requests: [
    ...documentQuestions(1).requests,
    {
      id: 1,
      arrival: { kind: "after", request: 0, pause: 0.5 },
      messages: [
        { role: "user", parts: [passage("Index 0 why")] },
        { role: "assistant", parts: [{ kind: "reply", request: 0, source: "own" }] },
        { role: "assistant", parts: [{ kind: "reply", request: 0, source: "scripted", scripted: passage("because it is") }] },
      ],
      contextTokens: 6,
      questionTokens: 3,
      reusableTokens: 3,
      maxOutputTokens: 10,
    },
  ],
};

test("the very requests come back from the file, replies and token ids included", async () => {
  expect(await readWorkload(written(conversation), 0)).toEqual(conversation);
});

test("so do those of a file of several megabytes, in their order", async () => {
  const many = documentQuestions(12_000);
  const test = written(many);
  expect(readFileSync(workloadFile(test, 0)).length).toBeGreaterThan(2_000_000);
  expect(await readWorkload(test, 0)).toEqual(many);
});

test("a document that a thousand requests share is stored once", () => {
  const file = readFileSync(workloadFile(written(documentQuestions(1000)), 0), "utf8");
  expect(file.match(/quick brown fox/g)).toHaveLength(1);
});

test("equal workloads have equal hashes, whatever objects they are made of; one word, one offset or one seed more does not", () => {
  const hash = workloadHash(documentQuestions(3));
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(workloadHash(structuredClone(documentQuestions(3)))).toBe(hash);
  const { options, ...others } = documentQuestions(3);
  expect(workloadHash({ ...others, options: { documents: 1, ...options, unset: undefined } })).toBe(hash);
  expect(workloadHash(documentQuestions(4))).not.toBe(hash);
  expect(workloadHash({ ...documentQuestions(3), seed: 8 })).not.toBe(hash);
  const [first, ...rest] = documentQuestions(3).requests;
  expect(workloadHash({ ...documentQuestions(3), requests: [{ ...first!, arrival: { kind: "at", offset: 0.001 } }, ...rest] })).not.toBe(
    hash,
  );
});

test("a text that was cut into other tokens than the vocabulary would keeps its own", async () => {
  const joined = { ...passage("understand"), tokenIds: [...passage("under").tokenIds, ...passage("stand").tokenIds] };
  const cut = { ...joined, tokenIds: [1, 2, 3] };
  const [first] = documentQuestions(1).requests;
  const workload: Workload = {
    ...documentQuestions(1),
    requests: [{ ...first!, messages: [{ role: "user", parts: [joined, cut, joined] }] }],
  };
  expect(await readWorkload(written(workload), 0)).toEqual(workload);
});

test("a file is JSON, a line for each passage and request, and is read as well where it is one line, as older ones are", async () => {
  const directory = written(conversation);
  const path = workloadFile(directory, 0);
  const text = readFileSync(path, "utf8");
  expect(text.trimEnd().split("\n")).toHaveLength(1 + 4 + 1 + 2 + 1);
  writeFileSync(path, `${JSON.stringify(JSON.parse(text))}\n`);
  expect(await readWorkload(directory, 0)).toEqual(conversation);
});

test("a file that ends within its passages or its requests is refused", async () => {
  const directory = written(conversation);
  const path = workloadFile(directory, 0);
  const lines = readFileSync(path, "utf8").split("\n");
  for (const kept of [1, 3, 6, 7, 8]) {
    writeFileSync(path, lines.slice(0, kept).join("\n"));
    await expect(readWorkload(directory, 0), `${kept} lines`).rejects.toThrow("is not a workload of version 1");
  }
});

test("a file that was edited is refused", async () => {
  const directory = written(documentQuestions(2));
  const path = workloadFile(directory, 0);
  writeFileSync(path, readFileSync(path, "utf8").replace("lazy", "idle"));
  await expect(readWorkload(directory, 0)).rejects.toThrow("no longer gives the requests that were sent");
});

test("a missing, a damaged and a newer file are each refused with their path", async () => {
  const directory = written(documentQuestions(1));
  await expect(readWorkload(directory, 1)).rejects.toThrow("workloads/1.json cannot be read");
  const path = workloadFile(directory, 0);
  writeFileSync(path, "{");
  await expect(readWorkload(directory, 0)).rejects.toThrow("is not a workload of version 1");
  writeFileSync(path, '{"schema":2,"passages":[],"requests":[]}');
  await expect(readWorkload(directory, 0)).rejects.toThrow("is not a workload of version 1");
});
