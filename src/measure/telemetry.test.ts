import { expect, test } from "vitest";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import type { Seconds } from "../model/time.ts";
import { experimentOf, record } from "./fixture.ts";
import { telemetryOf, type Track } from "./telemetry.ts";

test("requests in flight rise when one is sent and fall when it ends; their mean is over time", () => {
  const experiment = {
    ...experimentOf([sent(0, 2), sent(1, 4)], [read("running-requests", "plain", 10.5, 1)]),
    starts: [start("plain", 10)],
  };
  const [flight] = telemetryOf(experiment, [engine("plain")]).engines;
  expect(flight).toMatchObject({ name: "plain", series: "requests-in-flight", mean: 5 / 4, max: 2 });
  expect(pointsOf(flight)).toEqual([
    [0, 0],
    [0, 1],
    [1, 2],
    [2, 1],
    [4, 0],
  ]);
});

test("a request that is sent as another ends is not in flight beside it; one that was cut off is until the last that came of it", () => {
  const [{ ended: _, ...cutOff }, { ended: _ended, chunks: _chunks, ...unanswered }] = [record([[3], [4]], { due: 2 }), sent(0, 1)];
  const flightOf = (...records: readonly RequestRecord[]) =>
    telemetryOf(experimentOf(records, [read("running-requests", "plain", 0, 1)]), [engine("plain")]).engines[0];
  expect(flightOf(cutOff, sent(0, 2))).toMatchObject({ mean: 1, max: 1 });
  expect(pointsOf(flightOf(sent(0, 2), cutOff)).at(-1)).toEqual([4, 0]);
  const nothingCame = flightOf({ ...unanswered, chunks: record([]).chunks });
  expect([nothingCame?.mean, pointsOf(nothingCame)]).toEqual([undefined, [[0, 0]]]);
  const { sent: _sent, ...unsent } = sent(0, 1);
  expect(pointsOf(flightOf(unsent, record([[1]], { ended: 2 })))).toEqual(pointsOf(flightOf(sent(0, 2))));
});

test("readings count from the first request; those just outside stand at the edges, and count in no mean", () => {
  const values = [8.5, 9.9, 10.5, 11.5, 14.1, 15].map((at, index) => read("kv-usage-share", "plain", at, index / 10));
  const experiment = { ...experimentOf([sent(0, 4)], values), starts: [start("plain", 10)] };
  const track = telemetryOf(experiment, [engine("plain")]).engines.find(({ series }) => series === "kv-usage-share");
  expect(pointsOf(track)).toEqual([
    [0, 0.1],
    [0.5, 0.2],
    [1.5, 0.3],
    [4, 0.4],
  ]);
  expect(track).toMatchObject({ readings: 2, mean: 0.25, max: 0.3 });
});

test("a reading stands at an edge that is 2 s away at most; without a start of its own an engine has that of the experiment", () => {
  const pointsWith = (...times: readonly Seconds[]) => {
    const experiment = experimentOf(
      [sent(0, 4)],
      times.map((at) => read("kv-usage-share", "plain", at, 0.5)),
    );
    const { engines } = telemetryOf({ ...experiment, span: { from: 10e9, to: 14e9 } }, [engine("plain")]);
    return pointsOf(engines.find(({ series }) => series === "kv-usage-share")).map(([at]) => at);
  };
  expect(pointsWith(8, 11, 16)).toEqual([0, 1, 4]);
  expect(pointsWith(7.9, 11, 16.1)).toEqual([1]);
});

test("an engine that tells nothing in its turn has no mean, one that tells a single value has that, and one without requests is in no line", () => {
  const readings = [read("running-requests", "plain", 1, 3), read("running-requests", "cached", 1, 0)];
  const experiment = {
    ...experimentOf([sent(0, 2, "plain"), sent(0, 2, "cached")], readings),
    starts: [start("plain", 0), start("cached", 2.5)],
  };
  const { engines, isInTurn, lasts } = telemetryOf(experiment, [engine("plain"), engine("cached"), engine("idle"), engine("later", [], 1)]);
  expect(engines.map(({ name, readings: count, mean, max }) => [name, count, mean, max])).toEqual([
    ["plain", undefined, 1, 1],
    ["cached", undefined, 1, 1],
    ["plain", 1, 3, 3],
    ["cached", 0, undefined, undefined],
  ]);
  expect([isInTurn, lasts]).toEqual([false, 4.5]);
});

