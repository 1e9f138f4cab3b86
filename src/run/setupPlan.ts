import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { HarnessError } from "../model/harnessError.ts";

export interface SetupWish {
  readonly what: string;
  readonly into?: string;
  readonly cpu: boolean;
  /** Whether uv is here; else pip does it. */
  readonly hasUv: boolean;
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
  /** How a test file uses it. */
  readonly use: readonly string[];
}

/** Says that a directory is one of ours: what is in it may be replaced. */
export const mark = ".tandem-setup.json";

/** What is known to fit, and was seen to work on an H100. */
const gpuPair = { vllm: "0.24.0", lmcache: "0.5.0" };

const recipe = fileURLToPath(new URL("../../scripts/real-engines/", import.meta.url));

/** What it would do, step by step. Refuses a directory that holds anything of somebody else. */
export function setupPlan({ what, into, cpu, hasUv }: SetupWish): SetupPlan {
  if (what !== "vllm-lmcache") {
    throw new HarnessError("usage", `setup ${what}: vllm-lmcache is what it can set up`, { hint: "tandem setup vllm-lmcache --cpu" });
  }
  const directory = resolve(into ?? join(homedir(), ".cache", "tandem", cpu ? "vllm-lmcache-cpu" : "vllm-lmcache"));
  refuseOthers(directory);
  return cpu ? cpuPlan(directory) : gpuPlan(directory, hasUv);
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

function cpuPlan(directory: string): SetupPlan {
  const [environment, model] = [join(directory, "venv"), join(directory, "model")];
  return {
    directory,
    takes: "about 3.2 GB of disk, and a minute where packages are cached, else as long as 1.5 GB take to download",
    steps: [
      {
        says: "a virtual environment with vLLM 0.32.0 (CPU build), LMCache 0.5.6 and torch 2.13.0, all versions pinned; it is imported to see that it works",
        command: ["bash", join(recipe, "install.sh"), environment],
      },
      {
        says: "a tiny random model with a tokenizer of its own: 54 MB, 32k tokens of context",
        command: [join(environment, "bin", "python"), join(recipe, "make_model.py"), model],
      },
      asking(environment),
    ],
    use: [
      `const env = { VLLM_CPU_KVCACHE_SPACE: "1", VLLM_CPU_OMP_THREADS_BIND: "0", HF_HUB_OFFLINE: "1" };`,
      `const plain = { ...vllm({ model: "${model}", servedName: "tiny", dtype: "float32", maxModelLen: 32_768, enforceEager: true,`,
      `  program: "${environment}/bin/vllm", env, prefixCaching: false }), gpus: 0 };`,
    ],
  };
}

function gpuPlan(directory: string, hasUv: boolean): SetupPlan {
  const environment = join(directory, "venv");
  const python = join(environment, "bin", "python");
  const packages = [`vllm==${gpuPair.vllm}`, `lmcache==${gpuPair.lmcache}`];
  const install: Step["command"] = hasUv
    ? ["uv", "pip", "install", "--python", python, ...packages]
    : [python, "-m", "pip", "install", "--disable-pip-version-check", ...packages];
  return {
    directory,
    takes: "about 12 GB of disk; downloads about 4 GB",
    steps: [
      {
        says: "a virtual environment of its own",
        command: hasUv ? ["uv", "venv", "--allow-existing", "--python", "3.12", environment] : ["python3", "-m", "venv", environment],
      },
      { says: `vLLM ${gpuPair.vllm} with LMCache ${gpuPair.lmcache}, a pair that was seen to work, for CUDA 13`, command: install },
      asking(environment),
    ],
    use: [`const plain = vllm({ model, program: "${environment}/bin/vllm", prefixCaching: false });`],
  };
}

const versions = `
import importlib.metadata as metadata, lmcache, torch, vllm
print("imported: vllm", metadata.version("vllm"), "· lmcache", metadata.version("lmcache"), "· torch", torch.__version__)`;

function asking(environment: string): Step {
  return { says: "imports all of it", command: [join(environment, "bin", "python"), "-c", versions.trim()] };
}
