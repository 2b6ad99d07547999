import { MessageType, type Message } from '../message.ts';
import type { Progress } from '../progress/progress.ts';
import type { Raft } from '../raft.ts';
import { sendAppend } from '../replication.ts';
import { NO_PEER, type PeerId } from '../types.ts';

/**
 * Hands leadership to `message.from` (dissertation 3.10): brings its log up to date, then tells it to
 * stand for election at once. Meanwhile proposals are dropped. Given up after an election timeout.
 */
export const onTransferLeader = (raft: Raft, message: Message, progress: Progress): void => {
  const to = message.from;
  if (progress.isLearner || to === raft.transferee) return;
  if (raft.transferee !== NO_PEER) abortTransfer(raft);
  if (to === raft.id) return;
  raft.electionElapsed = 0;
  raft.transferee = to;
  raft.config.onEvent({ kind: 'transfer-started', to });
  if (progress.match === raft.log.lastIndex()) sendTimeoutNow(raft, to);
  else sendAppend(raft, to);
};

/** Leadership stays. Proposals are accepted again. */
export const abortTransfer = (raft: Raft): void => {
  if (raft.transferee === NO_PEER) return;
  raft.config.onEvent({ kind: 'transfer-aborted', to: raft.transferee });
  raft.transferee = NO_PEER;
};

/**
 * From here on the peer may win an election against everybody's wish to protect this leader, even
 * much later, when the message was delayed: the leases of this term are over.
 */
export const sendTimeoutNow = (raft: Raft, to: PeerId): void => {
  raft.leaseBroken = true;
  raft.send(MessageType.timeoutNow, to);
};
