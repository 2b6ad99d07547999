import { ConsensusError } from '../errors.ts';
import type { ConfChangeRefusal } from '../events.ts';
import { violation } from '../invariants.ts';
import { Changer } from '../membership/changer.ts';
import { stepsOf } from '../membership/conf-change.ts';
import { decodeConfChange } from '../membership/conf-change-codec.ts';
import { dropped, type ProposeOutcome } from '../propose-outcome.ts';
import { isJoint } from '../quorum/joint.ts';
import type { ProposedEntry, Raft } from '../raft.ts';
import { broadcastAppend } from '../replication.ts';
import { EMPTY_BYTES, EntryType, NO_PEER, plus, type ConfChange } from '../types.ts';

const REPLACEMENT: ProposedEntry = { type: EntryType.normal, data: EMPTY_BYTES };

/** Appends proposals to the leader's log and sends them out (AppendEntries, rules for leaders, Figure 2). */
export const proposeToLeader = (raft: Raft, proposed: readonly ProposedEntry[]): ProposeOutcome => {
  if (proposed.length === 0) throw violation('a proposal without entries');
  if (raft.tracker.get(raft.id) === undefined) return dropped('not-a-member');
  if (raft.transferee !== NO_PEER) return dropped('transfer-in-progress');

  const guardBefore = raft.pendingConfIndex;
  const admitted = admit(raft, proposed);
  if (admitted === 'malformed' || !raft.appendOwn(admitted.entries)) {
    raft.pendingConfIndex = guardBefore;
    return dropped(admitted === 'malformed' ? 'malformed-conf-change' : 'uncommitted-bytes-full');
  }
  broadcastAppend(raft);
  const place = { index: raft.log.lastIndex(), term: raft.term };
  const { refusal } = admitted;
  return refusal === undefined ? { kind: 'appended', ...place } : { kind: 'refused', reason: refusal, ...place };
};

interface Admitted {
  readonly entries: readonly ProposedEntry[];
  /** Why the last change that was replaced by an empty entry cannot follow now. */
  readonly refusal: ConfChangeRefusal | undefined;
}

/** Lets at most one change of the membership through, and notes where it will stand. */
const admit = (raft: Raft, proposed: readonly ProposedEntry[]): Admitted | 'malformed' => {
  const entries: ProposedEntry[] = [];
  let refusal: ConfChangeRefusal | undefined;
  for (const entry of proposed) {
    const change = readConfChange(entry);
    if (change === 'malformed') return change;
    const reason = change === undefined ? undefined : whyNot(raft, change);
    entries.push(reason === undefined ? entry : REPLACEMENT);
    if (change === undefined) continue;
    if (reason === undefined) {
      raft.pendingConfIndex = plus(raft.log.lastIndex(), entries.length);
    } else {
      refusal = reason;
      raft.config.onEvent({ kind: 'conf-change-refused', change, reason });
    }
  }
  return { entries, refusal };
};

const readConfChange = (entry: ProposedEntry): ConfChange | 'malformed' | undefined => {
  if (entry.type === EntryType.normal) return undefined;
  try {
    return decodeConfChange(entry);
  } catch (error) {
    if (error instanceof ConsensusError && error.code === 'invalid-conf-change') return 'malformed';
    throw error;
  }
};

/**
 * Why a membership change cannot follow now. Since at most one change may be in the log without being
 * applied, the active configuration is the one the change will meet, and trying it out is exact.
 */
const whyNot = (raft: Raft, change: ConfChange): ConfChangeRefusal | undefined => {
  if (raft.config.disableConfChangeValidation) return undefined;
  if (raft.pendingConfIndex > raft.log.applied) return 'change-pending';
  const joint = isJoint(raft.tracker.confState);
  const leaves = stepsOf(change).length === 0;
  if (joint && !leaves) return 'already-joint';
  if (!joint && leaves) return 'not-joint';
  return isApplicable(raft, change) ? undefined : 'not-applicable';
};

const isApplicable = ({ tracker, log }: Raft, change: ConfChange): boolean => {
  const current = { confState: tracker.confState, progress: tracker.progressMap };
  try {
    new Changer({ current, lastIndex: log.lastIndex(), limits: tracker.limits }).apply(change);
    return true;
  } catch (error) {
    if (error instanceof ConsensusError && error.code === 'invalid-conf-change') return false;
    throw error;
  }
};
