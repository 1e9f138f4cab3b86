/** What the simulated engine leaves out, as features of the engine that it stands for. */
export function notSimulated(...left: readonly (string | false | undefined)[]): readonly string[] {
  return left.filter((one) => one !== undefined && one !== false).map((one) => `not simulated: ${one}`);
}
