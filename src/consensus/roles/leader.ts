import { violation } from '../invariants.ts';
import { MessageType, type Message } from '../message.ts';
import { type StepOutcome } from '../propose-outcome.ts';
import type { Raft } from '../raft.ts';
import { broadcastHeartbeat } from '../replication.ts';
import { onAppendResponse } from './leader-append-response.ts';
import { proposeToLeader } from './leader-proposal.ts';
import { checkQuorum, onHeartbeatResponse, onSnapshotStatus, onUnreachable } from './leader-peer-status.ts';
import { onReadIndex } from './leader-read.ts';
import { onTransferLeader } from './leader-transfer.ts';

/** What a leader does with each message. Those about a peer are void when it is no member. */
export const stepLeader = (raft: Raft, message: Message): StepOutcome => {
  switch (message.type) {
    case MessageType.beat:
      broadcastHeartbeat(raft);
      return 'stepped';
    case MessageType.checkQuorum:
      checkQuorum(raft);
      return 'stepped';
    case MessageType.prop:
      return proposeToLeader(raft, message.entries).kind === 'dropped' ? 'proposal-dropped' : 'stepped';
    case MessageType.readIndex:
      onReadIndex(raft, message);
      return 'stepped';
    case MessageType.app:
    case MessageType.heartbeat:
      if (message.from !== raft.id) throw violation(`${raft.id} and ${message.from} both lead ${raft.term}`);
      return 'stepped';
    default:
      stepLeaderAboutPeer(raft, message);
      return 'stepped';
  }
};

const stepLeaderAboutPeer = (raft: Raft, message: Message): void => {
  const progress = raft.tracker.get(message.from);
  if (progress === undefined) return;
  switch (message.type) {
    case MessageType.appResp:
      onAppendResponse(raft, message, progress);
      return;
    case MessageType.heartbeatResp:
      onHeartbeatResponse(raft, message, progress);
      return;
    case MessageType.snapStatus:
      onSnapshotStatus(raft, message, progress);
      return;
    case MessageType.unreachable:
      onUnreachable(progress);
      return;
    case MessageType.transferLeader:
      onTransferLeader(raft, message, progress);
      return;
    default:
  }
};
