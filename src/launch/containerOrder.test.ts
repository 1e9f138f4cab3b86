import { expect, test } from "vitest";

import { commandLine } from "./commandLine.ts";
import { createOptions, dockerRun, type ContainerOrder } from "./containerOrder.ts";

const order: ContainerOrder = {
  image: "vllm/vllm-openai:v0.24.0",
  command: { program: "vllm", args: ["serve", "/models/m", "--port", "8000"], env: {} },
  env: { PYTHONHASHSEED: "0", HF_TOKEN: "hf_abcdefgh" },
  container: { volumes: ["/models:/models:ro"] },
  slot: { port: 8000, gpus: ["2", "MIG-41c2"], directory: "/runs/plain/scratch" },
};

test("what people see can be pasted into a shell, and holds no secret", () => {
  expect(commandLine(dockerRun(order))).toBe(
    `docker run --init --network host --gpus '"device=2,MIG-41c2"' --shm-size 16g --volume /runs/plain/scratch:/runs/plain/scratch ` +
      "--volume /models:/models:ro --workdir /runs/plain/scratch --env PYTHONHASHSEED=0 --env HF_TOKEN --entrypoint vllm " +
      "vllm/vllm-openai:v0.24.0 serve /models/m --port 8000",
  );
});

test("the daemon is asked for the same", () => {
  expect(createOptions(order, { mark: "ours" })).toEqual({
    Image: "vllm/vllm-openai:v0.24.0",
    Entrypoint: ["vllm"],
    Cmd: ["serve", "/models/m", "--port", "8000"],
    Env: ["PYTHONHASHSEED=0", "HF_TOKEN=hf_abcdefgh"],
    WorkingDir: "/runs/plain/scratch",
    Labels: { mark: "ours" },
    HostConfig: {
      Init: true,
      NetworkMode: "host",
      Binds: ["/runs/plain/scratch:/runs/plain/scratch", "/models:/models:ro"],
      ShmSize: 17_179_869_184,
      LogConfig: { Type: "json-file", Config: {} },
      DeviceRequests: [{ DeviceIDs: ["2", "MIG-41c2"], Capabilities: [["gpu"]] }],
    },
  });
});

test("what it keeps elsewhere lies at the same path inside, unless the author has put something there", () => {
  const keeping = { ...order, command: { ...order.command, keepsIn: ["/nvme/kv", "/models", "/nvme/kv"] } };
  const { HostConfig: config } = createOptions(keeping, {});
  expect(config?.Binds).toEqual(["/runs/plain/scratch:/runs/plain/scratch", "/nvme/kv:/nvme/kv", "/models:/models:ro"]);
});

test.each([
  [["/fast:/data"], "/data/kv", ["/fast:/data"]],
  [["/kv:/kv/"], "/kv", ["/kv:/kv/"]],
  [["/fast:/data"], "/data2/kv", ["/data2/kv:/data2/kv", "/fast:/data"]],
  [["/fast:/kv/hot"], "/kv", ["/kv:/kv", "/fast:/kv/hot"]],
])("with the volumes %j what it keeps in %s is bound by %j", (volumes, path, binds) => {
  const keeping = { ...order, container: { volumes }, command: { ...order.command, keepsIn: [path] } };
  expect(createOptions(keeping, {}).HostConfig?.Binds?.slice(1)).toEqual(binds);
});

test("on a network of its own its port is published on the loopback address; an image's own program is left to it", () => {
  const own = { ...order, command: { ...order.command, program: "" }, container: { network: "bridge", memoryGib: 0.5 } };
  expect(commandLine(dockerRun(own))).toContain("--network bridge --publish 127.0.0.1:8000:8000");
  expect(commandLine(dockerRun(own))).not.toContain("--entrypoint");
  expect(createOptions(own, {})).toMatchObject({
    ExposedPorts: { "8000/tcp": {} },
    HostConfig: { PortBindings: { "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: "8000" }] }, Memory: 536_870_912 },
  });
  expect(createOptions(own, {})).not.toHaveProperty("Entrypoint");
});
