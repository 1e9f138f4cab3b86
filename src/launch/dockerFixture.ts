import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import Docker from "dockerode";

import { thisMachine } from "../host/thisMachine.ts";
import { until } from "./fixture.ts";

/** Why no daemon can be started here; undefined where one can. */
export const noDaemonBecause: string | undefined =
  process.platform !== "linux" ? "no Linux" : process.getuid?.() === 0 ? missingProgram() : "not root";

function missingProgram(): string | undefined {
  const places = (process.env["PATH"] ?? "").split(":");
  return places.some((place) => existsSync(join(place, "dockerd"))) ? undefined : "no dockerd (Debian: docker.io)";
}

/** Tests with a daemon run unless it is missing; on a machine where nothing may be skipped they then fail. */
export const skipsDocker = noDaemonBecause !== undefined && process.env["TANDEM_SKIP_NOTHING"] !== "1";
if (skipsDocker) console.warn(`SKIPPED: the tests of the docker launcher: ${noDaemonBecause}`);

/** A Docker daemon of our own, with one image that holds this Node and nothing else. */
export interface TestDaemon extends AsyncDisposable {
  readonly docker: Docker;
  readonly socket: string;
  readonly image: string;
  /** Ours, but speaking to this daemon. */
  readonly env: NodeJS.ProcessEnv;
}

export async function testDaemon(): Promise<TestDaemon> {
  const directory = mkdtempSync(join(tmpdir(), "tandem-dockerd-"));
  const file = (name: string) => join(directory, name);
  const socket = file("d.sock");
  const kept = [`--data-root=${file("data")}`, `--exec-root=${file("exec")}`, `--pidfile=${file("pid")}`, `--host=unix://${socket}`];
  const without = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"];
  const command = { program: "dockerd", args: [...kept, ...without], env: everyVariable(), directory };
  const started = await thisMachine().start(command, { stdout: file("stdout.log"), stderr: file("stderr.log") });
  const docker = new Docker({ socketPath: socket });
  const answers = async () =>
    docker.ping().then(
      () => true,
      () => false,
    );
  await until(answers, 30).catch((cause: unknown) => {
    throw new Error(`dockerd does not answer: ${readFileSync(file("stderr.log"), "utf8").slice(-2_000)}`, { cause });
  });
  const image = "tandem-test/node:1";
  await importImage(docker, image, file("image"));
  return {
    docker,
    socket,
    image,
    env: { ...process.env, DOCKER_HOST: `unix://${socket}` },
    [Symbol.asyncDispose]: async () => {
      await started.end(10);
      unmountAll(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What a daemon that had to hurry has left mounted. */
function unmountAll(directory: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const ours = mounts.flatMap((line) => line.split(" ")[1] ?? []).filter((path) => path.startsWith(`${directory}/`));
  for (const path of ours.reverse()) execFileSync("umount", ["--lazy", path]);
}

function everyVariable(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** This Node with the libraries that `ldd` says it needs. */
async function importImage(docker: Docker, image: string, directory: string): Promise<void> {
  const libraries = [...execFileSync("ldd", [process.execPath], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)].map(
    ([, path = ""]) => path,
  );
  for (const path of libraries) copyInto(directory, path, path);
  copyInto(directory, process.execPath, "/usr/bin/node");
  mkdirSync(join(directory, "tmp"));
  const tar = join(directory, "..", "image.tar");
  execFileSync("tar", ["-C", directory, "-cf", tar, "."]);
  rmSync(directory, { recursive: true });
  const [repo = "", tag = ""] = image.split(":");
  const answer = await docker.importImage(tar, { repo, tag });
  for await (const _progress of answer) continue;
  rmSync(tar);
}

function copyInto(directory: string, from: string, to: string): void {
  const target = join(directory, to);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(from, target);
}
