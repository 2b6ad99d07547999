import { violation } from '../invariants.ts';
import { MessageType, type Message } from '../message.ts';
import type { Progress } from '../progress/progress.ts';
import type { Raft } from '../raft.ts';
import { broadcastHeartbeat } from '../replication.ts';
import { EVERY_ROLE } from './every-role.ts';
import { ignore, type Handler, type HandlerTable } from './handler.ts';
import { onAppendResponse } from './leader-append-response.ts';
import { checkQuorum, onHeartbeatResponse, onSnapshotStatus, onUnreachable } from './leader-peer-status.ts';
import { onReadIndex } from './leader-read.ts';
import { onTransferLeader } from './leader-transfer.ts';

/** Whatever is about a peer is void when it is no member. Keeps the handler's name, by which the table is printed. */
const aboutPeer = (handle: (raft: Raft, message: Message, progress: Progress) => void): Handler => {
  const handler: Handler = (raft, message) => {
    const progress = raft.tracker.get(message.from);
    if (progress !== undefined) handle(raft, message, progress);
  };
  return Object.defineProperty(handler, 'name', { value: handle.name });
};

const onRivalLeader: Handler = (raft, { from }) => {
  if (from !== raft.id) throw violation(`${raft.id} and ${from} both lead term ${raft.term}`);
};

export const LEADER: HandlerTable = {
  ...EVERY_ROLE,
  [MessageType.beat]: broadcastHeartbeat,
  [MessageType.checkQuorum]: checkQuorum,
  [MessageType.readIndex]: onReadIndex,
  [MessageType.appResp]: aboutPeer(onAppendResponse),
  [MessageType.heartbeatResp]: aboutPeer(onHeartbeatResponse),
  [MessageType.snapStatus]: aboutPeer(onSnapshotStatus),
  [MessageType.unreachable]: aboutPeer(onUnreachable),
  [MessageType.transferLeader]: aboutPeer(onTransferLeader),
  [MessageType.app]: onRivalLeader,
  [MessageType.heartbeat]: onRivalLeader,
  // What a leader has it need not be sent.
  [MessageType.snap]: ignore,
  // It leads already.
  [MessageType.timeoutNow]: ignore,
  [MessageType.forgetLeader]: ignore,
  // Answers to what it asked before it led.
  [MessageType.voteResp]: ignore,
  [MessageType.preVoteResp]: ignore,
  [MessageType.readIndexResp]: ignore,
};
