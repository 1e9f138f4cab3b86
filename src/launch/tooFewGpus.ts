import { HarnessError } from "../model/harnessError.ts";

export function tooFewGpus(name: string, needed: number, here: number): HarnessError {
  const gpus = `${needed} GPU${needed === 1 ? "" : "s"}`;
  const hint = "run it where there are enough, name them with --gpus, or see what it would do with --simulate";
  const given = here >= needed ? "--gpus names fewer" : `this machine has ${here === 0 ? "none" : here}`;
  return new HarnessError("engine-not-ready", `engine ${name} needs ${gpus}, ${given}`, { hint });
}
