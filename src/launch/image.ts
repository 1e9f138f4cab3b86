import type Docker from "dockerode";

import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";
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
    throw noImage(name, image, { cause, meant: await nearestImage(docker, image) });
  }
}

/** Where nothing is fetched, but only looked at. */
export async function notYetHere(docker: Docker, image: string, name: string): Promise<HarnessError> {
  const meant = await nearestImage(docker, image);
  return new HarnessError("engine-missing", `engine ${name}: the image ${image} is not here`, {
    hint: `${didYouMean(meant)}it is pulled before anything boots, if its name and tag are right`,
  });
}

async function nearestImage(docker: Docker, image: string): Promise<string | undefined> {
  const images = await docker.listImages().catch(() => []); // without them nobody knows what was meant
  return nearest(
    image,
    images.flatMap(({ RepoTags: tags }) => tags ?? []),
  );
}

function didYouMean(meant: string | undefined): string {
  return meant === undefined ? "" : `did you mean ${meant}, which is here? `;
}

export function noImage(name: string, image: string, { cause, meant }: { cause?: unknown; meant?: string | undefined } = {}): HarnessError {
  const why = cause instanceof Error ? `: ${cause.message.trim()}` : "";
  return new HarnessError(
    "engine-missing",
    `engine ${name}: the image ${image} is not here${why === "" ? "" : ` and cannot be pulled${why}`}`,
    {
      hint: `${didYouMean(meant)}look at its name and tag; to fetch it by hand: docker pull ${image}`,
      cause,
    },
  );
}
