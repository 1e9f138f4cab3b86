// Plain JavaScript: by the time the first TypeScript is read, stripped and compiled sources are kept beside the dependencies.
// Without that, a start costs twice as long.
import { enableCompileCache } from "node:module";

enableCompileCache(new URL("../../node_modules/.cache/tandem", import.meta.url).pathname);
// A crash must not look like a check that was not met, which is Node's own 1.
process.on("uncaughtException", (error) => {
  console.error("tandem: a bug, sorry:", error);
  process.exit(70);
});
const { tandem } = await import("./tandem.ts");
const code = await tandem(process.argv.slice(2));
process.exitCode ??= code; // a result that could not be written has set it
