import { expect, test } from "vitest";
import { parse } from "yaml";
import type { Command, Engine, Slot, World } from "../model/engine.ts";
import type { Service, ServiceAddress } from "../model/service.ts";
import { attached } from "./attached.ts";
import { withLmcache } from "./lmcache.ts";
import type { LmcacheOptions, WithLmcacheOptions } from "./lmcacheOptions.ts";
import { simulated } from "./simulated.ts";
import { vllm } from "./vllm.ts";

const plain = vllm({ model: "mistralai/Mistral-7B-Instruct-v0.2", prefixCaching: false });
const slot = { port: 8000, gpus: ["0"], directory: "/scratch/cached" };
const fromFile = withLmcache(plain, { config: "c.yaml" });

function commandOf({ launch }: Engine, content?: unknown): Command {
  if (launch.kind !== "process") throw new TypeError("not a process");
  return launch.command(slot, { configFiles: { "c.yaml": content } });
}

function settingsOf(engine: Engine, content?: unknown): unknown {
  return parse(commandOf(engine, content).files?.["lmcache.yaml"] ?? "");
}

function told(content: unknown): readonly string[] {
  return fromFile.configuredFeatures?.({ configFiles: { "c.yaml": content } }) ?? [];
}

test("the engine's own command comes first, then the connector; the configuration is this engine's alone", () => {
  const { args, env, files } = commandOf(withLmcache(plain, { config: { cpuGigabytes: 30, chunkTokens: 512 } }));
  expect(args).toEqual([...commandOf(plain).args, "--kv-transfer-config", '{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}']);
  expect(env).toEqual({ LMCACHE_CONFIG_FILE: "/scratch/cached/lmcache.yaml" });
  expect(files).toEqual({ "lmcache.yaml": "chunk_size: 512\nlocal_cpu: true\nmax_local_cpu_size: 30\n" });
  expect(commandOf(plain).env).toEqual({});
});

test("a file of today's LMCache is taken as it is", () => {
  const content = { chunk_size: 256, local_cpu: false, local_disk: "file:///kv/", max_local_disk_size: 10, extra_config: { a: [1] } };
  expect(settingsOf(fromFile, content)).toEqual(content);
  expect(told(content)).toEqual(["KV cache on disk, 10 GiB"]);
});

test("keys of LMCache 0.1 are translated, and each translation is told", () => {
  const cpu = { chunk_size: 256, local_device: "cpu", remote_url: null, remote_serde: null, pipelined_backend: false };
  expect(settingsOf(fromFile, cpu)).toEqual({ chunk_size: 256, local_cpu: true, remote_url: null, remote_serde: null });
  expect(told(cpu)).toEqual(["KV cache in CPU memory, 5 GiB", "local_device: cpu of LMCache 0.1 read as local_cpu: true"]);

  const disk = { chunk_size: 256, local_device: "file:///kv/", max_local_cache_size: 8, pipelined_backend: true };
  expect(settingsOf(fromFile, disk)).toEqual({
    chunk_size: 256,
    local_cpu: false,
    local_disk: "file:///kv/",
    max_local_disk_size: 8,
    enable_async_loading: true,
  });

  const remote = { chunk_size: 256, local_device: null, remote_url: "lm://localhost:65431", remote_serde: "safetensor" };
  expect(settingsOf(fromFile, remote)).toEqual({
    chunk_size: 256,
    local_cpu: false,
    remote_url: "lm://localhost:65431",
    remote_serde: "naive",
  });
  expect(told(remote)).toEqual([
    "KV cache at lm://localhost:65431",
    "local_device: null of LMCache 0.1 read as local_cpu: false",
    "remote_serde: safetensor of LMCache 0.1 read as remote_serde: naive",
    "lm://localhost:65431 is started for it, on a port of its own",
  ]);
});

test("today's place is kept when only another key is old", () => {
  expect(settingsOf(fromFile, { local_cpu: true, remote_serde: "torch" })).toEqual({ local_cpu: true, remote_serde: "naive" });
});

