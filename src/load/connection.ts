import type { Socket } from "node:net";

import { fileOf } from "../host/fileOf.ts";
import { kernelSend } from "../host/native.ts";
import type { ReceiveStamps } from "../host/receiveStamps.ts";
import { readBuffer } from "../http/alikeEvents.ts";
import { dial, type Server } from "../http/dial.ts";
import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { beginsAnswer } from "./beginsAnswer.ts";

const sendNow = kernelSend() ?? (() => 0);

/** How connections are made, and what they stamp with. */
export interface Dialling {
  readonly server: Server;
  readonly clock: Clock;
  readonly stamps: ReceiveStamps;
  /** Called with each answer that comes on a connection whose requests have all been answered. */
  readonly unasked?: () => void;
}

/** Who is told what happens on a connection. */
export interface ConnectionUser {
  /** It can carry bytes; what was sent before has waited in the socket. */
  opened(): void;
  /** `bytes` up to `length` are valid during the call only: every connection reads into the same ones. */
  received(at: Nanoseconds, bytes: Buffer, length: number): void;
  /** Once, last. `cause` is undefined when the server simply closed it. */
  lost(at: Nanoseconds, cause: Error | undefined): void;
}

/** One connection to a server, for one user at a time. */
export class Connection {
  user: ConnectionUser | undefined;
  isOpen = false;
  isLost = false;
  /** How long it took to open: a round trip, with TLS several. */
  tookToOpen: Nanoseconds = 0;
  /** Since when nobody has used it. */
  idleSince: Nanoseconds = 0;
  /** From when on the server may close it. */
  staleFrom: Nanoseconds = 0;
  private readonly socket: Socket;
  /** Where bytes may go to the kernel as they are: of a socket that is open, and plain. */
  private file: number | undefined;
  private readonly clock: Clock;
  private readonly stamps: ReceiveStamps;
  /** No receive stamp is earlier than this: the latest send, or the read before. */
  private earliest: Nanoseconds = 0;
  private cause: Error | undefined;
  /** To be called with an answer that came behind that of its user, in the same read. */
  readonly unasked: () => void;

  /** `closed` is called when its file is free again. */
  constructor({ server, clock, stamps, unasked = () => {} }: Dialling, closed: () => void) {
    this.clock = clock;
    this.stamps = stamps;
    this.unasked = unasked;
    const began = clock.now();
    const onread = { buffer: readBuffer, callback: (length: number) => this.read(length) };
    this.socket = dial(server, onread, () => {
      this.isOpen = true;
      this.tookToOpen = clock.now() - began;
      stamps.watch(this.socket);
      if (!server.isTls) this.file = fileOf(this.socket);
      this.user?.opened();
    });
    this.socket.on("error", (error) => {
      this.cause ??= error;
    });
    this.socket.once("end", () => this.lose());
    this.socket.once("close", () => {
      closed();
      this.lose();
    });
  }

  /** Node has read so many bytes into `readBuffer`: here they get their stamp. */
  private read(length: number): boolean {
    const at = Math.max(this.stamps.last(), this.earliest); // the receive stamp: no statement may stand before it
    this.earliest = at;
    if (this.user === undefined) this.refuse(length);
    else this.user.received(at, readBuffer, length);
    return true;
  }

  private refuse(length: number): void {
    if (beginsAnswer(readBuffer, 0, length)) this.unasked();
    this.destroy();
  }

  /** `at`: when the user says that it was sent. Node's streams, which cost 0.8 µs a request, have what the kernel does not take at once. */
  send(bytes: Buffer, at: Nanoseconds): void {
    this.earliest = at;
    const taken = this.file === undefined || this.socket.destroyed || this.hasUnsent ? 0 : sendNow(this.file, bytes);
    if (taken < bytes.length) this.socket.write(bytes.subarray(taken));
  }

  /** Bytes of the request that the server has not taken yet. */
  get hasUnsent(): boolean {
    return this.socket.writableLength > 0;
  }

  /** Closes it without a word to its user. */
  destroy(): void {
    this.isLost = true;
    this.user = undefined;
    this.socket.destroy();
  }

  private lose(): void {
    const at = this.clock.now();
    const { user } = this;
    this.destroy();
    user?.lost(at, this.cause);
  }
}
