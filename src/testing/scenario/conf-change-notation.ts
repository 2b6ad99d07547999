import { ConfChangeKind, type ConfChangeStep } from '../../consensus/types.ts';
import { parsePeer, ScenarioUsageError } from './stanza-args.ts';

const KINDS: ReadonlyMap<string, ConfChangeKind> = new Map([
  ['v', ConfChangeKind.addVoter],
  ['l', ConfChangeKind.addLearner],
  ['r', ConfChangeKind.remove],
  ['u', ConfChangeKind.update],
]);

/** Reads `v1 l2 r3 u4`: make 1 a voter, make 2 a learner, remove 3, update 4. */
export const parseConfChangeSteps = (text: string): ConfChangeStep[] =>
  text
    .trim()
    .split(' ')
    .filter((token) => token !== '')
    .map((token) => {
      if (token.length < 2) throw new ScenarioUsageError(`unknown token ${token}`);
      const kind = KINDS.get(token[0]!);
      if (kind === undefined) throw new ScenarioUsageError(`unknown input: ${token}`);
      return { kind, peer: parsePeer(token.slice(1)) };
    });
