import { isNodeName, type NodeName } from '../../protocol/ids.ts';
import type { FrameKind } from '../ports.ts';
import { EVERYBODY, TAG_BYTES } from './cluster-keys.ts';

/**
 * The readable part of every frame, all of it authenticated:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | version |
 * | 1 | 1 | kind |
 * | 2 | 8 | tag of the cluster's secret |
 * | 10 | 8 | boot id of the sender |
 * | 18 | 16 | which stream of frames: what the receiver called its end of a session, or the salt of a broadcast |
 * | 34 | 8 | counter in this stream: also the nonce |
 * | 42 | 2 | which fragment, from 0 |
 * | 44 | 2 | of how many |
 * | 46 | 8 | which cluster this is said in; 0 for what is said before or beside any |
 * | 54 | 1 + n | sender |
 * | … | 1 + n | receiver; empty for everybody |
 */

/** 1: sealed with keys of the cluster secret. */
export const FRAME_VERSION = 2;
/** These never leave the transport: they make processes and their keys known to each other, or are Raft's. */
type OwnKind =
  | 'introduce'
  | 'handshake'
  | 'handshake-reply'
  | 'confirm'
  | 'salt'
  | 'salt-ready'
  | 'raft'
  | 'raft-shared';
export type WireKind = OwnKind | FrameKind;
const OWN_KINDS: ReadonlySet<WireKind> = new Set<OwnKind>([
  'introduce',
  'handshake',
  'handshake-reply',
  'confirm',
  'salt',
  'salt-ready',
  'raft',
  'raft-shared',
]);

export const isFrameKind = (kind: WireKind): kind is FrameKind => !OWN_KINDS.has(kind);

const KINDS: readonly (WireKind | undefined)[] = [
  undefined,
  'introduce',
  'handshake',
  'handshake-reply',
  'confirm',
  'raft',
  'raft-shared',
  'forward',
  'forward-refused',
  'snapshot-request',
  'snapshot-chunk',
  'hello',
  'node-info',
  'blob',
  'repair-request',
  'repair-answer',
  'signal',
  'ring',
  'salt',
  'salt-ready',
];
const CODES = new Map<WireKind, number>(
  KINDS.flatMap((kind, code): [WireKind, number][] => (kind === undefined ? [] : [[kind, code]])),
);

const STREAM_OFFSET = 18;
const COUNTER_OFFSET = 34;
const CLUSTER_OFFSET = 46;
export const STREAM_BYTES = 16;
export const CLUSTER_MARK_BYTES = 8;
const FIXED_BYTES = CLUSTER_OFFSET + CLUSTER_MARK_BYTES;
export const HEADER_BYTES_MAX = FIXED_BYTES + 2 * 33;
export const FRAGMENTS_MAX = 0xffff;

export interface FrameHeader {
  readonly kind: WireKind;
  readonly sender: NodeName;
  readonly senderBoot: number;
  readonly receiver: NodeName | typeof EVERYBODY;
  /** `STREAM_BYTES` bytes. */
  readonly stream: Uint8Array;
  readonly counter: number;
  readonly fragment: number;
  readonly fragments: number;
  /** `CLUSTER_MARK_BYTES` bytes. */
  readonly cluster: Uint8Array;
}

export interface ParsedHeader extends FrameHeader {
  readonly tag: Uint8Array;
  readonly headerBytes: number;
}

/** A stream as a key of maps. */
export const streamName = (stream: Uint8Array): string =>
  Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength).toString('latin1');

export function writeHeader(header: FrameHeader, tag: Uint8Array): Buffer {
  const receiver = header.receiver === EVERYBODY ? '' : header.receiver;
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + 2 + header.sender.length + receiver.length);
  bytes[0] = FRAME_VERSION;
  bytes[1] = CODES.get(header.kind) ?? 0;
  bytes.set(tag, 2);
  writeSafeInteger(bytes, header.senderBoot, 10);
  bytes.set(header.stream, STREAM_OFFSET);
  writeSafeInteger(bytes, header.counter, COUNTER_OFFSET);
  bytes.writeUInt16BE(header.fragment, COUNTER_OFFSET + 8);
  bytes.writeUInt16BE(header.fragments, COUNTER_OFFSET + 10);
  bytes.set(header.cluster, CLUSTER_OFFSET);
  let offset = FIXED_BYTES;
  for (const name of [header.sender, receiver]) {
    bytes[offset] = name.length;
    offset += 1 + bytes.write(name, offset + 1, 'latin1');
  }
  return bytes;
}

/** The version that a frame says to be of; undefined for what is too short. */
export const versionOf = (bytes: Uint8Array): number | undefined => bytes[0];

/** The header at the start of a frame, or `undefined` for anything that is none. */
export function parseHeader(bytes: Buffer): ParsedHeader | undefined {
  if (bytes.length < FIXED_BYTES + 2 || bytes[0] !== FRAME_VERSION) return undefined;
  const kind = KINDS[bytes[1] ?? 0];
  const senderBoot = readSafeInteger(bytes, 10);
  const counter = readSafeInteger(bytes, COUNTER_OFFSET);
  const fragment = bytes.readUInt16BE(COUNTER_OFFSET + 8);
  const fragments = bytes.readUInt16BE(COUNTER_OFFSET + 10);
  const sender = readName(bytes, FIXED_BYTES);
  if (sender === undefined || !isNodeName(sender)) return undefined;
  const receiver = readName(bytes, FIXED_BYTES + 1 + sender.length);
  if (kind === undefined || receiver === undefined || (receiver !== '' && !isNodeName(receiver))) return undefined;
  if (!Number.isSafeInteger(senderBoot) || !Number.isSafeInteger(counter) || fragment >= fragments) return undefined;
  return {
    kind,
    sender,
    senderBoot,
    receiver: receiver === '' ? EVERYBODY : receiver,
    stream: bytes.subarray(STREAM_OFFSET, STREAM_OFFSET + STREAM_BYTES),
    counter,
    fragment,
    fragments,
    cluster: bytes.subarray(CLUSTER_OFFSET, FIXED_BYTES),
    tag: bytes.subarray(2, 2 + TAG_BYTES),
    headerBytes: FIXED_BYTES + 2 + sender.length + receiver.length,
  };
}

function readName(bytes: Buffer, offset: number): string | undefined {
  const length = bytes[offset];
  if (length === undefined || offset + 1 + length > bytes.length) return undefined;
  return bytes.toString('latin1', offset + 1, offset + 1 + length);
}

const TWO_32 = 2 ** 32;

/** As 64 bits, big-endian; `value` is a safe integer, so the upper half stays below 2^21. */
export function writeSafeInteger(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / TWO_32), offset);
  bytes.writeUInt32BE(value % TWO_32, offset + 4);
}

export const readSafeInteger = (bytes: Buffer, offset: number): number =>
  bytes.readUInt32BE(offset) * TWO_32 + bytes.readUInt32BE(offset + 4);