test("what an engine tells while another has its turn is in its line, and not in its mean", () => {
  const records = [sent(0, 2, "plain"), sent(0, 2, "cached")];
  const readings = [1, 2, 3, 4].map((at) => read("running-requests", "plain", at, at < 3 ? 1 : 0));
  const experiment = { ...experimentOf(records, readings), starts: [start("plain", 0), start("cached", 2.5)] };
  const tracks = telemetryOf(experiment, [engine("plain"), engine("cached")]).engines;
  expect(tracks.map(({ name, series, mean }) => [name, series, mean])).toEqual([
    ["plain", "requests-in-flight", 1],
    ["cached", "requests-in-flight", 1],
    ["plain", "running-requests", 1],
  ]);
  expect(pointsOf(tracks[2])).toHaveLength(4);
});

test("means are over an engine's own turns, also where another has its turns between them (ABBA), and of a GPU over those of its engines", () => {
  const [plain, cached] = [engine("plain", ["0"]), engine("cached", ["1"])];
  const tracks = abba([plain, cached]);
  expect(tracks.map(({ name, series, mean }) => [name, series, mean])).toEqual([
    ["plain", "requests-in-flight", 1],
    ["cached", "requests-in-flight", 1],
    ["plain", "running-requests", 1],
    ["cached", "running-requests", 1],
    ["gpu-0 (plain)", "gpu-power-watts", 700],
    ["gpu-1 (cached)", "gpu-power-watts", 700],
  ]);
  expect(tracks.map(({ readings }) => readings)).toEqual([undefined, undefined, 20, 20, 20, 20]);
  expect(tracks.map((track) => pointsOf(track).length)).toEqual([5, 5, 40, 40, 40, 40]);
});

test("a GPU that engines share counts in the turns of all, and so does one of which nobody knows whose it is", () => {
  const shared = abba([engine("plain", ["0", "1"]), engine("cached", ["0", "1"])]).filter(({ gpu }) => gpu !== undefined);
  expect(shared.map(({ mean, readings }) => [mean, readings])).toEqual([
    [400, 40],
    [400, 40],
  ]);
  const unknown = abba([engine("plain"), engine("cached")]).filter(({ gpu }) => gpu !== undefined);
  expect(unknown.map(({ name, readings }) => [name, readings])).toEqual([
    ["gpu-0", 40],
    ["gpu-1", 40],
  ]);
});

test("what is between an engine's blocks, as caches are emptied, is in no mean", () => {
  const records = [sent(0, 2), { ...sent(0, 2), block: 1 }];
  const readings = [1, 5, 8, 11].map((at) => read("kv-usage-share", "plain", at, at === 1 || at === 11 ? 0.5 : 0));
  const experiment = { ...experimentOf(records, readings), starts: [start("plain", 0), start("plain", 10, 1)] };
  const tracks = telemetryOf(experiment, [engine("plain")]).engines;
  expect(tracks.map(({ series, mean }) => [series, mean])).toEqual([
    ["requests-in-flight", 1],
    ["kv-usage-share", 0.5],
  ]);
});

test("no line goes through a time in which nothing was read", () => {
  const stretchesOf = (times: readonly Seconds[]) => {
    const values = times.map((at) => read("running-requests", "plain", at, 1));
    const { engines } = telemetryOf(experimentOf([sent(0, 40)], values), [engine("plain")]);
    return engines.at(-1)?.stretches.map((points) => points.map(({ at }) => at));
  };
  expect(stretchesOf([0, 1, 2, 5.5, 6])).toEqual([
    [0, 1, 2],
    [5.5, 6],
  ]);
  expect(stretchesOf([0, 0.5, 1, 4, 4.5])).toHaveLength(1); // three seconds may pass
  expect(stretchesOf([0, 5, 10, 25])).toHaveLength(1); // and three times as long as usual
  expect(stretchesOf([0, 5, 10, 26])).toEqual([[0, 5, 10], [26]]);
});

test("engines that are up one after the other have each their own start, and so has the GPU they share", () => {
  const records = [sent(0, 5, "plain"), sent(0, 3, "cached")];
  const readings = [1, 2, 101, 102].map((at) => read("gpu-power-watts", "gpu-0", at, at));
  const experiment = { ...experimentOf(records, readings), starts: [start("plain", 0), start("cached", 100)] };
  const { gpus, lasts, isInTurn } = telemetryOf(experiment, [engine("plain", ["0"], 0), engine("cached", ["0"], 1)]);
  expect([lasts, isInTurn]).toEqual([5, true]);
  expect(gpus.map((track) => [track.name, pointsOf(track)])).toEqual([
    [
      "gpu-0 (plain)",
      [
        [1, 1],
        [2, 2],
      ],
    ],
    [
      "gpu-0 (cached)",
      [
        [1, 101],
        [2, 102],
      ],
    ],
  ]);
});