test("keys by the names that older versions gave them, which today's ignores, are said by today's", () => {
  const content = { local_cpu: true, enable_xpyd: true, nixl_role: "sender" };
  expect(settingsOf(fromFile, content)).toEqual({ local_cpu: true, enable_pd: true, pd_role: "sender" });
  expect(told(content).slice(1)).toEqual([
    "enable_xpyd: true of an older LMCache read as enable_pd: true",
    "nixl_role: sender of an older LMCache read as pd_role: sender",
  ]);
  expect(() => told({ enable_xpyd: true, enable_pd: false })).toThrow("enable_xpyd is what enable_pd was called before: keep one of them");
  expect(() => told({ chunk_statistics_auto_start: true })).toThrow("LMCache has no key chunk_statistics_auto_start,");
  expect(settingsOf(fromFile, { run_script_api_enabled: true })).toEqual({ run_script_api_enabled: true });
});

test("a key keeps the name by which the installed LMCache knows it", () => {
  const settings = { external_backends: ["mine"], enable_xpyd: true };
  const engine = withLmcache(plain, { config: { settings } });
  const flags = commandOf(engine).args.filter((argument) => argument.startsWith("--"));
  const read = (lmcache: string) => {
    const world: World = { configFiles: {}, program: { version: "0.10.2", flags, beside: { lmcache } } };
    const files = engine.launch.kind === "process" ? engine.launch.command(slot, world).files : {};
    const translations = engine.configuredFeatures?.(world).filter((feature) => feature.includes("older LMCache"));
    return [parse(files?.["lmcache.yaml"] ?? ""), translations?.length];
  };
  expect(read("0.3.6")).toEqual([settings, 0]);
  expect(read("0.3.9")).toEqual([{ external_backends: ["mine"], enable_pd: true }, 1]);
  expect(read("0.3.11")).toEqual([{ storage_plugins: ["mine"], enable_pd: true }, 2]);
  expect(read("0.1.dev1+g1234567")).toEqual(read("0.5.6")); // built from sources: such a number says nothing
  expect(engine.features.join()).not.toContain("older LMCache");
});

test("a key of another era is a mistake, with its era and the one that the installed LMCache has", () => {
  const told = (settings: Readonly<Record<string, unknown>>, lmcache?: string) => {
    const world: World = { configFiles: {}, program: { flags: [], ...(lmcache === undefined ? {} : { beside: { lmcache } }) } };
    return () => withLmcache(plain, { config: "c.yaml" }).configuredFeatures?.({ ...world, configFiles: { "c.yaml": settings } });
  };
  expect(told({ enable_hidden_state_cache: true, chunk_sise: 1 }, "0.5.0")).toThrow(
    "c.yaml: LMCache 0.5.0 has no key enable_hidden_state_cache, it came with 0.5.1; LMCache 0.5.0 has no key chunk_sise, did you mean chunk_size?",
  );
  expect(told({ enable_pd: true }, "0.3.6")).toThrow("LMCache 0.3.6 has no key enable_pd, it came with 0.3.7, did you mean enable_xpyd?");
  expect(told({ blend_recompute_ratio: 0.1 }, "0.4.7")).toThrow("it is gone since 0.3.6, did you mean blend_recompute_ratios?");
  expect(told({ error_handling: true })).toThrow("LMCache has no key error_handling, it is gone since 0.3.6");
  expect(told({ error_handling: true, enable_xpyd: true }, "0.3.5")).not.toThrow();
  expect(told({ cost_aware_ewma_alpha: 0.2 })).not.toThrow(); // of a version that is not known
});

test("pipelined_backend is asynchronous loading where that is known, and else left out, and told", () => {
  const read = (lmcache: string) => {
    const world: World = {
      configFiles: { "c.yaml": { local_device: "cpu", pipelined_backend: true } },
      program: { flags: [], beside: { lmcache } },
    };
    return fromFile.configuredFeatures?.(world).at(-1);
  };
  expect([read("0.3.6"), read("0.3.5")]).toEqual([
    "pipelined_backend: true of LMCache 0.1 read as enable_async_loading: true",
    "pipelined_backend: true of LMCache 0.1 left out: LMCache 0.3.5 has nothing like it",
  ]);
});

test("keys that LMCache would only warn of are mistakes, all told at once", () => {
  expect(() => told({ chunk_sise: 256, max_local_cpu_sz: 5, local_device: "tpu" })).toThrow(
    "c.yaml: LMCache has no key chunk_sise, did you mean chunk_size?; LMCache has no key max_local_cpu_sz, did you mean max_local_cpu_size?; " +
      'local_device is cpu, null or file://DIRECTORY, not "tpu"',
  );
  expect(() => told({ local_device: "cuda" })).toThrow("vllm({ prefixCaching: true })");
  expect(() => told({ local_device: "cpu", local_cpu: true })).toThrow("keep one of them");
  expect(() => told("chunk_size 256")).toThrow("c.yaml is not an LMCache configuration");
});

