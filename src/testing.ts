// The shared suites: what any engine, workload, … must be. They register tests with vitest.
export { describeArrivals, type ArrivalsExpectation } from "./arrivals/describeArrivals.ts";
export { describeEngine } from "./engines/describeEngine.ts";
export { describeLauncher, type LauncherBench } from "./launch/describeLauncher.ts";
export { describeProbe, type ProbeExpectation } from "./probes/describeProbe.ts";
export { describeReport } from "./reports/describeReport.ts";
export { describeWorkload } from "./workloads/describeWorkload.ts";
