import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { basename } from "node:path";
import { text } from "node:stream/consumers";
import { createServer as createTlsServer } from "node:tls";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { folder, tandem, type Folder } from "../src/cli/fixture.ts";
import { simulated } from "../src/engines/simulated.ts";

// What attached() adds to every id, so that they are words of real vocabularies.
const tokenIdOffset = "1000";

const key = "sk-never-to-be-seen-4f9a";

let where: Folder;
let engine: ChildProcess;
let port: number;

beforeAll(async () => {
  where = folder();
  ({ engine, port } = await simulatedOn(0));
});

afterAll(() => {
  engine.kill("SIGKILL");
  where[Symbol.dispose]();
});

const measured = `import { attached, atMost, documentQa, every, experiment, testCase } from "tandem";
export function test_server({ set }) {
  const server = { url: set.url, apiKey: set.key, ...(set.trust === "no" ? {} : { acceptAnyCertificate: true }) };
  return testCase({
    engines: {
      chat: attached(server),
      text: attached({ ...server, api: "completions" }),
      ids: attached({ ...server, api: "completions", tokenIds: true, fixesLength: true }),
    },
    baseline: "chat",
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 256, questionTokens: 8, documents: 2, requests: 6, outputTokens: 5 }),
        arrivals: every({ seconds: 0.1 }),
      }),
    ],
    checks: (on) => ({ "every request succeeds": atMost(on.chat.failures + on.text.failures + on.ids.failures, 0) }),
  });
}
`;

/** What happened to each request, as the CSV tells it. */
function outcomes(base: string): readonly string[] {
  const [heading = "", ...rows] = where.read(base).trim().split("\n");
  const names = heading.split(",");
  const at = (row: string, name: string) => row.split(",")[names.indexOf(name)];
  return rows.map((row) => `${at(row, "engine")} ${at(row, "outcome")} ${at(row, "output_tokens")}`);
}

/** Files with the key in them. */
function filesWithKey(directory = ""): readonly string[] {
  return where.files().filter((name) => name.startsWith(directory) && readFileSync(where.at(name)).includes(key));
}

/** The simulated engine as a process of its own; on a free port where 0 is asked for. */
async function simulatedOn(wanted: number): Promise<{ readonly engine: ChildProcess; readonly port: number }> {
  const { launch } = simulated({ timeScale: 0.2 });
  if (launch.kind !== "process") throw new TypeError("not a process");
  const { args } = launch.command({ port: wanted, gpus: [], directory: where.path }, { configFiles: {} });
  const started = spawn(process.execPath, [...args, "--token-id-offset", tokenIdOffset], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(started.stdout, "data");
  return { engine: started, port: Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(String(line))?.[1]) };
}

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address() as AddressInfo; // it listens on TCP
  return address.port;
}

test("two URLs without a test file: document QA against each, the first is the baseline; the key is in no artefact", async () => {
  const { code, stdout, stderr } = await tandem(
    [
      "run",
      "--attach",
      `http://127.0.0.1:${port}`,
      `http://127.0.0.1:${port}/v1`,
      "--context",
      "300",
      "--requests",
      "2",
      "--api-key-env",
      "KEY",
      "--no-calibration",
    ],
    { cwd: where.path, env: { KEY: key } },
  );
  expect(stderr + stdout).not.toContain(key);
  expect(stdout).toContain("300 context tokens, 2 questions");
  expect(stdout).toContain("outputs/attach.simulated.pdf");
  expect([0, 4]).toContain(code);
  expect([...outcomes("outputs/attach.simulated.csv")].sort()).toEqual(
    ["first", "first", "second", "second"].map((name) => `${name} completed 64`),
  );
  expect(filesWithKey()).toEqual([]);
});

