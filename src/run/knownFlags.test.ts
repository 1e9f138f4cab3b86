import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { withLmcache } from "../engines/lmcache.ts";
import { withOffloading } from "../engines/offloading.ts";
import { sglang } from "../engines/sglang.ts";
import { tensorrtLlm } from "../engines/tensorrtLlm.ts";
import { tgi } from "../engines/tgi.ts";
import { transformersServe } from "../engines/transformersServe.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { servicesOf, trialServiceSlot, trialSlot } from "../launch/neededServices.ts";
import type { Engine } from "../model/engine.ts";
import { experiment } from "../model/experiment.ts";
import { testCase } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { planEngines, type PlannedEngines } from "./planEngines.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tandem-known-flags-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

type Extra = { readonly extraArgs?: readonly string[] };

interface Case {
  readonly name: string;
  readonly make: (venv: string, extra: Extra) => Engine;
  readonly program: string;
  /** With which it lists its flags. */
  readonly asked: string;
  readonly help: string;
  readonly takes: readonly string[];
  readonly wrong: readonly string[];
  readonly told: string;
}

const cases: readonly Case[] = [
  {
    name: "SGLang",
    make: (venv, extra) => sglang({ model: "m", venv, prefixCaching: false, tensorParallel: 2, hiCache: { gigabytes: 3 }, ...extra }),
    program: "python3",
    asked: "-m sglang.launch_server --help",
    help: "sglang-0.5.23",
    takes: ["--max-run", "4", "--chunked-prefill-size=-1", "--no-enable-tf32-matmul", "--forward-pass-metrics-worker-id", "w"],
    wrong: ["--max-runing-requests", "4", "--max_running_requests=4", "--max", "9"],
    told: "SGLang 0.5.23 does not know --max-runing-requests (did you mean --max-running-requests?) and --max_running_requests (did you mean --max-running-requests?) and --max (did you mean --max-running-requests?)",
  },
  {
    name: "TGI",
    make: (venv, extra) => tgi({ model: "m", venv, maxTotalTokens: 4_096, shards: 2, trustRemoteCode: true, ...extra }),
    program: "text-generation-launcher",
    asked: "--help",
    help: "tgi-3.3",
    takes: ["-v3000", "--max-input-tokens=100", "--rope-factor", "-1"],
    wrong: ["--max-total-token", "4"],
    told: "the installed TGI does not know --max-total-token (did you mean --max-total-tokens?)",
  },
  {
    name: "TensorRT-LLM",
    make: (venv, extra) => tensorrtLlm({ model: "m", venv, kvCacheFraction: 0.5, tensorParallel: 2, maxSeqLen: 4_096, ...extra }),
    program: "trtllm-serve",
    asked: "serve --help",
    help: "tensorrtLlm-1.2",
    takes: ["--max_batch_size=4", "--pp_size", "2", "--tokenizer", "-t"],
    wrong: ["--max-batch-size", "4", "--max_batch=4"],
    told: "TensorRT-LLM 1.2.1 does not know --max-batch-size (did you mean --max_batch_size?) and --max_batch (did you mean --max_batch_size?)",
  },
  {
    name: "transformers serve",
    make: (venv, extra) => transformersServe({ model: "m", venv, continuousBatching: true, cacheBlocks: 64, device: "cpu", ...extra }),
    program: "transformers",
    asked: "serve --help",
    help: "transformers-5.19",
    takes: ["--no-cb-use-cuda-graph", "--model-timeout=-1", "--", "--not-a-flag"],
    wrong: ["--cb-num-block", "4", "--no-complie"],
    told: "transformers 5.19.0 does not know --cb-num-block (did you mean --cb-num-blocks?) and --no-complie (did you mean --no-compile?)",
  },
];

describe.each(cases)("$name", ({ make, wrong, told, takes, ...listing }) => {
  test("what the installed version lists is taken as it reads it, and our own flags are among it", async () => {
    const venv = installed(listing);
    const { mistakes, engines } = await planned({ plain: make(venv, {}), more: make(venv, { extraArgs: takes }) });
    expect(mistakes).toEqual([]);
    const [plain, more] = engines.map(({ engine, world }) => commandOf(engine, world));
    expect(more?.args).toEqual([...(plain?.args ?? []), ...takes]);
  });

  test("a flag that it does not know is refused with the nearest one", async () => {
    const { mistakes } = await planned({ plain: make(installed(listing), { extraArgs: wrong }) });
    expect(mistakes.map(({ message }) => message)).toEqual([expect.stringContaining(told)]);
    expect(mistakes[0]?.hint).toBe(`${listing.program} ${listing.asked} lists what it knows`);
  });

  test("one that does not list its flags is left as it was", async () => {
    const venv = installed({ ...listing, asked: "--nothing" });
    const { mistakes } = await planned({ plain: make(venv, { extraArgs: wrong }), absent: make("/nowhere", { extraArgs: wrong }) });
    expect(mistakes).toEqual([]);
  });
});

