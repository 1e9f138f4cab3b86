import type { JournalWriter } from "../journal/write.ts";
import type { EngineDescription, ServiceDescription, TestDescription } from "../model/result.ts";

/** test.json, completed with each engine's exact command line once its slot is known. */
export class Descriptions {
  private description: TestDescription;
  private readonly journal: JournalWriter;

  constructor(description: TestDescription, journal: JournalWriter) {
    this.description = description;
    this.journal = journal;
    journal.describe(description);
  }

  /** Services of a batch, before they start. */
  served(services: readonly ServiceDescription[]): void {
    if (services.length === 0) return;
    this.description = { ...this.description, services: [...(this.description.services ?? []), ...services] };
    this.journal.describe(this.description);
  }

  slotted(engine: EngineDescription): void {
    const engines = this.description.engines.map((before) => (before.name === engine.name ? engine : before));
    this.description = { ...this.description, engines };
    this.journal.describe(this.description);
  }
}
