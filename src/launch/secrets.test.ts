import { expect, test } from "vitest";

import { maskedArguments, masks, secretsIn } from "./secrets.ts";

test("a command line may be shown without its keys", () => {
  const args = [
    "serve",
    "m",
    "--api-key",
    "sk-abcdef",
    "--hf-token=hf_abcdef",
    "--tokenizer",
    "m",
    "--max-num-batched-tokens",
    "8",
    "--url",
    "http://a:b@c",
  ];
  expect(maskedArguments(args).join(" ")).toBe(
    "serve m --api-key *** --hf-token=*** --tokenizer m --max-num-batched-tokens 8 --url http://a:***@c",
  );
});

test("a flag that only sounds like one, followed by another flag, hides nothing", () => {
  expect(maskedArguments(["--no-token", "--port", "1"])).toEqual(["--no-token", "--port", "1"]);
});

test("secrets are gathered from environment, arguments and URLs, the longest first, the too short left out", () => {
  const env = { HF_TOKEN: "hf_abcdef", REDIS: "redis://me:hunter2hunter2@h", MY_TOKEN: "abc", PATH: "/bin" };
  expect(secretsIn(env, ["--api-key", "sk-abcdefg", "--secret=topsecret1", "--port", "8000"], "wirekey")).toEqual([
    "hunter2hunter2",
    "sk-abcdefg",
    "topsecret1",
    "hf_abcdef",
    "wirekey",
  ]);
});

test('a password in a URL ends at the last "@" before the host, and at a quote', () => {
  const url = (password: string) => `{"url":"redis://me:${password}@host:6379/0","mail":"me@host"}`;
  expect(masks(`${url("p@ss9word")} lm://me@corp:p@ss9word@host:1, me@host`)).toBe(`${url("***")} lm://me@corp:***@host:1, me@host`);
  expect(masks("http://host:8000/a@b http://host:8000")).toBe("http://host:8000/a@b http://host:8000");
  expect(secretsIn({}, [url("p@ss9word")])).toEqual(["p@ss9word"]);
});

test("a secret is found wherever it stands in a text", () => {
  expect(masks("Authorization: Bearer sk-4711abcdef, authorization: basic dXNlcjpwYXNzMQ==")).toBe(
    "Authorization: Bearer ***, authorization: basic ***",
  );
  expect(masks("Bearer authentication is required")).toBe("Bearer authentication is required");
  expect(masks("args: {'api_key': ['sk-abcdef']} sk-abcdef", ["sk-abcdef"])).toBe("args: {'api_key': ['***']} ***");
});
