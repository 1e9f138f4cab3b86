/** As `process` has them. */
export interface Streams {
  readonly stderr: Written;
  readonly stdout: Written;
}

type Written = Pick<NodeJS.WriteStream, "isTTY" | "write">;

/** Lines at the end of a terminal that are drawn anew; what anybody else writes to it meanwhile is put above them. */
export class LiveLines implements Disposable {
  private readonly write: (text: string) => void;
  private readonly release: readonly (() => void)[];
  private drawn = 0;
  private isMidLine = false;

  constructor({ stderr, stdout }: Streams = process) {
    const write = stderr.write.bind(stderr);
    this.write = (text) => void write(text);
    this.release = [stderr, stdout].filter(({ isTTY }) => isTTY).map((stream) => this.watch(stream));
    process.prependListener("warning", this.makeRoom);
  }

  show(lines: readonly string[]): void {
    this.clear();
    if (lines.length === 0) return;
    this.write(`${this.isMidLine ? "\n" : ""}${lines.join("\n")}\n`);
    this.isMidLine = false;
    this.drawn = lines.length;
  }

  [Symbol.dispose](): void {
    this.clear();
    process.removeListener("warning", this.makeRoom);
    for (const release of this.release) release();
  }

  private clear(): void {
    if (this.drawn > 0) this.write(`\x1b[${this.drawn}A\x1b[J`);
    this.drawn = 0;
  }

  /** For a warning of Node's, which is printed past the streams, and is whole lines. */
  private readonly makeRoom = (): void => {
    this.clear();
    this.isMidLine = false;
  };

  /** Clears before each write; returns how to leave off. */
  private watch(stream: Written): () => void {
    const { write } = stream;
    const watched = (...written: Parameters<typeof write>): boolean => {
      const [text] = written;
      if (text.length > 0) {
        this.clear();
        this.isMidLine = text.at(-1) !== "\n" && text.at(-1) !== newline;
      }
      return write.apply(stream, written);
    };
    stream.write = watched as typeof write; // it hands on whatever it is given
    return () => {
      // Who has put something else there meanwhile still calls this one.
      if (stream.write === watched) stream.write = write;
    };
  }
}

const newline = 10;
