import { builtinModules } from "node:module";

import { defineConfig, type OxlintOverride } from "oxlint";

import project from "./package.json" with { type: "json" };

// Which room may open onto which (design: one way, no cycles). A room is a folder of src/.
const rooms: Record<string, readonly string[]> = {
  model: [],
  arrivals: ["model"],
  workloads: ["model", "arrivals"],
  engines: ["model"],
  measure: ["model"],
  host: ["model"],
  http: ["model"],
  launch: ["model", "host", "http"],
  load: ["model", "host", "http"],
  probes: ["model", "host", "http"],
  journal: ["model", "host"],
  simulation: ["model", "host"],
  reports: ["model", "measure"],
  render: ["model", "reports"],
  run: ["model", "arrivals", "workloads", "engines", "measure", "host", "launch", "load", "probes", "journal", "simulation"],
  cli: ["model", "run", "journal", "measure", "reports", "render", "host", "workloads", "arrivals", "engines"],
};

// Rooms that compute and touch nothing of the world. The simulated engine's server and launcher are the exceptions, by name.
const pure = ["model", "arrivals", "workloads", "engines", "measure", "reports", "simulation"];
// All packages but those that compute too, the last two for the shared suites.
const computing = new Set(["pure-rand", "vega-lite", "yaml", "fast-check", "vitest"]);
const worldlyPackages = [
  ...builtinModules,
  ...Object.keys({ ...project.dependencies, ...project.devDependencies }).filter((name) => !computing.has(name)),
];
// standIn.ts makes programs for tests.
const worldly = [
  "src/engines/standIn.ts",
  "src/simulation/serve.ts",
  "src/simulation/groundTruth.ts",
  "src/simulation/httpServer.ts",
  "src/simulation/truthLog.ts",
];

// Modules that tests are made of: what ships imports none of them.
const forTests = [
  "fixture",
  "fixtureRuns",
  "dockerFixture",
  "standIn",
  "endlessWriter",
  "freshDirectory",
  "quietMoment",
  "testServer",
  "truthServer",
  "unusualServer",
].map((name) => `**/${name}.ts`);

const worldRules: NonNullable<OxlintOverride["rules"]> = {
  "no-restricted-globals": [
    "error",
    "process",
    "globalThis",
    "global",
    "Date",
    "performance",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "fetch",
  ],
  "no-restricted-properties": ["error", { object: "Math", property: "random" }, { object: "crypto", property: "randomUUID" }],
  "no-console": "error",
};

function forbiddenInProduct(room: string) {
  return [...forbidden(room), { group: forTests, message: "for tests only (see oxlint.config.ts)" }];
}

function forbidden(room: string) {
  const allowed = [room, ...(rooms[room] ?? [])];
  const others = Object.keys(rooms).filter((other) => !allowed.includes(other));
  const groups = [
    {
      group: others.map((other) => `../${other}/**`),
      message: `${room} may import ${allowed.slice(1).join(", ") || "nobody"} (see oxlint.config.ts)`,
    },
    { group: ["../index.ts", "../testing.ts", "tandem"], message: "rooms import the file that has it" },
  ];
  const message = `${room} is pure: the world comes in as an argument`;
  return pure.includes(room) ? [...groups, { regex: `^(?:node:|(?:${worldlyPackages.join("|")})(?:/|$))`, message }] : groups;
}

export default defineConfig({
  plugins: ["typescript", "import", "unicorn", "oxc", "promise", "vitest"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  rules: {
    "import/no-cycle": "error",
    "no-await-in-loop": "off",
    "no-underscore-dangle": "off",
    "no-shadow": "off",
    "oxc/no-map-spread": "off",
    // A claim is allowed where a comment says why it holds; the rule cannot read comments.
    "typescript/no-unsafe-type-assertion": "off",
    // tsc's noImplicitReturns knows which functions return nothing on purpose.
    "typescript/consistent-return": "off",
    // What a flag's parser returned, what a column holds: named once, where it is looked at.
    "typescript/no-unnecessary-type-parameters": "off",
    "unicorn/prefer-node-protocol": "error",
    "unicorn/consistent-function-scoping": "off",
    // Our messages go to threads, which have no origin.
    "unicorn/require-post-message-target-origin": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "typescript/no-floating-promises": "error",
    "typescript/no-explicit-any": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    eqeqeq: "error",
    "prefer-const": "error",
  },
  overrides: [
    ...Object.keys(rooms).map((room): OxlintOverride => ({
      files: [`src/${room}/**/*.ts`],
      excludeFiles: ["**/*.test.ts", ...forTests],
      rules: { "no-restricted-imports": ["error", { patterns: forbiddenInProduct(room) }] },
    })),
    ...Object.keys(rooms).map((room): OxlintOverride => ({
      files: forTests.map((file) => file.replace("**", `src/${room}`)),
      rules: { "no-restricted-imports": ["error", { patterns: forbidden(room) }] },
    })),
    ...pure.map((room): OxlintOverride => ({ files: [`src/${room}/**/*.ts`], excludeFiles: ["**/*.test.ts"], rules: worldRules })),
    ...worldly.map((file): OxlintOverride => ({
      files: [file],
      rules: { "no-restricted-imports": "off", "no-restricted-globals": "off", "no-console": "off" },
    })),
    { files: ["**/*.test.ts"], rules: { "typescript/no-floating-promises": "off" } },
  ],
  ignorePatterns: ["node_modules", "dist", "outputs"],
});
