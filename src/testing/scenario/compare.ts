import type { Stanza } from './datadriven.ts';

/**
 * Comparing what a stanza printed with what it should have printed.
 *
 * Scenario files hold much chatter of the implementation they were recorded from. What the peers
 * *did* shows in less: the hard state, leader and role each of them last reported, the membership it
 * last switched to, and what the inspecting commands print. Only that has to be equal, unless the
 * comparison is strict: then everything has to be, but for log lines.
 */
export interface Difference {
  readonly expected: string;
  readonly actual: string;
}

/** Commands whose whole output counts. */
const VERBATIM: ReadonlySet<string> = new Set([
  'raft-state',
  'raft-log',
  'status',
  'compact',
  'committed',
  'vote',
  'simple',
  'enter-joint',
  'leave-joint',
]);

export const compareOutput = (stanza: Stanza, actual: string, strict: boolean): Difference | undefined => {
  const select = VERBATIM.has(stanza.command)
    ? wholeOutput
    : strict
      ? withoutLogLines
      : (text: string) => lastStates(text, stanza);
  return firstDifference(select(stanza.expected), select(actual));
};

const lines = (text: string): string[] => {
  const found = text.split('\n');
  if (found.at(-1) === '') found.pop();
  return found;
};

const wholeOutput = lines;

const LOG_LINE = /^\s*(?:DEBUG|INFO|WARN|ERROR|FATAL) /u;
const SWITCHED = /^\s*INFO ([\da-f]+) switched to configuration (.*)$/u;

const withoutLogLines = (text: string): string[] => {
  const kept = lines(text).filter((line) => SWITCHED.test(line) || !LOG_LINE.test(line));
  return kept.length === 1 && kept[0] === 'ok' ? [] : kept;
};

const HEADLINE = /^\s*> (\d+) /u;
const HARD_STATE = /^\s*HardState (.*)$/u;
const SOFT_STATE = /^\s*(Lead:\d+ State:\w+)$/u;

/** The last of each kind of statement about each node, sorted. */
const lastStates = (text: string, { command, args }: Stanza): string[] => {
  const last = new Map<string, string>();
  let node = command === 'process-ready' ? (args[0]?.key ?? '') : '';
  for (const line of lines(text)) {
    node = HEADLINE.exec(line)?.[1] ?? node;
    const hardState = HARD_STATE.exec(line);
    if (hardState !== null) last.set(`${node} HardState`, hardState[1]!);
    const softState = SOFT_STATE.exec(line);
    if (softState !== null) last.set(`${node} SoftState`, softState[1]!);
    const switched = SWITCHED.exec(line);
    if (switched !== null) last.set(`${switched[1]!} switched to configuration`, switched[2]!);
  }
  return [...last].map(([what, value]) => `${what} ${value}`).toSorted();
};

const NOTHING = '<nothing>';

const firstDifference = (expected: readonly string[], actual: readonly string[]): Difference | undefined => {
  const length = Math.max(expected.length, actual.length);
  for (let at = 0; at < length; at += 1) {
    if (expected[at] !== actual[at]) {
      return { expected: expected[at] ?? NOTHING, actual: actual[at] ?? NOTHING };
    }
  }
  return undefined;
};
