import { csv } from "./csv.ts";
import { describeReport } from "./describeReport.ts";
import { fixtureRuns } from "./fixtureRuns.ts";
import { json } from "./json.ts";
import { junit } from "./junit.ts";

describeReport(() => csv, fixtureRuns);
describeReport(() => json, fixtureRuns);
describeReport(() => junit, fixtureRuns);
