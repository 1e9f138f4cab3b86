import type { TopLevelSpec } from "vega-lite";
import type { ChartSize } from "./charts.ts";

/** How a sentence is meant: shown as weight, colour and a mark, so that none of them is needed alone. */
export type Tone = "plain" | "quiet" | "good" | "bad" | "undecided" | "warning" | "alarm";

/** A name and what it stands for: "Model", "mistralai/…". */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
  /** Takes the room that the others leave; without any such column the first one does. */
  readonly wide?: boolean;
}

/** A chart as data: the same value is drawn as SVG for paper and again, with tooltips, in a page. */
export interface Figure {
  readonly kind: "figure";
  readonly title: string;
  /** What the picture shows, for who cannot see it. */
  readonly alt: string;
  readonly spec: TopLevelSpec;
  /** Two halves that follow each other share a row where there is room. */
  readonly size: ChartSize;
  /** What a reader must know to read it: thinned data, crosses for failures. */
  readonly note?: string;
}

export interface Table {
  readonly kind: "table";
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export type Block =
  | { readonly kind: "heading"; readonly level: 2 | 3; readonly text: string }
  | {
      readonly kind: "paragraph";
      readonly tone: Tone;
      readonly text: string;
      /** A word set before the text: a verdict. */ readonly label?: string;
    }
  /** Across the whole width, impossible to overlook. */
  | { readonly kind: "banner"; readonly tone: Tone; readonly text: string }
  /** A few numbers in large type. */
  | { readonly kind: "numbers"; readonly numbers: readonly Fact[] }
  | Table
  | Figure
  | { readonly kind: "facts"; readonly facts: readonly Fact[] }
  | { readonly kind: "list"; readonly items: readonly string[] }
  /** Something typed: wrapped at spaces, never cut. */
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "pageBreak" };

/** What a report says, in order and without a format: PDF, HTML and Markdown are written from the same value. */
export interface ReportDocument {
  readonly title: string;
  readonly subtitle: string;
  /** On every page. */
  readonly footer: string;
  /** ISO time of the run; missing for a run in virtual time, whose bytes must not depend on the day. */
  readonly created?: string;
  readonly blocks: readonly Block[];
}
