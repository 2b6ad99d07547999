import {
  ConfChangeKind,
  EMPTY_CONF_STATE,
  type ConfChangeStep,
  type ConfState,
  type LogIndex,
  type PeerId,
} from '../types.ts';
import type { ProgressLimits } from '../progress/progress.ts';
import { Changer, type Membership } from './changer.ts';

const each = (ids: readonly PeerId[], kind: ConfChangeKind): ConfChangeStep[] => ids.map((peer) => ({ kind, peer }));

/**
 * Rebuilds a membership from a snapshot's `confState` with the very steps that could have led to
 * it, so that a configuration that no change could produce is refused here too
 * (`ConsensusError` `invalid-conf-change`).
 */
export const restoreMembership = (confState: ConfState, lastIndex: LogIndex, limits: ProgressLimits): Membership => {
  let membership: Membership = { confState: EMPTY_CONF_STATE, progress: new Map() };
  const changer = (): Changer => new Changer({ current: membership, lastIndex, limits });

  const incoming = [
    ...each(confState.voters, ConfChangeKind.addVoter),
    ...each(confState.learners, ConfChangeKind.addLearner),
    ...each(confState.learnersNext, ConfChangeKind.addLearner),
  ];
  if (confState.votersOutgoing.length === 0) {
    for (const step of incoming) membership = changer().simple([step]);
    return membership;
  }
  for (const step of each(confState.votersOutgoing, ConfChangeKind.addVoter)) {
    membership = changer().simple([step]);
  }
  return changer().enterJoint(confState.autoLeave, [
    ...each(confState.votersOutgoing, ConfChangeKind.remove),
    ...incoming,
  ]);
};
