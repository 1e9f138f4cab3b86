/** Every flag that a program's help lists, by all of its names: of lines such as "  --max-model-len N, -mml N   At most …". */
export function listedFlags(help: string): readonly string[] {
  const entries = help.split("\n").flatMap((line) => /^ {0,4}(-.*)$/.exec(line)?.[1] ?? []);
  // What a flag does starts after two spaces, unless a comma stands before them; its values, and the choices of them, are no flags.
  const names = entries.flatMap((entry) =>
    (entry.replaceAll(/, +/g, ", ").split(/ {2,}/)[0] ?? "").replaceAll(/\{[^}]*\}?|\[[^\]]*\]/g, " ").split(/[\s,]+/),
  );
  return [...new Set(names.filter((name) => /^--?[A-Za-z][\w.-]*$/.test(name)))];
}
