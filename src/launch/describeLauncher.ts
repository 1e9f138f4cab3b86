import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Engine } from "../model/engine.ts";
import type { Launcher, LaunchOrder, RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { isStarted } from "../model/startedLaunch.ts";
import { commandLine } from "./commandLine.ts";
import { secretsIn } from "./secrets.ts";

/** What a launcher is tried with. Disposing it takes away whatever it set up. */
export interface LauncherBench extends AsyncDisposable {
  readonly launcher: Launcher;
  /** An order that the launcher can carry out, as often as it is asked for. */
  order(change?: Partial<LaunchOrder>): LaunchOrder | Promise<LaunchOrder>;
}

/** What any launcher must do: the shared suite for people who write them. */
export function describeLauncher(name: string, make: () => LauncherBench | Promise<LauncherBench>): void {
  describe(`launcher ${name}`, () => {
    test("it hands over the engine it was asked for, ready, and says so", async () => {
      await using bench = await make();
      const told: RunEvent[] = [];
      const order = await bench.order({ tell: (event) => told.push(event) });
      await using running = await bench.launcher.launch(order);
      expect(running.name).toBe(order.name);
      expect(running.engine).toBe(order.engine);
      expect(running.servedModel).not.toBe("");
      expect(told.filter(({ kind }) => kind === "ready")).toMatchObject([{ engine: order.name, facts: running.facts }]);
      expect(await isReachable(running)).toBe(true);
    });

    test("what it says it starts is what it has started, which is what plans and results show", async () => {
      await using bench = await make();
      const told: RunEvent[] = [];
      const order = await bench.order({ tell: (event) => told.push(event) });
      const said = bench.launcher.started(order);
      await using _running = await bench.launcher.launch(order);
      const booted = told.flatMap((event) => (event.kind === "booting" ? [event.command] : []));
      const secrets = said === undefined ? [] : secretsIn(said.env, said.args, order.engine.wire.apiKey);
      expect(booted).toEqual(said === undefined ? [] : [commandLine(said, secrets)]);
    });

    test("what it found out is text", async () => {
      await using bench = await make();
      await using running = await bench.launcher.launch(await bench.order());
      expect(Object.values(running.facts).filter((fact) => typeof fact !== "string" || fact === "")).toEqual([]);
    });

    test("what an engine's command says is in what is started: arguments and variables", async () => {
      await using bench = await make();
      const { engine, slot, world } = withVariable(await bench.order());
      const said = bench.launcher.started({ engine, slot, world });
      const command = isStarted(engine.launch) ? engine.launch.command(slot, world) : undefined;
      const started = [...(said?.args ?? []), ...Object.values(said?.env ?? {})].join("\n");
      expect([...(command?.args ?? []), ...Object.values(command?.env ?? {})].filter((text) => !started.includes(text))).toEqual([]);
    });

    test("an engine whose processes end by themselves has died, and why is told", async () => {
      await using bench = await make();
      await using running = await bench.launcher.launch(await bench.order());
      const { pids } = running;
      if (pids === undefined) return;
      for (const pid of pids()) process.kill(pid, "SIGKILL");
      expect(await Promise.race([running.died, pause(5_000, "")])).not.toBe("");
    });

    test("an engine that is disposed has not died, and disposing it again does no harm", async () => {
      await using bench = await make();
      const running = await bench.launcher.launch(await bench.order());
      await running[Symbol.asyncDispose]();
      await running[Symbol.asyncDispose]();
      expect(await Promise.race([running.died, pause(200, "nothing told")])).toBe("nothing told");
    });

    test("after one engine is gone, the next can have its place", async () => {
      await using bench = await make();
      const order = await bench.order();
      for (const _time of ["first", "second"]) {
        await using running = await bench.launcher.launch(order);
        expect(await isReachable(running)).toBe(true);
      }
    });

    test("an engine that gets to run in another way is refused", async () => {
      await using bench = await make();
      const order = await bench.order();
      const foreign = { ...order, engine: { ...order.engine, launch: otherThan(bench.launcher.kind) } };
      await expect(bench.launcher.launch(foreign)).rejects.toThrow(/launcher/);
    });
  });
}

function withVariable(order: LaunchOrder): LaunchOrder {
  const { launch } = order.engine;
  if (!isStarted(launch)) return order;
  const command: typeof launch.command = (slot, world) => {
    const own = launch.command(slot, world);
    return { ...own, env: { ...own.env, OF_THE_SUITE: "a variable of its own" } };
  };
  return { ...order, engine: { ...order.engine, launch: { ...launch, command } } };
}

/** Whether it can be asked something now. */
async function isReachable({ reach }: RunningEngine): Promise<boolean> {
  if (reach.kind === "http") return (await fetch(`${reach.url}/v1/models`)).ok;
  await reach.line.open(1);
  reach.line.close();
  return true;
}

function otherThan(kind: Launcher["kind"]): Engine["launch"] {
  const ready = { path: "/health", within: 1 };
  return kind === "attached"
    ? { kind: "process", command: () => ({ program: "node", args: [], env: {} }), ready, missing: "never asked for" }
    : { kind: "attached", url: "http://127.0.0.1:9", ready };
}