test("what held the clock of a GPU down is told of each of the engines that had it in turn, from their own readings", () => {
  const records = [sent(0, 5, "plain"), sent(0, 5, "cached")];
  const masks = [1, 2, 3, 4, 50, 101, 102, 103, 104].map((at) =>
    read("gpu-throttle-reasons", "gpu-0", at, at < 100 ? 0x40 : at % 2 ? 4 : 0),
  );
  const readings = [...[1, 101].map((at) => read("gpu-power-watts", "gpu-0", at, 9)), read("gpu-throttle-reasons", "gpu-1", 2, 0x20)];
  const experiment = { ...experimentOf(records, [...readings, ...masks]), starts: [start("plain", 0), start("cached", 100)] };
  expect(telemetryOf(experiment, [engine("plain", ["0"], 0), engine("cached", ["0"], 1)]).throttling).toEqual([
    { gpu: "gpu-0", name: "gpu-0 (plain)", shares: { "hardware thermal slowdown": 1 }, faulty: 1 },
    { gpu: "gpu-0", name: "gpu-0 (cached)", shares: { "software power cap": 0.5 }, faulty: 0 },
  ]);
  const two = telemetryOf(experiment, [engine("plain", ["0"]), engine("cached", ["1"])]).throttling;
  expect(two.map(({ name }) => name)).toEqual(["gpu-0 (plain)"]); // the other told nothing in its turn
});

test("GPUs of nobody are left out where it is known who has which; else all are there", () => {
  const readings = ["gpu-0", "gpu-1", "gpu-10", "gpu-2"].map((gpu) => read("gpu-memory-mib", gpu, 1, 9));
  const shown = (gpus: readonly string[]) =>
    telemetryOf(experimentOf([sent(0, 2)], readings), [engine("plain", gpus)]).gpus.map(({ name }) => name);
  expect(shown(["2", "10"])).toEqual(["gpu-2 (plain)", "gpu-10 (plain)"]);
  expect(shown(["2"])).toEqual(["gpu-2 (plain)"]);
  expect(shown([])).toEqual(["gpu-0", "gpu-1", "gpu-2", "gpu-10"]);
});

test("where nothing was read there is nothing, also not the requests in flight", () => {
  expect(telemetryOf(experimentOf([sent(0, 2)]), [engine("plain")])).toMatchObject({ engines: [], gpus: [] });
  expect(telemetryOf(experimentOf([], [read("running-requests", "plain", 1, 1)]), [engine("plain")])).toMatchObject({
    engines: [],
    gpus: [],
    lasts: 0,
  });
});

function sent(at: Seconds, ended: Seconds, engine = "plain") {
  return record([[ended]], { due: at, engine });
}

function start(engine: string, at: Seconds, block = 0): NonNullable<ExperimentResult["starts"]>[number] {
  return { engine, block, at: at * 1e9 };
}

/** Two blocks, plain, cached, cached, plain, 10 s each with always one request in flight; "gpu-0" works as plain does, "gpu-1" as cached. */
function abba(engines: readonly EngineDescription[]): readonly Track[] {
  const turns = [start("plain", 0), start("cached", 10), start("cached", 20, 1), start("plain", 30, 1)];
  const records = turns.map(({ engine, block }) => ({ ...sent(0, 10, engine), block }));
  const readings = Array.from({ length: 40 }, (_, second) => second + 0.5).flatMap((at) => {
    const isPlain = at < 10 || at > 30;
    return [
      read("running-requests", "plain", at, isPlain ? 1 : 0),
      read("running-requests", "cached", at, isPlain ? 0 : 1),
      read("gpu-power-watts", "gpu-0", at, isPlain ? 700 : 100),
      read("gpu-power-watts", "gpu-1", at, isPlain ? 100 : 700),
    ];
  });
  const telemetry = telemetryOf({ ...experimentOf(records, readings), starts: turns }, engines);
  return [...telemetry.engines, ...telemetry.gpus];
}

function read(series: string, of: string, at: Seconds, value: number): Reading {
  return { at: at * 1e9, series, of, value };
}

function engine(name: string, gpus: readonly string[] = [], batch = 0): EngineDescription {
  return { name, kind: "vllm", model: "tiny", simulated: false, features: [], gpus, api: "chat", batch };
}

function pointsOf(track: Track | undefined): readonly (readonly [Seconds, number])[] {
  return track?.stretches.flat().map(({ at, value }) => [at, value] as const) ?? [];
}
