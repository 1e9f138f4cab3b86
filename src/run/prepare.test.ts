import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { attached } from "../engines/attached.ts";
import { llamaCpp } from "../engines/llamaCpp.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { resolvingTo } from "../load/resolvingTo.ts";
import type { Engine } from "../model/engine.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { attachTestCase } from "./attach.ts";
import { planTests } from "./plan.ts";
import type { PlannedEngine } from "./planEngines.ts";
import { blockedOf, blockedTogether, lackingNow, prepare } from "./prepare.ts";

test("engines that are known to fail are told together, before anything boots", async () => {
  const error = await failure({
    plain: vllm({ model: "m", program: "no-such-vllm" }),
    other: llamaCpp({ model: "/no/such/model.gguf", program: "node" }),
  });
  expect(error).toMatchObject({ code: "engine-missing", message: "2 engines or services cannot be started" });
  expect(error).toMatchObject({
    hint: expect.stringMatching(
      /engine plain needs the program no-such-vllm.*\n {2}install vLLM .*\nengine other: there is no model at \/no\/such\/model\.gguf/,
    ),
  });
});

test("a single one is told as itself", async () => {
  const error = await failure({ plain: vllm({ model: "/no/such/folder", program: "node" }) });
  expect(error).toMatchObject({ message: "engine plain: there is no model at /no/such/folder" });
});

test("nothing stands in the way of engines whose program is there", async () => {
  expect(await failure({ plain: vllm({ model: "m", program: "node" }) })).toBeUndefined();
});

test("what stops several tests is told once, under their names, and one test may be stopped by much", async () => {
  const missing = vllm({ model: "m", program: "no-such-vllm" });
  const tests = [
    { name: "test_one", engines: planned({ plain: missing }) },
    { name: "test_fine", engines: planned({ plain: vllm({ model: "m", program: "node" }) }) },
    { name: "test_two", engines: planned({ plain: missing, far: vllm({ model: "/no/such/folder", program: "node" }) }) },
    { name: "test_large", engines: planned({ large: vllm({ model: "m", program: "node", tensorParallel: 99 }) }) },
  ];
  const blocked = await blockedOf(tests, { place: thisMachine(), tell: () => {} });
  expect(blocked.map(({ test }) => test)).toEqual(["test_one", "test_two", "test_large"]);
  const { message, hint, exitCode } = blockedTogether(blocked);
  expect([message, exitCode]).toEqual(["3 tests cannot be run here", 3]);
  expect(hint?.split("\n").filter((line) => !line.startsWith(" "))).toEqual([
    "test_one, test_two: engine plain needs the program no-such-vllm, and it is not here",
    "test_two: engine far: there is no model at /no/such/folder",
    expect.stringMatching(/^test_large: engine large needs 99 GPUs, this machine has /),
  ]);
});

test("a GPU that the machine does not have is a mistake of the author's, told with those it has", async () => {
  const place = {
    ...thisMachine(),
    gpus: async () => [
      { id: "0", uuid: "GPU-aaaa-1", name: "H100" },
      { id: "1", uuid: "GPU-aabb-2", name: "L4" },
    ],
  };
  const plain = vllm({ model: "m", program: "node", tensorParallel: 2 });
  const on = async (...gpus: readonly string[]) =>
    blockedOf([{ name: "test_x", engines: planned({ plain }, gpus) }], { place, tell: () => {} });
  const blocked = await on("1", "7");
  expect(blocked[0]?.obstacles[0]).toMatchObject({
    exitCode: 2,
    message: "engine plain is to run on GPU 7, which this machine does not have",
    hint: "it has 0 (H100, GPU-aaaa-1), 1 (L4, GPU-aabb-2): name one of them with --gpus",
  });
  expect(blockedTogether(blocked).exitCode).toBe(2);
  expect((await on())[0]?.obstacles[0]?.message).toBe("engine plain needs 2 GPUs, --gpus names fewer");
  expect(await on("0", "1")).toEqual([]);
  expect((await on("GPU-cccc", "GPU-aa"))[0]?.obstacles[0]?.message).toBe(
    "engine plain is to run on GPU GPU-cccc, which this machine does not have, and on GPU-aa, which may be 0 or 1",
  );
});

test("GPU memory that somebody holds stops an engine that will not boot without, with who holds it, and is a warning for the others", async () => {
  const place = {
    ...thisMachine(),
    gpus: async () => [{ id: "0", name: "H100", memoryMib: 81_559 }],
    gpuMemory: { used: async () => 64_749, holders: async () => ["process 1066 (VLLM::EngineCore), 64,740 MiB"] },
  };
  const held =
    "GPU 0 has 16,810 of 81,559 MiB free, less than the 80 % that one is to take: the rest is held by process 1066 (VLLM::EngineCore), 64,740 MiB";
  const found = async (one: Engine) => {
    const tests = [{ name: "test_x", engines: planned({ one }, ["0"]) }];
    const blocked = await blockedOf(tests, { place, tell: () => {} });
    return {
      stops: blocked.flatMap(({ obstacles }) => obstacles.map(({ message }) => message)),
      warns: await lackingNow(tests, place, "."),
    };
  };
  expect(await found(vllm({ model: "m", program: "node", gpuMemoryUtilization: 0.8 }))).toEqual({
    stops: [`engine one cannot boot: ${held}`],
    warns: [],
  });
  expect(await found({ ...llamaCpp({ model: "o/m", program: "node" }), gpuShare: 0.8 })).toEqual({ stops: [], warns: [held] });
  const lost = vllm({ model: "/no/such/folder", program: "node", gpuMemoryUtilization: 0.8 });
  expect((await found(lost)).stops).toEqual(["engine one: there is no model at /no/such/folder", `engine one cannot boot: ${held}`]);
});

