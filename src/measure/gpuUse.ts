import type { EngineDescription } from "../model/result.ts";

/** Engines of which it is known that they were given this GPU ("gpu-0"). */
export function usersOf(gpu: string, engines: readonly EngineDescription[]): readonly string[] {
  return engines.filter(({ gpus }) => gpus.includes(gpu.replace("gpu-", ""))).map(({ name }) => name);
}

/** Whether one of them has it, or may: one named by its UUID, or that of a server that is up already on this machine, may be any. */
export function mayBeUsed(gpu: string, engines: readonly EngineDescription[]): boolean {
  const isUnknown = engines.some(({ gpus, url = "" }) => /\/\/(localhost|127\.|\[::1\])/.test(url) || gpus.some((id) => !/^\d+$/.test(id)));
  return isUnknown || usersOf(gpu, engines).length > 0;
}
