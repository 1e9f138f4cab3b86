import { serverOrAt } from "./lmcacheBesideEngine.ts";
import { isFrom, type Need } from "./refuseOtherEra.ts";
import type { LmcacheServerOptions } from "./services/lmcacheServer.ts";

// Read in the packages of SGLang 0.5.11 to 0.5.23 and of LMCache 0.4.5 to 0.5.6.

const installLmcache = (which: string) => `install one that fits: pip install "lmcache${which}"`;

/** Of LMCache as a server beside SGLang, which asks for it by another connector from 0.5.21 on. */
export function serverNeeds(sglang: string | undefined, server: LmcacheServerOptions | undefined): readonly Need[] {
  return [
    { what: "LMCache as a server beside it", of: "sglang", from: "0.5.13", instead: 'say mode: "in-process"' },
    isFrom(sglang, "0.5.21")
      ? { what: `the connector of SGLang ${sglang}`, of: "lmcache", from: "0.5.6", instead: installLmcache(">=0.5.6") }
      : { what: "its connector for SGLang to a server", of: "lmcache", from: "0.4.6", instead: installLmcache(">=0.4.6") },
    ...(server?.at === undefined ? [serverOrAt] : []),
  ];
}

/** Of LMCache in its process. Later SGLang has it only where a line of it is edited, or on Intel's GPUs. */
export const inProcessNeeds: readonly Need[] = [
  { what: "LMCache in its process", of: "sglang", until: "0.5.13", instead: 'leave mode out, or say "server"' },
  // The connector of later ones is not called as it wants to be: TypeError, config_file is missing.
  { what: "the connector that this SGLang calls", of: "lmcache", until: "0.4.6", instead: installLmcache("<=0.4.5") },
];
