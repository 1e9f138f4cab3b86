import type { Command, EngineMetrics, InstalledProgram } from "./engine.ts";
import type { Seconds } from "./time.ts";

/** Where a service is reached. */
export interface ServiceAddress {
  readonly host: string;
  /** By the names its service gives them. */
  readonly ports: Readonly<Record<string, number>>;
}

/** What one service is granted at a Place. */
export interface ServiceSlot {
  /** A free one for each of its names. */
  readonly ports: Readonly<Record<string, number>>;
  /** Made for this service alone; whatever it writes goes there. */
  readonly directory: string;
  /** Where the services it needs are, by the names it gave them. */
  readonly services: Readonly<Record<string, ServiceAddress>>;
}

/** When a service counts as up. `port` is one of its names for ports. */
export type ServiceCheck =
  /** GET answers 200. */
  | { readonly kind: "http"; readonly port: string; readonly path: string }
  /** Somebody takes a connection. */
  | { readonly kind: "tcp"; readonly port: string }
  /** A server that speaks Redis's protocol answers `command` with `answer` somewhere in it. */
  | {
      readonly kind: "redis";
      readonly port: string;
      readonly command: string;
      readonly answer: string;
      readonly login?: { readonly user?: string; readonly password: string };
    };

/** One way in which what a service keeps is emptied. `port` is one of its names for ports. */
export type ServiceReset =
  /** POST there, each of the paths until one is known to it. */
  | { readonly kind: "http"; readonly port: string; readonly paths: readonly string[] }
  /** A command to a server that speaks Redis's protocol. */
  | {
      readonly kind: "redis";
      readonly port: string;
      readonly command: string;
      readonly login?: { readonly user?: string; readonly password: string };
    }
  /** What lies in these directories of its own; they themselves stay. */
  | { readonly kind: "files"; readonly directories: readonly string[] };

export type ServiceLaunch =
  | {
      readonly kind: "process";
      /** Names for the ports it listens on; it is up only when all of them are its own. */
      readonly ports: readonly string[];
      /** Told what its program says of itself, where that is known. */
      readonly command: (slot: ServiceSlot, program?: InstalledProgram) => Command;
      /** As an engine's. */
      readonly listsFlags?: readonly (readonly string[])[];
      readonly through?: readonly string[];
      /** Said when the program is not there: what it is and how to get it. */
      readonly missing: string;
    }
  /** Up already: looked at, never started and never ended. */
  | { readonly kind: "running"; readonly at: ServiceAddress };

/** A side process an engine needs: a cache server, Redis. Launched, watched and disposed as engines are. */
export interface Service {
  /** Lower-case letters, digits and dashes. What one engine needs under the same name is the same service. */
  readonly name: string;
  /** For people: "Redis", "LMCache server". */
  readonly kind: string;
  /** Engines whose services have the same name and the same key share one; without a key each engine has its own. */
  readonly shared?: string;
  /** Up before this one, ended after it. By the names its command calls them. */
  readonly needs: Readonly<Record<string, Service>>;
  readonly launch: ServiceLaunch;
  readonly ready: { readonly check: ServiceCheck; readonly within: Seconds };
  /** How what it keeps is emptied: all of these, one after the other. */
  readonly resets?: readonly ServiceReset[];
  /** Its own counters, read as its engine's are. */
  readonly metrics?: EngineMetrics & { readonly port: string };
}

/** Services by the names an engine's command calls them. */
export type Services = Readonly<Record<string, Service>>;

/** Where an engine or service keeps cache outside its own directory: two that keep it in one place find each other's. */
export interface KeptOutside {
  /** A directory, or a server with its database. */
  readonly place: string;
  /** Engines that name the same key want to find each other's. */
  readonly shared?: string;
}
