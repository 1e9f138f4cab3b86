import { engineEnvironment, masked, type EngineEnvironment } from "../launch/environment.ts";
import { maskedArguments, masks } from "../launch/secrets.ts";
import type { Command, Engine, Slot } from "../model/engine.ts";
import type { Experiment } from "../model/experiment.ts";
import type { EngineDescription, ExperimentDescription, TestDescription } from "../model/result.ts";
import type { Place } from "../model/running.ts";
import { isContained } from "../model/startedLaunch.ts";
import type { Options } from "../model/workload.ts";
import { launchers } from "./launchers.ts";
import { organisationOf, type Overrides } from "./params.ts";
import type { PlannedEngine } from "./planEngines.ts";
import type { PlannedExperiment } from "./planExperiments.ts";
import { shortModel } from "./shortModel.ts";
import type { NamedTestCase } from "./testCases.ts";

/** What a test was decided to do, before anything boots. */
export function describeTest(
  named: NamedTestCase,
  engines: readonly PlannedEngine[],
  experiments: readonly PlannedExperiment[],
  overrides: Overrides,
): TestDescription {
  const organisation = organisationOf(overrides.model);
  return {
    schema: 1,
    test: named.name,
    ...(organisation === undefined ? {} : { organisation }),
    ...(named.summary === undefined ? {} : { summary: named.summary }),
    simulated: engines.some(({ engine }) => engine.simulated),
    ...(named.testCase.baseline === undefined ? {} : { baseline: named.testCase.baseline }),
    engines: engines.map((engine) => describeEngine(engine)),
    ...alikeIn(named.testCase.engines),
    experiments: experiments.map(describeExperiment),
    ...(named.testCase.checks === undefined ? {} : { checks: true }),
  };
}

/** By the description that their author gave to several of them. */
function alikeIn(engines: NamedTestCase["testCase"]["engines"]): Pick<TestDescription, "alike"> {
  const groups = [...Map.groupBy(Object.entries(engines), ([, engine]) => engine).values()].filter((group) => group.length > 1);
  return groups.length === 0 ? {} : { alike: groups.map((group) => group.map(([name]) => name)) };
}

/** Where an engine is to be started. */
interface Start {
  readonly slot: Slot;
  readonly place: Place;
}

/** What is written of an engine; where its start is known, also the exact command line. */
export function describeEngine(planned: PlannedEngine, start?: Start): EngineDescription {
  const { name, engine, gpus, batch } = planned;
  const command = start === undefined ? undefined : launchers(start.place)[engine.launch.kind].started({ ...planned, slot: start.slot });
  const environment = start === undefined || command === undefined ? undefined : environmentOf(engine, command, start.slot);
  return {
    name,
    kind: engine.kind,
    model: shortModel(engine.model),
    simulated: engine.simulated,
    features: [...engine.features, ...(engine.configuredFeatures?.(planned.world) ?? [])],
    gpus,
    ...(command === undefined ? {} : { command: [command.program, ...maskedArguments(command.args)] }),
    ...(environment === undefined ? {} : { environment: { added: masked(environment.added), removed: environment.removed } }),
    ...(engine.launch.kind === "attached" ? { url: masks(engine.launch.url) } : {}),
    api: engine.wire.api,
    ...(engine.wire.fixesLength ? { lengths: "fixed" } : {}),
    batch,
  };
}

/** What differs from ours; a container has only what its command names. */
function environmentOf({ launch }: Engine, { env }: Command, slot: Slot): EngineEnvironment | undefined {
  return isContained(launch) ? undefined : engineEnvironment(process.env, env, slot);
}

/** The built-in vocabulary does not know how many tokens an author's text has: nobody asked for a length of it. */
function limitsOf({ limits }: Experiment, asText: boolean): Pick<ExperimentDescription, "limits"> {
  if (asText) return { limits: { promptLength: false, ...limits } };
  return limits === undefined ? {} : { limits };
}

function describeExperiment(planned: PlannedExperiment): ExperimentDescription {
  const { experiment, workload, hash, arrivals, order, laterBlocks, asText, askedBefore } = planned;
  const later = laterBlocks.length === 0 ? {} : { laterBlocks: laterBlocks.map((block) => block.hash) };
  return {
    title: experiment.title,
    workload: { kind: workload.kind, options: workload.options as Options, hash, requests: workload.requests.length, ...later },
    arrivals,
    ...(asText ? { prompts: "text" } : {}),
    order,
    repeats: experiment.repeats,
    seed: experiment.seed,
    deadlines: experiment.deadlines,
    ...(experiment.cacheState === undefined ? {} : { cacheState: experiment.cacheState }),
    ...limitsOf(experiment, asText),
    ...(experiment.margin === undefined ? {} : { margin: experiment.margin }),
    ...(experiment.slo === undefined ? {} : { slo: experiment.slo }),
    ...(askedBefore.length === 0 ? {} : { askedBefore }),
  };
}
