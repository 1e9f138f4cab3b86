import type { TopLevelSpec } from "vega-lite";

// What vega's types leave out.
declare module "vega" {
  export const textMetrics: {
    width: (item: { readonly text?: string | number; readonly fontSize?: number }, text?: string | number) => number;
  };
}

/** Draws a chart without a browser. The same chart gives the same text, and is drawn once however often it is asked for. */
export async function svg(spec: TopLevelSpec): Promise<string> {
  const known = drawn.get(spec) ?? draw(spec);
  drawn.set(spec, known);
  return known;
}

const drawn = new WeakMap<TopLevelSpec, Promise<string>>();

async function draw(spec: TopLevelSpec): Promise<string> {
  // Loaded when first needed: a run that draws nothing should not wait for it.
  const [{ compile }, { parse, View, textMetrics }] = await Promise.all([import("vega-lite"), import("vega")]);
  // Without a canvas vega takes every letter for 0.8 em wide, which leaves large holes beside labels.
  textMetrics.width = (item, text) => widthOf(`${text ?? item.text ?? ""}`, item.fontSize ?? 11);
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

// IBM Plex Sans, rounded up: in em by kind of letter.
function widthOf(text: string, fontSize: number): number {
  return (
    Array.from(text).reduce(
      (sum, letter) => sum + (/[ .,:;|!'()[\]ijlrt/]/.test(letter) ? 0.36 : /[A-Zmw%@]/.test(letter) ? 0.76 : 0.6),
      0,
    ) * fontSize
  );
}
