import { expect, test } from "vitest";

import type { World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { withLmcache } from "./lmcache.ts";
import type { WithLmcacheOptions } from "./lmcacheOptions.ts";
import { vllm } from "./vllm.ts";

const plain = vllm({ model: "m" });

function installed(version: string, lmcache?: string): World {
  const flags = ["--host", "--port", "--enable-prompt-tokens-details", "--kv-transfer-config"];
  return { configFiles: {}, program: { version, flags, ...(lmcache === undefined ? {} : { beside: { lmcache } }) } };
}

/** The mistake with its hint, or "none". */
function refusal(options: WithLmcacheOptions, world: World): string {
  try {
    withLmcache(plain, options).configuredFeatures?.(world);
    return "none";
  } catch (error) {
    return error instanceof HarnessError ? `${error.message}: ${error.hint}` : "not a mistake of the author's";
  }
}

test("a pair of another era is refused before anything boots, with what to do; of versions that are not known nothing is said", () => {
  expect(refusal({}, installed("0.7.3", "0.1.4"))).toMatch(
    /LMCacheConnectorV1 came with vLLM 0\.8\.4, and 0\.7\.3 is installed; .* LMCache 0\.2\.0, and 0\.1\.4 is .*connector: "LMCacheConnector"/,
  );
  expect(refusal({ mode: "server" }, installed("0.24.0", "0.3.5"))).toMatch(
    /came with LMCache 0\.4\.5, and 0\.3\.5 is installed: .*lmcache>=0\.4\.5/,
  );
  expect(refusal({ connector: "LMCacheConnector" }, installed("0.6.2", "0.1.4"))).toMatch(
    /LMCacheConnector came with vLLM 0\.7\.0, and 0\.6\.2 is installed.*connector: "lmcache_vllm"/,
  );
  expect(refusal({ connector: "lmcache_vllm" }, installed("0.24.0", "0.5.0"))).toMatch(
    /lmcache_vllm puts LMCache into is gone since vLLM 0\.7\.0, and 0\.24\.0 is installed/,
  );
  expect(refusal({ connector: "LMCacheConnector" }, installed("0.33.0", "0.5.6"))).toMatch(
    /is gone since vLLM 0\.10\.1, .*: leave connector out/,
  );
  expect(refusal({ mode: "server" }, installed("0.12.0", "0.3.9"))).toMatch(/LMCache's server came with LMCache 0\.3\.10, and 0\.3\.9 is/);
  const disk = { mode: "server", config: { diskPath: "/kv" } } as const;
  expect(refusal(disk, installed("0.16.0", "0.4.1"))).toMatch(/a disk below the server's memory came with LMCache 0\.4\.2/);
  expect(refusal({ mode: "server" }, installed("0.10.2", "0.4.3"))).toMatch(/LMCacheMPConnector came with vLLM 0\.11\.1/);
  expect(refusal({ connector: "LMCacheConnectorV1Dynamic" }, installed("0.8.5", "0.3.5"))).toMatch(/came with vLLM 0\.9\.0/);
  const later = { config: { settings: { cost_aware_ewma_alpha: 0.2 } } };
  expect(refusal(later, installed("0.32.0", "0.5.6"))).toMatch(/LMCache 0\.5\.6 has no key cost_aware_ewma_alpha, it came with 0\.5\.8/);

  const fine: readonly (readonly [WithLmcacheOptions, World])[] = [
    [{}, installed("0.8.5", "0.3.5")],
    [{ connector: "LMCacheConnector" }, installed("0.7.3", "0.1.4")],
    [{ connector: "lmcache_vllm" }, installed("0.6.2", "0.1.4")],
    [{ mode: "server" }, installed("0.32.0+cpu", "0.5.6")],
    [{ mode: "server" }, installed("0.18.0", "0.4.3")],
    [{ mode: "server" }, installed("0.12.0", "0.3.10")],
    [disk, installed("0.17.0", "0.4.2")],
    [{ mode: "server", server: { at: "cache:5555" } }, installed("0.12.0", "0.3.9")], // whoever started it had one
    [later, installed("0.32.0")],
    [{ mode: "server" }, installed("0.24.0")],
    [{ mode: "server" }, installed("0.1.dev1+g1234567", "0.1.dev1")], // built from sources: such a number says nothing
    [{ mode: "server" }, { configFiles: {} }],
  ];
  expect(fine.map(([options, world]) => refusal(options, world))).toEqual(fine.map(() => "none"));
});

test("a pair that nobody is known to have tried is a feature, not a mistake", () => {
  const told = (world: World) => withLmcache(plain).configuredFeatures?.(world);
  expect(told(installed("0.24.0", "0.4.1"))).toEqual(["vLLM 0.24.0 with LMCache 0.4.1 is not known to fit, LMCache 0.5.0 is"]);
  expect(told(installed("0.32.0", "0.5.6"))).toEqual([]);
});
