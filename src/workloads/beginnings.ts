/** Tokens in a row, in pieces: what pieces are shared by identity is not compared. Below 0 are marks, which count for nothing. */
export type Pieces = readonly (readonly number[])[];

/** A stretch of a piece; a prompt goes on with one of those that follow it. */
interface Stretch {
  ids: readonly number[];
  from: number;
  to: number;
  /** By their first token. Most have one at most. */
  only: Stretch | undefined;
  more: Map<number, Stretch> | undefined;
}

/** Where prompts begin alike, to the token: a tree of what they have in common. */
export class Beginnings {
  private readonly root: Stretch;

  constructor() {
    this.root = stretch([], 0);
  }

  /** How many tokens of its longest beginning one that was added before has. */
  sharedWith(pieces: Pieces): number {
    return this.walk(pieces, false);
  }

  /** And adds it. */
  add(pieces: Pieces): number {
    return this.walk(pieces, true);
  }

  private walk(pieces: Pieces, isAdded: boolean): number {
    let shared = 0;
    let [here, at] = [this.root, 0];
    for (const [index, ids] of pieces.entries()) {
      for (let i = 0; i < ids.length;) {
        if (at === here.to) {
          const next = following(here, ids[i] as number); // i is below its length
          if (next === undefined) {
            if (isAdded) goOn(here, ids, i, pieces, index);
            return shared;
          }
          [here, at] = [next, next.from];
        }
        const alike = alikeFrom(here, at, ids, i);
        if ((ids[i] as number) >= 0) shared += alike;
        at += alike;
        i += alike;
        if (at < here.to && i < ids.length) {
          if (isAdded) goOn(cut(here, at), ids, i, pieces, index);
          return shared;
        }
      }
    }
    return shared;
  }
}

function stretch(ids: readonly number[], from: number): Stretch {
  return { ids, from, to: ids.length, only: undefined, more: undefined };
}

function following({ only, more }: Stretch, id: number): Stretch | undefined {
  if (more !== undefined) return more.get(id);
  return only !== undefined && only.ids[only.from] === id ? only : undefined;
}

function alikeFrom(here: Stretch, at: number, ids: readonly number[], from: number): number {
  const most = Math.min(here.to - at, ids.length - from);
  if (here.ids === ids && at === from) return most;
  let alike = 0;
  while (alike < most && here.ids[at + alike] === ids[from + alike]) alike++;
  return alike;
}

/** The rest of a prompt, from within one of its pieces on. */
function goOn(from: Stretch, ids: readonly number[], i: number, pieces: Pieces, index: number): void {
  let last = from;
  const append = (next: Stretch) => {
    follow(last, next);
    last = next;
  };
  append(stretch(ids, i));
  for (const piece of pieces.slice(index + 1)) if (piece.length > 0) append(stretch(piece, 0));
}

function follow(before: Stretch, next: Stretch): void {
  const { only } = before;
  if (before.more === undefined && only === undefined) {
    before.only = next;
    return;
  }
  before.more ??= new Map(only === undefined ? [] : [[only.ids[only.from] as number, only]]); // none of them is empty
  before.only = undefined;
  before.more.set(next.ids[next.from] as number, next);
}

/** In two, so that something else can follow its first part: that is what it becomes. */
function cut(whole: Stretch, at: number): Stretch {
  const rest = { ...whole, from: at };
  whole.to = at;
  whole.only = rest;
  whole.more = undefined;
  return whole;
}