test("its stand-in has the same CPU memory, LMCache's defaults where nothing is said", () => {
  const cacheOf = (engine: Engine, content?: unknown) => engine.simulation?.("h100", { configFiles: { "c.yaml": content } }).cpuCache;
  expect(cacheOf(withLmcache(plain))).toEqual({ gigabytes: 5, chunkTokens: 256 });
  expect(cacheOf(fromFile, { chunk_size: 128, local_device: "cpu", max_local_cache_size: 20 })).toEqual({
    gigabytes: 20,
    chunkTokens: 128,
  });
  expect(() => cacheOf(fromFile, { local_device: "file:///kv/" })).toThrow("CPU memory only");
});

test("a password of a remote cache is not in its features", () => {
  const { features } = withLmcache(plain, { config: { remoteUrl: "redis://:hunter22@cache:6379" } });
  expect(features).toContain("KV cache at redis://cache:6379");
});

test.each([
  ["me:p@ss9word", { user: "me", password: "p@ss9word" }],
  [":a:b%40c", { password: "a:b@c" }],
  [":50%off", { password: "50%off" }],
])('the login of a remote cache is all before the last "@": %s', (written, login) => {
  const { redis } = servicesOf(withLmcache(plain, { config: { remoteUrl: `redis://${written}@cache:6379` } }));
  expect([redis?.launch, redis?.ready.check]).toMatchObject([{ at: { host: "cache", ports: { redis: 6379 } } }, { login }]);
});

test("an engine that takes no connector, or has one, is told so", () => {
  expect(() => withLmcache(attached({ url: "http://h:1" }))).toThrow('kind "attached" takes no KV cache connector');
  expect(() => withLmcache(simulated())).toThrow('kind "simulated" takes no KV cache connector');
  expect(() => withLmcache(withLmcache(plain))).toThrow("connected already");
});

const mp = { host: "127.0.0.1", ports: { cache: 6555, http: 8090 } };

function servicesOf(engine: Engine, content?: unknown) {
  return engine.services?.({ configFiles: { "c.yaml": content } }) ?? {};
}

/** The command of one of an engine's services, its ports 7000, 7001, … and those it needs on 8000, 8001, … */
function serviceCommand(engine: Engine, name: string, world: World = { configFiles: {} }): Command {
  const { launch, needs } = (engine.services?.(world) ?? {})[name] as Service;
  if (launch.kind !== "process") throw new TypeError("it is running already");
  const address = ({ launch: of }: Service): ServiceAddress =>
    of.kind === "running" ? of.at : { host: "127.0.0.1", ports: Object.fromEntries(of.ports.map((port, index) => [port, 8_000 + index])) };
  return launch.command({
    ports: Object.fromEntries(launch.ports.map((port, index) => [port, 7_000 + index])),
    directory: "/scratch/service",
    services: Object.fromEntries(Object.entries(needs).map(([label, needed]) => [label, address(needed)])),
  });
}

function transferOf(engine: Engine, services: Slot["services"] = {}, world: World = { configFiles: {} }): unknown {
  if (engine.launch.kind !== "process") throw new TypeError("not a process");
  return JSON.parse(engine.launch.command({ ...slot, services }, world).args.at(-1) ?? "");
}

test("a server beside the engine: its flags, and the connector that finds it", () => {
  const engine = withLmcache(vllm({ model: "m", program: "/venv/bin/vllm" }), {
    mode: "server",
    config: { cpuGigabytes: 30, chunkTokens: 512 },
  });
  const { program, args } = serviceCommand(engine, "lmcache-server");
  expect(program).toBe("/venv/bin/lmcache");
  expect(args.join(" ")).toBe(
    "server --host 127.0.0.1 --port 7000 --http-host 127.0.0.1 --http-port 7001 --l1-size-gb 30 --eviction-policy LRU --chunk-size 512 " +
      "--metrics-sample-rate 1.0",
  );
  expect(transferOf(engine, { "lmcache-server": mp })).toEqual({
    kv_connector: "LMCacheMPConnector",
    kv_role: "kv_both",
    kv_connector_module_path: "lmcache.integration.vllm.lmcache_mp_connector",
    kv_connector_extra_config: { "lmcache.mp.host": "tcp://127.0.0.1", "lmcache.mp.port": 6555, "lmcache.mp.mq_timeout": 10 },
  });
  expect(engine.features).toEqual(expect.arrayContaining(["LMCache server beside it", "KV cache in CPU memory, 30 GiB"]));
});

