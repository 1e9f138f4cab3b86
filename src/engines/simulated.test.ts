import { expect, test } from "vitest";
import { simulated } from "./simulated.ts";

test("a simulated engine is a program of ours with its options as data, and says that it is simulated", () => {
  const engine = simulated({ cpuCacheGigabytes: 5, prefixCaching: false });
  expect(engine).toMatchObject({ kind: "simulated", simulated: true, gpus: 0, wire: { takesTokenIds: true, fixesLength: true } });
  expect(engine.features).toEqual(["simulated h100", "prefix caching off", "KV cache in CPU memory, 5 GiB"]);
  if (engine.launch.kind !== "process") throw new TypeError("it should be a process");
  const { program, args } = engine.launch.command({ port: 8001, gpus: [], directory: "/slot" }, { configFiles: {} });
  expect(program).toBe("node");
  expect(args[0]).toMatch(/\/simulation\/serve\.ts$/);
  expect(args.slice(1, 3)).toEqual(["--port", "8001"]);
  expect(JSON.parse(args[4]!)).toMatchObject({ gpu: "h100", prefixCaching: false, cpuCache: { gigabytes: 5, chunkTokens: 256 } });
});

test("in virtual time it stands in for itself, on the GPU that was asked for unless the author named one", () => {
  expect(simulated().simulation?.("a40", { configFiles: {} }).gpu).toBe("a40");
  expect(simulated({ gpu: "h100" }).simulation?.("a40", { configFiles: {} }).gpu).toBe("h100");
});

test("all mistakes in its options are told at once", () => {
  const mistaken = { prefixCache: true, tensorParallel: 1.5 };
  expect(() => simulated(mistaken as object)).toThrow(/did you mean "prefixCaching"\?; tensorParallel must be a whole number/);
});
