// Plain JavaScript: by the time the first TypeScript is read, stripped and compiled sources are kept beside the dependencies.
// Without that, a start costs twice as long.
import { enableCompileCache } from "node:module";

enableCompileCache(new URL("../../node_modules/.cache/tandem", import.meta.url).pathname);
const { tandem } = await import("./tandem.ts");
const code = await tandem(process.argv.slice(2));
process.exitCode ??= code; // a result that could not be written has set it
