import { describe, expect, test } from "vitest";

import { folder, tandem } from "../src/cli/fixture.ts";

interface Parts {
  /** At the top level. */
  readonly top?: string;
  /** Before the test function returns. */
  readonly inside?: string;
  /** The body of the checks; one that is not met unless said. */
  readonly checks?: string;
}

/** A test of one simulated engine, whose checks are not met. */
function testFile({ top = "", inside = "", checks = 'return { "never met": atMost(1, 0) };' }: Parts = {}): string {
  return `import { atMost, documentQa, every, experiment, mayFail, simulated, testCase } from "tandem";
${top}
export function test_quick() {
  ${inside}
  return testCase({
    engines: { plain: simulated({ prefixCaching: false }) },
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 512, questionTokens: 8, documents: 2, requests: 12, outputTokens: 4 }),
        arrivals: every({ seconds: 0.2 }),
      }),
    ],
    checks: (on) => { ${checks} },
  });
}
`;
}

const ended = "the test file ended the process: process.exit(0)";

describe("a test file that ends the process is told so, with its line, and ends nothing well: exit 2, and nothing is run", () => {
  test.each([
    { where: "at its top level", parts: { top: "process.exit(0);" }, line: 2 },
    { where: "by an import", parts: { top: 'import { exit } from "node:process"; exit(0);' }, line: 2 },
    { where: "in a test function", parts: { inside: "process.exit(0);" }, line: 4 },
  ])("$where", async ({ parts, line }) => {
    using where = folder();
    const file = where.write("ends.js", testFile(parts));
    for (const command of ["run", "plan"]) {
      const { code, stdout, stderr } = await tandem([command, file, "--simulate"], { cwd: where.path });
      expect(stderr).toContain(ended);
      expect(stderr).toContain(`${file}:${line}: `);
      expect([code, stdout]).toEqual([2, ""]);
    }
    expect(where.files()).toEqual(["ends.js"]);
  });
});

describe("what was measured is reported where a test file tries to end the process during the run: exit 2 all the same", () => {
  test.each([
    {
      where: "by checks, for what was measured",
      parts: { checks: "if (on.plain.requests === 12) process.exit(0); return { fine: atMost(0, 1) };" },
    },
    { where: "and catches what that throws", parts: { top: "try { process.exit(0); } catch {}" } },
    { where: "at the very end", parts: { top: 'process.on("exit", () => process.exit(0));' } },
  ])("$where", async ({ parts }) => {
    using where = folder();
    const file = where.write("ends.js", testFile(parts));
    const { code, stderr } = await tandem(["run", file, "--simulate", "-o", where.at("out")]);
    expect(stderr.split(ended)).toHaveLength(2);
    expect(stderr).toContain(`${file}:`);
    expect(code).toBe(2);
    expect(where.files()).toContain("out/test_quick.simulated.xml");
  });

  test("by a timer: it is told how the reports are made", async () => {
    using where = folder();
    const top = "setTimeout(() => process.exit(0), 3_000);";
    const file = where.write("ends.js", testFile({ top }).replace("seconds: 0.2", "seconds: 2"));
    const { code, stderr } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
    expect(stderr).toContain(`tandem: ${ended}\n  ${file}:2: `);
    const [, directory = ""] = /reported by: tandem report (\S+)/.exec(stderr) ?? [];
    expect(code).toBe(2);
    const reported = await tandem(["report", directory]);
    expect(reported.stdout).toContain("test_quick.simulated.xml");
    expect(reported.code).toBe(4);
  });
});

describe("an exit code that a test file sets is not how a run ends: a check that was not met is 1", () => {
  test.each([
    { how: "at its top level", top: "process.exitCode = 0;" },
    { how: "at the very end", top: 'process.on("exit", () => { process.exitCode = 0; });' },
    { how: "before anybody else at the very end", top: 'process.prependListener("exit", () => { process.exitCode = 0; });' },
    { how: "with a timer that never ends", top: "process.exitCode = 0; setInterval(() => {}, 1_000);" },
  ])("$how", async ({ top }) => {
    using where = folder();
    const { code } = await tandem(["run", where.write("ends.js", testFile({ top })), "--simulate", "-o", where.at("out")]);
    expect(code).toBe(1);
  });
});

