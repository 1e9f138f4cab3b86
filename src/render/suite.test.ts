import { describeReport } from "../reports/describeReport.ts";
import { fixtureRuns } from "../reports/fixtureRuns.ts";
import { reports } from "./reports.ts";

for (const report of reports) describeReport(() => report, fixtureRuns);
