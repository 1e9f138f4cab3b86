import { processTerminal } from "../host/terminal.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Slot } from "../model/engine.ts";
import type { Terminal } from "../model/host.ts";
import type { Place } from "../model/running.ts";
import { shellWord } from "../model/shellWord.ts";
import { arrivalsPhrase, deadlinesPhrase, orderPhrases, sloPhrase } from "../reports/conditions.ts";
import { counted } from "../reports/numbers.ts";
import { describeEngine } from "../run/describePlan.ts";
import { shownFilesOf, type PlannedTest } from "../run/plan.ts";
import { lasts, pauses, phasesOf } from "../run/planExperiments.ts";
import type { PlannedEngine } from "../run/planEngines.ts";
import { describeService, servicesFor, servicesOf, shownFiles } from "../run/services.ts";
import { blockedOf, blockedTogether, lackingNow } from "../run/prepare.ts";
import { explain } from "./explain.ts";
import type { Call } from "./flags.ts";
import { movedSeeds } from "./movedSeeds.ts";
import { printProse } from "./printProse.ts";
import { shaped } from "./shaping.ts";

/** Minutes a launched engine takes to be ready, for the estimate only: recorded boots took 0.6 to 2.5. */
const bootMinutes = 2;

/** `tandem plan FILE`: what would run, to the last argument; boots nothing. */
export async function plan(call: Call): Promise<number> {
  const terminal = processTerminal();
  const place = thisMachine();
  const { tests, skipped } = await shaped(call, place);
  for (const name of skipped) terminal.tell(`${name}: skipped, it returns []`);
  const slotted = await Promise.all(tests.map(async (test) => slottedTest(test, place)));
  if (call.options["json"] === true) terminal.print(JSON.stringify(slotted.map(described), undefined, 2));
  else for (const one of slotted) printPlan(one, terminal);
  for (const message of tests.flatMap((test) => movedSeeds(test, call.options["seed"]))) terminal.tell(message);
  await tellWhatIsMissing(tests, place, terminal);
  return 0;
}

/** A plan may be for another machine: what this one lacks is told beside it, and is no error. */
async function tellWhatIsMissing(tests: readonly PlannedTest[], place: Place, terminal: Terminal): Promise<void> {
  for (const message of await lackingNow(tests, place, ".")) terminal.tell(`warning: ${message}`);
  const blocked = await blockedOf(tests, { place, tell: () => {}, looksOnly: true });
  if (blocked.length > 0) explain(blockedTogether(blocked), terminal);
}

/** A test with the slots its engines and services would have if they started now. */
interface SlottedTest {
  readonly test: PlannedTest;
  readonly place: Place;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly services: Awaited<ReturnType<typeof servicesFor>>;
}

function described({ test, place, slots, services }: SlottedTest): unknown {
  const engines = test.engines.map((engine) => describeEngine(engine, { slot: slots.get(engine.name) as Slot, place })); // each has one
  const beside = services.length === 0 ? {} : { services: services.map(describeService) };
  return { ...test.description, engines, ...beside, ...timesOf(test) };
}

/** A free port may be another at the start, RUN is named then. */
async function slottedTest(test: PlannedTest, place: Place): Promise<SlottedTest> {
  const directory = `outputs/runs/RUN/${test.name}`;
  const batches = Map.groupBy(test.engines, ({ batch }) => batch).values();
  const each = [...batches].map(async (batch) => servicesFor(batch, place, (service) => `${directory}/services/${service}/scratch`));
  const services = (await Promise.all(each)).flat();
  const slots = test.engines.map(async (engine): Promise<[string, Slot]> => {
    const port = engine.port ?? (await place.freePort());
    return [
      engine.name,
      { port, gpus: engine.gpus, directory: `${directory}/engines/${engine.name}/scratch`, ...servicesOf(engine, services) },
    ];
  });
  return { test, place, slots: new Map(await Promise.all(slots)), services };
}

function printPlan(slotted: SlottedTest, terminal: Terminal): void {
  const { test, services } = slotted;
  const { description } = test;
  terminal.print(`${test.name}${description.simulated ? "  (simulated)" : ""}`);
  if (description.summary !== undefined) printProse(description.summary, { indent: 2 }, terminal);
  for (const engine of test.engines) printEngine(engine, slotted, terminal);
  for (const service of services) printService(service, terminal);
  terminal.print("  experiments");
  for (const [index, planned] of test.experiments.entries()) {
    const names = test.engines.map(({ name }) => name);
    const phases = phasesOf(planned, names);
    const requests = phases.reduce((sum, phase) => sum + phase.length, 0);
    terminal.print(`    ${index}  ${planned.experiment.title}`);
    const { repeats, seed, deadlines, slo } = planned.experiment;
    const blocks = repeats === 1 ? "" : `, ${repeats} blocks`;
    const order = names.length === 1 ? "" : `, ${orderPhrases[planned.order]}`;
    const tell = (text: string) => printProse(text, { indent: 7 }, terminal);
    tell(`${counted(requests, "request")} to ${names.join(" and ")}${order}${blocks}, seed ${seed}`);
    const prompts = planned.asText ? ", prompts as text" : "";
    tell(`${arrivalsPhrase(planned.arrivals)}${lastDue(lasts(phases))}; workload ${planned.hash.slice(0, 12)}${prompts}`);
    tell(`deadlines in seconds: ${deadlinesPhrase(deadlines)}`);
    if (slo !== undefined) tell(`goodput: of all requests due, those that keep ${sloPhrase(slo)}`);
  }
  terminal.print(`  takes ${test.virtual ? "no time: virtual time" : timeInWords(test)}\n`);
}

