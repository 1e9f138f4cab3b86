import { isStatus } from "../launch/containerMarks.ts";
import { dockerDaemon, type DockerDaemon } from "../launch/dockerDaemon.ts";
import { imageOutput, type ImageQuestion } from "../launch/imageOutput.ts";
import type { Command, InstalledProgram } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { askVersions, versionsIn } from "./installationOf.ts";
import { flagsPrinted, patience, readable } from "./listedFlags.ts";
import { memoryOf, recall, remember, silent } from "./rememberedFlags.ts";

/** A program in an image, and how it lists its flags. */
export interface ImageListing {
  readonly engine: string;
  readonly image: string;
  readonly command: Command;
  readonly listsFlags: readonly (readonly string[])[];
  /** Its name among Python's packages, where it is in one. */
  readonly package?: string;
}

/** What an engine's program says of itself in its image: asked once for each image, then remembered. Undefined where the image, or a daemon, is not here. */
export async function installedInImage(
  listing: ImageListing,
  { own, tell }: { readonly own: NodeJS.ProcessEnv; readonly tell: (message: string) => void },
): Promise<InstalledProgram | undefined> {
  const here = await imageHere(listing.image, own);
  if (here === undefined) return undefined;
  const memory = memoryOf(own, [here.id, listing.command.program, ...listing.listsFlags.flat()]);
  const remembered = recall(memory);
  if (remembered !== undefined || silent.has(memory)) return remembered;
  tell(`asking the image ${listing.image} for the flags of ${listing.engine}; once for each image`);
  const found = await toldBy(listing, here);
  if (found === undefined) silent.add(memory);
  else remember(memory, found);
  return found;
}

interface ImageHere {
  readonly daemon: DockerDaemon;
  /** Another one whenever its content is another. */
  readonly id: string;
}

/** That either is not here is told where engines are prepared. */
async function imageHere(image: string, own: NodeJS.ProcessEnv): Promise<ImageHere | undefined> {
  try {
    const daemon = await dockerDaemon(own);
    return { daemon, id: (await daemon.docker.getImage(image).inspect()).Id };
  } catch (error) {
    if (error instanceof HarnessError || isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function toldBy(
  { engine, command, listsFlags, package: name }: ImageListing,
  here: ImageHere,
): Promise<InstalledProgram | undefined> {
  const asked = { engine, image: here.id, env: { ...command.env, ...readable }, within: patience };
  const program: Partial<ImageQuestion> = command.program === "" ? {} : { program: command.program };
  for (const args of listsFlags) {
    const flags = flagsPrinted(await imageOutput(here.daemon, { ...asked, ...program, args }));
    if (flags.length > 0) return { flags, ...(name === undefined ? {} : await versionsOf(name, asked, here)) };
  }
  return undefined;
}

async function versionsOf(
  name: string,
  asked: Omit<ImageQuestion, "args">,
  { daemon }: ImageHere,
): Promise<Pick<InstalledProgram, "version" | "beside">> {
  const { stdout } = await imageOutput(daemon, { ...asked, program: "python3", args: askVersions(name) });
  const { [name]: version, ...beside } = versionsIn(stdout);
  return { ...(version === undefined ? {} : { version }), ...(Object.keys(beside).length === 0 ? {} : { beside }) };
}
