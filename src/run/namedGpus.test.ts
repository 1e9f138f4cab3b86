import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Gpu } from "../model/running.ts";
import { experiment } from "../model/experiment.ts";
import { testCase } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { gpusFor } from "./namedGpus.ts";
import { planTests, type PlannedTest } from "./plan.ts";

const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 1 });
const here: readonly Gpu[] = [
  { id: "0", uuid: "GPU-aaaa-1", name: "H100" },
  { id: "1", uuid: "GPU-aabb-2", name: "A100", parts: ["MIG-1111", "MIG-1222"] },
];

test.each([
  [
    ["1", "0"],
    ["1", "0"],
  ],
  [["GPU-aaaa-1"], ["0"]],
  [["GPU-aab"], ["1"]],
  [["MIG-12"], ["MIG-1222"]],
  [["GPU-aa"], ["GPU-aa"]], // may be either
  [
    ["7", "GPU-cccc", "MIG-3"],
    ["7", "GPU-cccc", "MIG-3"],
  ], // of another machine
])("of GPUs named %j this machine has %j", (gpus, ids) => {
  expect(gpusFor({ gpus }, here)).toEqual(ids);
});

test("without names all are used", () => {
  expect(gpusFor({}, here)).toEqual(["0", "1"]);
});

test("a GPU that is named by number and UUID is a mistake: it would count as two", async () => {
  await expect(planned(["0", "GPU-aaaa-1"], here)).rejects.toThrow("--gpus 0,GPU-aaaa-1 names GPU 0 twice");
  expect((await planned(["GPU-aaaa-1", "1"], here)).tests[0]?.engines[0]?.gpus).toEqual(["0"]);
});

test("where no GPU can be seen those that were named are believed, and that is said", async () => {
  expect((await planned(["0"], [])).told).toEqual([
    "warning: no GPU can be seen here (nvidia-smi is not here, or shows none): --gpus 0 is believed",
  ]);
  expect((await planned(["0"], here)).told).toEqual([]);
});

async function planned(gpus: readonly string[], all: readonly Gpu[]): Promise<{ tests: readonly PlannedTest[]; told: readonly string[] }> {
  const engines = { plain: vllm({ model: "m", program: "no-such-vllm" }) };
  const named = { name: "test_gpus", testCase: testCase({ engines, experiments: [experiment({ workload, arrivals: atOnce() })] }) };
  const told: string[] = [];
  const place = { ...thisMachine(), gpus: async () => all };
  const tests = await planTests([named], { ports: [], set: {}, gpus }, place, { tell: (message) => void told.push(message) });
  return { tests, told };
}
