import { figuresOf, type TestFigures } from "../measure/testFigures.ts";
import type { TestResult } from "../model/result.ts";
import { conditions } from "./conditions.ts";
import type { Block, ReportDocument } from "./document.ts";
import { experimentPage } from "./experimentPage.ts";
import { firstPage } from "./firstPage.ts";
import { method } from "./method.ts";
import { simulatedPhrase } from "./sentences.ts";
import { isVirtual } from "./virtual.ts";

/** What a report says of a test: the answer, then each experiment, then how it was measured and under which conditions. */
export function story(result: TestResult, figures: TestFigures = figuresOf(result)): ReportDocument {
  const { description, manifest } = result;
  const pages = figures.experiments.flatMap((experiment, index): readonly Block[] => {
    const measured = result.experiments[index];
    return measured === undefined ? [] : [{ kind: "pageBreak" }, ...experimentPage(measured, experiment, result)];
  });
  return {
    title: description.test,
    subtitle: subtitleOf(result),
    footer: footerOf(result),
    ...(isVirtual(description) || !/^\d{4}-\d\d-\d\dT/.test(manifest.startedAt) ? {} : { created: manifest.startedAt }),
    blocks: [...firstPage(result, figures), ...pages, { kind: "pageBreak" }, ...method(result), ...conditions(result)],
  };
}

function subtitleOf({ description }: TestResult): string {
  const { summary, engines, baseline } = description;
  if (summary !== undefined) return summary;
  const names = engines.map(({ name }) => name);
  const others = names.filter((name) => name !== baseline);
  return baseline === undefined || others.length === 0 ? names.join(", ") : `${others.join(", ")} against ${baseline}`;
}

function footerOf({ description, manifest }: TestResult): string {
  const simulated = simulatedPhrase(description);
  // A CSV does not tell when its run was, nor by which version.
  const made =
    isVirtual(description) || manifest.startedAt === "unknown"
      ? "Tandem"
      : `Tandem ${manifest.tandem}, run of ${manifest.startedAt.replace("T", " ").replace(/(:\d\d)\.\d+Z$/, "$1 UTC")}`;
  return [description.test, ...(simulated === undefined ? [] : [simulated]), made].join(" · ");
}
