/** Lines of words, none longer than `room`, or the first than `roomOfFirst`, but for a word that is longer by itself. */
export function wrapped(words: readonly string[], room: number, roomOfFirst = room): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= (lines.length === 1 ? roomOfFirst : room))
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A message as a terminal of so many columns shows it: what goes on lies two columns further in than what it goes on from. */
export function wrappedMessage(text: string, columns: number): string {
  return text
    .split("\n")
    .flatMap((line) => (isQuoted.test(line) ? [line] : wrappedLine(line, columns)))
    .join("\n");
}

/** What an engine has printed, a stack, the commands of a setup: a terminal breaks them itself, and they are copied whole. */
const isQuoted = /^ *(?:\| |at .*:\d+:\d+\)?$|command: )|^ {5}/;
/** So is what is to be typed, to the end of its line. */
const typed = /(?<=: )(?:tandem|ulimit|sudo|apt-get|pip) .*$/;

function wrappedLine(line: string, columns: number): readonly string[] {
  if (line.length <= columns) return [line];
  const text = line.trimStart();
  const indent = " ".repeat(line.length - text.length);
  const command = typed.exec(text)?.[0];
  const words = command === undefined ? text.split(" ") : [...text.slice(0, -command.length).trimEnd().split(" "), command];
  const room = columns - indent.length;
  return wrapped(words, room - further.length, room).map((one, index) => `${indent}${index === 0 ? "" : further}${one}`);
}

const further = "  ";
