import { parseDirective, ScenarioSyntaxError, type Argument } from './directive.ts';

/**
 * Parser of scenario files. A file is a sequence of stanzas:
 *
 *     # comment
 *     command arg key=value key=(a, b, c)
 *     optional input
 *     ----
 *     expected output, up to a blank line
 *
 * Output that itself has blank lines stands between two doubled separators (`----` twice before,
 * `----` twice after). A command line that ends in `\` continues on the next line.
 */
export interface Stanza {
  /** Line of the command, counted from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

const SEPARATOR = '----';

/** Reads all stanzas. Throws `ScenarioSyntaxError`. */
export const parseScenario = (text: string): Stanza[] => {
  const lines = new LineReader(text);
  const stanzas: Stanza[] = [];
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    const directive = line.trim();
    if (directive === '' || directive.startsWith('#')) continue;
    stanzas.push(readStanza(lines, directive));
  }
  return stanzas;
};

class LineReader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split('\n').map((line) => line.replace(/\r$/u, ''));
    if (this.#lines.at(-1) === '') this.#lines = this.#lines.slice(0, -1);
  }

  /** Number of the line that was read last. */
  get number(): number {
    return this.#at;
  }

  next(): string | undefined {
    const line = this.#lines[this.#at];
    if (line !== undefined) this.#at += 1;
    return line;
  }
}

const readStanza = (lines: LineReader, firstLine: string): Stanza => {
  const line = lines.number;
  let directive = firstLine;
  while (directive.endsWith('\\')) {
    directive = `${directive.slice(0, -1)} ${(lines.next() ?? '').trim()}`.trim();
  }
  const { command, args } = parseDirective(directive, line);
  // Subtests only name what follows.
  if (command === 'subtest') return { line, command, args, input: '', expected: '' };
  const input = readInput(lines, line);
  return { line, command, args, input, expected: readExpected(lines) };
};

const readInput = (lines: LineReader, commandLine: number): string => {
  const input: string[] = [];
  for (let line = lines.next(); line !== SEPARATOR; line = lines.next()) {
    if (line === undefined) throw new ScenarioSyntaxError(commandLine, `no ${SEPARATOR} after the command`);
    input.push(line);
  }
  return input.join('\n').trim();
};

const readExpected = (lines: LineReader): string => {
  const first = lines.next();
  if (first === SEPARATOR) return readUntilDoubleSeparator(lines);
  const output: string[] = [];
  for (let line = first; line !== undefined && line.trim() !== ''; line = lines.next()) output.push(line);
  return joinLines(output);
};

const readUntilDoubleSeparator = (lines: LineReader): string => {
  const begin = lines.number;
  const output: string[] = [];
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    if (line === SEPARATOR) {
      const second = lines.next();
      if (second === SEPARATOR) {
        const after = lines.next();
        if (after === undefined || after === '') return joinLines(output);
        throw new ScenarioSyntaxError(lines.number, `a blank line has to follow the closing ${SEPARATOR}`);
      }
      output.push(line);
      if (second === undefined) break;
      output.push(second);
      continue;
    }
    output.push(line);
  }
  throw new ScenarioSyntaxError(begin, `the doubled ${SEPARATOR} is never closed`);
};

const joinLines = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`);
