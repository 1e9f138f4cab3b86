import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { describeProbe } from "./describeProbe.ts";
import { eventLoop } from "./eventLoop.ts";
import { hostLoad } from "./hostLoad.ts";
import { metrics } from "./metrics.ts";
import { nvidiaSmi } from "./nvidiaSmi.ts";

const server = createServer((_, response) => response.end('vllm:num_requests_running{engine="0"} 3.0\n'));
const directory = mkdtempSync(join(tmpdir(), "tandem-probes-"));
// A line of a real H100's, as often as we ask for it.
const smi = join(directory, "nvidia-smi");
writeFileSync(smi, "#!/bin/sh\nwhile echo '0, 9075, 100, 616.60, 1530, 0x0000000000000004'; do sleep 0.2; done\n", { mode: 0o755 });

beforeAll(async () => new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening)));
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

const metricsOf = (path: string): Parameters<typeof metrics>[1] => ({
  name: "plain",
  url: `http://127.0.0.1:${portOf(server.address())}${path}`,
  series: { "requests-running": "vllm:num_requests_running" },
  everySeconds: 0.5, // so long a scrape may take, too
});

describeProbe("event loop", (clock) => eventLoop(clock, 1), {
  series: ["rss-bytes", "cpu-share", "event-loop-delay-seconds", "event-loop-delay-max-seconds", "event-loop-stalled-seconds"],
});
describeProbe("host load", hostLoad, {
  series: existsSync("/proc/stat") ? ["host-runnable-per-core", "host-steal-share", "clock-step-seconds"] : [],
});
describeProbe("metrics", (clock) => metrics(clock, metricsOf("/metrics")), { series: ["requests-running"] });
describeProbe("metrics of nobody", (clock) => metrics(clock, { ...metricsOf("/"), url: "http://127.0.0.1:9/metrics" }), { series: [] });
describeProbe("nvidia-smi", (clock) => nvidiaSmi(clock, { program: smi }), {
  series: ["gpu-memory-mib", "gpu-utilization-percent", "gpu-power-watts", "gpu-sm-clock-mhz", "gpu-throttle-reasons"],
});
describeProbe("nvidia-smi where there is none", (clock) => nvidiaSmi(clock, { program: join(directory, "none") }), { series: [] });

function portOf(address: ReturnType<typeof server.address>): number {
  if (typeof address !== "object" || address === null) throw new Error("the server does not listen");
  return address.port;
}
