import {
  BEYOND_ALL,
  majorityCommittedIndex,
  majorityVoteResult,
  type AckedIndex,
} from '../../consensus/quorum/majority.ts';
import { jointCommittedIndex, jointVoteResult } from '../../consensus/quorum/joint.ts';
import type { VoteResult } from '../../consensus/quorum/vote-result.ts';
import type { LogIndex, PeerId } from '../../consensus/types.ts';
import type { Stanza } from './datadriven.ts';
import { parseNumber, parsePeer, ScenarioUsageError } from './stanza-args.ts';

/**
 * `committed cfg=(1,2,3) cfgj=(3,4) idx=(5,_,7,_)` and `vote cfg=(1,2) votes=(y,_)`. Values belong to
 * the voters in the order in which they appear, each once; `_` is a voter nothing is known of;
 * `cfgj=zero` asks for a joint configuration whose other half is empty.
 *
 * Beside the result, laws that hold for every input are checked; a broken one shows in the output.
 */
interface QuorumCase {
  readonly voters: readonly PeerId[];
  readonly outgoing: readonly PeerId[];
  readonly joint: boolean;
  /** All voters in order of appearance. */
  readonly order: readonly PeerId[];
  readonly inputs: readonly string[];
}

const readCase = ({ args }: Stanza): QuorumCase => {
  const voters: PeerId[] = [];
  const outgoing: PeerId[] = [];
  const inputs: string[] = [];
  let joint = false;
  for (const { key, values } of args) {
    if (key === 'cfg') voters.push(...values.map(parsePeer));
    else if (key === 'cfgj') {
      joint = true;
      if (values[0] !== 'zero') outgoing.push(...values.map(parsePeer));
    } else if (key === 'idx' || key === 'votes') inputs.push(...values);
    else throw new ScenarioUsageError(`unknown argument ${key}`);
  }
  return { voters, outgoing, joint, order: [...new Set([...voters, ...outgoing])], inputs };
};

const byId = (ids: Iterable<PeerId>): PeerId[] => [...new Set(ids)].toSorted((a, b) => a - b);

const mismatch = ({ order, inputs }: QuorumCase, encode: (input: string) => number): string => {
  const voters = byId(order).map((id) => `${id}:{}`);
  return `error: mismatched input (explicit or _) for voters map[${voters.join(' ')}]: [${inputs.map(encode).join(' ')}]`;
};

export const runQuorumCommand = (stanza: Stanza): string => {
  const input = readCase(stanza);
  return stanza.command === 'committed' ? committed(input) : vote(input);
};

const NO_INPUT = '_';

const committed = (input: QuorumCase): string => {
  const { voters, outgoing, order, inputs, joint } = input;
  if (order.length !== inputs.length) {
    return mismatch(input, (text) => (text === NO_INPUT ? 0 : parseNumber(text)));
  }
  const acked = new Map<PeerId, LogIndex>();
  order.forEach((id, at) => {
    if (inputs[at] !== NO_INPUT) acked.set(id, parseNumber(inputs[at]!) as LogIndex);
  });
  const lookup: AckedIndex = (id) => acked.get(id);
  if (joint) {
    const index = jointCommittedIndex({ voters, votersOutgoing: outgoing }, lookup);
    const swapped = jointCommittedIndex({ voters: outgoing, votersOutgoing: voters }, lookup);
    return `${describe(order, acked)}${law(swapped, index, 'via symmetry')}${show(index)}\n`;
  }
  const index = majorityCommittedIndex(voters, lookup);
  const withNone = jointCommittedIndex({ voters, votersOutgoing: [] }, lookup);
  const withItself = jointCommittedIndex({ voters, votersOutgoing: voters }, lookup);
  return (
    describe(voters, acked) +
    law(naiveCommittedIndex(voters, acked), index, 'via alternative computation') +
    law(withNone, index, 'via zero-joint quorum') +
    law(withItself, index, 'via self-joint quorum') +
    overlays(voters, acked, index) +
    `${show(index)}\n`
  );
};

const show = (index: LogIndex): string => (index === BEYOND_ALL ? '∞' : String(index));

const law = (found: LogIndex, index: LogIndex, how: string): string =>
  found === index ? '' : `${show(found)} <-- ${how}\n`;

/** The definition itself: the highest acknowledged index that a majority has reached. */
const naiveCommittedIndex = (voters: readonly PeerId[], acked: ReadonlyMap<PeerId, LogIndex>): LogIndex => {
  if (voters.length === 0) return BEYOND_ALL;
  const reached = (index: number): number => voters.filter((id) => (acked.get(id) ?? 0) >= index).length;
  const candidates = voters
    .map((id) => acked.get(id) ?? (0 as LogIndex))
    .filter((index) => reached(index) * 2 > voters.length);
  return Math.max(0, ...candidates) as LogIndex;
};

/** Lowering what lies below the commit index already must not move it. */
const overlays = (voters: readonly PeerId[], acked: ReadonlyMap<PeerId, LogIndex>, index: LogIndex): string => {
  let broken = '';
  for (const id of voters) {
    const own = acked.get(id) ?? 0;
    if (own === 0 || index <= own) continue;
    for (const lowered of [own - 1, 0]) {
      const changed = majorityCommittedIndex(voters, (voter) =>
        voter === id ? (lowered as LogIndex) : acked.get(voter),
      );
      if (changed !== index) broken += `${show(changed)} <-- overlaying ${id}->${lowered}`;
    }
  }
  return broken;
};

/** A picture of who has acknowledged how much, one line per voter. */
const describe = (ids: readonly PeerId[], acked: ReadonlyMap<PeerId, LogIndex>): string => {
  const voters = byId(ids);
  const size = voters.length;
  if (size === 0) return '<empty majority quorum>';
  const indexOf = (id: PeerId): number => acked.get(id) ?? 0;
  const lines = voters.map((id) => {
    const below = voters.filter((other) => indexOf(other) < indexOf(id)).length;
    const bar = acked.has(id) ? `${'x'.repeat(below)}>${' '.repeat(size - below)}` : `?${' '.repeat(size)}`;
    return `${bar} ${String(indexOf(id)).padStart(5)}    (id=${id.toString(16)})\n`;
  });
  return `${' '.repeat(size)}    idx\n${lines.join('')}`;
};

const VOTES: ReadonlyMap<string, number> = new Map([
  [NO_INPUT, 0],
  ['n', 1],
  ['y', 2],
]);

const RESULTS: Readonly<Record<VoteResult, string>> = {
  pending: 'VotePending',
  lost: 'VoteLost',
  won: 'VoteWon',
};

const vote = (input: QuorumCase): string => {
  const { voters, outgoing, order, inputs, joint } = input;
  const unknown = inputs.find((text) => !VOTES.has(text));
  if (unknown !== undefined) throw new ScenarioUsageError(`unknown vote: ${unknown}`);
  if (order.length !== inputs.length) return mismatch(input, (text) => VOTES.get(text)!);
  const votes = new Map<PeerId, boolean>();
  order.forEach((id, at) => {
    if (inputs[at] !== NO_INPUT) votes.set(id, inputs[at] === 'y');
  });
  if (!joint) return `${RESULTS[majorityVoteResult(voters, votes)]}\n`;
  const result = jointVoteResult({ voters, votersOutgoing: outgoing }, votes);
  const swapped = jointVoteResult({ voters: outgoing, votersOutgoing: voters }, votes);
  const symmetry = swapped === result ? '' : `${RESULTS[swapped]} <-- via symmetry\n`;
  return `${symmetry}${RESULTS[result]}\n`;
};
