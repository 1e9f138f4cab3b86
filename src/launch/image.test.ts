import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import { vllm } from "../engines/vllm.ts";
import { dockerLauncher } from "./docker.ts";

/** What a daemon with one image answers, as Docker's API documents it; it cannot pull. */
async function daemonWith(
  image: string,
): Promise<AsyncDisposable & { readonly env: NodeJS.ProcessEnv; readonly asked: readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), "tandem-docker-"));
  const asked: string[] = [];
  const server = createServer(({ method = "", url = "" }, response) => {
    const path = decodeURIComponent(url.replace(/\?.*/s, ""));
    asked.push(`${method} ${path}`);
    const answers: Readonly<Record<string, unknown>> = {
      "/_ping": "OK",
      "/images/json": [{ RepoTags: [image] }],
      [`/images/${image}/json`]: { Id: "sha256:1" },
    };
    const answer = answers[path];
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(JSON.stringify(answer ?? { message: "manifest unknown" }));
  });
  const socket = join(directory, "d.sock");
  await once(server.listen(socket), "listening");
  return {
    env: { DOCKER_HOST: `unix://${socket}` },
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function prepared(image: string, env: NodeJS.ProcessEnv, looksOnly: boolean): Promise<unknown> {
  const order = { name: "plain", engine: vllm({ model: "m", image }), world: { configFiles: {} }, tell: () => {}, looksOnly };
  return dockerLauncher(thisMachine(), env)
    .prepare?.(order)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
}

test("an image that is here is prepared, and nothing is pulled", async () => {
  await using daemon = await daemonWith("vllm/vllm-openai:v0.24.0");
  expect(await prepared("vllm/vllm-openai:v0.24.0", daemon.env, false)).toBeUndefined();
  expect(daemon.asked.filter((request) => request.startsWith("POST"))).toEqual([]);
});

test("one that is not here is told with the nearest that is, and is pulled only where more is done than look", async () => {
  await using daemon = await daemonWith("vllm/vllm-openai:v0.24.0");
  expect(await prepared("vllm/vllm-openai:v0.42.0", daemon.env, true)).toMatchObject({
    message: "engine plain: the image vllm/vllm-openai:v0.42.0 is not here",
    hint: "did you mean vllm/vllm-openai:v0.24.0, which is here? it is pulled before anything boots, if its name and tag are right",
  });
  expect(daemon.asked.filter((request) => request.startsWith("POST"))).toEqual([]);
  expect(await prepared("vllm/vllm-openai:v0.42.0", daemon.env, false)).toMatchObject({
    message: expect.stringMatching(
      /^engine plain: the image vllm\/vllm-openai:v0\.42\.0 is not here and cannot be pulled: .*manifest unknown/s,
    ),
    hint: expect.stringMatching(/^did you mean vllm\/vllm-openai:v0\.24\.0, which is here\? /),
  });
});
