import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { momentsOf } from "../model/chunks.ts";
import { freshDirectory } from "./freshDirectory.ts";
import { readTest } from "./read.ts";

const writer = fileURLToPath(new URL("./endlessWriter.ts", import.meta.url));

/** The stamps that can be read, which must be 1, 2, 3, … without a gap. */
async function stampsRead(directory: string): Promise<number> {
  const records = (await readTest(directory)).experiments[0]?.records ?? [];
  const at = records[0] === undefined ? new Float64Array() : momentsOf(records[0].chunks);
  expect(at).toEqual(Float64Array.from(at, (_, i) => i + 1));
  return at.length;
}

function lastCount(said: string): number {
  const whole = said.slice(0, said.lastIndexOf("\n"));
  return Number(whole.split("\n").findLast((line) => /^\d+$/.test(line)) ?? 0);
}

test("killed with SIGKILL at twenty random moments, every flushed stamp is read", { timeout: 60_000 }, async () => {
  for (let round = 0; round < 20; round++) {
    const directory = join(freshDirectory(), "test_two");
    const child = spawn(process.execPath, [writer, directory], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (piece) => (said += piece));
    await once(child.stdout, "data");
    await pause(Math.random() * 50);
    child.kill("SIGKILL");
    await once(child, "close");
    const flushed = lastCount(said);
    expect(flushed).toBeGreaterThan(0);
    expect(await stampsRead(directory)).toBeGreaterThanOrEqual(flushed);
  }
});

test("when the disk is full, the error says where, and every flushed stamp is read", async () => {
  const directory = join(freshDirectory(), "test_two");
  // A limit on the size of a file stands in for the end of the disk: 100 blocks of 512 bytes or, in some shells, 1,024.
  const { stdout } = spawnSync("sh", ["-c", 'ulimit -f 100; exec "$0" "$@"', process.execPath, writer, directory], { encoding: "utf8" });
  const error: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(error).toMatchObject({
    code: "output",
    message: expect.stringContaining(`cannot write ${join(directory, "journal", "stamps-0.arrow")}: EFBIG`),
    hint: "the disk is full; what was written before is kept; where there is space: tandem report DIR -o ELSEWHERE",
  });
  expect(lastCount(stdout)).toBeGreaterThan(1_000);
  expect(await stampsRead(directory)).toBe(lastCount(stdout));
});