test("a server of LMCache before 0.4.3 is a module of its Python, with the flags, the health and the reset of its version", () => {
  const engine = withLmcache(vllm({ model: "m", program: "/venv/bin/vllm" }), { mode: "server", config: { cpuGigabytes: 30 } });
  const flags = commandOf(engine).args.filter((argument) => argument.startsWith("--"));
  const started = (lmcache: string) => {
    const world: World = { configFiles: {}, program: { version: "0.16.0", flags, beside: { lmcache } } };
    const { program, args } = serviceCommand(engine, "lmcache-server", world);
    const { ready, resets, metrics } = engine.services?.(world)["lmcache-server"] ?? {};
    return [[program, ...args].join(" "), ready?.check, resets, metrics === undefined ? "counts nothing" : "counts"];
  };
  const where = "--host 127.0.0.1 --port 7000";
  const both = `${where} --http-host 127.0.0.1 --http-port 7001 --l1-size-gb 30 --eviction-policy LRU --chunk-size 256`;
  const underApi = [
    { kind: "http", port: "http", path: "/api/healthcheck" },
    [{ kind: "http", port: "http", paths: ["/api/clear-cache"] }],
  ];
  const python = "/venv/bin/python3 -u -m lmcache.v1.multiprocess";
  const byPort = { kind: "tcp", port: "cache" };
  expect(started("0.3.10")).toEqual([`${python}.server ${where} --cpu-buffer-size 30 --chunk-size 256`, byPort, [], "counts nothing"]);
  expect(started("0.3.15")[0]).toBe(
    `${python}.server ${where} --l1-size-gb 30 --eviction-policy LRU --chunk-size 256 --disable-prometheus`,
  );
  expect(started("0.4.2")).toEqual([`${python}.http_server ${both} --disable-prometheus`, ...underApi, "counts nothing"]);
  expect(started("0.4.4")).toEqual([`/venv/bin/lmcache server ${both} --disable-metrics`, ...underApi, "counts nothing"]);
  expect(started("0.4.5").slice(1)).toEqual([
    { kind: "http", port: "http", path: "/healthcheck" },
    [{ kind: "http", port: "http", paths: ["/cache/clear", "/clear-cache"] }],
    "counts",
  ]);
});

test("a server that is running already is counted and emptied by its HTTP port, where that is said", () => {
  const at = (httpPort?: number) => {
    const engine = withLmcache(plain, { mode: "server", server: { at: "cache:5555", ...(httpPort === undefined ? {} : { httpPort }) } });
    const { launch, resets, metrics } = servicesOf(engine)["lmcache-server"] ?? {};
    return { launch, resets: resets?.length, counts: metrics !== undefined, full: engine.staysFull?.({ configFiles: {} }).length };
  };
  expect(at(8_080)).toEqual({
    launch: { kind: "running", at: { host: "cache", ports: { cache: 5_555, http: 8_080 } } },
    resets: 1,
    counts: true,
    full: 0,
  });
  expect(at()).toMatchObject({ resets: undefined, counts: false, full: 1 });
  expect(() => withLmcache(plain, { mode: "server", server: { httpPort: 8_080 } })).toThrow("httpPort is of a server that is running");
});

test("beside an engine of no GPU the server takes KV cache in the only mode it can, where its version knows the flag", () => {
  const onCpu = withLmcache(vllm({ model: "m", gpus: 0 }), { mode: "server" });
  const modeIn = (engine: Engine, lmcache?: string) => {
    const flags = commandOf(engine).args.filter((argument) => argument.startsWith("--"));
    const beside = lmcache === undefined ? {} : { beside: { lmcache } };
    const { args } = serviceCommand(engine, "lmcache-server", { configFiles: {}, program: { version: "0.32.0", flags, ...beside } });
    return args[args.indexOf("--supported-transfer-mode") + 1];
  };
  expect([undefined, "0.5.0", "0.5.6"].map((version) => modeIn(onCpu, version))).toEqual(["auto", "auto", "auto"]);
  expect([modeIn(onCpu, "0.4.5"), modeIn(withLmcache(plain, { mode: "server" }))]).toEqual(["server", "server"]); // there is no such flag
  const said = withLmcache(vllm({ model: "m", gpus: 0 }), { mode: "server", server: { transferMode: "engine_driven" } });
  expect(modeIn(said, "0.5.6")).toBe("engine_driven");
});

