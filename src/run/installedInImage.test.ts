import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { llamaCpp } from "../engines/llamaCpp.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { skipsDocker, testDaemon, type TestDaemon } from "../launch/dockerFixture.ts";
import { imageOutput } from "../launch/imageOutput.ts";
import type { Engine } from "../model/engine.ts";
import { installedProgram } from "./installedProgram.ts";
import { blockedOf } from "./prepare.ts";

const help = readFileSync(new URL("recorded/vllm-0.32-help-excerpt.txt", import.meta.url), "utf8");

let daemon: TestDaemon;
let directory: string;

describe.skipIf(skipsDocker)("of an image, with a real Docker daemon", () => {
  beforeAll(async () => {
    daemon = await testDaemon();
  }, 60_000);
  afterAll(async () => daemon[Symbol.asyncDispose](), 60_000);
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tandem-in-image-"));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
    const left = await daemon.docker.listContainers({ all: true });
    if (left.length > 0) throw new Error(`left behind: ${left.map(({ Command: command }) => command).join(", ")}`);
  });

  test("the program is asked once, with the versions beside it, and a flag that it does not know is refused", async () => {
    const image = await imageWith({ vllm: printing(help), python3: printing('{"vllm": "0.24.0", "lmcache": "0.5.0"}') });
    const told: string[] = [];
    const engine = vllm({ model: "m", image, extraArgs: ["--max-num-seqz", "4"] });
    const first = await ask(engine, told);
    expect(first).toMatchObject({ version: "0.24.0", beside: { lmcache: "0.5.0" } });
    expect(first?.flags).toContain("--max-num-seqs");
    expect(await ask(engine, told)).toEqual(first);
    expect(told).toEqual([`asking the image ${image} for the flags of plain; once for each image`]);
    const { launch } = engine;
    if (launch.kind !== "docker" || first === undefined) throw new Error("it is an image that was asked");
    expect(() => launch.command({ port: 1, gpus: [], directory: "/" }, { configFiles: {}, program: first })).toThrow(
      "vLLM 0.24.0 does not know --max-num-seqz (did you mean --max-num-seqs?)",
    );
  });

  test("one under the same name and with other content is asked again", async () => {
    const older = await ask(vllm({ model: "m", image: await imageWith({ vllm: printing(help) }) }));
    const newer = await ask(vllm({ model: "m", image: await imageWith({ vllm: printing(help.replace("--max-num-seqs", "--newer")) }) }));
    expect([older, newer].map((found) => found?.flags.includes("--newer"))).toEqual([false, true]);
  });

  test("an image's own program is asked where it starts one by itself", async () => {
    const llama = readFileSync(new URL("recorded/llamaCpp-0.5.0-help-excerpt.txt", import.meta.url), "utf8");
    const image = await imageWith({ server: printing(llama) }, ["/usr/bin/server"]);
    expect((await ask(llamaCpp({ model: "/m.gguf", image })))?.flags).toContain("--ctx-size");
  });

  test("of one that was pulled after the plan, a flag that it does not know stops its test", async () => {
    vi.stubEnv("DOCKER_HOST", daemon.env["DOCKER_HOST"]);
    vi.stubEnv("XDG_CACHE_HOME", join(directory, "cache"));
    const image = await imageWith({ vllm: printing(help) });
    const engine = vllm({ model: "m", image, gpus: 0, extraArgs: ["--max-num-seqz", "4"] });
    const planned = { name: "plain", engine, world: { configFiles: {} }, batch: 0, gpus: [], port: undefined };
    const [found] = await blockedOf([{ name: "test_x", engines: [planned] }], { place: thisMachine(), tell: () => {} });
    expect(found?.obstacles.map(({ message }) => message)).toEqual([
      "the installed vLLM does not know --max-num-seqz (did you mean --max-num-seqs?)",
    ]);
  });

  test("one that does not end is ended in time, and what it printed until then is read", async () => {
    const hangs = "console.log('begun'); console.error('and hangs'); setInterval(() => {}, 1_000)";
    const from = performance.now();
    const question = { engine: "plain", image: daemon.image, program: "/usr/bin/node", args: ["-e", hangs], env: {}, within: 2 };
    expect(await imageOutput(daemon, question)).toEqual({ stdout: "begun\n", stderr: "and hangs\n" });
    // Two seconds, and what a busy daemon takes to start and to remove it.
    expect((performance.now() - from) / 1_000).toBeLessThan(22);
  });

  test("without the program, or the image, nothing is known, and nothing is left behind", async () => {
    expect(await ask(vllm({ model: "m", image: await imageWith({}) }))).toBeUndefined();
    expect(await ask(vllm({ model: "m", image: "no-such/image:1" }))).toBeUndefined();
  });
});

test("without a daemon nothing is known of an image", async () => {
  const own = { DOCKER_HOST: "unix:///no/such/socket" };
  const engine = vllm({ model: "m", image: "vllm/vllm-openai:v0.24.0" });
  expect(await installedProgram("plain", engine, { configFiles: {} }, { place: thisMachine(), own })).toBeUndefined();
});

async function ask(engine: Engine, told: string[] = []) {
  const own = { ...daemon.env, XDG_CACHE_HOME: join(directory, "cache") };
  return installedProgram("plain", engine, { configFiles: {} }, { place: thisMachine(), own, tell: (message) => told.push(message) });
}

/** A program of the Node that every image here has. */
function printing(text: string): string {
  return `#!/usr/bin/node\nconsole.log(${JSON.stringify(text)});\n`;
}

/** The fixture's image with these programs in /usr/bin; always under the same name. */
async function imageWith(programs: Readonly<Record<string, string>>, entrypoint?: readonly string[]): Promise<string> {
  const root = join(directory, "root");
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(root, "usr/bin", name), text, { mode: 0o755 });
  const tar = join(directory, "root.tar");
  execFileSync("tar", ["-C", root, "-cf", tar, "."]);
  const container = await daemon.docker.createContainer({ Image: daemon.image, Cmd: ["/usr/bin/node"] });
  await container.putArchive(tar, { path: "/" });
  const changes = [`ENV PATH=/usr/bin`, ...(entrypoint === undefined ? [] : [`ENTRYPOINT ${JSON.stringify(entrypoint)}`])];
  await container.commit({ repo: "tandem-test/asked", tag: "1", changes });
  await container.remove();
  return "tandem-test/asked:1";
}
