import { countWithin } from '../../consensus/log/entry-bytes.ts';
import { minIndex, plus, type Entry, type LogIndex, type PeerId, type Snapshot } from '../../consensus/types.ts';
import type { LogStore, StateStore } from '../ports.ts';
import { lacksState } from './recovery.ts';
import type { ChainPoint, RepairAnswer, RepairRefusal, RepairRequest } from './repair-frames.ts';

export interface RepairServerEnv {
  readonly log: LogStore;
  readonly state: StateStore;
  readonly bytesMax: number;
  readonly isInstalling: () => boolean;
  /** Opens the state for a peer; undefined when too many are open. */
  readonly offer: (peer: PeerId) => Snapshot | undefined;
}

/**
 * What a node can do for one that is damaged, whoever leads and however damaged it is itself: entries that it holds are
 * what they are, and its state contains nothing that is not committed.
 */
export function answerRepair(env: RepairServerEnv, peer: PeerId, request: RepairRequest): RepairAnswer {
  if (request.kind === 'entries') return entriesAfter(env, request.after, request.goal);
  const { log, state } = env;
  const refused = (refusal: 'behind' | 'busy'): RepairAnswer => ({ kind: 'refused', what: 'state', refusal });
  if (env.isInstalling() || lacksState(log, state) || state.appliedIndex < request.least) return refused('behind');
  const snapshot = env.offer(peer);
  return snapshot === undefined ? refused('busy') : { kind: 'state', snapshot };
}

function entriesAfter({ log, bytesMax }: RepairServerEnv, after: ChainPoint, goal: ChainPoint): RepairAnswer {
  const refusal = whyNotInLog(log, after, goal);
  const entries = refusal === undefined ? inLog(log, after, { goal, bytesMax }) : amongSaved(log, after, goal);
  if (entries.length === 0) return { kind: 'refused', what: 'entries', refusal: refusal ?? 'lacking' };
  return { kind: 'entries', after, entries: entries.slice(0, countWithin(entries, 0, entries.length, bytesMax)) };
}

function whyNotInLog(log: LogStore, after: ChainPoint, goal: ChainPoint): RepairRefusal | undefined {
  if (after.index < log.firstIndex() - 1) return 'compacted';
  if (after.index >= log.lastIndex()) return 'lacking';
  if (!hasPoint(log, after)) return 'different';
  return goal.index <= log.lastIndex() && !hasPoint(log, goal) ? 'different' : undefined;
}

function inLog(
  log: LogStore,
  after: ChainPoint,
  { goal, bytesMax }: { readonly goal: ChainPoint; readonly bytesMax: number },
): readonly Entry[] {
  const end = plus(minIndex(goal.index, log.lastIndex()), 1);
  const entries = log.entries(plus(after.index, 1), end, bytesMax);
  return Array.isArray(entries) ? entries : [];
}

/** What a node saved of its own damaged log may be just what the other one lacks. */
const amongSaved = ({ lost }: LogStore, after: ChainPoint, goal: ChainPoint): readonly Entry[] =>
  (lost?.following(after.hash) ?? []).filter(({ index }) => index > after.index && index <= goal.index);

export function hasPoint(log: LogStore, { index, hash }: ChainPoint): boolean {
  return isRetained(log, index) && Buffer.from(log.chainHash(index)).equals(hash);
}

function isRetained(log: LogStore, index: LogIndex): boolean {
  return index >= log.firstIndex() - 1 && index <= log.lastIndex();
}
