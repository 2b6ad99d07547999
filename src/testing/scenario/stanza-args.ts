import { term, type PeerId } from '../../consensus/types.ts';
import type { Stanza } from './datadriven.ts';

/** A command was used wrongly: the scenario is at fault, not the core. */
export class ScenarioUsageError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'ScenarioUsageError';
  }
}

/** What an operation of the scenario was answered with; part of its output. */
export class ScenarioError extends Error {}

/** A non-negative integer. */
export const parseNumber = (text: string): number => {
  if (!/^\d+$/u.test(text)) throw new ScenarioUsageError(`${JSON.stringify(text)} is not a number`);
  return term(Number(text));
};

export const parsePeer = (text: string): PeerId => parseNumber(text) as PeerId;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

export const parseBoolean = (text: string): boolean => {
  const value = BOOLEANS.get(text);
  if (value === undefined) throw new ScenarioUsageError(`${JSON.stringify(text)} is not true or false`);
  return value;
};

/** A number whose absence the scenario may expect: what is printed then is the notation of these files. */
export const parsePrintedNumber = (text: string): number => {
  if (!/^\d+$/u.test(text))
    throw new ScenarioError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  return term(Number(text));
};

/** The same for `true` and `false`. */
export const parsePrintedBoolean = (text: string): boolean => {
  const value = BOOLEANS.get(text);
  if (value === undefined)
    throw new ScenarioError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
};

/** The arguments without `=`. */
export const plainArgs = (stanza: Stanza): string[] =>
  stanza.args.filter(({ values }) => values.length === 0).map(({ key }) => key);

/** The peers named by the arguments without `=`. */
export const peerArgs = (stanza: Stanza): PeerId[] => plainArgs(stanza).map(parsePeer);

export const firstPeerArg = (stanza: Stanza): PeerId => {
  const first = stanza.args[0];
  if (first === undefined) throw new ScenarioUsageError(`${stanza.command} needs a peer`);
  return parsePeer(first.key);
};

/** The only value of `key=value`. */
export const requiredArg = (stanza: Stanza, key: string): string => {
  const value = stanza.args.find((arg) => arg.key === key)?.values[0];
  if (value === undefined) throw new ScenarioUsageError(`${stanza.command} needs ${key}=…`);
  return value;
};
