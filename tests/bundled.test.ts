import { draws, every, type Engine, type TestCase } from "tandem";
import { expect, test } from "vitest";
import { test_attached } from "./attached.ts";
import { test_lmcache_local_cpu } from "./lmcache.ts";
import { test_quickstart } from "./quickstart.ts";

const mistral = "mistralai/Mistral-7B-Instruct-v0.2";
const world = { configFiles: { "../configs/lmcache_local_cpu.yaml": { chunk_size: 256, local_device: "cpu" } } };

function argumentsOf(engine: Engine | undefined): string {
  if (engine?.launch.kind !== "process") throw new TypeError("not a process");
  return engine.launch.command({ port: 8000, gpus: ["0"], directory: "/scratch" }, world).args.join(" ");
}

function requestsOf({ experiments }: TestCase) {
  return experiments.map(({ workload, arrivals, seed }) => workload.generate(arrivals, seed).requests);
}

test("test_lmcache_local_cpu is lmcache-tests' own: three contexts, ten requests, every 8 s, engines that differ in LMCache alone", () => {
  const testCase = test_lmcache_local_cpu({ model: mistral, set: {} });
  const { cached, plain } = testCase.engines;
  expect(argumentsOf(plain)).toBe(
    `serve ${mistral} --host 127.0.0.1 --port 8000 --gpu-memory-utilization 0.8 --trust-remote-code --no-enable-prefix-caching ` +
      "--enable-prompt-tokens-details",
  );
  expect(argumentsOf(cached)).toBe(`${argumentsOf(plain)} --kv-transfer-config {"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}`);
  const requests = requestsOf(testCase);
  expect(requests.map((of) => [of.length, of[0]?.contextTokens, of[0]?.questionTokens, of[0]?.maxOutputTokens])).toEqual([
    [10, 8_192, 16, 200],
    [10, 16_384, 16, 200],
    [10, 24_576, 16, 200],
  ]);
  expect(requests[2]?.map(({ arrival }) => arrival)).toEqual(every({ seconds: 8 }).schedule(10, draws(0, "any")));
});

test("test_quickstart needs no GPU and has enough pairs for a verdict, cold and warm, within 20 s", () => {
  const testCase = test_quickstart();
  expect(Object.values(testCase.engines).map(({ gpus, simulated }) => [gpus, simulated])).toEqual([
    [0, true],
    [0, true],
  ]);
  const [requests = []] = requestsOf(testCase);
  expect(requests.filter(({ reusableTokens }) => reusableTokens === 0)).toHaveLength(6);
  expect(requests.filter(({ reusableTokens }) => reusableTokens === 8_192)).toHaveLength(12);
  expect(requests.at(-1)?.arrival).toEqual({ kind: "at", offset: 17 });
});

test("test_attached measures the server it is told", () => {
  const { server } = test_attached({ model: mistral, set: { url: "https://host:9/v1", api: "completions" } }).engines;
  expect(server?.launch).toMatchObject({ kind: "attached", url: "https://host:9" });
  expect(server?.wire.api).toBe("completions");
});
