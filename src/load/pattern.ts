/** Bytes that are compared again and again with what comes in, four at a time: a call of Buffer.compare takes longer than the comparison. */
export class Pattern {
  readonly length: number;
  private readonly words: Int32Array;
  /** The last one to three bytes. */
  private readonly rest: Uint8Array;

  constructor(...pieces: readonly Uint8Array[]) {
    const bytes = Buffer.concat(pieces);
    this.length = bytes.length;
    this.words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => bytes.readInt32LE(4 * index));
    this.rest = Uint8Array.from(bytes.subarray(4 * this.words.length));
  }

  /** Whether it stands in `bytes` at `start`, before `end`. */
  isAt(bytes: Buffer, start: number, end: number): boolean {
    const { words, rest } = this;
    if (start + this.length > end) return false;
    const view = viewOf(bytes);
    let at = start;
    for (let index = 0; index < words.length; index++, at += 4) if (view.getInt32(at, true) !== words[index]) return false;
    for (let index = 0; index < rest.length; index++, at++) if (view.getUint8(at) !== rest[index]) return false;
    return true;
  }
}

let viewed: Buffer = Buffer.alloc(0);
let view: DataView = new DataView(viewed.buffer);

/** Nearly everything lies in the one buffer that all connections read into. */
function viewOf(bytes: Buffer): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return view;
}
