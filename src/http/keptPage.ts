import type { Socket } from "node:net";

import { grouped } from "../model/grouped.ts";
import type { Seconds } from "../model/time.ts";
import { addressOf } from "./addressOf.ts";
import { BodyReader, type PieceTaker } from "./bodyReader.ts";
import { dial } from "./dial.ts";
import { GrowingBytes } from "./growingBytes.ts";
import { HeadReader, type Head } from "./head.ts";

export interface PageOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly acceptAnyCertificate?: boolean;
  /** Sent as JSON by POST; without it, it is a GET. */
  readonly content?: string;
}

export interface Answer extends Pick<Head, "status" | "location" | "date"> {
  /** Valid until the page is read again. */
  readonly body: Buffer;
}

/**
 * A page that is read again and again on one connection that stays open in between. What runs once a second never becomes warm: by
 * node:http each reading costs several times as much CPU. Keeps no process alive.
 */
export class KeptPage implements Disposable {
  readonly #server: URL;
  readonly #options: PageOptions;
  readonly #question: Buffer;
  #idle: PageConnection | undefined;

  constructor(url: string, options: PageOptions = {}) {
    this.#server = new URL(url);
    this.#options = options;
    const { host, pathname, search } = this.#server;
    const { content } = options;
    const ofContent = content === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(content) };
    const all = { host, ...options.headers, ...ofContent };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `${content === undefined ? "GET" : "POST"} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`;
    this.#question = Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(content ?? "")]);
  }

  /** Rejects where no whole answer came in time (TimeoutError), or the signal says so (its reason). */
  async read(within: Seconds, signal: AbortSignal): Promise<Answer> {
    const kept = this.#idle;
    this.#idle = undefined;
    if (kept === undefined || kept.isOver) return this.#ask(new PageConnection(this.#server, this.#options), within, signal);
    try {
      return await this.#ask(kept, within, signal);
    } catch (error) {
      // Closed by the server as the question was on its way: it says nothing of how it is.
      if (!kept.wasClosed) throw error;
      return this.#ask(new PageConnection(this.#server, this.#options), within, signal);
    }
  }

  [Symbol.dispose](): void {
    this.#idle?.end();
    this.#idle = undefined;
  }

  async #ask(connection: PageConnection, within: Seconds, signal: AbortSignal): Promise<Answer> {
    const stop = () => connection.end(signal.reason);
    const late = setTimeout(() => connection.end(new DOMException("no answer in time", "TimeoutError")), within * 1_000);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    try {
      const answer = await connection.ask(this.#question);
      this.#idle?.end();
      this.#idle = connection.isOver ? undefined : connection;
      return answer;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", stop);
    }
  }
}

/** A list of models is some kilobytes, a page of metrics a few hundred; a server that goes on without end is not one of ours. */
const longestAnswer = 16_000_000;

const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** One connection, and one question at a time on it. */
class PageConnection implements PieceTaker {
  isOver = false;
  /** By the other side, before it had answered anything of the last question. */
  wasClosed = false;
  readonly #socket: Socket;
  readonly #body = new GrowingBytes();
  #headReader = new HeadReader();
  #head: Head | undefined;
  #bodyReader: BodyReader | undefined;
  #asked: PromiseWithResolvers<Answer> | undefined;
  #cause: unknown;

  constructor(url: URL, { acceptAnyCertificate = false }: PageOptions) {
    const onread = { buffer: readBuffer, callback: (length: number) => this.#received(length) };
    this.#socket = dial({ ...addressOf(url), acceptAnyCertificate }, onread);
    this.#socket.unref();
    this.#socket.on("error", (error) => (this.#cause ??= error));
    this.#socket.once("end", () => this.#closed());
    this.#socket.once("close", () => this.#closed());
  }

  async ask(question: Buffer): Promise<Answer> {
    this.#asked = Promise.withResolvers();
    this.#body.clear();
    this.#headReader = new HeadReader();
    this.#bodyReader = undefined;
    if (this.isOver) this.#asked.reject(this.#cause);
    else this.#socket.write(question);
    return this.#asked.promise;
  }

  end(cause?: unknown): void {
    this.#cause ??= cause;
    this.isOver = true;
    this.#socket.destroy();
    this.#asked?.reject(this.#cause);
  }

  piece(bytes: Buffer, start: number, end: number): void {
    if (this.#body.length + end - start <= longestAnswer) this.#body.append(bytes, start, end);
    else this.end(new Error(`it answers with more than ${grouped(longestAnswer)} bytes`));
  }

  takeChunks(_bytes: Buffer, start: number): number {
    return start;
  }

  #received(length: number): boolean {
    if (this.#asked === undefined) this.end();
    else this.#read(length);
    return true;
  }

  #read(length: number): void {
    let at = 0;
    if (this.#bodyReader === undefined) {
      const reading = this.#headReader.read(readBuffer, length);
      if (reading.kind === "bad") this.end(new Error(reading.message));
      if (reading.kind !== "head") return;
      this.#head = reading.head;
      this.#bodyReader = new BodyReader(reading.head.framing, this);
      at = reading.bodyAt;
    }
    this.#bodyReader.read(readBuffer, at, length);
    if (this.isOver) return;
    if (this.#bodyReader.problem !== undefined) this.end(new Error(this.#bodyReader.problem));
    else this.#answerIfComplete();
  }

  #answerIfComplete(): void {
    const [asked, head] = [this.#asked, this.#head];
    if (this.#bodyReader?.isComplete !== true || asked === undefined || head === undefined) return;
    this.#asked = undefined;
    const { status, location, date } = head;
    asked.resolve({ status, location, date, body: this.#body.bytes.subarray(0, this.#body.length) });
    if (!head.keepAlive) this.end();
  }

  #closed(): void {
    if (this.isOver) return;
    this.#bodyReader?.close();
    this.#answerIfComplete();
    this.wasClosed = this.#asked !== undefined && this.#bodyReader === undefined;
    this.end(new Error("it closed the connection"));
  }
}
