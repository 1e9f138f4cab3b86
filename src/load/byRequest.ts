import type { Turn } from "./order.ts";

type Of = Pick<Turn, "engine" | "block">;

/** What belongs to each request of an engine and block. */
export class ByRequest<Kind> {
  /** By engine, block and id: an id is a place in its workload, so that a list will do. */
  private readonly engines = new Map<string, Map<number, (Kind | undefined)[]>>();

  set({ engine, block }: Of, request: number, what: Kind): void {
    const blocks = this.engines.get(engine) ?? new Map<number, (Kind | undefined)[]>();
    const requests = blocks.get(block) ?? [];
    requests[request] = what;
    this.engines.set(engine, blocks.set(block, requests));
  }

  get({ engine, block }: Of, request: number): Kind | undefined {
    return this.engines.get(engine)?.get(block)?.[request];
  }
}
