import type { Turn, Turns } from "./phase.ts";

/** Finds the place of a request among turns: that of the same engine in the same block. */
export class PlacesByRequest {
  /** By engine, block and id: an id is a place in its workload, so that a list will do. */
  private readonly engines = new Map<string, Map<number, (number | undefined)[]>>();

  constructor(turns: Turns) {
    for (let place = 0; place < turns.length; place++) this.add(turns.at(place) as Turn, place); // there are as many
  }

  of({ engine, block }: Turn, request: number): number | undefined {
    return this.engines.get(engine)?.get(block)?.[request];
  }

  private add({ engine, block, request }: Turn, place: number): void {
    const blocks = this.engines.get(engine) ?? new Map<number, (number | undefined)[]>();
    const places = blocks.get(block) ?? [];
    places[request.id] = place;
    this.engines.set(engine, blocks.set(block, places));
  }
}
