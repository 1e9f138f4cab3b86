import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import type { Command, Engine, Slot, World } from "../model/engine.ts";
import { attached } from "./attached.ts";
import { withLmcache } from "./lmcache.ts";
import { withOffloading } from "./offloading.ts";
import { vllm } from "./vllm.ts";

const plain = vllm({ model: "m" });
const native = withOffloading(plain, { gigabytes: 30 });
const byLmcache = withOffloading(plain, { gigabytes: 30, backend: "lmcache" });
const unknown: World = { configFiles: {} };

function commandOf({ launch }: Engine, services: Slot["services"] = {}, world = unknown): Command {
  if (!("command" in launch)) throw new TypeError("nobody starts it");
  return launch.command({ port: 8_000, gpus: [], directory: "/scratch", services }, world);
}

function installed(version: string, lmcache?: string): World {
  const flags = ["--host", "--port", "--enable-prompt-tokens-details", "--kv-transfer-config"];
  return { configFiles: {}, program: { version, flags, ...(lmcache === undefined ? {} : { beside: { lmcache } }) } };
}

test("vLLM's own offloading has two flags; by LMCache it has a server too, and is told where it is", () => {
  const args = commandOf(plain).args.length;
  expect(commandOf(native).args.slice(args)).toEqual(["--kv-offloading-backend", "native", "--kv-offloading-size", "30"]);
  const at = { host: "127.0.0.1", ports: { cache: 6_555, http: 8_090 } };
  expect(JSON.parse(commandOf(byLmcache, { "lmcache-server": at }).args.at(-1) ?? "")).toEqual({
    kv_role: "kv_both",
    kv_connector_extra_config: { "lmcache.mp.host": "tcp://127.0.0.1", "lmcache.mp.port": 6_555, "lmcache.mp.mq_timeout": 10 },
  });
  expect([native, byLmcache].map((engine) => Object.keys(engine.services?.(unknown) ?? {}))).toEqual([[], ["lmcache-server"]]);
});

test("an image takes the flags of vLLM's own offloading; a server would not reach into its container", () => {
  const inImage = vllm({ model: "m", image: "vllm/vllm-openai:v0.24.0" });
  const { launch } = withOffloading(inImage, { gigabytes: 30 });
  expect([launch.kind, commandOf({ ...inImage, launch }).args.slice(-4)]).toEqual([
    "docker",
    ["--kv-offloading-backend", "native", "--kv-offloading-size", "30"],
  ]);
  expect(() => withOffloading(inImage, { gigabytes: 30, backend: "lmcache" })).toThrow("a container does not share its GPU memory");
});

test("engines that take no such flags, or have a cache connected, are told so", () => {
  expect(() => withOffloading(attached({ url: "http://h:1" }), { gigabytes: 30 })).toThrow('kind "attached" does not take its flags');
  expect(() => withOffloading(withLmcache(plain), { gigabytes: 30 })).toThrow("connected already");
  expect(() => commandOf(native, {}, installed("0.9.2"))).toThrow(
    "vLLM 0.9.2 does not know --kv-offloading-backend and --kv-offloading-size",
  );
});

test("a vLLM whose flags put LMCache into its process is refused before a server is started for nothing", () => {
  const services = (world: World) => () => byLmcache.services?.(world);
  expect(services(installed("0.21.0"))).toThrow('an LMCache server by backend: "lmcache" came with vLLM 0.22.0, and 0.21.0 is installed');
  expect(services(installed("0.32.0", "0.4.2"))).toThrow("`lmcache server` came with LMCache 0.4.3, and 0.4.2 is installed");
  expect(services(installed("0.32.0+cpu", "0.5.6"))).not.toThrow();
});

test("without a GPU its server takes KV cache in the only mode it can", () => {
  const onCpu = withOffloading(vllm({ model: "m", gpus: 0 }), { gigabytes: 30, backend: "lmcache" });
  const { launch } = onCpu.services?.(unknown)["lmcache-server"] ?? {};
  const args = launch?.kind === "process" ? launch.command({ ports: { cache: 1, http: 2 }, directory: "/s", services: {} }).args : [];
  expect(args.join(" ")).toMatch(/--l1-size-gb 30 .*--supported-transfer-mode auto/);
});

test("the connector that vLLM took must be the one that asks the server, and its log must not complain of it", () => {
  const { traits = [], never = [], reuse } = byLmcache.claims?.(unknown) ?? {};
  const connector = traits.find(({ what }) => what === "KV connector");
  const took = (log: string) => {
    const text = readFileSync(new URL(`../launch/recorded/${log}`, import.meta.url), "utf8");
    return connector?.from.kind === "log" ? connector.from.pattern.exec(text)?.[1] : undefined;
  };
  expect(connector?.wanted).toBe(took("vllm-lmcache-mp.log"));
  expect(connector?.wanted).not.toBe(took("vllm-gpu-lmcache.log")); // LMCache in its process
  expect(never.some(({ pattern }) => pattern.test("LMCache server is unhealthy"))).toBe(true);
  expect(reuse).toEqual({ own: true, external: true, externalPiece: 256 });
  expect(native.claims?.(unknown).reuse).toEqual({ own: true, external: true, externalPiece: 16, onlyTier: "memory" });
});
