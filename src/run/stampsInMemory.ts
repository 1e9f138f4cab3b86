import type { Stamped } from "../measure/rulerError.ts";
import type { Recorder, StampKind } from "../model/recorder.ts";

/**
 * Keeps stamps in memory: of a calibration, what is computed of them is written down, they are not. In columns, of which the collector of garbage sees nothing
 * to go through: as objects they were most of what it had to, in pauses of 3 to 10 ms.
 */
export class StampsInMemory implements Recorder {
  private readonly requests = new Column();
  private readonly dues = new Column();
  private readonly sents = new Column();
  private readonly tokenExchanges = new Column();
  private readonly tokenTimes = new Column();

  /** By exchange. */
  get stamped(): readonly Stamped[] {
    const tokens: number[][] = Array.from({ length: this.requests.length }, () => []);
    for (let index = 0; index < this.tokenTimes.length; index++) tokens[this.tokenExchanges.at(index)]?.push(this.tokenTimes.at(index));
    return tokens.map((of, exchange) => ({
      id: String(this.requests.at(exchange)),
      due: this.dues.at(exchange),
      sent: this.sents.at(exchange),
      tokens: of,
    }));
  }

  due({ request, start, due }: Parameters<Recorder["due"]>[0]): number {
    this.dues.push(start + due);
    this.sents.push(start + due);
    return this.requests.push(request);
  }

  stamp(exchange: number, kind: StampKind, at: number): void {
    if (kind === "sent") this.sents.set(exchange, at);
    else if (kind === "text") this.token(exchange, at);
  }

  texts(exchange: number, at: number, events: number): void {
    for (let event = 0; event < events; event++) this.token(exchange, at);
  }

  ended(): void {}

  reading(): void {}

  private token(exchange: number, at: number): void {
    this.tokenExchanges.push(exchange);
    this.tokenTimes.push(at);
  }
}

const firstRoom = 4_096;

/** Numbers that become more. */
class Column {
  length: number;
  private values: Float64Array;

  constructor() {
    this.length = 0;
    this.values = new Float64Array(firstRoom);
  }

  /** Returns where it is. */
  push(value: number): number {
    if (this.length === this.values.length) this.grow();
    this.values[this.length] = value;
    return this.length++;
  }

  set(index: number, value: number): void {
    this.values[index] = value;
  }

  at(index: number): number {
    return this.values[index] ?? Number.NaN;
  }

  private grow(): void {
    const larger = new Float64Array(this.values.length * 2);
    larger.set(this.values);
    this.values = larger;
  }
}