test("how long the engine waits for its server can be said", () => {
  const engine = withLmcache(plain, { mode: "server", answerWithin: 120 });
  expect(transferOf(engine)).toMatchObject({ kv_connector_extra_config: { "lmcache.mp.mq_timeout": 120 } });
  expect(() => withLmcache(plain, { answerWithin: 120 })).toThrow('answerWithin cannot be said in mode "in-process"');
});

test("a disk of its own is given up with the engine or server that wrote it, one that was named is not", () => {
  const beside = withLmcache(plain, { mode: "server", server: { l2: [{ kind: "fs" }] } });
  const named = withLmcache(plain, { mode: "server", config: { diskPath: "/kv" } });
  const inside = commandOf(withLmcache(plain, { config: { diskGigabytes: 1 } }));
  expect([beside, named].map((engine) => serviceCommand(engine, "lmcache-server").discards)).toEqual([["kv-0"], []]);
  expect(inside.discards).toEqual(["kv"]);
});

test("below vLLM 0.20 the server is reached by the connector that comes with it", () => {
  const engine = withLmcache(plain, { mode: "server" });
  const flags = commandOf(engine).args.filter((argument) => argument.startsWith("--"));
  const installed = (version: string): World => ({ configFiles: {}, program: { version, flags } });
  expect(transferOf(engine, {}, installed("0.11.2"))).not.toHaveProperty("kv_connector_module_path");
  expect(transferOf(engine, {}, installed("0.32.0"))).toHaveProperty("kv_connector_module_path");
  // Built from sources: such a number says nothing.
  expect(transferOf(engine, {}, installed("0.1.dev1+g1234567"))).toHaveProperty("kv_connector_module_path");
  expect(transferOf(withLmcache(plain, { mode: "server", bundledConnector: true }))).not.toHaveProperty("kv_connector_module_path");
});

test("one configuration serves both modes: its places become the server's tiers", () => {
  const config = { cpuGigabytes: 0, diskPath: "/kv", remoteUrl: "redis://localhost:6379" };
  const engine = withLmcache(plain, { mode: "server", config });
  expect(serviceCommand(engine, "lmcache-server").args.slice(15).join(" ")).toBe(
    '--metrics-sample-rate 1.0 --l2-adapter {"type":"fs","base_path":"/kv"} --l2-adapter {"type":"resp","host":"127.0.0.1","port":8000} ' +
      "--l2-store-policy skip_l1",
  );
  expect(engine.keepsOutside?.({ configFiles: {} })).toEqual([{ place: "/kv" }]);
  const old = withLmcache(plain, { mode: "server", config: "c.yaml" });
  expect(servicesOf(old, { local_device: "file:///kv/" })["lmcache-server"]?.needs).toEqual({});
});

test("tiers of the configuration and of the server's own options are together; a limit to a disk, which the server does not keep, is a mistake", () => {
  const tiersOf = (options: WithLmcacheOptions) => {
    const { args } = serviceCommand(withLmcache(plain, { mode: "server", ...options }), "lmcache-server");
    return args.flatMap((argument, index) => (args[index - 1] === "--l2-adapter" ? [(JSON.parse(argument) as { type: string }).type] : []));
  };
  expect(tiersOf({ config: { cpuGigabytes: 0, remoteUrl: "redis://localhost:6379" }, server: { l2: [{ kind: "fs" }] } })).toEqual([
    "resp",
    "fs",
  ]);
  expect(tiersOf({ config: { cpuGigabytes: 0 }, server: { l2: [{ kind: "fs" }] } })).toEqual(["fs"]);
  expect(() => tiersOf({ config: { diskGigabytes: 10 } })).toThrow(
    'diskGigabytes (max_local_disk_size) has no counterpart, its disk takes what there is: say server: { l2: [{ kind: "fs" }] }, for a directory of its own',
  );
  expect(() => tiersOf({ config: { diskGigabytes: 10, diskPath: "/kv" } })).toThrow("say the directory alone");
});

