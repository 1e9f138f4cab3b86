import { expect, test } from "vitest";

import { sglang, type SglangOptions } from "./sglang.ts";

const world = { configFiles: {} };

function claimsOf(options: Partial<SglangOptions>) {
  return sglang({ model: "m", ...options }).claims?.(world);
}

test("its sockets and other temporary files go where its slot has a place for them", () => {
  const { launch } = sglang({ model: "m" });
  const command =
    "command" in launch ? launch.command({ port: 1, gpus: [], directory: "/scratch", temporary: "/tmp/td-4fA0b1" }, world) : undefined;
  expect(command?.env).toEqual({ TMPDIR: "/tmp/td-4fA0b1" });
});

test("what it finds again: blocks of one token of its own and of HiCache", () => {
  expect(claimsOf({})?.reuse).toEqual({ own: true, external: false, ownPiece: 1 });
  expect(claimsOf({ prefixCaching: false })?.reuse).toEqual({ own: false, external: false, ownPiece: 1 });
  expect(claimsOf({ extraArgs: ["--page-size", "64", "--disable-radix-cache"] })?.reuse).toEqual({
    own: false,
    external: false,
    ownPiece: 64,
  });
  expect(claimsOf({ hiCache: { storage: "file" } })?.reuse).toEqual({ own: true, external: true, ownPiece: 1, externalPiece: 1 });
  expect(claimsOf({ extraArgs: ["--enable-hierarchical-cache"] })?.reuse).toBeUndefined();
});

test("a page size, an attention and a dtype of the cache that were asked for, in either way, are differences that were", () => {
  const extraArgs = ["--page-size=64", "--kv-cache-dtype", "fp8_e5m2", "--attention-backend=triton"];
  const asked = claimsOf({ extraArgs })?.traits.flatMap(({ what, asked }) =>
    asked === undefined || what === "KV pool" ? [] : [[what, asked]],
  );
  expect(asked).toEqual([
    ["KV block", "64"],
    ["KV cache dtype", "fp8_e5m2"],
    ["attention backend", "triton"],
  ]);
  expect(claimsOf({ extraArgs })?.reuse?.ownPiece).toBe(64);
  const pool = (extra: readonly string[]) => claimsOf({ extraArgs: extra })?.traits.find(({ what }) => what === "KV pool")?.asked;
  expect(pool(["--max-total-tokens", "32768"])).not.toBe(pool([]));
});