test("a server that cannot be connected to is told with its URL and the reason, only where servers are to be connected to", async () => {
  const engines = planned({ near: attached({ url: "http://127.0.0.1:9/v1" }), lost: attached({ url: "http://nobody.invalid" }) });
  const blocked = async (connects: boolean) => blockedOf([{ name: "test_x", engines }], { place: thisMachine(), tell: () => {}, connects });
  using _ = resolvingTo();
  const [found] = await blocked(true);
  expect(found?.obstacles.map(({ message, exitCode }) => [message, exitCode])).toEqual([
    ["engine near cannot be connected to at http://127.0.0.1:9: connection refused (ECONNREFUSED)", 3],
    ["engine lost cannot be connected to at http://nobody.invalid: name not found (ENOTFOUND)", 3],
  ]);
  expect(await blocked(false)).toEqual([]);
});

test("a server that takes the connection and hangs is told after 10 s, and that it is waited for meanwhile", async () => {
  const silent = createServer(() => {});
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const { port } = silent.address() as AddressInfo; // it listens on TCP
  const url = `http://127.0.0.1:${port}`;
  const told: RunEvent[] = [];
  const tell = (event: RunEvent) => void told.push(event);
  const engines = planned({ slow: attached({ url }) });
  const [found] = await blockedOf([{ name: "test_x", engines }], { place: thisMachine(), tell, connects: true });
  expect(found?.obstacles).toMatchObject([
    {
      message: `engine slow cannot be measured at ${url}: /v1/models does not answer within 10 s`,
      hint: expect.stringContaining("it takes connections and is silent"),
    },
  ]);
  expect(told).toEqual([
    { kind: "warning", message: `engine slow does not answer yet at ${url}; waited for, 10 s at most for each answer` },
  ]);
  silent.close();
}, 20_000);

test("a server that takes the connection for https, and speaks no TLS, is told as that", async () => {
  const silent = createServer(() => {});
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const { port } = silent.address() as AddressInfo; // it listens on TCP
  const engines = planned({ plain: attached({ url: `https://127.0.0.1:${port}` }) });
  const [found] = await blockedOf([{ name: "test_x", engines }], { place: thisMachine(), tell: () => {}, connects: true });
  expect(found?.obstacles).toMatchObject([
    { message: expect.stringContaining("it takes the connection, and no TLS handshake"), hint: expect.stringContaining("http and https") },
  ]);
  silent.close();
}, 10_000);

test.each([
  [
    404,
    "<!DOCTYPE HTML><html><title>Not here</title><body>…</body></html>",
    ["engine odd cannot be measured at URL: /v1/models answers 404: Not here"],
  ],
  [401, "", ["engine odd answers at URL, but it wants an API key (/v1/models answers 401)"]],
  [200, '{"data": [{"id": "small"}, {"id": "large"}]}', ["engine odd answers at URL, but it serves several models: small, large"]],
  [200, "<!DOCTYPE HTML><html>A page for everything</html>", ["engine odd cannot be measured at URL: /v1/models lists no model"]],
  [200, '{"data": []}', ["engine odd cannot be measured at URL: /v1/models lists no model"]],
  [503, "loading", []],
])("a server that answers %i %s is told before anything is measured, unless it may still come up", async (status, body, told) => {
  const server = createHttpServer((_, response) => void response.writeHead(status).end(body));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const engines = planned({ odd: attached({ url: `http://127.0.0.1:${port}` }) });
  const blocked = await blockedOf([{ name: "test_x", engines }], { place: thisMachine(), tell: () => {}, connects: true });
  const messages = blocked.flatMap(({ obstacles }) => obstacles.map(({ message }) => message.replace(`http://127.0.0.1:${port}`, "URL")));
  expect(messages).toEqual(told);
  server.close();
});

test("a server that says it takes less than is to be sent is told before anything is", async () => {
  const server = createHttpServer((_, response) => void response.end('{"data": [{"id": "small", "max_model_len": 512}]}'));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const obstacles = async (contextTokens: number) => {
    const attach = attachTestCase({ urls: [`http://127.0.0.1:${port}`], api: "chat", contextTokens, requests: 2, seed: 0 });
    const tests = await planTests([attach], { ports: [], set: {} }, thisMachine());
    const blocked = await blockedOf(tests, { place: thisMachine(), tell: () => {}, connects: true });
    return blocked.flatMap((one) => one.obstacles.map(({ message }) => message));
  };
  expect(await obstacles(2_048)).toEqual([
    expect.stringMatching(/^engine server says that it takes 512 tokens; the longest request has 2,\d{3} with its answer: 2,048 context/),
  ]);
  expect(await obstacles(128)).toEqual([]);
  server.close();
});

async function failure(engines: Readonly<Record<string, Engine>>): Promise<unknown> {
  return prepare(planned(engines), thisMachine(), () => {}).then(
    () => undefined,
    (error: unknown) => error,
  );
}

function planned(engines: Readonly<Record<string, Engine>>, gpus: readonly string[] = ["0"]): readonly PlannedEngine[] {
  return Object.entries(engines).map(([name, engine]) => ({ name, engine, world: { configFiles: {} }, batch: 0, gpus, port: undefined }));
}