test("keys that the server has no counterpart for are mistakes, all told at once", () => {
  const settings = { use_layerwise: true, remote_url: "lm://localhost:65432", remote_serde: "cachegen", local_cpu: false };
  expect(() => withLmcache(plain, { mode: "server", config: { settings } })).toThrow(
    'in mode "server": use_layerwise has no counterpart; remote_serde: "cachegen" has to be told the model\'s shape; remote_url lm://… cannot be ' +
      "reached from it: its lower tiers are files and redis:// or valkey://; it keeps KV cache nowhere",
  );
  expect(() => withLmcache(plain, { connector: "LMCacheConnectorV1", mode: "server" })).toThrow(
    'connector cannot be said in mode "server"',
  );
  expect(() => withLmcache(plain, { server: { maxWorkers: 2 } })).toThrow('server cannot be said in mode "in-process"');
});

test("a database of somebody's Redis is refused beside a server, which knows database 0 alone", () => {
  const at = (remoteUrl: string) => withLmcache(plain, { mode: "server", remote: "running", config: { remoteUrl } });
  expect(() => at("redis://localhost:6399/1")).toThrow("remote_url names database 1, and it knows database 0 alone");
  expect(() => at("valkey://:hunter22@cache:6379/2")).toThrow("database 2");
  expect([at("redis://localhost:6399"), at("redis://localhost:6399/0")].map(({ kind }) => kind)).toEqual(["vllm", "vllm"]);
});

test("a password for a tier is in the server's environment alone", () => {
  const l2 = [{ kind: "resp", at: "cache:6379", password: "hunter22" }] as const;
  const { args, env } = serviceCommand(withLmcache(plain, { mode: "server", server: { l2 } }), "lmcache-server");
  expect(args.join(" ")).not.toContain("hunter22");
  expect(env).toEqual({ LMCACHE_RESP_PASSWORD: "hunter22" });
});

test("connectors of other eras: the one that vLLM is told where to find, the one of its V0 engine", () => {
  expect(transferOf(withLmcache(plain, { connector: "LMCacheConnectorV1Dynamic" }))).toEqual({
    kv_connector: "LMCacheConnectorV1Dynamic",
    kv_role: "kv_both",
    kv_connector_module_path: "lmcache.integration.vllm.lmcache_connector_v1",
  });
  const { args, env } = commandOf(withLmcache(plain, { connector: "LMCacheConnector" }));
  expect(args.at(-1)).toBe('{"kv_connector":"LMCacheConnector","kv_role":"kv_both"}');
  expect(env).toEqual({ LMCACHE_CONFIG_FILE: "/scratch/cached/lmcache.yaml", LMCACHE_USE_EXPERIMENTAL: "True" });
});

function remoteIn(engine: Engine, services: NonNullable<Slot["services"]>): unknown {
  if (engine.launch.kind !== "process") throw new TypeError("not a process");
  const { files = {} } = engine.launch.command({ ...slot, services }, { configFiles: {} });
  return (parse(files["lmcache.yaml"] ?? "") as { remote_url?: unknown }).remote_url;
}

test("a cache server of this machine is started for the engine, and named where it is", () => {
  const remote = (remoteUrl: string, running = false) =>
    withLmcache(plain, { config: { remoteUrl }, ...(running ? { remote: "running" } : {}) });
  const at = (port: string, number: number) => ({ host: "127.0.0.1", ports: { [port]: number } });
  expect(serviceCommand(remote("lm://localhost:65432"), "lm-server")).toMatchObject({
    program: "lmcache_server",
    args: ["127.0.0.1", "7000", "cpu"],
  });
  expect(remoteIn(remote("lm://localhost:65432"), { "lm-server": at("lm", 5_001) })).toBe("lm://127.0.0.1:5001");
  expect(remoteIn(remote("redis://127.0.0.1:6379/3"), { redis: at("redis", 5_001) })).toBe("redis://127.0.0.1:5001/3");
  expect(remoteIn(remote("redis://localhost:6379", true), { redis: at("redis", 6_379) })).toBe("redis://localhost:6379");
  expect(servicesOf(remote("redis://localhost:6379", true))["redis"]?.launch.kind).toBe("running");
  expect(servicesOf(remote("redis://:hunter22@localhost:6379"))["redis"]?.launch.kind).toBe("running");
  expect(servicesOf(remote("redis://cache:6379"))["redis"]?.launch).toEqual({
    kind: "running",
    at: { host: "cache", ports: { redis: 6_379 } },
  });
  expect(servicesOf(remote("mock://100/?peeking_latency=1"))).toEqual({});
});

