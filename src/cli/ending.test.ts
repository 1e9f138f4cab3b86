import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { folder } from "./fixture.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const from = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));

/** A process whose ending Tandem owns, and what it does then: as a file of an author's where it is one, and else as what is nobody's. */
async function processThat(does: string, file?: string): Promise<Ended> {
  const owning = `import { end, going, leave, ownTheEnding } from ${from("ending.ts")};
import { HarnessError } from ${from("../model/harnessError.ts")};
ownTheEnding();
`;
  using where = folder();
  const args = file === undefined ? ["--input-type=module", "-e", owning + does] : [where.write(file, owning + does)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 20_000, killSignal: "SIGKILL" });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  await once(child, "close");
  return { code: child.exitCode, ...said };
}

test("a process ends with the first code that is said, whatever is said, set or heard after it", async () => {
  const { code, stderr } = await processThat(`
process.exitCode = 7;
process.on("exit", (code) => { console.error("heard", code); process.exitCode = 9; leave(8); });
process.on("exit", () => { throw new Error("too late"); });
void end(3);`);
  expect([code, stderr]).toEqual([3, "heard 3\n"]);
});

test("nothing that an author left behind keeps it, and what it printed is out whole", async () => {
  const { code, stdout } = await processThat(`
setInterval(() => {}, 1_000);
process.stdout.write("x".repeat(1_000_000));
void end(0);`);
  expect([code, stdout.length]).toEqual([0, 1_000_000]);
});

test("what is logged is no result: it goes to stderr", async () => {
  const { stdout, stderr } = await processThat('console.log("logged"); process.stdout.write("a result"); void end(0);');
  expect([stdout, stderr]).toEqual(["a result", "logged\n"]);
});

test("one that has nothing left to wait for, and has not ended, is a bug: exit 70", async () => {
  const { code, stderr } = await processThat("await new Promise(() => {});");
  expect(stderr).toContain("tandem: a bug, sorry: Error: it waits for what never comes");
  expect(code).toBe(70);
});

test.each(['throw new HarnessError("usage", "ours");', 'void Promise.reject(new HarnessError("usage", "ours"));'])(
  "what is thrown here and caught by nobody is a bug, also where it says that it is a mistake: %s",
  async (does) => {
    const { code, stderr } = await processThat(`setTimeout(() => { ${does} });`);
    expect(stderr).toContain("tandem: a bug, sorry: Error: ours\n");
    expect(code).toBe(70);
  },
);

test("who ends the process is told once, also where it was caught, and nothing is done after it: exit 2", async () => {
  const { code, stdout, stderr } = await processThat(
    'try { process.exit(5); process.stdout.write("after"); } catch {}\ntry { process.exit(6); } catch {}\nvoid end(0);',
    "ends.js",
  );
  expect(stderr).toMatch(/^tandem: the test file ended the process: process\.exit\(5\)\n {2}\S+ends\.js:4: try \{ process\.exit\(5\)/);
  expect(stderr).not.toContain("process.exit(6)\n ");
  expect([code, stdout]).toEqual([2, ""]);
});

test("who ends the process beside a mistake that was told already is not told of it again", async () => {
  const { code, stderr } = await processThat("try { process.exit(5); } catch {}\nvoid end(2);", "ends.js");
  expect([code, stderr]).toEqual([2, ""]);
});

test("one that is left while a run goes on tells where its journal lies, and after the run it does not", async () => {
  const thrown = 'setTimeout(() => { throw new Error("x"); });';
  const run = 'going({ directory: "outputs/a run", cleared: () => process.stderr.write("(cleared)\\n") })';
  const during = await processThat(`const run = ${run};\n${thrown}`, "throws.js");
  expect(during.stderr).toMatch(/^\(cleared\)\ntandem: the test file throws [\s\S]* reported by: tandem report 'outputs\/a run'\n$/);
  const after = await processThat(`const run = ${run};\nrun[Symbol.dispose]();\n${thrown}`, "throws.js");
  expect(after.stderr).toMatch(/^tandem: the test file throws /);
  expect(after.stderr).not.toContain("tandem report");
  expect([during.code, after.code]).toEqual([2, 2]);
});
