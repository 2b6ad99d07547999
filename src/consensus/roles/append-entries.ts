import { MessageType, type Message } from '../message.ts';
import type { Raft } from '../raft.ts';
import { minIndex } from '../types.ts';

/** Whether the entries of an append follow each other, with terms that never fall, up to its own. */
const isWellFormed = ({ entries, index, logTerm, term }: Message): boolean => {
  let lastIndex: number = index;
  let lastTerm: number = logTerm;
  for (const entry of entries) {
    if (entry.index !== lastIndex + 1 || entry.term < lastTerm) return false;
    lastIndex = entry.index;
    lastTerm = entry.term;
  }
  return lastTerm <= term;
};

/** Whatever the leader sends shows that it lives. */
const hearLeaderOfTerm = (raft: Raft, { from }: Message): void => {
  raft.noteLeaderOfTerm(from);
  raft.hearLeader(from);
};

/** The leader sends entries (AppendEntries, Figure 2). */
export const onAppend = (raft: Raft, message: Message): void => {
  hearLeaderOfTerm(raft, message);
  const { from, index, logTerm, entries, commit, type } = message;
  const { log } = raft;
  if (!isWellFormed(message)) {
    raft.config.onEvent({ kind: 'message-ignored', type, from, term: message.term, reason: 'malformed' });
    return;
  }
  if (index < log.committed) {
    // What is committed matches whatever the leader has; let it go on from there.
    raft.send(MessageType.appResp, from, { index: log.committed });
    return;
  }
  const matched = log.maybeAppend({ term: logTerm, index }, entries, commit);
  if (matched !== undefined) {
    raft.send(MessageType.appResp, from, { index: matched });
    return;
  }
  // All of the leader's entries up to `index` have at most `logTerm`, so whatever we have of higher
  // terms cannot match: hint at our last entry before those.
  const hint = log.findConflictByTerm(minIndex(index, log.lastIndex()), logTerm);
  raft.send(MessageType.appResp, from, { index, reject: true, rejectHint: hint.index, logTerm: hint.term });
};

/** The leader says that it lives, and how far everybody whose log matches may commit. */
export const onHeartbeat = (raft: Raft, message: Message): void => {
  hearLeaderOfTerm(raft, message);
  // The leader may not know yet that this peer has lost entries.
  if (raft.repair === undefined) raft.log.commitTo(message.commit);
  raft.send(MessageType.heartbeatResp, message.from, { context: message.context });
};
