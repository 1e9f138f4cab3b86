import { expect, test } from "vitest";

import { withLmcache } from "../engines/lmcache.ts";
import { vllm } from "../engines/vllm.ts";
import { refuseUnreachable } from "./reachableServices.ts";

function look(network: string | undefined, remoteUrl: string | undefined): () => void {
  const container = network === undefined ? {} : { network };
  const engine = withLmcache(vllm({ model: "m", image: "vllm/vllm-openai:v0.24.0", container }), {
    config: { cpuGigabytes: 5, ...(remoteUrl === undefined ? {} : { remoteUrl }) },
  });
  return () => refuseUnreachable([{ name: "cached", engine, world: { configFiles: {} } }]);
}

test("a service on this machine's loopback address cannot be reached from a container on a network of its own", () => {
  expect(look("bridge", "redis://localhost:6379")).toThrow(
    "cached is in a container on the network bridge, and cannot reach its Redis on 127.0.0.1",
  );
  expect(look("bridge", "redis://me:secret@127.0.0.1:6379")).toThrow("cannot reach its Redis"); // one that is running already
});

test("it can on this machine's network, or where the service is elsewhere, or where there is none", () => {
  for (const reaches of [look(undefined, "redis://localhost:6379"), look("bridge", "redis://cache-host:6379"), look("bridge", undefined)]) {
    expect(reaches).not.toThrow();
  }
});
