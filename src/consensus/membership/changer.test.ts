import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsensusError } from '../errors.ts';
import { majorityOf } from '../quorum/majority.ts';
import {
  ConfChangeKind,
  EMPTY_CONF_STATE,
  type ConfChangeStep,
  type ConfState,
  type LogIndex,
  type PeerId,
} from '../types.ts';
import { Changer, type Membership } from './changer.ts';
import { restoreMembership } from './restore.ts';

const LIMITS = { inflightMessagesMax: 10, inflightBytesMax: Number.POSITIVE_INFINITY };
const LAST = 10 as LogIndex;

const changer = (current: Membership): Changer => new Changer({ current, lastIndex: LAST, limits: LIMITS });

const id = fc.integer({ min: 1, max: 7 }) as unknown as fc.Arbitrary<PeerId>;
const kind = fc.constantFrom(...Object.values(ConfChangeKind));
const stepArbitrary = fc.record({ kind, peer: id });
const voter = (peer: number): ConfChangeStep => ({ kind: ConfChangeKind.addVoter, peer: peer as PeerId });

/** Some non-joint membership with at least one voter. */
const start = fc.array(stepArbitrary, { maxLength: 10 }).map((steps) => {
  let membership = restoreMembership({ ...EMPTY_CONF_STATE, voters: [1 as PeerId] }, LAST, LIMITS);
  for (const step of steps) membership = attempt(() => changer(membership).simple([step])) ?? membership;
  return membership;
});

/** The result, or `undefined` when the change was refused. Invariant violations are not refusals. */
const attempt = (change: () => Membership): Membership | undefined => {
  try {
    return change();
  } catch (error) {
    if (error instanceof ConsensusError && error.code === 'invalid-conf-change') return undefined;
    throw error;
  }
};

type Move =
  | { readonly how: 'simple' | 'joint'; readonly steps: ConfChangeStep[]; readonly autoLeave: boolean }
  | { readonly how: 'leave' };

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    how: fc.constantFrom('simple' as const, 'joint' as const),
    steps: fc.array(stepArbitrary, { minLength: 1, maxLength: 4 }),
    autoLeave: fc.boolean(),
  }),
  fc.record({ how: fc.constant('leave' as const) }),
);

const carryOut = (current: Membership, one: Move): Membership | undefined =>
  attempt(() => {
    if (one.how === 'leave') return changer(current).leaveJoint();
    if (one.how === 'simple') return changer(current).simple(one.steps);
    return changer(current).enterJoint(one.autoLeave, one.steps);
  });

/** All sets of peers that could decide something under `config`. */
const quorums = ({ voters, votersOutgoing }: ConfState): Set<PeerId>[] => {
  const everybody = [...new Set([...voters, ...votersOutgoing])];
  const subsets: PeerId[][] = [[]];
  for (const one of everybody) subsets.push(...subsets.map((set) => [...set, one]));
  const decides = (set: PeerId[], half: readonly PeerId[]): boolean =>
    half.length === 0 || half.filter((one) => set.includes(one)).length >= majorityOf(half.length);
  return subsets.filter((set) => decides(set, voters) && decides(set, votersOutgoing)).map((set) => new Set(set));
};

describe('Changer', () => {
  it('makes the same of many steps at once, jointly, as of one step after the other', () => {
    fc.assert(
      fc.property(start, fc.array(stepArbitrary, { minLength: 1, maxLength: 6 }), (from, steps) => {
        let oneByOne: Membership | undefined = from;
        for (const step of steps) {
          const current: Membership | undefined = oneByOne;
          oneByOne = current && attempt(() => changer(current).simple([step]));
        }
        // A sequence can lack all voters in between, or not at all when it is taken as a whole.
        fc.pre(oneByOne !== undefined);
        const joint = changer(from).enterJoint(false, steps);
        expect(joint.confState.votersOutgoing).toEqual(from.confState.voters);
        expect(changer(joint).leaveJoint().confState).toEqual(oneByOne?.confState);
      }),
    );
  });

  it('never lets two quorums of successive configurations miss each other', () => {
    fc.assert(
      fc.property(start, fc.array(move, { maxLength: 8 }), (from, moves) => {
        let current = from;
        for (const one of moves) {
          const next = carryOut(current, one);
          if (next === undefined) continue;
          const before = quorums(current.confState);
          for (const quorum of quorums(next.confState)) {
            for (const other of before) expect(disjoint(quorum, other)).toBe(false);
          }
          current = next;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('restores every configuration that changes can lead to', () => {
    fc.assert(
      fc.property(start, fc.array(move, { maxLength: 8 }), (from, moves) => {
        let current = from;
        for (const one of moves) current = carryOut(current, one) ?? current;
        const restored = restoreMembership(current.confState, LAST, LIMITS);
        expect(restored.confState).toEqual(current.confState);
        expect(new Set(restored.progress.keys())).toEqual(new Set(current.progress.keys()));
      }),
    );
  });

  it('leaves nothing behind of a change that is refused', () => {
    const from = restoreMembership({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] as PeerId[] }, LAST, LIMITS);
    const demote: ConfChangeStep[] = [1, 2, 3].map((peer) => ({
      kind: ConfChangeKind.addLearner,
      peer: peer as PeerId,
    }));
    expect(() => changer(from).simple(demote)).toThrow('removed all voters');
    expect([...from.progress.values()].some(({ isLearner }) => isLearner)).toBe(false);
  });

  it('refuses what the protocol forbids', () => {
    const three = restoreMembership({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] as PeerId[] }, LAST, LIMITS);
    expect(() => changer(three).simple([voter(4), voter(5)])).toThrow('more than one voter changed');
    expect(() => changer(three).leaveJoint()).toThrow("can't leave a non-joint config");
    const joint = changer(three).enterJoint(true, [voter(4), voter(5)]);
    expect(() => changer(joint).simple([voter(6)])).toThrow("can't apply simple config change in joint config");
    expect(() => changer(joint).enterJoint(true, [voter(6)])).toThrow('already joint');
  });
});

const disjoint = (a: ReadonlySet<PeerId>, b: ReadonlySet<PeerId>): boolean => [...a].every((one) => !b.has(one));
