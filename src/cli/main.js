// Plain JavaScript: by the time the first TypeScript is read, stripped and compiled sources are kept beside the dependencies.
// Without that, a start costs twice as long.
import { enableCompileCache } from "node:module";

enableCompileCache(new URL("../../node_modules/.cache/tandem", import.meta.url).pathname);
// A crash must not look like a check that was not met, which is Node's own 1.
const crashed = (error) => {
  console.error("tandem: a bug, sorry:", error);
  process.exit(70);
};
process.on("uncaughtException", crashed);
const [{ tandem }, { end, ownTheEnding }] = await Promise.all([import("./tandem.ts"), import("./ending.ts")]);
ownTheEnding();
process.off("uncaughtException", crashed);
// Not awaited: of what a test file never comes to the end of, Node would say that it is this line.
void tandem(process.argv.slice(2)).then(end);
