import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What kernelStamps.c shows of the thread that asks. */
export interface KernelStamps {
  /** One number: when the kernel had what this thread's last read of a watched socket gave; nanoseconds of the machine's monotonic clock. 0: it did not say. */
  readonly arrived: Float64Array;
  /** From now on the kernel stamps what the socket of this number (a file descriptor) receives; false where it will not. */
  watch(file: number): boolean;
}

/** Built by scripts/ready.sh where there is a C compiler. */
const library = fileURLToPath(new URL("../../node_modules/.tandem-kernel-stamps.so", import.meta.url));

/** Undefined where the library was not built, or this process was started without it: see `./tandem`. */
export function kernelStamps(): KernelStamps | undefined {
  if (!existsSync(library)) return undefined;
  const { exports } = loaded();
  if (!exports.isInPlace) return undefined;
  return { arrived: new Float64Array(exports.arrived), watch: exports.watch };
}

/** The environment of another Node on this machine that is to have them as well; unchanged where this process has none. */
export function withKernelStamps(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (kernelStamps() === undefined) return env;
  const { LD_PRELOAD: others } = env;
  return { ...env, LD_PRELOAD: others === undefined ? library : `${library}:${others}` };
}

interface Addon {
  readonly isInPlace: boolean;
  readonly arrived: ArrayBuffer;
  readonly watch: (file: number) => boolean;
}

function loaded(): { readonly exports: Addon } {
  const module = { exports: {} };
  process.dlopen(module, library);
  return module as { readonly exports: Addon }; // what napi_register_module_v1 puts there
}
