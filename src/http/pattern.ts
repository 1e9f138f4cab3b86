/** Bytes that are compared again and again with what comes in, eight at a time: a call of Buffer.compare takes longer than the comparison. */
export class Pattern {
  readonly length: number;
  /** Eight bytes each, read as a number: two of them are equal when their bytes are, since text has no byte that would make NaN or -0. */
  private readonly words: Float64Array;
  /** What is left after the words; all of it, where a byte above 0x7f could make a word that is no number. */
  private readonly rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    const words = isPlain(bytes) ? bytes.length >> 3 : 0;
    this.length = bytes.length;
    this.words = new Float64Array(words);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let index = 0; index < words; index++) this.words[index] = view.getFloat64(8 * index, true);
    this.rest = Uint8Array.prototype.slice.call(bytes, 8 * words);
  }

  /** Whether it stands in `bytes` at `start`, before `end`. */
  isAt(bytes: Buffer, start: number, end: number): boolean {
    const { words, rest } = this;
    if (start + this.length > end) return false;
    const view = viewOf(bytes);
    let at = start;
    for (let index = 0; index < words.length; index++, at += 8) if (view.getFloat64(at, true) !== words[index]) return false;
    for (let index = 0; index < rest.length; index++, at++) if (view.getUint8(at) !== rest[index]) return false;
    return true;
  }
}

/** Text without characters beyond ASCII, and without zeros. */
function isPlain(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0 || byte > 0x7f) return false;
  }
  return true;
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
