import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Nanoseconds } from "../model/time.ts";

/** Built by scripts/ready.sh of native.c, where there is a C compiler. */
const library = fileURLToPath(new URL("../../node_modules/.tandem-native.so", import.meta.url));
/** What it was built of. */
const itsSource = new URL("../../node_modules/.tandem-native.c", import.meta.url);

/** What the kernel tells the thread that asks of what it receives. */
export interface KernelStamps {
  /** One number: when the kernel had what this thread's last read of a watched socket gave; nanoseconds of the machine's monotonic clock. 0: it did not say. */
  readonly arrived: Float64Array;
  /** From now on the kernel stamps what the socket of this number (a file descriptor) receives, where it will. */
  watch(file: number): void;
}

/** Undefined where the library was not built, or this process was started without it: see `./tandem`. */
export function kernelStamps(): KernelStamps | undefined {
  const native = loaded();
  return native?.isPreloaded === true ? { arrived: new Float64Array(native.arrived), watch: native.watch } : undefined;
}

/** Sets when to call `ring` in this thread, once for each setting, unless another one came before; undefined where that cannot be had. Keeps no process alive. */
export function kernelAlarm(ring: () => void): ((time: Nanoseconds) => void) | undefined {
  return loaded()?.alarm(ring);
}

/** Gives bytes to the socket of this number (a file descriptor) and returns how many it has taken: 0 where it takes none now, or is broken. */
export type SendNow = (file: number, bytes: Buffer) => number;

/** Undefined where the library was not built. */
export function kernelSend(): SendNow | undefined {
  return loaded()?.send;
}

/** The environment of another Node on this machine that is to have the kernel's stamps as well; unchanged where this process has none. */
export function withKernelStamps(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (kernelStamps() === undefined) return env;
  const { LD_PRELOAD: others } = env;
  return { ...env, LD_PRELOAD: others === undefined ? library : `${library}:${others}` };
}

/** As native.c shows it. */
interface Native {
  readonly isPreloaded: boolean;
  readonly arrived: ArrayBuffer;
  readonly watch: (file: number) => void;
  readonly send: SendNow;
  readonly alarm: (ring: () => void) => ((time: Nanoseconds) => void) | undefined;
}

let native: Native | undefined;
let hasTried = false;

function loaded(): Native | undefined {
  if (hasTried || !isOfThisSource()) return native;
  hasTried = true;
  const module = { exports: {} };
  try {
    process.dlopen(module, library);
    native = module.exports as Native; // what napi_register_module_v1 puts there
  } catch {
    // Built on another machine than this one: all goes on without it.
  }
  return native;
}

/** An older one, without what is called here, stays where none can be built: read-only, or without a compiler by now. */
function isOfThisSource(): boolean {
  try {
    return readFileSync(new URL("native.c", import.meta.url)).equals(readFileSync(itsSource));
  } catch {
    return false; // not built
  }
}