describe("a test file's mistake that nobody waits for is no bug of ours: exit 2, and its line", () => {
  test.each([
    { what: "a promise", top: 'Promise.reject(new RangeError("late"));', says: "RangeError: late", line: "late.js:2: " },
    { what: "a promise of no Error", top: 'Promise.reject("late");', says: "Error: late", line: "" },
    {
      what: "a timer",
      top: 'setTimeout(() => { throw new RangeError("late"); }); await new Promise((done) => setTimeout(done, 100));',
      says: "RangeError: late",
      line: "late.js:2: ",
    },
  ])("$what", async ({ top, says, line }) => {
    using where = folder();
    const file = where.write("late.js", testFile({ top }));
    const { code, stderr } = await tandem(["run", file, "--simulate", "-o", where.at("out")]);
    expect(stderr).toContain(`tandem: the test file throws where nobody waits for it: ${says}\n`);
    expect(stderr).toContain(line);
    expect(stderr).not.toContain("a bug");
    expect(code).toBe(2);
  });
});

test.each(["run", "plan", "list"])(
  "a test file that waits for what never comes is named, and %s does not wait with it: exit 2",
  async (command) => {
    using where = folder();
    const file = where.write("waits.js", testFile({ top: "await new Promise(() => {});" }));
    const { code, stderr } = await tandem([command, file], { within: 20 });
    expect(stderr).toBe(
      `tandem: ${file} is never loaded to its end: an await at its top level waits for what never comes\n  in it, or in what it imports\n`,
    );
    expect(code).toBe(2);
  },
);

describe("checks that fail whatever the figures are told before anything boots, with their line: exit 2", () => {
  test.each([
    { checks: "return { fast: atMots(on.plain.ttft.p50, 1) };", says: "checks: ReferenceError: atMots is not defined" },
    { checks: "return { few: mayFail(on.plain, 1) };", says: "checks: mayFail()" },
    { checks: "process.exit(0);", says: `checks: ${ended}` },
  ])("$checks", async ({ checks, says }) => {
    using where = folder();
    const file = where.write("fails.js", testFile({ checks }));
    const { code, stderr } = await tandem(["run", file, "-o", where.at("out")]);
    expect(stderr).toContain(`tandem: test_quick: ${says}`);
    expect(stderr.split(`\n  ${file}:13: checks: `)).toHaveLength(2);
    expect(code).toBe(2);
    expect(where.files()).toEqual(["fails.js"]);
  });

  test("an assertion of the author's own may be right about what is measured, and is left to that", async () => {
    using where = folder();
    const checks = "if (on.plain.failures > 0) throw new Error('some fail'); return { fine: atMost(0, 1) };";
    const { code } = await tandem(["run", where.write("own.js", testFile({ checks })), "--simulate", "-o", where.at("out")]);
    expect(code).toBe(0);
  });
});

describe("checks that say nothing", () => {
  test("one that is left out where its figure is missing is not met: exit 1, told before, and the same of its report", async () => {
    using where = folder();
    const checks = "const all = {}; if (on.plain.ttft.p90) all.tail = atMost(on.plain.ttft.p90, 0.001); return all;";
    const { code, stdout, stderr } = await tandem([
      "run",
      where.write("few.js", testFile({ checks })),
      "--simulate",
      "-o",
      where.at("out"),
    ]);
    expect(stderr).toContain('warning: test_quick: "tail" will not be met in 512 context tokens');
    expect(stdout).toMatch(/not met +tail: wanted at most 0\.001, but there is no value/);
    expect(code).toBe(1);
    const reported = await tandem(["report", where.at("out")]);
    expect(reported.stdout).toMatch(/not met +tail: /);
    expect(reported.code).toBe(1);
  });

  test("that there are none is a warning", async () => {
    using where = folder();
    const { code, stderr } = await tandem(["plan", where.write("none.js", testFile({ checks: "return {};" }))]);
    expect(stderr).toContain("warning: test_quick: its checks returned none: nothing will be checked\n");
    expect(code).toBe(0);
  });
});

test.each([
  ["run", "--simulate", "--json"],
  ["plan", "--json"],
  ["list", "--json"],
])("what a test file prints to the console is beside the results of %s, and not among them", async (...args) => {
  using where = folder();
  const print = (what: string) =>
    `console.log("${what}"); console.info("${what}"); console.debug("${what}"); console.dir("${what}"); console.table(["${what}"]);`;
  const top = `import { log } from "node:console"; log("loaded"); ${print("loaded")}`;
  const checks = `console.log("checked", on.plain.requests); return { fine: atMost(0, 1) };`;
  const file = where.write("prints.js", testFile({ top, checks }));
  const [command = "", ...flags] = args;
  const { code, stdout, stderr } = await tandem([command, file, ...flags], { cwd: where.path });
  expect(() => JSON.parse(stdout)).not.toThrow();
  expect(stderr.split("loaded")).toHaveLength(7);
  // Only what was measured is printed, and not what the checks were tried on.
  expect(stderr.split("checked")).toHaveLength(command === "run" ? 2 : 1);
  expect(code).toBe(0);
});
