import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Full TTF files: subsets by script lack signs that reports use. */
export const fontFiles = {
  normal: fontFile("400Regular"),
  bold: fontFile("600SemiBold"),
  italics: fontFile("400Regular_Italic"),
  bolditalics: fontFile("600SemiBold_Italic"),
} as const;

/** The scripts a page draws its charts with, in the order in which they need each other. */
export async function chartScripts(): Promise<readonly string[]> {
  // The packages export no path to these files, but each has its own next to the module it does export.
  const files = [minified("vega", "vega.min.js"), minified("vega-lite", "vega-lite.min.js"), minified("vega-embed", "vega-embed.min.js")];
  return Promise.all(files.map((file) => readFile(file, "utf8")));
}

/** The look of a page and what it does when read. */
export async function pageFiles(): Promise<{ readonly style: string; readonly script: string }> {
  const [style, script] = await Promise.all([
    readFile(new URL("./page.css", import.meta.url), "utf8"),
    readFile(new URL("./page.js", import.meta.url), "utf8"),
  ]);
  return { style, script };
}

function minified(name: string, file: string): URL {
  return new URL(file, import.meta.resolve(name));
}

function fontFile(style: string): string {
  const font = `@expo-google-fonts/ibm-plex-sans/${style}/IBMPlexSans_${style}.ttf`;
  return fileURLToPath(import.meta.resolve(font));
}