test("mistakes in the flags of several engines, and of an LMCache server beside one, are told together", async () => {
  const [ofSglang, ofTgi] = cases;
  const venv = installed({ program: "lmcache", asked: "server --help", help: "lmcache-0.5.6" });
  const plain = vllm({ model: "m", venv, extraArgs: ["--max-num-seqz", "4"] });
  installed({ program: "vllm", asked: "serve --help=all", help: "vllm-0.32" });
  const { mistakes } = await planned({
    sglang: sglang({ model: "m", venv: installed(ofSglang as Case), extraArgs: ["--tp-sise", "2"] }),
    tgi: tgi({ model: "m", venv: installed(ofTgi as Case), extraArgs: ["--hostnam", "h"] }),
    beside: withLmcache(plain, { mode: "server", server: { extraArgs: ["--l1-use-lasy", "--no-l1-use", "--l1_size_gb", "3"] } }),
  });
  expect(mistakes.map(({ message }) => message)).toEqual([
    "SGLang 0.5.23 does not know --tp-sise (did you mean --tp-size?)",
    "the installed TGI does not know --hostnam (did you mean --hostname?)",
    "vLLM 0.32.0 does not know --max-num-seqz (did you mean --max-num-seqs?)",
    "LMCache 0.5.6 does not know --l1-use-lasy (did you mean --l1-use-lazy?) and --l1_size_gb (did you mean --l1-size-gb?)",
  ]);
});

test("what only we want of an LMCache server is left out where it is not known", async () => {
  const commands = async (help: string) => {
    const venv = installed({ program: "lmcache", asked: "server --help", help: "lmcache-0.5.6" }, (text) => text.replaceAll(help, "--x"));
    const engine = withOffloading(vllm({ model: "m", venv, gpus: 0 }), { gigabytes: 2, backend: "lmcache" });
    const { engines, mistakes } = await planned({ engine });
    expect(mistakes).toEqual([]);
    const [service] = engines.flatMap((one) => Object.values(servicesOf(one)));
    if (service?.launch.kind !== "process") throw new Error("the server is started");
    return service.launch.command(trialServiceSlot(service)).args.join(" ");
  };
  expect(await commands("--nothing")).toContain("--metrics-sample-rate 1.0");
  rmSync(join(directory, "flags"), { recursive: true, force: true });
  expect(await commands("--metrics-sample-rate")).not.toContain("--metrics-sample-rate");
});

test("transformers 5.0 is told its model by the flag that it has for it", async () => {
  const listing = cases.find(({ program }) => program === "transformers") as Case;
  const venv = installed(listing, (text) => text.replace("  --host TEXT", "  --force-model TEXT              …\n  --host TEXT"));
  const { engines } = await planned({ plain: transformersServe({ model: "m", venv }) });
  expect(engines.map(({ engine, world }) => commandOf(engine, world)?.args.slice(0, 3))).toEqual([["serve", "--force-model", "m"]]);
});

const versions: Readonly<Record<string, string>> = { vllm: "0.32.0", lmcache: "0.5.6", tensorrt_llm: "1.2.1", transformers: "5.19.0" };

/** A virtual environment whose program lists its flags as the real one was recorded to. */
function installed({ program, asked, help }: Pick<Case, "program" | "asked" | "help">, changed = (text: string) => text): string {
  const venv = join(directory, "venv");
  const packages = join(venv, "lib/python3.12/site-packages");
  for (const [name, version] of Object.entries(versions)) mkdirSync(join(packages, `${name}-${version}.dist-info`), { recursive: true });
  mkdirSync(join(venv, "bin"), { recursive: true });
  const recorded = readFileSync(new URL(`recorded/${help}-help-excerpt.txt`, import.meta.url), "utf8");
  const file = join(venv, "bin", `${program}.txt`);
  writeFileSync(file, changed(recorded));
  const says = `#!/bin/sh\ncase "$*" in\n"-c "*) echo '{"sglang": "0.5.23"}';;\n"${asked}") cat ${file};;\n*) echo "no such flag" >&2; exit 2;;\nesac\n`;
  writeFileSync(join(venv, "bin", program), says, { mode: 0o755 });
  return venv;
}

function commandOf(engine: Engine, world: Parameters<typeof trialSlot>[0]["world"]) {
  return "command" in engine.launch ? engine.launch.command(trialSlot({ engine, world }), world) : undefined;
}

async function planned(engines: Readonly<Record<string, Engine>>): Promise<PlannedEngines> {
  const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 1 });
  const [baseline = ""] = Object.keys(engines);
  const described = testCase({ engines, baseline, experiments: [experiment({ workload, arrivals: atOnce() })] });
  const here = { place: thisMachine(), own: { PATH: process.env["PATH"], XDG_CACHE_HOME: join(directory, "flags") }, gpuIds: ["0", "1"] };
  return planEngines({ name: "test_flags", testCase: described }, { ports: [], set: {} }, here);
}
