import { expect, test } from "vitest";

import { mostWorkers } from "./mostOf.ts";
import { aboveZero, gpuList, joinPairs, keyValue, ports, serverUrls, wholeNumber } from "./flags.ts";

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

test("a number that no machine could do anything with is a mistake, told with the largest one and why", () => {
  const most = { value: 1_000, because: "there are no more" };
  expect(wholeNumber("--n", 1, most)("1000")).toBe(1_000);
  for (const wrong of ["1001", "1e12", "99999999999999999999"]) {
    expect(() => wholeNumber("--n", 1, most)(wrong)).toThrow(
      expect.objectContaining({ message: `--n ${wrong}: at most 1,000 is wanted`, hint: most.because }),
    );
    expect(() => aboveZero("--n", most)(wrong)).toThrow(`--n ${wrong}: at most 1,000 is wanted`);
  }
  expect(() => wholeNumber("--n")("99999999999999999999")).toThrow("at most 9,007,199,254,740,991 is wanted");
  for (const wrong of ["0", "-1", "x", "1e-320"]) expect(() => aboveZero("--n", most)(wrong)).toThrow("a number above 0 is wanted");
});

test("there may be four load threads for each core, eight where there are few cores, and 256 at most", () => {
  expect([1, 2, 16, 128].map((cores) => mostWorkers(cores).value)).toEqual([8, 8, 64, 256]);
});
