import { expect, test } from "vitest";

import type { Engine } from "./engine.ts";
import { mistakesInCommand, mistakesInEngine, mistakesInServices } from "./engineRules.ts";

const sound: Engine = {
  kind: "mine",
  model: "tiny",
  simulated: false,
  gpus: 0,
  gpuShare: 0,
  features: [],
  configFiles: [],
  wire: { api: "completions", takesTokenIds: true, tokenIdOffset: 0, fixesLength: false },
  launch: {
    kind: "process",
    command: () => ({ program: "serve", args: [], env: {} }),
    ready: { path: "/health", within: 8 },
    missing: "where to get it",
  },
};
const { launch, wire } = sound;
const attachedAt = (url: string) => ({ launch: { kind: "attached", url, ready: { path: "/health", within: 8 } } });
const store = { name: "redis", kind: "Redis", needs: {}, launch: {}, ready: {} };

test("an engine that is whole has no mistakes", () => {
  expect(mistakesInEngine(sound)).toEqual([]);
});

test.each<[string, object, readonly string[]]>([
  ["members that are missing", { features: undefined, configFiles: undefined }, ["features is missing", "configFiles is missing"]],
  [
    "a way to run that there is not",
    { launch: { kind: "carrier pigeon", image: "x" } },
    [expect.stringMatching(/^launch\.kind must be one of process, .*, not "carrier pigeon"$/)],
  ],
  [
    "paths without their slash",
    { launch: { ...launch, ready: { path: "health", within: 0 } }, metrics: { path: "metrics", series: {} }, resets: { paths: ["reset"] } },
    [
      'launch.ready.path must begin with "/", not "health"',
      "launch.ready.within must be a number above 0, not 0",
      'metrics.path must begin with "/", not "metrics"',
      'resets.paths must begin with "/", not ["reset"]',
    ],
  ],
  ["token ids in a chat", { wire: { ...wire, api: "chat" } }, ['wire.takesTokenIds must be false with api "chat", whose prompts are text']],
  ["what is no function", { claims: {}, info: [{ path: "/info" }] }, ["claims must be a function, not {}", "info[0].facts is missing"]],
  ["half a launch", { launch: { kind: "attached" } }, ["launch.url is missing", "launch.ready is missing"]],
  ["what is no URL of a server", attachedAt("ftp://me:hunter22@host"), ["launch.url must be the http or https URL of a server"]],
  ["what is no URL", attachedAt("me:hunter22@ho st"), ["launch.url must be the http or https URL of a server"]],
  [
    "a password in a URL, and is not shown",
    attachedAt("http://me:100%@host:1/v1"),
    ["launch.url, of host:1, must not hold a user or a password: the server's key is wire.apiKey"],
  ],
])("%s are told, all of them", (_, change, mistakes) => {
  expect(mistakesInEngine({ ...sound, ...change })).toEqual(mistakes);
});

test("a command that cannot be started is told by what it lacks", () => {
  expect(mistakesInCommand({ program: "serve", args: ["--port", 8000] })).toEqual([
    'args must be a list of texts, not ["--port",8000]',
    "env is missing",
  ]);
  expect(mistakesInCommand({ program: "serve", args: ["a\0b"], env: { "A=B": "1" } })).toEqual([
    'args must hold no NUL character, not ["a\\u0000b"]',
    'env must have names that are not empty and hold no "=", not {"A=B":"1"}',
  ]);
  expect(mistakesInCommand({ program: "serve", args: [], env: { A: "x\0" } })).toHaveLength(1);
  expect(mistakesInCommand("serve --port 8000")).toEqual(['it must be an object, not "serve --port 8000"']);
});

test("services are told by the names their engine gave them", () => {
  expect(mistakesInServices({ redis: { name: "redis", kind: "Redis", needs: {}, ready: {} } })).toEqual(["of redis, launch is missing"]);
});

test.each([
  ["a promise of them", Promise.resolve({}), "it must be an object, not a promise"],
  ["one by itself", store, "it is one service, and must be an object of services, such as { store: redis() }"],
  ["several as one", { a: { store } }, "of a, it is an object of services, and must be one service: services: () => redisSentinel()"],
  [
    "a name that leads elsewhere",
    { store: { ...store, name: "../../x" } },
    'of store, name must be lower-case letters, digits and dashes, not "../../x"',
  ],
  [
    "a name that is none, of one that is needed",
    { store: { ...store, needs: { master: { ...store, name: undefined } } } },
    "of store, of master, name is missing",
  ],
])("services are no services where they are %s", (_, services, mistake) => {
  expect(mistakesInServices(services)).toEqual([mistake]);
});

test("a password is not told with what is wrong", () => {
  expect(mistakesInServices([{ login: { user: "me", password: "hunter22" } }])).toContain(
    'it must be an object, not [{"login":{"user":"me","password":"***"}}]',
  );
});
