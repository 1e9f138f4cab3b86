import { expect, test } from "vitest";

import { llamaCpp } from "../engines/llamaCpp.ts";
import { vllm } from "../engines/vllm.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Engine } from "../model/engine.ts";
import { prepare } from "./prepare.ts";

test("engines that are known to fail are told together, before anything boots", async () => {
  const error = await failure({
    plain: vllm({ model: "m", program: "no-such-vllm" }),
    other: llamaCpp({ model: "/no/such/model.gguf" }),
  });
  expect(error).toMatchObject({ code: "engine-missing", message: "2 engines or services cannot be started" });
  expect(error).toMatchObject({
    hint: expect.stringMatching(
      /engine plain needs the program no-such-vllm.*\n {2}install vLLM .*\nengine other: there is no model at \/no\/such\/model\.gguf/,
    ),
  });
});

test("a single one is told as itself", async () => {
  const error = await failure({ plain: vllm({ model: "/no/such/folder" }) });
  expect(error).toMatchObject({ message: "engine plain: there is no model at /no/such/folder" });
});

test("nothing stands in the way of engines whose program is there", async () => {
  expect(await failure({ plain: vllm({ model: "m", program: "node" }) })).toBeUndefined();
});

async function failure(engines: Readonly<Record<string, Engine>>): Promise<unknown> {
  const planned = Object.entries(engines).map(([name, engine]) => {
    return { name, engine, world: { configFiles: {} }, batch: 0, gpus: [], port: undefined };
  });
  return prepare(planned, thisMachine(), () => {}).then(
    () => undefined,
    (error: unknown) => error,
  );
}
