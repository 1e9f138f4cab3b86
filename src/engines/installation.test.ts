import { expect, test } from "vitest";

import type { Engine } from "../model/engine.ts";
import type { Service } from "../model/service.ts";
import { command } from "./command.ts";
import { withLmcache } from "./lmcache.ts";
import { sglang } from "./sglang.ts";
import { tgi } from "./tgi.ts";
import { vllm } from "./vllm.ts";

const slot = { port: 8000, gpus: ["0"], directory: "/scratch" };
const serve = "serve m --host 127.0.0.1 --port 8000 --enable-prompt-tokens-details";

function started({ launch }: Engine) {
  if (!("command" in launch)) throw new Error("it is started by somebody");
  const { program, args, env } = launch.command(slot, { configFiles: {} });
  return { line: [program, ...args].join(" "), env };
}

function lineOf(service: Service | undefined): string {
  if (service?.launch.kind !== "process") throw new Error("it is started");
  const ports = Object.fromEntries(service.launch.ports.map((port, index) => [port, index + 1]));
  const { program, args } = service.launch.command({
    ports,
    directory: "/scratch",
    services: { "l2-0": { host: "h", ports: { redis: 1 } } },
  });
  return [program, ...args].join(" ");
}

test("without a word it is looked up on the PATH", () => {
  expect(started(vllm({ model: "m" })).line).toBe(`vllm ${serve}`);
});

test("a virtual environment is its program there, and known by its variable", () => {
  expect(started(vllm({ model: "m", venv: "/opt/venv/", env: { A: "b" } }))).toEqual({
    line: `/opt/venv/bin/vllm ${serve}`,
    env: { VIRTUAL_ENV: "/opt/venv", A: "b" },
  });
});

test("uvx and conda run it, with flags asked for in the same way", () => {
  const byUvx = vllm({ model: "m", uvx: "vllm==0.24.0" });
  expect(started(byUvx).line).toBe(`uvx --from vllm==0.24.0 vllm ${serve}`);
  expect(byUvx.launch).toMatchObject({
    through: ["uvx", "--from", "vllm==0.24.0"],
    listsFlags: [
      ["serve", "--help=all"],
      ["serve", "--help"],
    ],
  });
  expect(started(vllm({ model: "m", conda: "serving" })).line).toBe(`conda run --no-capture-output --name serving vllm ${serve}`);
  expect(started(vllm({ model: "m", conda: "/envs/serving" })).line).toContain("--prefix /envs/serving");
});

test("LMCache's server is started as its engine is: by the same conda, in the same environment", () => {
  const engine = withLmcache(vllm({ model: "m", conda: "serving" }), {
    mode: "server",
    config: { cpuGigabytes: 0, remoteUrl: "redis://localhost:6379" },
  });
  const server = engine.services?.({ configFiles: {} })["lmcache-server"];
  expect(lineOf(server)).toMatch(/^conda run --no-capture-output --name serving lmcache server --host /);
  expect(lineOf(server?.needs["l2-0"])).toMatch(/^redis-server /);
  const elsewhere = withLmcache(vllm({ model: "m", conda: "serving" }), { mode: "server", server: { program: "/opt/lmcache" } });
  expect(lineOf(elsewhere.services?.({ configFiles: {} })["lmcache-server"])).toMatch(/^\/opt\/lmcache server /);
});

test("by uvx there is an LMCache where it was asked for, and else a mistake that says how", () => {
  const both = withLmcache(vllm({ model: "m", uvx: ["vllm==0.24.0", "lmcache==0.5.0"] }), { mode: "server" });
  expect(lineOf(both.services?.({ configFiles: {} })["lmcache-server"])).toMatch(
    /^uvx --from vllm==0\.24\.0 --with lmcache==0\.5\.0 lmcache server /,
  );
  expect(started(vllm({ model: "m", uvx: ["vllm==0.24.0", "lmcache==0.5.0"] })).line).toMatch(/ --with lmcache==0\.5\.0 vllm serve m /);
  expect(() => withLmcache(vllm({ model: "m", uvx: "vllm==0.24.0" }))).toThrow(
    "withLmcache(): the environment that uvx makes for vllm==0.24.0 has no LMCache in it",
  );
  expect(() => vllm({ model: "m", uvx: [] })).toThrow("uvx must be a text that is not empty");
});

test("how long a boot may take is each engine's own, or what its description says", () => {
  const within = ({ launch }: Engine) => ("ready" in launch ? launch.ready.within : undefined);
  expect(
    [vllm({ model: "m" }), vllm({ model: "m", bootSeconds: 1_800 }), vllm({ model: "m", image: "i", bootSeconds: 5 })].map(within),
  ).toEqual([600, 1_800, 5]);
  expect(() => vllm({ model: "m", bootSeconds: 0 })).toThrow("bootSeconds must be a number above 0, not 0");
});

test("an engine that names GPUs in its environment is refused, with what gives them", () => {
  const env = { CUDA_VISIBLE_DEVICES: "9", HF_TOKEN: "hf-1234567" };
  const refused = (make: () => Engine) => {
    expect(make).toThrow("env must not hold CUDA_VISIBLE_DEVICES: its GPUs are given to it");
    expect(make).not.toThrow("hf-1234567");
  };
  for (const engine of [vllm, sglang, tgi]) refused(() => engine({ model: "m", env }));
  refused(() => vllm({ model: "m", image: "i", env }));
  refused(() => command({ program: "serve", model: "m", args: ["{port}"], env }));
});

test("an image is a container whose program is said, in which a model's path is the one outside", () => {
  const { launch, features } = vllm({ model: "/models/m", image: "vllm/vllm-openai:v0.24.0", container: { volumes: ["/a:/b"] } });
  expect(launch).toMatchObject({
    kind: "docker",
    image: "vllm/vllm-openai:v0.24.0",
    container: { volumes: ["/models/m:/models/m:ro", "/a:/b"] },
  });
  expect(features).toContain("image vllm/vllm-openai:v0.24.0");
});

test("LMCache's disk in a container is the one outside, where it says a path", () => {
  const { launch } = withLmcache(vllm({ model: "m", image: "i" }), { config: { diskGigabytes: 10, diskPath: "/nvme/kv/" } });
  if (launch.kind !== "docker") throw new Error("it is a container");
  expect(launch.command(slot, { configFiles: {} }).keepsIn).toEqual(["/nvme/kv"]);
});

test("on a network of its own it listens on every address inside", () => {
  expect(started(vllm({ model: "m", image: "i", container: { network: "bridge" } })).line).toContain("--host 0.0.0.0 --port 8000");
});
