import { checkOptions, checkTogether, listOfTexts, nonEmptyText, objectOfTexts, positive, type OptionRule } from "../model/checkOptions.ts";
import type { Command, ContainerOptions, Readiness, Slot, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { StartedLaunch } from "../model/startedLaunch.ts";
import { allKnown, type FlagRules } from "./flags.ts";

/** Where an engine's program is: on the PATH unless one of the first five says otherwise. */
export interface InstallationOptions {
  /** A name on the PATH, or a path. */
  readonly program?: string;
  /** The absolute path of a virtual environment's folder. */
  readonly venv?: string;
  /** What uvx fetches and runs: "vllm==0.24.0"; in a list, with what else is in its environment: ["vllm==0.24.0", "lmcache==0.5.0"]. */
  readonly uvx?: string | readonly string[];
  /** The name or the path of a conda environment. */
  readonly conda?: string;
  /** A container's: "vllm/vllm-openai:v0.24.0". */
  readonly image?: string;
  /** With an image: volumes, shared memory, memory, network. */
  readonly container?: ContainerOptions;
  readonly env?: Readonly<Record<string, string>>;
  /** How long a boot may take, before it counts as failed. 600 unless said; 900 of tgi() and tensorrtLlm(). */
  readonly bootSeconds?: number;
}

const containerRules: Readonly<Record<keyof ContainerOptions, OptionRule>> = {
  volumes: (value) =>
    Array.isArray(value) && value.every((volume) => /^[^:]+:\/[^:]*(?::[a-z,]+)?$/i.test(String(volume)))
      ? undefined
      : 'must be a list such as ["/models:/models:ro"]',
  sharedMemoryGib: positive,
  memoryGib: positive,
  network: nonEmptyText,
};

/** Part of the rules of every engine that has one. */
export const installationRules: Readonly<Record<keyof InstallationOptions, OptionRule>> = {
  program: nonEmptyText,
  venv: (value) => (typeof value === "string" && value.startsWith("/") ? undefined : "must be an absolute path"),
  uvx: (value) => (listOfTexts(value) === undefined && [value].flat().length > 0 ? undefined : nonEmptyText(value)),
  conda: nonEmptyText,
  image: nonEmptyText,
  container: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  env: objectOfTexts,
  bootSeconds: positive,
};

/** What an engine is started with, wherever it is installed. */
export interface Invocation {
  /** Its name on a PATH. */
  readonly program: string;
  /** After the program; `host` is the address to listen on. */
  readonly args: (slot: Slot, host: string, world: World) => readonly string[];
  /** Its images start it by themselves: only arguments are given to them. */
  readonly isEntrypoint?: boolean;
  readonly env?: (slot: Slot) => Readonly<Record<string, string>>;
  readonly files?: (slot: Slot) => Readonly<Record<string, string>>;
  /** As a Command's. */
  readonly discards?: readonly string[];
  readonly keepsIn?: readonly string[];
  readonly ready: Readiness;
  readonly missing: string;
  /** Where its flags are told: those of its arguments that the installed version does not know are refused. */
  readonly flags?: FlagRules;
  /** As a Launch's. */
  readonly package?: string;
  /** A path that it reads, seen inside a container too. */
  readonly reads?: string;
}

/** Whatever Python's tempfile makes: sockets, files through which its processes find each other. Many are left behind, also after a good end. */
export function temporaryFiles({ temporary }: Slot): Readonly<Record<string, string>> {
  return temporary === undefined ? {} : { TMPDIR: temporary };
}

/** How the engine gets to run where it is installed. */
export function launchFrom(what: string, options: InstallationOptions, invocation: Invocation): StartedLaunch {
  checkTogether(
    () => refuseTwoPlaces(what, options),
    () => refuseGpuVariables(what, options),
  );
  const { image, container = {}, env = {}, bootSeconds = invocation.ready.within } = options;
  const { missing, flags, discards, keepsIn } = invocation;
  const ready = { ...invocation.ready, within: bootSeconds };
  const start = startOf(options, invocation);
  const host = (container.network ?? "host") === "host" ? "127.0.0.1" : "0.0.0.0";
  const command = (slot: Slot, world: World): Command => ({
    program: start.program,
    args: [...start.before, ...knownArguments(invocation, slot, host, world)],
    env: { ...start.env, ...invocation.env?.(slot), ...env },
    ...(invocation.files === undefined ? {} : { files: invocation.files(slot) }),
    ...(discards === undefined ? {} : { discards }),
    ...(keepsIn === undefined ? {} : { keepsIn }),
  });
  const told = {
    ...(flags === undefined ? {} : { listsFlags: flags.lists }),
    ...(invocation.package === undefined ? {} : { package: invocation.package }),
  };
  if (image !== undefined) return { kind: "docker", image, command, container: withModel(container, invocation.reads), ready, ...told };
  const through = start.before.length === 0 ? {} : { through: [start.program, ...start.before.slice(0, -1)] };
  return { kind: "process", command, ready, missing, ...through, ...told };
}

function knownArguments({ args, flags }: Invocation, slot: Slot, host: string, world: World): readonly string[] {
  const wanted = args(slot, host, world);
  return flags === undefined ? wanted : allKnown(world.program, wanted, flags);
}

const gpuVariables: ReadonlySet<string> = new Set(["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES"]);

/** It would run on other GPUs than those that it was planned on, beside another engine perhaps. */
export function refuseGpuVariables(what: string, { env = {} }: InstallationOptions): void {
  const refused = Object.keys(env).filter((name) => gpuVariables.has(name));
  if (refused.length === 0) return;
  throw new HarnessError("usage", `${what}: env must not hold ${refused.join(" and ")}: its GPUs are given to it`, {
    hint: "gpus, tensorParallel or shards says how many it takes; tandem run --gpus 1,3 says which there are to take, as nvidia-smi counts them",
  });
}

function refuseTwoPlaces(what: string, options: InstallationOptions): void {
  const { program, venv, uvx, conda, image, container } = options;
  const given = Object.entries({ program, venv, uvx, conda, image }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1) {
    throw new HarnessError("usage", `${what}: ${given.join(" and ")} each say where it is installed`, { hint: "give one of them" });
  }
  if (container === undefined) return;
  if (image === undefined) throw new HarnessError("usage", `${what}: container needs an image`, { hint: 'image: "name:tag"' });
  checkOptions(`${what}: container`, container, Object.keys(containerRules), containerRules);
}

interface Start {
  readonly program: string;
  /** Before its own arguments: where another program starts it, that one's and its name. */
  readonly before: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function startOf({ program, venv, uvx, conda, image }: InstallationOptions, invocation: Invocation): Start {
  const own = invocation.program;
  if (venv !== undefined) {
    const folder = venv.replace(/\/+$/, "");
    return { program: `${folder}/bin/${own}`, before: [], env: { VIRTUAL_ENV: folder } };
  }
  if (uvx !== undefined) {
    const [from = "", ...others] = [uvx].flat();
    return { program: "uvx", before: ["--from", from, ...others.flatMap((other) => ["--with", other]), own], env: {} };
  }
  if (conda !== undefined) {
    // Without it conda keeps what the engine prints until the end.
    return { program: "conda", before: ["run", "--no-capture-output", conda.includes("/") ? "--prefix" : "--name", conda, own], env: {} };
  }
  if (image !== undefined) return { program: invocation.isEntrypoint === true ? "" : own, before: [], env: {} };
  return { program: program ?? own, before: [], env: {} };
}

/** A model given as a path lies at the same one inside. */
function withModel(container: ContainerOptions, path: string | undefined): ContainerOptions {
  if (path === undefined || !path.startsWith("/")) return container;
  return { ...container, volumes: [`${path}:${path}:ro`, ...(container.volumes ?? [])] };
}

/** Where it is installed, as a phrase; nothing for the PATH of this machine. */
export function installationFeatures({ venv, uvx, conda, image, container = {} }: InstallationOptions): readonly string[] {
  const { memoryGib, network } = container;
  return [
    ...(venv === undefined ? [] : [`from ${venv.replace(/\/+$/, "").split("/").at(-1) ?? venv}`]),
    ...(uvx === undefined ? [] : [`${[uvx].flat().join(" with ")} by uvx`]),
    ...(conda === undefined ? [] : [`from conda's ${conda.split("/").at(-1) ?? conda}`]),
    ...(image === undefined ? [] : [`image ${image}`]),
    ...(memoryGib === undefined ? [] : [`at most ${memoryGib} GiB of memory`]),
    ...(network === undefined ? [] : [`network ${network}`]),
  ];
}

/** The engine works in a directory of its own, so a path from ours would lead nowhere. */
export const modelName: OptionRule = (value) =>
  nonEmptyText(value) ?? (String(value).startsWith(".") ? "must be a name or an absolute path" : undefined);

/** Where ids of ordinary words begin in every vocabulary of 4,096 tokens or more: above the bytes and the special tokens. */
export const tokenIdOffset = 1_000;