test("https with a certificate of its own making: refused with what to do, or taken when the test file says so", async (context) => {
  const asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" ");
  const made = spawnSync("openssl", [...asked, "-keyout", where.at("key.pem"), "-out", where.at("cert.pem")]);
  if (made.status !== 0 && process.env["CI"] === undefined) context.skip("openssl is not here to make a certificate");
  const tls = createTlsServer({ key: where.read("key.pem"), cert: where.read("cert.pem") }, (socket) => {
    const plain = connect(port, "127.0.0.1");
    socket.pipe(plain).pipe(socket);
    for (const end of [socket, plain]) end.on("error", () => end.destroy());
    socket.on("close", () => plain.destroy());
  });
  const url = `https://127.0.0.1:${await listening(tls)}`;
  try {
    const file = where.write("server.js", measured);
    const set = ["--set", `url=${url}`, "--set", `key=${key}`];
    const refused = await tandem([file, ...set, "--set", "trust=no", "-o", where.at("refused"), "--no-calibration"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("acceptAnyCertificate: true");
    const trusting = ["--accept-any-certificate", "--api-key-env", "KEY", "--requests", "1", "--no-calibration"];
    const withoutFile = await tandem(["run", "--attach", url, ...trusting, "-o", where.at("trusted")], { env: { KEY: key } });
    expect([0, 4]).toContain(withoutFile.code);
    const { code, stdout, stderr } = await tandem([file, ...set, "-o", where.at("out"), "--no-calibration"]);
    expect(stderr + stdout + refused.stderr + refused.stdout).not.toContain(key);
    expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
    const found = outcomes("out/test_server.simulated.csv");
    expect(found).toHaveLength(18);
    for (const name of ["chat", "text", "ids"]) expect(found.filter((outcome) => outcome === `${name} completed 5`)).toHaveLength(6);
    expect(filesWithKey()).toEqual([]);
  } finally {
    tls.close();
  }
});

test("a server that repeats the key in its complaints: it is masked, in every message and every artefact", async () => {
  // It answers while it is made ready, and refuses what is measured.
  const complains = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    const refuses = body.includes('"stream":true');
    const answer = refuses
      ? { error: { message: `Incorrect API key provided: ${request.headers.authorization}` } }
      : { data: [{ id: "m" }], choices: [{ message: { content: "a" } }] };
    response.writeHead(refuses ? 401 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  const url = `http://127.0.0.1:${await listening(complains)}`;
  const args = ["run", "--attach", url, "--requests", "2", "-o", where.at("complained"), "--api-key-env", "KEY", "--no-calibration"];
  const { code, stdout, stderr } = await tandem(args, { env: { KEY: key } });
  complains.close();
  expect(code).toBe(4);
  expect(where.read("complained", "attach.csv")).toContain("Incorrect API key provided: Bearer ***");
  expect(stderr + stdout).not.toContain(key);
  expect(filesWithKey()).toEqual([]);
});

test("the query of a gateway's URL goes with everything that it is asked, and a key in it is in no message and no artefact", async () => {
  const query = `api-version=2024-10-21&api-key=${key}`;
  const asked = new Set<string>();
  const gateway = createServer((request, response) => {
    const [path, sent] = (request.url ?? "").split("?");
    asked.add(`${path} ${sent === query ? "with it" : `with ${sent}`}`);
    const onward = httpRequest({ port, host: "127.0.0.1", method: request.method, path, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
    response.on("close", () => onward.destroy());
  });
  const url = `http://127.0.0.1:${await listening(gateway)}/v1/?${query}`;
  const args = ["run", "--attach", url, "--requests", "2", "--context", "64", "-o", where.at("gateway"), "--no-calibration"];
  const { code, stdout, stderr } = await tandem(args);
  gateway.close();
  expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
  const whatItIs = ["/get_server_info", "/info", "/props", "/server_info", "/version"];
  const paths = [...whatItIs, "/metrics", "/tokenize", "/v1/chat/completions", "/v1/models"];
  expect([...asked].sort()).toEqual(paths.sort().map((path) => `${path} with it`));
  expect(outcomes("gateway/attach.simulated.csv")).toEqual(["server completed 64", "server completed 64"]);
  expect(stderr).toContain("?api-version=2024-10-21&api-key=***");
  expect(stderr + stdout).not.toContain(key);
  expect(filesWithKey()).toEqual([]);
  const wrong = await tandem(["plan", "--attach", `http://127.0.0.1:9/v1/models?${query}`]);
  expect(wrong.stderr).toContain("is a path of a server");
  expect(wrong.stderr).not.toContain(key);
});

test("nobody there: exit 3, with the URL and what to look at, before anything is measured", async () => {
  const { code, stderr } = await tandem(["run", "--attach", "http://127.0.0.1:9", "-o", where.at("nobody")]);
  expect(code).toBe(3);
  expect(stderr).toContain("http://127.0.0.1:9: connection refused");
  expect(stderr).toContain("nothing listens there");
  expect(stderr).not.toContain("this machine's own error");
  const written = where.files().filter((file) => file.startsWith("nobody"));
  expect(written.map((file) => basename(file)).toSorted()).toEqual(["attach.xml", "attach.xml", "run.json"]); // which say so
});

describe("a server that is gone when its requests are over", () => {
  const gone = /server: ended by itself: server refuses connections \(ECONNREFUSED at http:\/\/127\.0\.0\.1:\d+\)/;

  test("is told like one that dies in the middle where its last request failed", async () => {
    const { code, stdout, stderr } = await measuredAt("in the middle of its last reply", "killed");
    expect(code).toBe(3);
    expect(stderr).toMatch(gone);
    expect(stderr).toContain("engine server was gone while it was measured");
    const invalid = expect.stringMatching(/INVALID +server: refuses connections \(ECONNREFUSED at/);
    expect(stdout).toEqual(invalid);
    expect(outcomes("killed/attach.csv").at(-1)).toMatch(/^server failed/);
    expect(await tandem(["report", where.at("killed")])).toMatchObject({ code: 3, stdout: invalid });
  });

  test("is not called dead where it had answered them all", async () => {
    const { code, stdout, stderr } = await measuredAt("after its last reply", "answered");
    expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
    expect(stderr + stdout).not.toMatch(/ended by itself|refuses connections|was gone/);
    expect(new Set(outcomes("answered/attach.csv"))).toEqual(new Set(["server completed 1"]));
  });

  test("is not called dead, nor unwell, where it had shut its door long before the end of its last reply", async () => {
    const { code, stdout, stderr } = await measuredAt("its door before its last reply", "shut");
    expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
    expect(stderr + stdout).not.toMatch(/ended by itself|refuses connections|was gone|unwell/);
    expect(stderr).toMatch(/server takes no connections any more .* having answered all that it was asked/);
    expect(new Set(outcomes("shut/attach.csv"))).toEqual(new Set(["server completed 1"]));
  });

  async function measuredAt(ends: string, directory: string) {
    const mortal = spawn(process.execPath, ["-e", mortalServer, ends, ...events], { stdio: ["ignore", "pipe", "inherit"] });
    const [listens] = await once(mortal.stdout, "data");
    const args = ["--requests", "12", "--rate", "8", "--no-calibration"];
    const called = await tandem(["run", "--attach", `http://127.0.0.1:${Number(String(listens))}`, ...args, "-o", where.at(directory)]);
    mortal.kill("SIGKILL"); // where the test fails
    return called;
  }

  /** Of the twelve that are measured, which alone may be answered by 64 tokens, the last one is the last. */
  const mortalServer = `
    const [, ends, ...events] = process.argv;
    let measured = 0;
    const server = require("node:http").createServer((request, response) => {
      if (request.method === "GET") return response.end('{"data":[{"id":"m"}]}');
      let body = "";
      request.on("data", (piece) => (body += piece)).on("end", () => {
        const isLast = body.includes('"max_tokens":64') && ++measured === 12;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(events[0]);
        if (isLast && ends === "its door before its last reply") {
          server.close();
          return setTimeout(() => response.end(events.slice(1).join("")), 4_500);
        }
        if (isLast && ends === "in the middle of its last reply") return setTimeout(() => process.kill(process.pid, "SIGKILL"), 50);
        response.end(events.slice(1).join(""), () => isLast && setTimeout(() => process.exit(), 20));
      });
    });
    server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
});

test("a server that is killed and started again in the middle is told, once, and its run is INVALID", { timeout: 150_000 }, async () => {
  const first = await simulatedOn(0);
  const way = { port: first.port };
  // Its clients find somebody there all the time, as behind a service's address.
  const front = createTcpServer((socket) => {
    const onward = connect(way.port, "127.0.0.1");
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on("error", () => end.destroy());
    socket.on("close", () => onward.destroy());
    onward.on("close", () => socket.destroy());
  });
  const url = `http://127.0.0.1:${await listening(front)}`;
  let second: ChildProcess | undefined;
  let isBegun = false;
  const again = async () => {
    first.engine.kill("SIGKILL");
    const { engine: next, port: at } = await simulatedOn(0);
    second = next;
    way.port = at;
  };
  const args = ["run", "--attach", url, "--requests", "40", "--rate", "4", "--context", "64", "-o", where.at("anew"), "--no-calibration"];
  const { code, stdout, stderr } = await tandem(args, {
    within: 120,
    saying: (said) => {
      if (isBegun || !said.includes("experiment 0:")) return;
      isBegun = true;
      setTimeout(() => void again(), 1_000);
    },
  });
  second?.kill("SIGKILL");
  front.close();
  expect(code).toBe(4);
  expect(stderr.match(/server: was started anew: process_start_time_seconds tells of another process/g)).toHaveLength(1);
  expect(
    stdout.replaceAll(/\s+/g, " ").match(/INVALID server: was started anew, as was seen \d+ s after the experiment began/g),
  ).toHaveLength(1);
  expect(stdout).not.toMatch(/INVALID\s+server: failed/);
});

test("keys, tokens and passwords of an engine's command are in no plan", async () => {
  const file = where.write(
    "secret.ts",
    `import { documentQa, every, experiment, testCase, vllm } from "tandem";
export const test_secret = () => testCase({
  engines: { plain: vllm({ model: "m", extraArgs: ["--hf-token", "${key}"], env: { HF_TOKEN: "${key}", STORE: "redis://u:${key}@h" } }) },
  experiments: [experiment({ workload: documentQa({ contextTokens: 9, questionTokens: 4, documents: 1, requests: 1 }), arrivals: every({ seconds: 1 }) })],
});
`,
  );
  const plans = [await tandem(["plan", file]), await tandem(["plan", file, "--json"])];
  for (const { code, stdout } of plans) {
    expect(code).toBe(0);
    expect(stdout).toContain("***");
    expect(stdout).not.toContain(key);
  }
  const { code, stdout, stderr } = await tandem(["run", file, "-o", where.at("secret"), "--set", `password=${key}`, "--no-calibration"]);
  expect(code).toBe(3);
  expect(stdout + stderr).not.toContain(key);
  expect(filesWithKey("secret/")).toEqual([]);
});

test("--concurrency 4 keeps four requests under way to the end, also when every third of them fails; a server that can only stream is ready, too", async () => {
  let [underWay, most, asked] = [0, 0, 0];
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "GET") return void response.end('{"data":[{"id":"m"}]}');
    const isMeasured = Number(request.headers["content-length"]) > 1_000; // what is asked before is short
    if (isMeasured) most = Math.max(most, ++underWay);
    const fails = isMeasured && asked++ % 3 === 2;
    setTimeout(() => {
      if (isMeasured) underWay--;
      if (fails) response.writeHead(500).end("no");
      else response.writeHead(200, { "content-type": "text/event-stream" }).end(answer);
    }, 60);
  });
  const url = `http://127.0.0.1:${await listening(server)}`;
  const args = ["run", "--attach", url, "--requests", "24", "--concurrency", "4", "-o", where.at("loop"), "--no-calibration"];
  const { code, stdout } = await tandem(args);
  server.close();
  expect(most).toBe(4);
  expect(stdout).toContain("8/24");
  expect(code).toBe(4);
  expect(outcomes("loop/attach.csv").filter((line) => line.startsWith("server failed"))).toHaveLength(8);
});

test("a server whose proxy repeats replies is told to have sent what nobody had asked for", async () => {
  const repeated = `HTTP/1.1 200 OK\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`;
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "GET") return void response.end('{"data":[{"id":"m"}]}');
    response.writeHead(200, { "content-type": "text/event-stream" }).end(answer);
    const isMeasured = Number(request.headers["content-length"]) > 1_000; // what is asked before is short
    if (isMeasured) setTimeout(() => request.socket.write(repeated), 30);
  });
  const url = `http://127.0.0.1:${await listening(server)}`;
  const args = ["run", "--attach", url, "--requests", "3", "--rate", "5", "-o", where.at("repeated"), "--no-calibration"];
  const { stdout } = await tandem(args, { env: { COLUMNS: "400" } });
  server.close();
  // The last one may come when all is over.
  expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/server: sent [23] replies that nobody had asked for, on connections whose/);
});

