import { parseArgs } from "node:util";
import { punctualClock } from "../host/realClock.ts";
import { HarnessError } from "../model/harnessError.ts";
import { simulatedCore } from "./core.ts";
import { simulatedServer } from "./httpServer.ts";
import { parseSimulationOptions } from "./options.ts";
import { TruthLog } from "./truthLog.ts";

// The simulated engine as a program: node src/simulation/serve.ts --port 8000 --options '{"model": …}' [--truth FILE]

function serve(): void {
  const { port, options, truth, tokenIdOffset } = commandLine();
  const core = simulatedCore(options, punctualClock([0, 0])); // the truth log's clock
  const log = truth === undefined ? undefined : new TruthLog(truth);
  const server = simulatedServer(core, { servedModel: options.model, tokenIdOffset, ...(log === undefined ? {} : { truth: log }) });
  server.on("error", stop);
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    const bound = typeof address === "object" && address !== null ? address.port : port;
    console.log(`Tandem simulated engine (not a measurement): ${core.model.name} on ${core.gpu.name}, http://127.0.0.1:${bound}`);
  });
  const end = () => {
    log?.close();
    process.exit(0);
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

function commandLine() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      options: { type: "string" },
      truth: { type: "string" },
      "token-id-offset": { type: "string", default: "0" },
    },
  });
  if (values.options === undefined) throw new HarnessError("usage", "--options is missing", { hint: "a JSON object with model, gpu, …" });
  return {
    port: Number(values.port),
    options: parseSimulationOptions(JSON.parse(values.options)),
    truth: values.truth,
    tokenIdOffset: Number(values["token-id-offset"]),
  };
}

function stop(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof HarnessError && error.hint !== undefined ? `\n${error.hint}` : "";
  console.error(`error: ${message}${hint}`);
  process.exit(error instanceof HarnessError ? error.exitCode : 3);
}

try {
  serve();
} catch (error) {
  stop(error);
}
