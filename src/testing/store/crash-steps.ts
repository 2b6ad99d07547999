import { hash } from 'node:crypto';
import { EntryType, type Entry, type HardState, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';

/** One thing that is done to a store. What follows from it is the same in every process that has the seed. */
export type CrashStep =
  | { readonly kind: 'append'; readonly hardState: HardState; readonly entries: readonly Entry[] }
  /** Compact the log, after making the state durable. */
  | { readonly kind: 'compact'; readonly index: LogIndex }
  /** Install a snapshot of the state after the last of these, which follow the committed ones. */
  | { readonly kind: 'install'; readonly entries: readonly Entry[] };

/** What the log must hold after some steps. */
export interface LogModel {
  readonly term: Term;
  readonly vote: PeerId;
  readonly entries: readonly Entry[];
}

export const EMPTY_MODEL: LogModel = { term: 0 as Term, vote: 0 as PeerId, entries: [] };

/** Numbers from a seed, each below its bound (mulberry32). */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/**
 * Steps that a Raft log may see: appends of all sizes, votes, suffixes that a new leader replaces, compactions,
 * snapshots. Entries up to the commit index are applied, never replaced.
 */
export function* crashSteps(seed: number, count: number): Generator<CrashStep> {
  const random = randomFrom(seed);
  let model = EMPTY_MODEL;
  let commit = 0;
  let base = 0;
  for (let made = 0; made < count; made += 1) {
    const last = model.entries.length;
    const die = random(100);
    if (die < 8 && commit > base + 5) {
      base = commit - random(5);
      yield { kind: 'compact', index: base as LogIndex };
      continue;
    }
    if (die < 12 && model.term > 0) {
      const count = 1 + random(12);
      const entries = Array.from({ length: count }, (_, at) => entryOf(commit + 1 + at, model.term, random(100)));
      const step: CrashStep = { kind: 'install', entries };
      model = afterStep(model, step);
      commit += count;
      base = commit;
      yield step;
      continue;
    }
    const newTerm = die < 24;
    const term = model.term + (newTerm || model.term === 0 ? 1 : 0);
    const vote = newTerm || model.term === 0 ? random(4) : model.vote;
    // A leader of a new term may replace what was not committed.
    const from = newTerm && random(2) === 0 ? commit + 1 + random(last - commit + 1) : last + 1;
    const entries: Entry[] = [];
    for (let added = newTerm ? random(2) : 1 + random(4); added > 0; added -= 1) {
      entries.push(entryOf(from + entries.length, term, random(20) === 0 ? 5000 + random(30_000) : random(400)));
    }
    const hardState = { term, vote, commit } as HardState;
    const step: CrashStep = { kind: 'append', hardState, entries };
    model = afterStep(model, step);
    commit += random(model.entries.length - commit + 1);
    yield step;
  }
}

function entryOf(index: number, term: number, bytes: number): Entry {
  const data = Buffer.alloc(bytes, hash('sha256', `${index} ${term}`, 'hex'));
  return { index: index as LogIndex, term: term as Term, type: EntryType.normal, data };
}

export function afterStep(model: LogModel, step: CrashStep): LogModel {
  if (step.kind === 'compact') return model;
  const [first] = step.entries;
  const kept = first === undefined ? model.entries : model.entries.slice(0, first.index - 1);
  const { term, vote } = step.kind === 'append' ? step.hardState : model;
  return { term, vote, entries: [...kept, ...step.entries] };
}

/** The rows that applying entries, from the first one on, leaves. */
export function rowsOf(entries: readonly Entry[]): Map<string, string> {
  return new Map(entries.map(rowOf));
}

/** The row that applying an entry writes. */
export const rowOf = ({ index, term }: Entry): readonly [string, string] => [`row/${index % 50}`, `${index} ${term}`];
