import { violation } from '../invariants.ts';
import type { ProgressMap } from '../progress/progress-tracker.ts';
import { allVoters, isJoint, isVoter } from '../quorum/joint.ts';
import type { ConfState } from '../types.ts';

/**
 * What holds of every membership: all members have a progress, nobody is voter and learner at once,
 * staged learners are outgoing voters, and only a joint configuration has anything staged.
 */
export const checkMembership = (confState: ConfState, progress: ProgressMap): void => {
  for (const id of [...allVoters(confState), ...confState.learners, ...confState.learnersNext]) {
    if (!progress.has(id)) throw violation(`member ${id} has no progress`);
  }
  for (const id of confState.learnersNext) {
    if (!confState.votersOutgoing.includes(id)) {
      throw violation(`staged learner ${id} is no outgoing voter`);
    }
    if (progress.get(id)?.isLearner) throw violation(`staged learner ${id} is a learner already`);
  }
  for (const id of confState.learners) {
    if (isVoter(confState, id)) throw violation(`${id} is voter and learner`);
    if (!progress.get(id)?.isLearner) throw violation(`learner ${id} is not tracked as one`);
  }
  if (!isJoint(confState) && (confState.learnersNext.length > 0 || confState.autoLeave)) {
    throw violation('a configuration that is not joint has nothing to leave');
  }
};
