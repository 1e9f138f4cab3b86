import { spawnSync } from "node:child_process";

/** What `tandem setup` needs to know of a machine before it does anything. */
export interface SetupMachine {
  readonly hasUv: boolean;
  /** A Python that can make virtual environments: of any version, and of the only one that the pins for CPUs are for. */
  readonly python: string | undefined;
  readonly python311: string | undefined;
  /** Of what the recipe for CPUs works with, what is not here, each with its Debian package. */
  readonly lacks: readonly { readonly what: string; readonly debian: string }[];
  readonly hasDriver: boolean;
}

/** `administration`: where ldconfig is on a Debian whose PATH for users leaves that out. */
export function setupMachine(env: NodeJS.ProcessEnv, administration = "/usr/sbin:/sbin"): SetupMachine {
  const wider = { ...env, PATH: `${env["PATH"] ?? "/usr/bin"}:${administration}` };
  const isWell = (program: string, ...args: readonly string[]) => printed(program, args, env) !== undefined;
  const makesEnvironments = (python: string) => isWell(python, "-c", "import ensurepip, venv");
  const is311 = (python: string) => isWell(python, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 11))");
  const needed = [
    { what: "gcc", debian: "gcc", isHere: isWell("gcc", "--version") },
    { what: "readelf", debian: "binutils", isHere: isWell("readelf", "--version") },
    { what: "libnuma.so.1", debian: "libnuma1", isHere: printed("ldconfig", ["-p"], wider)?.includes("libnuma.so.1") === true },
  ];
  return {
    hasUv: isWell("uv", "--version"),
    python: ["python3"].find(makesEnvironments),
    python311: ["python3", "python3.11"].find((python) => is311(python) && makesEnvironments(python)),
    lacks: needed.flatMap(({ isHere, ...one }) => (isHere ? [] : [one])),
    hasDriver: printed("nvidia-smi", ["-L"], env)?.includes("GPU ") === true,
  };
}

/** Undefined where it is not here, or fails. */
function printed(program: string, args: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const { status, stdout } = spawnSync(program, [...args], { env, encoding: "utf8", timeout: 20_000 });
  return status === 0 ? stdout : undefined;
}
