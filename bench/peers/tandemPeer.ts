import { fileURLToPath } from "node:url";

import { readReport } from "./environments.ts";
import { at, inMilliseconds, numberAt, type Peer } from "./peer.ts";

const command = fileURLToPath(new URL("../../tandem", import.meta.url));
const testFile = fileURLToPath(new URL("tandemTest.ts", import.meta.url));

/** Ourselves, by the command that a user has. */
export const tandem: Peer = {
  name: "Tandem",
  gapIs: "each",
  version: () => "this one",
  command: ({ url, streams, requests, tokens }, directory) => ({
    program: command,
    args: [
      "run",
      testFile,
      "-o",
      directory,
      ...Object.entries({ url, streams, requests, tokens }).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
    ],
  }),
  read: (directory) => {
    const all = at(readReport(directory, "test_peer.json"), "experiments", "0", "engines", "0", "all");
    const spread = (metric: string) => ({
      p50: inMilliseconds(numberAt(all, metric, "p50")),
      p99: inMilliseconds(numberAt(all, metric, "p99")),
    });
    return {
      ttft: spread("ttft_seconds"),
      gap: spread("itl_seconds"),
      completed: numberAt(all, "completed"),
      failed: numberAt(all, "failures"),
    };
  },
};
