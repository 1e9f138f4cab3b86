import type { Ending } from "../model/exchange.ts";
import type { Reading } from "../model/record.ts";
import type { Recorder, StampKind } from "../model/recorder.ts";
import type { Nanoseconds } from "../model/time.ts";

/** A recorder whose errors (a full disk) end the phase instead of a callback of a socket. */
export class GuardedRecorder implements Recorder {
  private readonly recorder: Recorder;
  private readonly fail: (error: unknown) => void;

  constructor(recorder: Recorder, fail: (error: unknown) => void) {
    this.recorder = recorder;
    this.fail = fail;
  }

  due(of: Parameters<Recorder["due"]>[0]): number {
    try {
      return this.recorder.due(of);
    } catch (error) {
      this.fail(error);
      return 0;
    }
  }

  stamp(exchange: number, kind: StampKind, at: Nanoseconds, tokens: number): void {
    try {
      this.recorder.stamp(exchange, kind, at, tokens);
    } catch (error) {
      this.fail(error);
    }
  }

  texts(exchange: number, at: Nanoseconds, events: number): void {
    try {
      this.recorder.texts(exchange, at, events);
    } catch (error) {
      this.fail(error);
    }
  }

  ended(exchange: number, at: Nanoseconds, ending: Ending): void {
    try {
      this.recorder.ended(exchange, at, ending);
    } catch (error) {
      this.fail(error);
    }
  }

  reading(experiment: number, reading: Reading): void {
    try {
      this.recorder.reading(experiment, reading);
    } catch (error) {
      this.fail(error);
    }
  }
}
