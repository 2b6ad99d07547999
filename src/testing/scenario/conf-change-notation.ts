import { ConfChangeKind, type ConfChangeStep, type PeerId } from '../../consensus/types.ts';
import { parsePrintedNumber, ScenarioError } from './stanza-args.ts';

const KINDS: ReadonlyMap<string, ConfChangeKind> = new Map([
  ['v', ConfChangeKind.addVoter],
  ['l', ConfChangeKind.addLearner],
  ['r', ConfChangeKind.remove],
  ['u', ConfChangeKind.update],
]);

/**
 * Reads `v1 l2 r3 u4`: make 1 a voter, make 2 a learner, remove 3, update 4; one blank between two. Throws
 * `ScenarioError`, since scenarios may expect to be told what is wrong.
 */
export const parseConfChangeSteps = (text: string): ConfChangeStep[] => {
  const trimmed = text.trim();
  return trimmed === '' ? [] : trimmed.split(' ').map(parseStep);
};

const parseStep = (token: string): ConfChangeStep => {
  if (token.length < 2) throw new ScenarioError(`unknown token ${token}`);
  const kind = KINDS.get(token[0]!);
  if (kind === undefined) throw new ScenarioError(`unknown input: ${token}`);
  return { kind, peer: parsePrintedNumber(token.slice(1)) as PeerId };
};
