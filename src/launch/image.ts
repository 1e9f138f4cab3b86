import type Docker from "dockerode";

import { HarnessError } from "../model/harnessError.ts";
import { isStatus } from "./containerMarks.ts";

/** Whether it is here, so that nothing need be fetched. */
export async function hasImage(docker: Docker, image: string): Promise<boolean> {
  try {
    await docker.getImage(image).inspect();
    return true;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

export async function pull(docker: Docker, image: string, name: string): Promise<void> {
  try {
    const progress: NodeJS.ReadableStream = await docker.pull(image);
    await new Promise<void>((onDone, onFailed) => {
      docker.modem.followProgress(progress, (error) => (error === null ? onDone() : onFailed(error)));
    });
  } catch (cause) {
    throw noImage(name, image, cause);
  }
}

export function noImage(name: string, image: string, cause?: unknown): HarnessError {
  const why = cause instanceof Error ? `: ${cause.message.trim()}` : "";
  return new HarnessError(
    "engine-missing",
    `engine ${name}: the image ${image} is not here${why === "" ? "" : ` and cannot be pulled${why}`}`,
    {
      hint: `look at its name and tag; to fetch it by hand: docker pull ${image}`,
      cause,
    },
  );
}