test("LMCache 0.1's server keeps its cache in a directory, and the engine beside it is told in 0.1's own keys", () => {
  const lmServer = { era: "0.1", storage: "/kv" } as const;
  const content = {
    chunk_size: 256,
    local_device: null,
    remote_url: "lm://localhost:65431",
    remote_serde: "cachegen",
    pipelined_backend: false,
  };
  const engine = withLmcache(vllm({ model: "m", program: "/venv/bin/vllm" }), {
    connector: "LMCacheConnector",
    lmServer,
    config: "c.yaml",
  });
  const world: World = { configFiles: { "c.yaml": content } };
  const { program, args } = serviceCommand(engine, "lm-server", world);
  expect([program, ...args].join(" ")).toBe("/venv/bin/python3 -u -m lmcache.server 127.0.0.1 7000 /kv");
  if (engine.launch.kind !== "process") throw new TypeError("not a process");
  const services = { "lm-server": { host: "127.0.0.1", ports: { lm: 5_001 } } };
  const { env, files } = engine.launch.command({ ...slot, services }, world);
  expect(parse(files?.["lmcache.yaml"] ?? "")).toEqual({ ...content, remote_url: "lm://127.0.0.1:5001" });
  expect(env["LMCACHE_USE_EXPERIMENTAL"]).toBe("False");
  expect(engine.configuredFeatures?.(world)).toEqual([
    "KV cache at lm://localhost:65431, compressed",
    "lm://localhost:65431 is started for it, on a port of its own",
  ]);
  expect(engine.keepsOutside?.(world)).toEqual([{ place: "/kv" }]);
  const settled = { configFiles: { "c.yaml": { ...content, cache_policy: "LRU" } } };
  expect(() => engine.configuredFeatures?.(settled)).toThrow("c.yaml: LMCache 0.1 has no key cache_policy");
  expect(() => withLmcache(plain, { lmServer })).toThrow("the lm:// server of LMCache 0.1 is another than today's LMCache speaks to");
});

test("before vLLM had connectors another program starts it with LMCache 0.1, in the same environment and with the same arguments", () => {
  const options = { connector: "lmcache_vllm", config: "c.yaml" } as const;
  const content = { chunk_size: 256, local_device: "cpu", max_local_cache_size: 5, remote_url: "lm://localhost:65431" };
  const world: World = { configFiles: { "c.yaml": content } };
  const services = { "lm-server": { host: "127.0.0.1", ports: { lm: 5_001 } } };
  const started = (engine: Engine) => {
    if (engine.launch.kind !== "process") throw new TypeError("not a process");
    return engine.launch.command({ ...slot, services }, world);
  };
  const alone = vllm({ model: "m", program: "/venv/bin/vllm" });
  const engine = withLmcache(alone, options);
  const { program, args, env, files } = started(engine);
  expect(program).toBe("/venv/bin/lmcache_vllm");
  expect(args).toEqual(started(alone).args);
  expect(parse(files?.["lmcache.yaml"] ?? "")).toEqual({ ...content, remote_url: "lm://127.0.0.1:5001" });
  expect(env["LMCACHE_CONFIG_FILE"]).toMatch(/lmcache\.yaml$/);
  expect(env["LMCACHE_USE_EXPERIMENTAL"]).toBeUndefined();
  const server = serviceCommand(engine, "lm-server", world);
  expect([server.program, ...server.args].join(" ")).toBe("/venv/bin/python3 -u -m lmcache.server 127.0.0.1 7000 cpu");
  const byConda = started(withLmcache(vllm({ model: "m", conda: "old" }), options));
  expect([byConda.program, ...byConda.args].join(" ")).toMatch(/^conda run --no-capture-output --name old lmcache_vllm serve /);
  expect(() => withLmcache(vllm({ model: "m", image: "vllm/vllm-openai:v0.6.2" }), options)).toThrow(
    "another program than the one that an image starts",
  );
  expect(() => withLmcache(alone, { ...options, hybridKvCache: false })).toThrow("hybridKvCache is of later versions");
  const todays = { configFiles: { "c.yaml": { local_cpu: true } } };
  expect(() => engine.configuredFeatures?.(todays)).toThrow("c.yaml: LMCache 0.1 has no key local_cpu");
});

test("sentinels: five services, their addresses in the URL, the master's name in the environment", () => {
  const engine = withLmcache(plain, { config: { remoteUrl: "redis-sentinel://localhost:26379,localhost:26380/mymaster" } });
  expect(Object.keys(servicesOf(engine))).toEqual(["sentinel-1", "sentinel-2", "sentinel-3"]);
  const services = { "sentinel-1": at(1), "sentinel-2": at(2), "sentinel-3": at(3) };
  expect(remoteIn(engine, services)).toBe("redis-sentinel://127.0.0.1:5001,127.0.0.1:5002,127.0.0.1:5003");
  expect(commandOf(engine).env).toMatchObject({ REDIS_SERVICE_NAME: "mymaster" });

  function at(number: number): ServiceAddress {
    return { host: "127.0.0.1", ports: { sentinel: 5_000 + number } };
  }
});

