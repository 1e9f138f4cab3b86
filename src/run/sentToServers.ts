import type { Engine } from "../model/engine.ts";
import { hostAndPortOf, serverAt } from "../model/serverUrl.ts";
import { withPromptsOfTheirOwn } from "../model/testCase.ts";
import { SentPrompts } from "../workloads/blocks.ts";
import type { PlannedEngine } from "./planEngines.ts";
import type { NamedTestCase } from "./testCases.ts";

/** What the tests of a run send to servers that stay up from one to the next, each server by itself. */
export class SentToServers {
  private readonly seeds: Map<string, Set<number>>;
  private readonly prompts: Map<string, SentPrompts>;

  constructor() {
    this.seeds = new Map();
    this.prompts = new Map();
  }

  /** The next test, with seeds that none of its servers was asked with: one that was, and one that was not, would not be compared alike. */
  withUnseenSeeds(named: NamedTestCase): NamedTestCase {
    const asked = Object.values(named.testCase.engines)
      .flatMap(urlOf)
      .map((url) => this.seedsOf(hostAndPortOf(url)));
    if (asked.length === 0) return named;
    const experiments = withPromptsOfTheirOwn(
      named.testCase.experiments,
      asked.flatMap((seeds) => [...seeds]),
    );
    for (const seeds of asked) for (const { seed } of experiments) seeds.add(seed);
    return { ...named, testCase: { ...named.testCase, experiments } };
  }

  /** By engine, what its caches have from tests before; undefined where none of a test's engines was up before it. */
  historiesOf(engines: readonly PlannedEngine[]): ReadonlyMap<string, SentPrompts> | undefined {
    if (engines.every(({ engine }) => urlOf(engine).length === 0)) return undefined;
    const ofThisTest = new SentPrompts();
    return new Map(engines.map(({ name, engine }) => [name, this.historyOf(engine) ?? ofThisTest]));
  }

  private seedsOf(host: string): Set<number> {
    return kept(this.seeds, host, () => new Set());
  }

  private historyOf(engine: Engine): SentPrompts | undefined {
    const [url] = urlOf(engine);
    return url === undefined ? undefined : kept(this.prompts, `${serverAt(url)} ${engine.wire.model ?? ""}`, () => new SentPrompts());
  }
}

function urlOf({ launch }: Engine): readonly string[] {
  return launch.kind === "attached" ? [launch.url] : [];
}

function kept<Value>(values: Map<string, Value>, key: string, made: () => Value): Value {
  const value = values.get(key) ?? made();
  values.set(key, value);
  return value;
}
