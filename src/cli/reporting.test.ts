import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename } from "node:path";

import { describe, expect, test } from "vitest";

import { figuresOf } from "../measure/testFigures.ts";
import { HarnessError } from "../model/harnessError.ts";
import { reports } from "../render/reports.ts";
import { fixture } from "../reports/fixture.ts";
import { folder } from "./fixture.ts";
import { publish } from "./publish.ts";
import { copyReports, inBoth, refuseDirectoriesInTheWay, writeReport, writeReports } from "./reporting.ts";

const result = fixture({ contexts: [8_192], requests: 3 });

test("where one report cannot be written, none is, nothing half is left, and the numbers are printed", async () => {
  using where = folder();
  mkdirSync(where.at("out", "test_lmcache_local_cpu.simulated.html"), { recursive: true }); // in the way of the third
  const printed: string[] = [];
  const terminal = { print: (text: string) => void printed.push(text), tell: () => {}, interactive: false, columns: 80, colour: false };
  const write = async () => writeReports(result, where.at("out"));
  await expect(publish(result, figuresOf(result), { write, asJson: false, terminal })).rejects.toMatchObject({
    code: "output",
    message: expect.stringContaining("html cannot be written: "),
    hint: `move away what is in its place, then: tandem report ${where.at("out")}`,
  });
  expect(where.files()).toEqual([]);
  expect(readdirSync(where.at("out"))).toEqual(["test_lmcache_local_cpu.simulated.html"]);
  expect(printed.join("\n")).toContain("8,192 context tokens");
});

test("what makes reports again makes the copies again too, which would stay an earlier run's", async () => {
  using where = folder();
  const copies = where.at("copies");
  const again = `then: tandem report ${where.at("run")} -o ${copies}`;
  const written = await writeReports(result, where.at("run"), { copies });
  mkdirSync(where.at("copies", "test_lmcache_local_cpu.simulated.csv"), { recursive: true });
  await expect(copyReports(written, copies)).rejects.toMatchObject({ hint: expect.stringContaining(again) });
  rmSync(where.at("run", "test_lmcache_local_cpu.simulated.csv"));
  mkdirSync(where.at("run", "test_lmcache_local_cpu.simulated.csv"));
  await expect(writeReports(result, where.at("run"), { copies })).rejects.toMatchObject({ hint: expect.stringContaining(again) });
});

test("a report that somebody removes before it is copied is told, with what makes it again where its run is still there, and nothing is copied", async () => {
  using where = folder();
  const [first = "", ...others] = await writeReports(result, where.at("run"));
  rmSync(first);
  const told = (hint: string) => ({ code: "output", message: `${first} cannot be copied: ENOENT: no such file or directory`, hint });
  const copied = async () => copyReports([first, ...others], where.at("copies"));
  await expect(copied()).rejects.toMatchObject(
    told(`somebody removed it meanwhile; once more: tandem report ${where.at("run")} -o ${where.at("copies")}`),
  );
  rmSync(where.at("run"), { recursive: true });
  await expect(copied()).rejects.toMatchObject(told("leave a run's directory alone until it has ended"));
  expect(where.files()).toEqual([]);
});

test("a lock that somebody left behind, killed, is waited for a few seconds, once", async () => {
  using where = folder();
  mkdirSync(where.at("out", ".tandem-lock"), { recursive: true });
  const began = performance.now();
  await writeReports(result, where.at("out"));
  expect(performance.now() - began).toBeGreaterThan(5_000);
  expect(readdirSync(where.at("out"))).toHaveLength(reports.length);
});

test("copies are the same bytes", async () => {
  using where = folder();
  const paths = await copyReports(await writeReports(result, where.at("run"), { except: "csv" }), where.at("copies"));
  expect(paths).toHaveLength(reports.length - 1);
  expect(where.files()).toHaveLength(2 * paths.length);
  for (const path of paths) expect(where.read(path.replace(where.path, ""))).toBe(where.read(path.replace(where.at("copies"), "run")));
});

test("a directory under the name of any report, and no other, is refused beforehand", async () => {
  using where = folder();
  const paths = await copyReports(await writeReports(result, where.at("run")), where.at("copies"));
  expect(() => refuseDirectoriesInTheWay([result.description], where.at("copies"))).not.toThrow();
  for (const path of paths) {
    const taken = folder();
    mkdirSync(taken.at(basename(path)));
    expect(() => refuseDirectoriesInTheWay([result.description], taken.path)).toThrow(`${taken.at(basename(path))} is a directory`);
    taken[Symbol.dispose]();
  }
});

test("directories under the names of several are told at once", () => {
  using where = folder();
  for (const extension of ["csv", "pdf"]) mkdirSync(where.at(`test_lmcache_local_cpu.simulated.${extension}`));
  const [csv, pdf] = ["csv", "pdf"].map((extension) => where.at(`test_lmcache_local_cpu.simulated.${extension}`));
  expect(() => refuseDirectoriesInTheWay([result.description], where.path)).toThrow(`${csv} and ${pdf} are directories, where a report`);
});

