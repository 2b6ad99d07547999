import { strict as assert } from 'node:assert';
import { Packr } from 'msgpackr';
import { MessageType, type Message } from '../../consensus/message.ts';
import {
  EMPTY_BYTES,
  EntryType,
  type ConfState,
  type Entry,
  type LogIndex,
  type PeerId,
  type Snapshot,
  type Term,
} from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';

/**
 * Raft messages on the wire: one msgpack array `[version, message, message, …]`, each message an array of its fields
 * in fixed order, the entries flattened into `[term, index, type, data, …]`. Bytes are decoded as views of the input,
 * so the input must not be reused.
 */

const VERSION = 1;
export const MESSAGES_PER_FRAME_MAX = 4_096;

const MESSAGE_FIELDS = 13;
const ENTRY_FIELDS = 4;

/** Wire codes never change meaning; 0 is no type. What only makes sense within one process has no code. */
const WIRE_TYPES: readonly (MessageType | undefined)[] = [
  undefined,
  MessageType.prop,
  MessageType.app,
  MessageType.appResp,
  MessageType.vote,
  MessageType.voteResp,
  MessageType.snap,
  MessageType.heartbeat,
  MessageType.heartbeatResp,
  MessageType.transferLeader,
  MessageType.timeoutNow,
  MessageType.readIndex,
  MessageType.readIndexResp,
  MessageType.preVote,
  MessageType.preVoteResp,
];
const CODE_OF_TYPE = new Map<MessageType, number>(
  WIRE_TYPES.flatMap((type, code): [MessageType, number][] => (type === undefined ? [] : [[type, code]])),
);
const CARRIES_ENTRIES: ReadonlySet<MessageType> = new Set<MessageType>([
  MessageType.prop,
  MessageType.app,
  MessageType.readIndex,
  MessageType.readIndexResp,
]);

const WIRE_ENTRY_TYPES: readonly EntryType[] = [EntryType.normal, EntryType.confChange, EntryType.confChangeV2];
const CODE_OF_ENTRY_TYPE = new Map<EntryType, number>(WIRE_ENTRY_TYPES.map((type, code) => [type, code]));

const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'bigint' });

const NO_ENTRIES: readonly Entry[] = [];
const NO_MESSAGES: readonly Message[] = [];

/** Whether a message of this type may travel between nodes at all. */
export const isWireMessageType = (type: MessageType): boolean => CODE_OF_TYPE.has(type);

/** Encodes messages for one receiver (or one group of them). Local messages are a programmer's error. */
export function encodeMessages(messages: readonly Message[]): Uint8Array {
  assert(messages.length <= MESSAGES_PER_FRAME_MAX, 'too many messages for one frame');
  const frame: unknown[] = [VERSION];
  for (const message of messages) frame.push(packMessage(message));
  return packr.pack(frame);
}

/**
 * The exact inverse of `encodeMessages`, for bytes from another node.
 * @throws ParleyError `bad_request` on anything malformed, on message types that never travel
 */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const frame = unpack(bytes);
  if (!Array.isArray(frame)) throw malformed('not an array');
  if (frame[0] !== VERSION) throw malformed(`unknown version ${String(frame[0])}`);
  if (frame.length - 1 > MESSAGES_PER_FRAME_MAX) throw malformed('too many messages');
  const messages: Message[] = [];
  for (let i = 1; i < frame.length; i += 1) messages.push(readMessage(frame[i]));
  return messages;
}

// ---------------------------------------------------------------- writing

function packMessage(message: Message): unknown[] {
  const code = CODE_OF_TYPE.get(message.type);
  assert(code !== undefined, `${message.type} never travels`);
  assert(message.responses.length === 0, 'responses never travel');
  return [
    code,
    message.to,
    message.from,
    message.term,
    message.logTerm,
    message.index,
    message.commit,
    message.vote,
    message.reject,
    message.rejectHint,
    message.context,
    packEntries(message.entries),
    message.snapshot === undefined ? null : packSnapshot(message.snapshot),
  ];
}

export function packEntries(entries: readonly Entry[]): unknown[] {
  const flat: unknown[] = [];
  for (const entry of entries) {
    flat.push(entry.term, entry.index, CODE_OF_ENTRY_TYPE.get(entry.type), entry.data);
  }
  return flat;
}

export function packSnapshot({ metadata, data }: Snapshot): unknown[] {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = metadata.confState;
  return [metadata.index, metadata.term, voters, learners, votersOutgoing, learnersNext, autoLeave, data];
}

// ---------------------------------------------------------------- reading

function unpack(bytes: Uint8Array): unknown {
  // A plain view: what comes out must be Uint8Arrays whatever came in, for a Buffer's methods differ.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return packr.unpack(plain);
  } catch (cause) {
    throw new ParleyError('bad_request', 'A Raft frame is malformed: not MessagePack.', { cause });
  }
}

