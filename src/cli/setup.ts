import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { processTerminal } from "../host/terminal.ts";
import { HarnessError } from "../model/harnessError.ts";
import { setupMachine } from "../run/setupMachine.ts";
import { mark, setupPlan, type SetupPlan, type Step } from "../run/setupPlan.ts";
import type { Call } from "./flags.ts";
import { checkOutputPlace } from "./outputPlace.ts";

/** `tandem setup vllm-lmcache`: says what it will do, does it in a directory of its own, and sees whether it can be imported. */
export async function setup({ argument = "", options }: Call): Promise<number> {
  const terminal = processTerminal();
  const into = options["into"];
  const plan = setupPlan({
    what: argument,
    ...(typeof into === "string" ? { into } : {}),
    cpu: options["cpu"] === true,
    machine: setupMachine(process.env),
  });
  terminal.tell(`into ${plan.directory} (${plan.takes}; nothing outside it is changed but the package cache):`);
  for (const [index, step] of plan.steps.entries()) {
    terminal.tell(`  ${index + 1}. ${step.says}\n     ${step.command.map(shown).join(" ")}`);
  }
  for (const warning of plan.warnings) terminal.tell(`warning: ${warning}`);
  refuseLacks(plan.lacks);
  if (options["dryRun"] === true) return 0;
  own(plan.directory);
  const from = performance.now();
  for (const step of plan.steps) await done(step);
  terminal.tell(`done after ${Math.round((performance.now() - from) / 1_000)} s; in a test file:`);
  for (const line of plan.use) terminal.print(line);
  return 0;
}

/** All at once, and before the first step: each would otherwise be told by a step of its own that failed. */
function refuseLacks(lacks: SetupPlan["lacks"]): void {
  if (lacks.length === 0) return;
  throw new HarnessError("usage", `nothing was done: this needs ${lacks.map(({ what }) => what).join(", ")}`, {
    hint: `on Debian: apt-get install ${lacks.map(({ debian }) => debian).join(" ")}`,
  });
}

/** Marked before anything is in it, so that a second try may go on where the first was cut off. */
function own(directory: string): void {
  checkOutputPlace(directory, "name another with --into DIR");
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, mark), `${JSON.stringify({ madeBy: "tandem setup" })}\n`);
  } catch (cause) {
    throw new HarnessError("output", `${directory} cannot be written`, { hint: "name another with --into DIR", cause });
  }
}

async function done({ says, command: [program, ...args] }: Step): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], env: withoutOthers() });
  const ending = await new Promise<string>((onEnd, onFailed) => {
    child.once("error", onFailed);
    child.once("exit", (code, signal) => onEnd(signal ?? String(code)));
  }).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  if (ending === "0") return;
  throw new HarnessError("usage", `this step of setup failed (${ending}): ${says}`, {
    hint: `what ${program} printed above says why; called again, setup goes on from there`,
  });
}

/** Another environment that is active must not be installed into. */
function withoutOthers(): NodeJS.ProcessEnv {
  const { VIRTUAL_ENV: _active, PYTHONPATH: _path, PYTHONHOME: _home, ...env } = process.env;
  return { ...env, PIP_REQUIRE_VIRTUALENV: "1" };
}

function shown(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