test("places outside an engine's own are named, its own disk is not", () => {
  const kept = (config: LmcacheOptions) => withLmcache(plain, { config }).keepsOutside?.({ configFiles: {} });
  expect(kept({ diskGigabytes: 10 })).toEqual([]);
  expect(settingsOf(withLmcache(plain, { config: { diskGigabytes: 10 } }))).toEqual({
    local_disk: "file:///scratch/cached/kv/",
    max_local_disk_size: 10,
  });
  expect(kept({ diskPath: "/kv", diskGigabytes: 10, remoteUrl: "redis://user:pw@cache:6379/0" })).toEqual([
    { place: "/kv" },
    { place: "redis://cache:6379" },
  ]);
});

test("where all of it is kept in one place, that is known, and nowhere else", () => {
  const tierOf = (config: LmcacheOptions, beside: Pick<WithLmcacheOptions, "mode" | "server"> = {}) =>
    withLmcache(plain, { config, ...beside }).claims?.({ configFiles: {} }).reuse?.onlyTier;
  const [server, onDisk] = [{ mode: "server" }, { mode: "server", server: { l2: [{ kind: "fs" }] } }] as const;
  expect(tierOf({})).toBe("memory"); // LMCache's default
  expect(tierOf({ cpuGigabytes: 30 })).toBe("memory");
  expect(tierOf({ cpuGigabytes: 0, diskGigabytes: 10 })).toBe("lower");
  expect(tierOf({ cpuGigabytes: 0, remoteUrl: "redis://cache:6379" })).toBe("lower");
  expect(tierOf({ cpuGigabytes: 30, diskGigabytes: 10 })).toBeUndefined();
  expect(tierOf({ cpuGigabytes: 30, remoteUrl: "redis://cache:6379" })).toBeUndefined();
  expect(tierOf({ cpuGigabytes: 30, settings: { gds_path: "/gds" } })).toBeUndefined();
  expect(tierOf({ settings: { remote_storage_plugins: ["mine"] } })).toBeUndefined();
  expect(tierOf({ settings: { enable_p2p: false, extra_config: null } })).toBe("memory");
  expect(tierOf({ cpuGigabytes: 30 }, server)).toBe("memory");
  expect(tierOf({ cpuGigabytes: 30 }, onDisk)).toBeUndefined();
  expect(tierOf({ cpuGigabytes: 0 }, onDisk)).toBeUndefined(); // everything passes through its memory
  expect(fromFile.claims?.({ configFiles: { "c.yaml": { local_cpu: false } } }).reuse?.onlyTier).toBeUndefined();
});

test("with --simulate the tier in CPU memory is stood for, others are said to be missing, and one without is refused", () => {
  const world = { configFiles: {} };
  const both = withLmcache(plain, { mode: "server", config: { cpuGigabytes: 20, remoteUrl: "redis://localhost:6379" } });
  expect(both.simulation?.("h100", world).cpuCache).toEqual({ gigabytes: 20, chunkTokens: 256 });
  expect(both.simulatedWithout?.(world)).toEqual(["not simulated: KV cache at a Redis of its own"]);
  const below = withLmcache(plain, { mode: "server", config: { cpuGigabytes: 0, diskPath: "/kv" } });
  expect(() => below.simulation?.("h100", world)).toThrow("CPU memory only");
});

test("flags that the installed vLLM does not know are mistakes of the configuration", () => {
  const flags = commandOf(plain).args.filter((argument) => argument.startsWith("--"));
  const world: World = { configFiles: {}, program: { version: "0.9.2", flags } };
  expect(() => transferOf(withLmcache(plain), {}, world)).toThrow("vLLM 0.9.2 does not know --kv-transfer-config");
});

test("a disk needs its size, and misspelt options are mistakes", () => {
  expect(() => withLmcache(plain, { config: { diskPath: "/kv" } })).toThrow("diskGigabytes is missing");
  // @ts-expect-error misspelt
  expect(() => withLmcache(plain, { config: { cpuGigabyte: 5 } })).toThrow('did you mean "cpuGigabytes"?');
});
