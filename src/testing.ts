// The shared suites: what any engine, workload, … must be. They register tests with vitest.
export { describeArrivals, type ArrivalsExpectation } from "./arrivals/describeArrivals.ts";
export { describeEngine, type EngineExpectation } from "./engines/describeEngine.ts";
export { describeLauncher, type LauncherBench } from "./launch/describeLauncher.ts";
export { describeProbe, type ProbeExpectation } from "./probes/describeProbe.ts";
export { describeReport } from "./reports/describeReport.ts";
export { describeWorkload, type WorkloadExpectation } from "./workloads/describeWorkload.ts";

// What launchers, probes and reports are. No option of a test takes one: each is a line in a registry of the clone.
export type { Clock } from "./model/host.ts";
export type { Probe, Reading, RequestRecord } from "./model/record.ts";
export type { Report } from "./model/report.ts";
export type { TestResult } from "./model/result.ts";
export type { Launcher, LaunchOrder, RunningEngine } from "./model/running.ts";