describe("why reports cannot be written is said without the call, and what to do about it:", () => {
  interface Refused {
    readonly path: string;
    readonly message: string;
    readonly hint: string;
  }

  test("a file is in the way, of the directory or above it", async () => {
    using where = folder();
    const file = where.write("out", "");
    const hint = (path: string) => `move away what is in its place, then: tandem report ${path}`;
    await expect(writeReports(result, file)).rejects.toMatchObject({
      message: `${file} cannot be written: EEXIST: file already exists`,
      hint: hint(file),
    });
    const below = where.at("out", "below");
    await expect(writeReports(result, below)).rejects.toMatchObject({
      message: `${below} cannot be written: ENOTDIR: not a directory`,
      hint: hint(below),
    });
  });

  test("somebody has removed the directory meanwhile; a shell would take its name for two", async () => {
    using where = folder();
    const writing = writeReports(result, where.at("of today"));
    rmSync(where.at("of today"), { recursive: true });
    await expect(writing).rejects.toMatchObject({
      message: `${where.at("of today", "test_lmcache_local_cpu.simulated.csv")} cannot be written: ENOENT: no such file or directory`,
      hint: `somebody removed it meanwhile; once more: tandem report '${where.at("of today")}'`,
    });
  });

  test("nobody may write there", () => {
    using where = folder();
    // Everything is allowed to root.
    const { path, message, hint } = refused(where, "if (process.getuid() === 0) process.setuid(65_534);", []);
    expect(message).toBe(`${path} cannot be written: EACCES: permission denied`);
    expect(hint).toBe(`fix its permissions, then: tandem report ${path}`);
  });

  const mayMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

  test.runIf(mayMount)("the disk is full", () => {
    using where = folder();
    const { path, message, hint } = refused(where, "", ["mount -t tmpfs -o size=32k none $1"]);
    expect(message).toMatch(/\/test_lmcache_local_cpu\.simulated\.\w+ cannot be written: ENOSPC: no space left on device$/);
    expect(hint).toBe(`free some space, then: tandem report ${path}`);
  });

  test.runIf(mayMount)("the file system is read-only", () => {
    using where = folder();
    const { path, message, hint } = refused(where, "", ["mount -t tmpfs -o ro none $1"]);
    expect(message).toBe(`${path} cannot be written: EROFS: read-only file system`);
    expect(hint).toBe(`its file system is read-only; elsewhere: tandem report ${path} -o DIR`);
  });

  /** What is said by a process of its own that comes before it writes, and for which something was mounted. */
  function refused(where: { at: (...names: string[]) => string }, before: string, mounts: readonly string[]): Refused {
    const path = where.at("out");
    mkdirSync(path, { mode: 0o555 });
    const program = `
      import { writeReports } from ${JSON.stringify(new URL("reporting.ts", import.meta.url).href)};
      import { fixture } from ${JSON.stringify(new URL("../reports/fixture.ts", import.meta.url).href)};
      ${before}
      const { message, hint } = await writeReports(fixture({ contexts: [8_192], requests: 3 }), process.argv.at(-1)).catch((error) => error);
      console.log(JSON.stringify({ message, hint }));`;
    const node = [process.execPath, "--input-type=module-typescript", "-e", program, path];
    const mounted = ["unshare", "-rm", "sh", "-euc", [...mounts, "shift", 'exec "$@"'].join(" && "), "sh", path, ...node];
    const [command = "", ...args] = mounts.length === 0 ? node : mounted;
    const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    return { path, ...(JSON.parse(stdout) as Pick<Refused, "message" | "hint">) };
  }
});

test("of reports made from a file that was read, it is that file that they are made of again", async () => {
  using where = folder();
  where.write("out", "");
  await expect(writeReports(result, where.at("out"), { except: "csv" })).rejects.toMatchObject({
    hint: "move away what is in its place, then: tandem report FILE.csv",
  });
});

test("of the report of a test that was not begun, it is its run that it is made of again", async () => {
  using where = folder();
  where.write("my run/test", "");
  await expect(writeReport(where.at("my run", "test", "test.xml"), "<xml/>")).rejects.toMatchObject({
    hint: `move away what is in its place, then: tandem report '${where.at("my run")}'`,
  });
});

describe("reports and their copies", () => {
  test("are one where both are in the same directory, however it is called: where it cannot be written to, nothing is told of copies", async () => {
    using where = folder();
    const told: string[] = [];
    const write = async () => writeReport(where.at("out", "report.xml"), "<xml/>");
    const places = { directory: where.at("out"), copies: `${where.path}/./out`, tell: (line: string) => void told.push(line) };
    expect(await inBoth(write, places)).toEqual([where.at("out", "report.xml")]);
    rmSync(where.at("out"), { recursive: true });
    where.write("out", "");
    await expect(inBoth(write, places)).rejects.toThrow(`${where.at("out")} cannot be written: `);
    expect(told).toEqual([]);
  });

  test("are only copies where the directory cannot be written to, which is told; a bug is told as that", async () => {
    using where = folder();
    const told: string[] = [];
    const inBothAfter = async (error: Error) => {
      const write = async (place: string) => {
        if (place === "archive") throw error;
        return [place];
      };
      return inBoth(write, { directory: "archive", copies: where.path, tell: (line) => void told.push(line) });
    };
    expect(await inBothAfter(new HarnessError("output", "it is full"))).toEqual([where.path]);
    expect(told).toEqual([`warning: it is full; reports are only in ${where.path}`]);
    await expect(inBothAfter(new TypeError("not a function"))).rejects.toThrow("not a function");
  });
});