test("files that this process may not open are not the engine's failures", async () => {
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "GET") return void response.end('{"data":[{"id":"m"}]}');
    setTimeout(() => response.writeHead(200, { "content-type": "text/event-stream" }).end(answer), 500);
  });
  const url = `http://127.0.0.1:${await listening(server)}`;
  const command = new URL("../tandem", import.meta.url).pathname;
  const args = ["run", "--attach", url, "--requests", "150", "--concurrency", "150", "-o", where.at("files"), "--no-calibration"];
  const child = spawn("sh", ["-c", 'ulimit -n 140; exec "$0" "$@"', command, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  server.close();
  expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/no port or file left for \d+ requests: they are no failures of the engine/);
  expect(stdout).toMatch(/exhausted \d+/);
  expect(code).toBe(4);
});

const events = [
  '{"choices":[{"index":0,"delta":{"content":"yes"}}]}',
  '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}',
  "[DONE]",
].map((event) => `data: ${event}\n\n`);
const answer = events.join("");

test("what an author wrote reaches an engine that takes token ids as it was written, and so does a turn that follows", async () => {
  const prompts: unknown[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.method === "GET") return response.end(JSON.stringify({ object: "list", data: [{ id: "any" }] }));
      prompts.push((JSON.parse(body) as { prompt: unknown }).prompt);
      response.writeHead(200, { "content-type": "text/event-stream" });
      const usage = { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 };
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, text: " Paris", finish_reason: "stop" }] })}\n\n`);
      return response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
    });
  });
  const file = where.write(
    "turns.ts",
    `import { atOnce, attached, experiment, passage, testCase } from "tandem";
