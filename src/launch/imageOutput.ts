import { setTimeout as pause } from "node:timers/promises";

import { guardContainers } from "./containerGuard.ts";
import { engineLabel, harnessLabel, harnessMark, isStatus, removeContainer } from "./containerMarks.ts";
import type { DockerDaemon } from "./dockerDaemon.ts";
import type { Seconds } from "../model/time.ts";

/** What a program in an image is asked, and on whose behalf. */
export interface ImageQuestion {
  readonly engine: string;
  readonly image: string;
  /** Undefined for the image's own. */
  readonly program?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly within: Seconds;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** All that it prints until it ends, or is ended, in a container without network, GPUs and volumes; nothing where the image has no such program. */
export async function imageOutput({ docker, socket }: DockerDaemon, question: ImageQuestion): Promise<Output> {
  guardContainers(socket, undefined);
  const { engine, image, program, args, env, within } = question;
  const container = await docker.createContainer({
    Image: image,
    ...(program === undefined ? {} : { Entrypoint: [program] }),
    Cmd: [...args],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: { [harnessLabel]: harnessMark(), [engineLabel]: engine },
    HostConfig: { Init: true, NetworkMode: "none", LogConfig: { Type: "json-file", Config: {} } },
  });
  try {
    const ended = container.wait({ condition: "next-exit" });
    ended.catch(() => {}); // one that is removed while it runs
    await container.start();
    await Promise.race([ended, pause(within * 1_000, undefined, { ref: false })]);
    return printedIn(await container.logs({ follow: false, stdout: true, stderr: true }));
  } catch (error) {
    if (isStatus(error, 400, 404, 500)) return { stdout: "", stderr: "" };
    throw error;
  } finally {
    await removeContainer(docker, container.id);
  }
}

/** Of frames as the daemon's API has them: the stream's number, three empty bytes, a length, as many bytes. */
function printedIn(frames: Buffer): Output {
  const pieces: Readonly<Record<number, Buffer[]>> = { 1: [], 2: [] };
  for (let at = 0; at + 8 <= frames.length;) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    pieces[frames.readUInt8(at)]?.push(frames.subarray(at + 8, end));
    at = end;
  }
  const text = (stream: number) => Buffer.concat(pieces[stream] ?? []).toString("utf8");
  return { stdout: text(1), stderr: text(2) };
}
