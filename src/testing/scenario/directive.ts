/**
 * Parser of the command lines of scenario files: `command word key=value key=(a, b, c)`.
 */
export interface Argument {
  readonly key: string;
  /** Empty for an argument without `=`. */
  readonly values: readonly string[];
}

export interface Directive {
  readonly command: string;
  readonly args: readonly Argument[];
}

/** The file does not follow the grammar; `line` says where. */
export class ScenarioSyntaxError extends Error {
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = 'ScenarioSyntaxError';
  }
}

/** A word ends at a blank, a key at `=` too; what stands in parentheses may contain anything, further ones included. */
const WORD = /^[^\s=]+/u;
const VALUE = /^\S*/u;

/** Reads the command line that stands at `line`. Throws `ScenarioSyntaxError`. */
export const parseDirective = (text: string, line: number): Directive => {
  const refuse = (rest: string): never => {
    throw new ScenarioSyntaxError(line, `cannot read ${JSON.stringify(rest)}`);
  };
  const command = WORD.exec(text)?.[0] ?? refuse(text);
  let rest = text.slice(command.length);
  if (rest.startsWith('=')) throw new ScenarioSyntaxError(line, 'a stanza begins with a command');
  const args: Argument[] = [];
  for (rest = rest.trimStart(); rest !== ''; rest = rest.trimStart()) {
    const key = WORD.exec(rest)?.[0] ?? refuse(rest);
    const value = rest.slice(key.length);
    if (!value.startsWith('=')) {
      args.push({ key, values: [] });
      rest = value;
    } else if (value.startsWith('=(')) {
      const end = closingParenthesis(value, 1) ?? refuse(rest);
      args.push({ key, values: splitList(value.slice(2, end)) });
      rest = value.slice(end + 1);
    } else {
      const single = VALUE.exec(value.slice(1))?.[0] ?? '';
      args.push({ key, values: [single] });
      rest = value.slice(1 + single.length);
    }
  }
  return { command, args };
};

/** Where the parenthesis that opens at `open` is closed. */
const closingParenthesis = (text: string, open: number): number | undefined => {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return undefined;
};

/** Splits at the commas that stand in no further parentheses. */
const splitList = (text: string): string[] => {
  if (text.trim() === '') return [];
  const items = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) items.push('');
    else items[items.length - 1] += character;
  }
  return items.map((item) => item.trim());
};
