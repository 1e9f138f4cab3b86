/** The test that `tandem run --attach` runs: no file of anybody's has it. */
export const attachedTest = "attach";
