import { accessSync, constants, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Built by scripts/ready.sh of adopter.c, where there is a C compiler. */
const adopter = fileURLToPath(new URL("../../node_modules/.tandem-adopter", import.meta.url));
/** What it was built of. */
const itsSource = new URL("../../node_modules/.tandem-adopter.c", import.meta.url);

/** The program through which others are started, so that the orphans among their descendants stay theirs; undefined where it was not built. */
export function orphanAdopter(): string | undefined {
  try {
    accessSync(adopter, constants.X_OK);
    return readFileSync(new URL("adopter.c", import.meta.url)).equals(readFileSync(itsSource)) ? adopter : undefined;
  } catch {
    return undefined;
  }
}