const question = passage("Was ist die Hauptstadt von Frankreich? 😀");
const workload = {
  kind: "turns", options: {}, title: "two turns",
  generate: () => ({
    kind: "turns", options: {}, seed: 0,
    requests: [
      { id: 0, arrival: { kind: "at", offset: 0 }, messages: [{ role: "user", parts: [question] }],
        contextTokens: question.tokenIds.length, questionTokens: 0, reusableTokens: 0, maxOutputTokens: 4 },
      { id: 1, arrival: { kind: "after", request: 0, pause: 0 },
        messages: [{ role: "user", parts: [question, { kind: "reply", request: 0, source: "own" }, passage(" Und von Peru?")] }],
        contextTokens: question.tokenIds.length, questionTokens: 14, reusableTokens: 40, maxOutputTokens: 4 },
    ],
  }),
  resized: () => workload,
};
export const test_turns = () => testCase({
  engines: { ids: attached({ url: "http://127.0.0.1:${await listening(server)}", api: "completions", tokenIds: true }) },
  experiments: [experiment({ workload, arrivals: atOnce() })],
});
`,
  );
  await tandem(["run", file, "-o", where.at("turns"), "--no-calibration"]);
  server.close();
  const first = "Was ist die Hauptstadt von Frankreich? 😀";
  expect(prompts.slice(-2)).toEqual([first, `${first} Paris Und von Peru?`]);
});
