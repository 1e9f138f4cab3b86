import { expect, test } from "vitest";

import { gpuList, joinPairs, keyValue, ports, serverUrls } from "./flags.ts";

test.each([
  { typed: "run -p 8000 8001 tests/a.ts", means: "run -p 8000,8001 tests/a.ts" },
  { typed: "run tests/a.ts -p 8000", means: "run tests/a.ts -p 8000" },
  { typed: "run -p 8000,8001 -o out", means: "run -p 8000,8001 -o out" },
  { typed: "run --attach http://a https://b --requests 4", means: "run --attach http://a,https://b --requests 4" },
  { typed: "run --attach http://a:1 ftp://b tests/a.ts", means: "run --attach http://a:1,ftp://b tests/a.ts" },
  { typed: "run --attach a:1 b:2/v1 --rate 3", means: "run --attach a:1,b:2/v1 --rate 3" },
  { typed: "run --simulate tests/a.ts", means: "run --simulate=h100 tests/a.ts" },
  { typed: "run --simulate=a40 tests/a.ts", means: "run --simulate=a40 tests/a.ts" },
])("$typed means $means", ({ typed, means }) => {
  expect(joinPairs(typed.split(" ")).join(" ")).toBe(means);
});

test("ports are numbers from 1 to 65535", () => {
  expect(ports("8000,8001")).toEqual([8_000, 8_001]);
  for (const wrong of ["0", "65536", "x", "80.5", ""]) expect(() => ports(wrong)).toThrow("a port is a number from 1 to 65535");
});

test("GPUs are named by number or UUID", () => {
  expect(gpuList("2, GPU-5a3e,MIG-77f0")).toEqual(["2", "GPU-5a3e", "MIG-77f0"]);
  for (const wrong of ["foo", "0,-1", "0,GPU-", ","]) expect(() => gpuList(wrong)).toThrow("a GPU is named by its number or UUID");
});

test("--set is repeated, the last of two for one key wins, and a value may hold an equals sign", () => {
  const first = keyValue("url=http://h?a=b", undefined);
  expect(keyValue("n=2", keyValue("n=1", first))).toEqual({ url: "http://h?a=b", n: "2" });
});

test("servers' URLs are looked at one by one, and a flag that is repeated adds to them", () => {
  expect(serverUrls("http://b:2", serverUrls("http://a:1", undefined))).toEqual(["http://a:1", "http://b:2"]);
  expect(() => serverUrls("http://a:1,ftp://b", undefined)).toThrow("--attach: ftp://b is not the http or https URL of a server");
  expect(() => serverUrls("ftp://b,c:1", undefined)).toThrow("2 mistakes");
});