function readMessage(value: unknown): Message {
  const fields = readArray(value, 'message');
  if (fields.length !== MESSAGE_FIELDS) throw malformed('message has a wrong number of fields');
  const type = WIRE_TYPES[readNumber(fields[0], 'type')];
  if (type === undefined) throw malformed('unknown message type');
  const message: Message = {
    type,
    to: readPeer(fields[1], 'to'),
    from: readPeer(fields[2], 'from'),
    term: readNumber(fields[3], 'term') as Term,
    logTerm: readNumber(fields[4], 'logTerm') as Term,
    index: readNumber(fields[5], 'index') as LogIndex,
    commit: readNumber(fields[6], 'commit') as LogIndex,
    vote: readNumber(fields[7], 'vote') as PeerId,
    reject: readBoolean(fields[8], 'reject'),
    rejectHint: readNumber(fields[9], 'rejectHint') as LogIndex,
    context: readBytes(fields[10], 'context'),
    entries: readEntries(fields[11]),
    snapshot: fields[12] === null ? undefined : readSnapshot(fields[12]),
    responses: NO_MESSAGES,
  };
  checkShape(message);
  return message;
}

/** What must hold beyond the types of the fields. */
function checkShape({ type, term, logTerm, index, entries, snapshot }: Message): void {
  if ((type === MessageType.snap) !== (snapshot !== undefined)) throw malformed('snapshot and type disagree');
  if (entries.length > 0 && !CARRIES_ENTRIES.has(type)) throw malformed(`${type} carries no entries`);
  if (type !== MessageType.app) return;
  let lastTerm: number = logTerm;
  entries.forEach((entry, i) => {
    if (entry.index !== index + 1 + i) throw malformed('entries are not consecutive');
    if (entry.term < lastTerm || entry.term > term) throw malformed('terms of entries do not ascend');
    lastTerm = entry.term;
  });
}

/** @throws ParleyError `bad_request` */
export function readEntries(value: unknown): readonly Entry[] {
  const flat = readArray(value, 'entries');
  if (flat.length === 0) return NO_ENTRIES;
  if (flat.length % ENTRY_FIELDS !== 0) throw malformed('an entry is incomplete');
  const entries: Entry[] = [];
  for (let i = 0; i < flat.length; i += ENTRY_FIELDS) {
    const type = WIRE_ENTRY_TYPES[readNumber(flat[i + 2], 'entry type')];
    if (type === undefined) throw malformed('unknown entry type');
    entries.push({
      term: readNumber(flat[i], 'entry term') as Term,
      index: readNumber(flat[i + 1], 'entry index') as LogIndex,
      type,
      data: readBytes(flat[i + 3], 'entry data'),
    });
  }
  return entries;
}

/** @throws ParleyError `bad_request` */
export function readSnapshot(value: unknown): Snapshot {
  const fields = readArray(value, 'snapshot');
  if (fields.length !== 8) throw malformed('snapshot has a wrong number of fields');
  const confState: ConfState = {
    voters: readPeers(fields[2], 'voters'),
    learners: readPeers(fields[3], 'learners'),
    votersOutgoing: readPeers(fields[4], 'votersOutgoing'),
    learnersNext: readPeers(fields[5], 'learnersNext'),
    autoLeave: readBoolean(fields[6], 'autoLeave'),
  };
  return {
    metadata: {
      index: readNumber(fields[0], 'snapshot index') as LogIndex,
      term: readNumber(fields[1], 'snapshot term') as Term,
      confState,
    },
    data: readBytes(fields[7], 'snapshot data'),
  };
}

function readPeers(value: unknown, name: string): readonly PeerId[] {
  const peers = readArray(value, name).map((item) => readPeer(item, name));
  peers.forEach((peer, i) => {
    const before = peers[i - 1];
    if (before !== undefined && before >= peer) throw malformed(`${name} is not sorted`);
  });
  return peers;
}

function readArray(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${name} is not an array`);
  return value as readonly unknown[];
}

function readNumber(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed(`${name} is not a safe integer`);
  return value as number;
}

function readPeer(value: unknown, name: string): PeerId {
  const peer = readNumber(value, name);
  if (peer === 0) throw malformed(`${name} names nobody`);
  return peer as PeerId;
}

function readBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw malformed(`${name} is not a boolean`);
  return value;
}

function readBytes(value: unknown, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed(`${name} is not bytes`);
  return value.length === 0 ? EMPTY_BYTES : value;
}

function malformed(what: string): ParleyError {
  return new ParleyError('bad_request', `A Raft frame is malformed: ${what}.`);
}
