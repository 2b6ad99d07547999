import {
  EMPTY_BYTES,
  NO_PEER,
  ZERO_INDEX,
  ZERO_TERM,
  isEmptyHardState,
  type Entry,
  type HardState,
  type LogIndex,
  type PeerId,
  type Snapshot,
  type Term,
} from './types.ts';

/**
 * Everything a peer can be told. One record shape for all types keeps the hot path monomorphic;
 * a field that a type does not use holds its empty value.
 *
 * | type | meaning | fields beside type, to, from, term |
 * |---|---|---|
 * | MsgHup | local: start an election | |
 * | MsgBeat | local: the leader's heartbeat is due | |
 * | MsgProp | append these entries | entries |
 * | MsgApp | append entries after (logTerm, index) | logTerm, index, entries, commit |
 * | MsgAppResp | matched up to index, or rejected | index, reject, rejectHint, logTerm |
 * | MsgVote, MsgPreVote | vote for me | logTerm, index (the candidate's last entry), context |
 * | MsgVoteResp, MsgPreVoteResp | the answer | reject; from a removed peer also commit and its logTerm |
 * | MsgSnap | install this snapshot | snapshot |
 * | MsgHeartbeat, MsgHeartbeatResp | the leader lives; the answer | commit, context |
 * | MsgUnreachable | local: a message to `from` was lost | |
 * | MsgSnapStatus | local: how sending a snapshot to `from` ended | reject |
 * | MsgCheckQuorum | local: did a majority answer lately? | |
 * | MsgTransferLeader | `from` wants to become leader | |
 * | MsgTimeoutNow | stand for election at once | |
 * | MsgForgetLeader | local: vote as if no leader was known | |
 * | MsgReadIndex, MsgReadIndexResp | linearizable read; the answer | entries[0].data (context), index |
 * | MsgStorageAppend | to the append thread | entries, term/vote/commit (hard state), snapshot, responses |
 * | MsgStorageAppendResp | from the append thread | index, logTerm, snapshot |
 * | MsgStorageApply, MsgStorageApplyResp | to and from the apply thread | entries, responses |
 */
export const MessageType = {
  hup: 'MsgHup',
  beat: 'MsgBeat',
  prop: 'MsgProp',
  app: 'MsgApp',
  appResp: 'MsgAppResp',
  vote: 'MsgVote',
  voteResp: 'MsgVoteResp',
  snap: 'MsgSnap',
  heartbeat: 'MsgHeartbeat',
  heartbeatResp: 'MsgHeartbeatResp',
  unreachable: 'MsgUnreachable',
  snapStatus: 'MsgSnapStatus',
  checkQuorum: 'MsgCheckQuorum',
  transferLeader: 'MsgTransferLeader',
  timeoutNow: 'MsgTimeoutNow',
  readIndex: 'MsgReadIndex',
  readIndexResp: 'MsgReadIndexResp',
  preVote: 'MsgPreVote',
  preVoteResp: 'MsgPreVoteResp',
  storageAppend: 'MsgStorageAppend',
  storageAppendResp: 'MsgStorageAppendResp',
  storageApply: 'MsgStorageApply',
  storageApplyResp: 'MsgStorageApplyResp',
  forgetLeader: 'MsgForgetLeader',
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

export interface Message {
  readonly type: MessageType;
  readonly to: PeerId;
  readonly from: PeerId;
  /** The sender's term; 0 on local messages and on forwarded proposals and reads. */
  readonly term: Term;
  readonly logTerm: Term;
  readonly index: LogIndex;
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
  readonly vote: PeerId;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  readonly rejectHint: LogIndex;
  readonly context: Uint8Array;
  /** To be delivered once the local storage has done what the message asks. */
  readonly responses: readonly Message[];
}

const NO_ENTRIES: readonly Entry[] = [];
const NO_MESSAGES: readonly Message[] = [];

export type MessageFields = Partial<Omit<Message, 'type'>>;

/** A message that is still being written. */
export type MessageDraft = { -readonly [Field in keyof Message]: Message[Field] };

/**
 * A message of `type` whose other fields hold their empty values. All messages begin here, so that
 * all have one shape: they are made and read many times for every entry.
 */
export const draftMessage = (type: MessageType): MessageDraft => ({
  type,
  to: NO_PEER,
  from: NO_PEER,
  term: ZERO_TERM,
  logTerm: ZERO_TERM,
  index: ZERO_INDEX,
  entries: NO_ENTRIES,
  commit: ZERO_INDEX,
  vote: NO_PEER,
  snapshot: undefined,
  reject: false,
  rejectHint: ZERO_INDEX,
  context: EMPTY_BYTES,
  responses: NO_MESSAGES,
});

/** Builds a message of `type`; every field that is not given holds its empty value. */
export const makeMessage = (type: MessageType, fields: MessageFields): Message =>
  Object.assign(draftMessage(type), fields);

const LOCAL_TYPES: ReadonlySet<MessageType> = new Set<MessageType>([
  MessageType.hup,
  MessageType.beat,
  MessageType.unreachable,
  MessageType.snapStatus,
  MessageType.checkQuorum,
  MessageType.storageAppend,
  MessageType.storageAppendResp,
  MessageType.storageApply,
  MessageType.storageApplyResp,
]);

const RESPONSE_TYPES: ReadonlySet<MessageType> = new Set<MessageType>([
  MessageType.appResp,
  MessageType.voteResp,
  MessageType.heartbeatResp,
  MessageType.unreachable,
  MessageType.readIndexResp,
  MessageType.preVoteResp,
  MessageType.storageAppendResp,
  MessageType.storageApplyResp,
]);

/** Types that only make sense within one process and must never be accepted from a network. */
export const isLocalMessageType = (type: MessageType): boolean => LOCAL_TYPES.has(type);

/** Types that answer something, and are only accepted from members. */
export const isResponseMessageType = (type: MessageType): boolean => RESPONSE_TYPES.has(type);

/** The hard state a `MsgStorageAppend` asks to persist, or `undefined` when it did not change. */
export const hardStateOf = (message: Message): HardState | undefined => {
  const state: HardState = { term: message.term, vote: message.vote, commit: message.commit };
  return isEmptyHardState(state) ? undefined : state;
};
