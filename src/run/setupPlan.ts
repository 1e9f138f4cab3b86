import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { HarnessError } from "../model/harnessError.ts";
import type { SetupMachine } from "./setupMachine.ts";

export interface SetupWish {
  readonly what: string;
  readonly into?: string;
  readonly cpu: boolean;
  readonly machine: SetupMachine;
}

/** One program that is run, and why. */
export interface Step {
  readonly says: string;
  readonly command: readonly [program: string, ...args: string[]];
}

export interface SetupPlan {
  readonly directory: string;
  readonly takes: string;
  readonly steps: readonly Step[];
  /** What the steps need and this machine has not: all of it, told before the first one. */
  readonly lacks: readonly Lack[];
  /** What would be set up in vain. */
  readonly warnings: readonly string[];
  /** How a test file uses it. */
  readonly use: readonly string[];
}

interface Lack {
  readonly what: string;
  /** The package that has it. */
  readonly debian: string;
}

/** Says that a directory is one of ours: what is in it may be replaced. */
export const mark = ".tandem-setup.json";

/** What is known to fit, and was seen to work on an H100. */
const gpuPair = { vllm: "0.24.0", lmcache: "0.5.0" };

const recipe = fileURLToPath(new URL("../../scripts/real-engines/", import.meta.url));

/** What it would do, step by step. Refuses a directory that holds anything of somebody else. */
export function setupPlan({ what, into, cpu, machine }: SetupWish): SetupPlan {
  if (what !== "vllm-lmcache") {
    throw new HarnessError("usage", `setup ${what}: vllm-lmcache is what it can set up`, { hint: "tandem setup vllm-lmcache --cpu" });
  }
  const { gpu, cpu: withoutGpu } = setupDirectories(homedir());
  const directory = resolve(into ?? (cpu ? withoutGpu : gpu));
  refuseOthers(directory);
  return cpu ? cpuPlan(directory, machine) : gpuPlan(directory, machine);
}

/** Where it goes unless said. */
export function setupDirectories(home: string): { readonly gpu: string; readonly cpu: string } {
  const directory = join(home, ".cache", "tandem", "vllm-lmcache");
  return { gpu: directory, cpu: `${directory}-cpu` };
}

function refuseOthers(directory: string): void {
  let names: readonly string[];
  try {
    names = existsSync(directory) ? readdirSync(directory) : [];
  } catch (cause) {
    throw new HarnessError("usage", `${directory} is not a directory that can be read`, { hint: "name another with --into DIR", cause });
  }
  if (names.length === 0 || names.includes(mark)) return;
  throw new HarnessError("usage", `${directory} is not empty, and not made by tandem setup`, {
    hint: "nothing was done; name an empty or a new directory with --into DIR",
  });
}

function cpuPlan(directory: string, { hasUv, python311, lacks }: SetupMachine): SetupPlan {
  const [environment, model] = [join(directory, "venv"), join(directory, "model")];
  const python = python311 ?? join(environment, "bin", "python");
  const install: Step["command"] = ["bash", join(recipe, "install.sh"), environment];
  const withUv: readonly Step[] = [
    {
      says: "CPython 3.11, which the pins are for: uv finds it, or fetches it",
      command: ["uv", "venv", "--allow-existing", "--seed", "--python", "3.11", environment],
    },
  ];
  return {
    directory,
    takes: "about 3.2 GB of disk, and a minute where packages are cached, else as long as 1.5 GB take to download",
    lacks: [
      ...lacks,
      ...(python311 === undefined && !hasUv
        ? [{ what: "CPython 3.11 with venv (or uv, which fetches it)", debian: "python3.11-venv" }]
        : []),
    ],
    warnings: [],
    steps: [
      ...(python311 === undefined ? withUv : []),
      {
        says: "a virtual environment with vLLM 0.32.0 (CPU build), LMCache 0.5.6 and torch 2.13.0, all versions pinned; it is imported to see that it works",
        command: python === "python3" ? install : ["env", `PYTHON=${python}`, ...install],
      },
      {
        says: "a tiny random model with a tokenizer of its own: 54 MB, 32k tokens of context",
        command: [join(environment, "bin", "python"), join(recipe, "make_model.py"), model],
      },
      asking(environment),
    ],
    use: [
      `const env = { VLLM_CPU_KVCACHE_SPACE: "1", VLLM_CPU_OMP_THREADS_BIND: "0", HF_HUB_OFFLINE: "1" };`,
      `const plain = vllm({ model: "${model}", servedName: "tiny", gpus: 0, dtype: "float32", maxModelLen: 32_768, enforceEager: true,`,
      `  venv: "${environment}", env, prefixCaching: false });`,
      `const cached = withLmcache(plain, { mode: "server", config: { cpuGigabytes: 1 } });`,
    ],
  };
}

function gpuPlan(directory: string, { hasUv, python: itsPython, hasDriver }: SetupMachine): SetupPlan {
  const environment = join(directory, "venv");
  const python = join(environment, "bin", "python");
  const packages = [`vllm==${gpuPair.vllm}`, `lmcache==${gpuPair.lmcache}`];
  const install: Step["command"] = hasUv
    ? ["uv", "pip", "install", "--python", python, ...packages]
    : [python, "-m", "pip", "install", "--disable-pip-version-check", ...packages];
  return {
    directory,
    takes: "about 12 GB of disk; downloads about 4 GB",
    lacks: hasUv || itsPython !== undefined ? [] : [{ what: "Python 3 with venv (or uv)", debian: "python3-venv" }],
    warnings: hasDriver
      ? []
      : ["no NVIDIA driver shows a GPU here (nvidia-smi -L): what is installed will not run; without a GPU add --cpu"],
    steps: [
      {
        says: "a virtual environment of its own",
        command: hasUv ? ["uv", "venv", "--allow-existing", "--python", "3.12", environment] : ["python3", "-m", "venv", environment],
      },
      { says: `vLLM ${gpuPair.vllm} with LMCache ${gpuPair.lmcache}, a pair that was seen to work, for CUDA 13`, command: install },
      asking(environment),
    ],
    use: [
      `const plain = vllm({ model, venv: "${environment}", prefixCaching: false });`,
      `const cached = withLmcache(plain, { config: { cpuGigabytes: 20 } });`,
    ],
  };
}

const versions = `
import importlib.metadata as metadata, lmcache, torch, vllm
print("imported: vllm", metadata.version("vllm"), "· lmcache", metadata.version("lmcache"), "· torch", torch.__version__)`;

function asking(environment: string): Step {
  return { says: "imports all of it", command: [join(environment, "bin", "python"), "-c", versions.trim()] };
}
