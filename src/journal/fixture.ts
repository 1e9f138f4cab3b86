import { defaultDeadlines } from "../model/experiment.ts";
import type { Request } from "../model/request.ts";
import type { EngineDescription, TestDescription } from "../model/result.ts";
import { passage } from "../model/vocabulary.ts";
import type { Workload } from "../model/workload.ts";

const document = passage("the quick brown fox jumps over the lazy dog");

/** The same document for every request: the first finds nothing cached, the others all of it. */
export function documentQuestions(requests: number): Workload {
  return {
    kind: "documentQa",
    options: { contextTokens: 9, questionTokens: 3, documents: 1 },
    seed: 7,
    requests: Array.from({ length: requests }, (_, id) => question(id)),
  };
}

function question(id: number): Request {
  return {
    id,
    arrival: { kind: "at", offset: id * 8 },
    messages: [{ role: "user", parts: [document, passage(` Index ${id} why`)] }],
    contextTokens: 9,
    questionTokens: 3,
    reusableTokens: id === 0 ? 0 : 9,
    maxOutputTokens: 200,
  };
}

export function describedTest(requests: number, repeats = 1): TestDescription {
  const workload = { kind: "documentQa", options: { contextTokens: 9 }, hash: "", requests };
  const arrivals = { kind: "every", options: { seconds: 8 }, phrase: "one every 8 s" };
  return {
    schema: 1,
    test: "test_two",
    simulated: true,
    baseline: "plain",
    engines: [describedEngine("cached"), describedEngine("plain")],
    experiments: [{ title: "9 tokens", workload, arrivals, order: "together", repeats, seed: 7, deadlines: defaultDeadlines }],
  };
}

function describedEngine(name: string): EngineDescription {
  return { name, kind: "simulated", model: "tiny", simulated: true, features: [], gpus: [], api: "chat", batch: 0 };
}
