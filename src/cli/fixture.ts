import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../tandem", import.meta.url));

/** What came of a call of `./tandem`. */
export interface Called {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Calling {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In seconds; 60 unless said. */
  readonly within?: number;
  /** While it runs: told the process, and all it has said on stderr each time that it says more. */
  readonly saying?: (stderr: string, child: ChildProcess) => void;
  /** Told the process, once, at its start. */
  readonly started?: (child: ChildProcess) => void;
  /** Without root's leave to read and write whatever it likes; where `setpriv` is. */
  readonly asAnybody?: boolean;
}

const withoutLeave = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];

/** Calls `./tandem` as a user does. */
export async function tandem(args: readonly string[], calling: Calling = {}): Promise<Called> {
  const { cwd, env = {}, within = 60, saying, started, asAnybody = false } = calling;
  const [program = "", ...all] = asAnybody && process.getuid?.() === 0 ? [...withoutLeave, command, ...args] : [command, ...args];
  const child = spawn(program, all, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // What hangs must not be left behind.
    timeout: within * 1_000,
    killSignal: "SIGKILL",
  });
  started?.(child);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
    saying?.(said.stderr, child);
  });
  await once(child, "close");
  return { code: child.exitCode, ...said };
}

/** A directory outside of the repository, gone at the end of a test. */
export interface Folder extends Disposable {
  readonly path: string;
  at(...names: string[]): string;
  /** Returns the path of what it wrote. */
  write(name: string, text: string): string;
  read(...names: string[]): string;
  /** Every file below, the paths as seen from the folder. */
  files(): readonly string[];
}

export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "tandem-cli-"));
  const at = (...names: string[]) => join(path, ...names);
  return {
    path,
    at,
    write: (name, text) => {
      mkdirSync(dirname(at(name)), { recursive: true });
      writeFileSync(at(name), text);
      return at(name);
    },
    read: (...names) => readFileSync(at(...names), "utf8"),
    files: () => readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => statSync(at(name)).isFile()),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface QuickOptions {
  /** 12 unless said. */
  readonly requests?: number;
  /** Between two requests: 0.05 unless said. */
  readonly seconds?: number;
  readonly outputTokens?: number;
  /** Fields of the test case after the experiments, as source. */
  readonly more?: string;
}

/** A test file with two simulated engines and short requests. */
export function quickTest({ requests = 12, seconds = 0.05, outputTokens = 4, more = "" }: QuickOptions = {}): string {
  return `import { atLeast, atMost, documentQa, every, experiment, ratio, simulated, testCase } from "tandem";
export function test_quick() {
  return testCase({
    engines: { plain: simulated({ prefixCaching: false }), cached: simulated({ prefixCaching: false, cpuCacheGigabytes: 20 }) },
    baseline: "plain",
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 512, questionTokens: 8, documents: 2, requests: ${requests}, outputTokens: ${outputTokens} }),
        arrivals: every({ seconds: ${seconds} }),
      }),
    ],
    ${more}
  });
}
`;
}
