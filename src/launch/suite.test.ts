import { thisMachine } from "../host/thisMachine.ts";
import { attachedLauncher } from "./attached.ts";
import { describeLauncher, type LauncherBench } from "./describeLauncher.ts";
import { bench } from "./fixture.ts";
import { processLauncher } from "./process.ts";

const place = thisMachine();

describeLauncher("process", async (): Promise<LauncherBench> => {
  const at = bench();
  const port = await place.freePort();
  return {
    launcher: processLauncher(place),
    order: (change) => at.order(at.engine("answers"), { port }, change),
    [Symbol.asyncDispose]: async () => at[Symbol.dispose](),
  };
});

describeLauncher("attached", async (): Promise<LauncherBench> => {
  const at = bench();
  const server = await processLauncher(place).launch(at.order(at.engine("answers"), { port: await place.freePort() }));
  const url = server.reach.kind === "http" ? server.reach.url : "";
  const engine = at.engine("answers", { engine: { launch: { kind: "attached", url, ready: { path: "/health", within: 5 } } } });
  return {
    launcher: attachedLauncher,
    order: (change) => at.order(engine, {}, change),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      at[Symbol.dispose]();
    },
  };
});
