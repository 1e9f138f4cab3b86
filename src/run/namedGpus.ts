import { HarnessError } from "../model/harnessError.ts";
import type { Gpu } from "../model/running.ts";
import type { Overrides } from "./params.ts";

/**
 * GPUs to run on: those that were named, by number, by UUID or as much of one as it takes, each under the one id that this machine has for it, a
 * number or the UUID of a MIG part; else all that are here. What is not here stays as it was named: a plan may be for another machine.
 */
export function gpusFor({ gpus }: Pick<Overrides, "gpus">, here: readonly Gpu[]): readonly string[] {
  if (gpus === undefined) return here.map(({ id }) => id);
  return gpus.map((name) => {
    const [meant = name, another] = gpusMeant(name, here);
    return another === undefined ? meant : name;
  });
}

/** A GPU has several names, and would be counted as several. */
export function refuseTwice(ids: readonly string[], { gpus = [] }: Pick<Overrides, "gpus">): void {
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice === undefined) return;
  throw new HarnessError("usage", `--gpus ${gpus.join(",")} names GPU ${twice} twice`, { hint: "name each GPU once" });
}

/** Said where GPUs were named and nothing tells whether they are there. */
export function unseenGpus(ids: readonly string[]): string {
  return `no GPU can be seen here (nvidia-smi is not here, or shows none): --gpus ${ids.join(",")} is believed`;
}

/** The ids of all that a name may mean here. */
export function gpusMeant(name: string, here: readonly Gpu[]): readonly string[] {
  if (!/^(?:GPU|MIG)-/.test(name)) return here.flatMap(({ id }) => (id === name ? [id] : []));
  return here.flatMap(({ id, uuid, parts = [] }) => [
    ...(id.startsWith(name) || uuid?.startsWith(name) === true ? [id] : []),
    ...parts.filter((part) => part.startsWith(name)),
  ]);
}

/** Throws for a GPU that is not here, or is not told apart from another: with those that are. */
export function refuseUnknownGpus(engine: string, ids: readonly string[], here: readonly Gpu[]): void {
  const several = ids.filter((id) => gpusMeant(id, here).length > 1);
  const unknown = ids.filter((id) => gpusMeant(id, here).length === 0);
  if (several.length + unknown.length === 0) return;
  const why = [
    ...(unknown.length === 0 ? [] : [`${unknown.join(" and ")}, which this machine does not have`]),
    ...several.map((id) => `${id}, which may be ${gpusMeant(id, here).join(" or ")}`),
  ];
  throw new HarnessError("usage", `engine ${engine} is to run on GPU ${why.join(", and on ")}`, {
    hint: `it has ${here.flatMap(shown).join(", ")}: name one of them with --gpus`,
  });
}

function shown({ id, name, uuid, parts = [] }: Gpu): readonly string[] {
  return [`${id} (${uuid === undefined ? name : `${name}, ${uuid}`})`, ...parts];
}
