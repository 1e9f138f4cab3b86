import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describeMachine } from "./machine.ts";
import { aiperf } from "./peers/aiperf.ts";
import { installTools } from "./peers/environments.ts";
import { guidellm } from "./peers/guidellm.ts";
import { inferencePerf } from "./peers/inferencePerf.ts";
import type { Peer } from "./peers/peer.ts";
import { peersReport, type PeersResult } from "./peers/peersTable.ts";
import { play, type PeerCell, type PeerRun } from "./peers/play.ts";
import { tandem } from "./peers/tandemPeer.ts";
import { vllmBench } from "./peers/vllmBench.ts";

export interface PeersOptions {
  readonly quick: boolean;
  /** Names of cells begin so. */
  readonly only: string;
  readonly store: boolean;
}

const peers: readonly Peer[] = [tandem, vllmBench, guidellm, aiperf, inferencePerf];

/** Whole load generators as their users run them, against a server that knows the truth. */
export async function benchPeers({ quick, only, store }: PeersOptions): Promise<void> {
  const uninstalled = installTools();
  const present = peers.filter((peer) => peer.version() !== undefined);
  const runs: PeerRun[] = [];
  const chosen = cells(quick).filter(({ name }) => only.split(",").some((start) => name.startsWith(start)));
  for (const cell of chosen) for (const peer of present) runs.push(await playAndTell(peer, cell));
  const result = {
    date: new Date().toISOString(),
    quick,
    machine: describeMachine(),
    versions: Object.fromEntries(present.map((peer) => [peer.name, peer.version() ?? ""])),
    missing: Object.fromEntries(uninstalled),
    runs,
  };
  console.log(peersReport(result));
  if (store) keep(result);
}

/** Enough replies for a p99 that Tandem does not withhold; one round of streams more costs two seconds. */
function cells(quick: boolean): readonly PeerCell[] {
  const tokens = 100;
  const measured = [64, 256, 1_000].map((streams) => {
    const rounds = quick ? 1 : Math.max(2, Math.ceil(700 / streams));
    return { name: `peers-${streams}`, streams, requests: streams * rounds, tokens, failPercent: 0 };
  });
  return [...measured, { name: "peers-failing", streams: 64, requests: 200, tokens, failPercent: 72 }];
}

async function playAndTell(peer: Peer, cell: PeerCell): Promise<PeerRun> {
  const run = await play(peer, cell);
  const { ttft } = run.reported ?? {};
  const said = run.failure ?? `TTFT p50 ${ttft?.p50?.toFixed(1)}, p99 ${ttft?.p99?.toFixed(1)} ms`;
  console.error(`${cell.name}, ${peer.name}: ${said}, exit ${run.exitCode} (load ${run.loadBefore.toFixed(1)})`);
  return run;
}

function keep(result: PeersResult): void {
  const directory = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "peers.json"), `${JSON.stringify(result, undefined, 2)}\n`);
  writeFileSync(join(directory, "peers.md"), peersReport(result));
}