function printEngine(planned: PlannedEngine, { test, place, slots }: SlottedTest, terminal: Terminal): void {
  const slot = slots.get(planned.name) as Slot; // each has one
  const engine = describeEngine(planned, { slot, place });
  const several = new Set(test.engines.map(({ batch }) => batch)).size > 1;
  terminal.print(`  ${engine.name}: ${engine.kind}, ${engine.model}${test.description.baseline === engine.name ? " (baseline)" : ""}`);
  for (const feature of engine.features) printProse(feature, { indent: 4 }, terminal);
  if (needsGpus(planned)) terminal.print(`    ${gpusInWords(planned)}${several ? `; up in turn ${planned.batch + 1}` : ""}`);
  if (engine.url !== undefined) terminal.print(`    url      ${engine.url}, ${engine.api}`);
  if (engine.command !== undefined) {
    terminal.print(`    port     ${slot.port}${planned.port === undefined ? " (free now; chosen at the start)" : ""}`);
    terminal.print(`    command  ${engine.command.map(shellWord).join(" ")}`);
  }
  const added = Object.entries(engine.environment?.added ?? {});
  if (added.length > 0) terminal.print(`    with     ${added.map(([name, value]) => `${name}=${shellWord(value)}`).join(" ")}`);
  const removed = engine.environment?.removed ?? [];
  if (removed.length > 0) terminal.print(`    without  ${removed.join(" ")}`);
  printFiles(shownFilesOf(planned, slot), slot.directory, terminal);
}

function printFiles(files: readonly (readonly [name: string, content: string])[], directory: string, terminal: Terminal): void {
  for (const [name, content] of files) terminal.print(`    file     ${directory}/${name}\n${content.trimEnd().replace(/^/gm, "      ")}`);
}

function printService(service: SlottedTest["services"][number], terminal: Terminal): void {
  const { name, kind, engines, addresses, command, environment } = describeService(service);
  terminal.print(`  ${name}: ${kind}, for ${engines.join(" and ")}`);
  for (const [port, address] of Object.entries(addresses)) {
    terminal.print(`    ${port.padEnd(8)} ${address}${command === undefined ? " (running already)" : " (free now; chosen at the start)"}`);
  }
  if (command !== undefined) terminal.print(`    command  ${command.map(shellWord).join(" ")}`);
  const added = Object.entries(environment?.added ?? {});
  if (added.length > 0) terminal.print(`    with     ${added.map(([variable, value]) => `${variable}=${shellWord(value)}`).join(" ")}`);
  printFiles(shownFiles(service), service.slot.directory, terminal);
}

function needsGpus({ engine: { gpus = 0 } }: PlannedEngine): boolean {
  return gpus > 0;
}

function gpusInWords({ engine, gpus }: PlannedEngine): string {
  const wanted = `${engine.gpus} GPU${engine.gpus === 1 ? "" : "s"}`;
  return gpus.length === 0
    ? `needs ${wanted}; there is none here`
    : `GPU ${gpus.join(", ")}, ${Math.round(engine.gpuShare * 100)} % of its memory`;
}

function timeInWords(test: PlannedTest): string {
  const { minutes, untimed = [] } = timesOf(test);
  const known = `about ${counted(minutes, "minute")}`;
  if (untimed.length === 0) return known;
  return minutes === 0 ? "as long as the engines need to answer" : `${known}, and as long as the engines need to answer`;
}

interface Times {
  readonly minutes: number;
  /** Experiments whose requests wait for answers: `minutes` has only their pauses. */
  readonly untimed?: readonly number[];
}

function timesOf(test: PlannedTest): Times {
  const names = test.engines.map(({ name }) => name);
  const known = test.experiments.map((planned) => {
    const phases = phasesOf(planned, names);
    const all = lasts(phases);
    return { seconds: all ?? pauses(phases), isAll: all !== undefined };
  });
  const untimed = known.flatMap(({ isAll }, index) => (isAll ? [] : [index]));
  const boots = test.engines.filter(needsGpus).length * bootMinutes;
  const minutes = known.reduce((sum, { seconds }) => sum + seconds, 0) / 60 + boots;
  return untimed.length === 0 ? { minutes: Math.max(1, Math.ceil(minutes)) } : { minutes: Math.round(minutes), untimed };
}

function lastDue(after: number | undefined): string {
  return after === undefined ? "" : `, last due after ${duration(after)}`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return seconds < 60 ? `${Math.round(seconds * 10) / 10} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
