import { expect, test } from "vitest";

import { anyInfo, llamaCppInfo, sglangInfo, tgiInfo } from "./serverInfo.ts";

test("SGLang tells its version, and its context limit where it was told one", () => {
  for (const { facts } of sglangInfo) {
    const told = facts({ version: "0.5.17", context_length: 8_192, max_total_num_tokens: 37_081 });
    expect(told).toEqual({ version: "0.5.17", "context limit": "8192 tokens" });
  }
  expect(sglangInfo[0]?.facts({ version: "0.5.17", context_length: null })).toEqual({ version: "0.5.17" });
});

test("TGI tells its version and context limit, older ones its dtype", () => {
  expect(tgiInfo.facts({ version: "3.3.5", max_input_tokens: 4_095, max_total_tokens: 4_096, model_dtype: "torch.float16" })).toEqual({
    version: "3.3.5",
    "context limit": "4096 tokens",
    dtype: "float16",
  });
});

test("llama.cpp tells its build and the context of one sequence", () => {
  const facts = llamaCppInfo.facts({ build_info: "b0-0c1e57098", total_slots: 2, default_generation_settings: { n_ctx: 4_096 } });
  expect(facts).toEqual({ version: "b0-0c1e57098", "context limit": "4096 tokens" });
});

test("what is no answer tells nothing", () => {
  const answers = [undefined, null, "Not Found", [], { detail: "Not Found" }, { version: 3, build_info: null, max_total_tokens: "4096" }];
  expect(anyInfo.flatMap(({ facts }) => answers.map((answer) => facts(answer))).filter((told) => Object.keys(told).length > 0)).toEqual([]);
});
