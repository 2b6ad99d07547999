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
 * | 18 | 8 | boot id of the receiver; 0 when unknown, or for everybody |
 * | 26 | 8 | counter: also the nonce |
 * | 34 | 2 | which fragment, from 0 |
 * | 36 | 2 | of how many |
 * | 38 | 8 | which cluster this is said in; 0 for what is said before or beside any |
 * | 46 | 1 + n | sender |
 * | … | 1 + n | receiver; empty for everybody |
 */

export const FRAME_VERSION = 1;
/** The first two never leave the transport: a greeting makes two boots known to each other, Raft has its own path. */
export type WireKind = 'greet' | 'raft' | 'raft-shared' | FrameKind;

const KINDS: readonly (WireKind | undefined)[] = [
  undefined,
  'greet',
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
];
const CODES = new Map<WireKind, number>(
  KINDS.flatMap((kind, code): [WireKind, number][] => (kind === undefined ? [] : [[kind, code]])),
);

const CLUSTER_OFFSET = 38;
export const CLUSTER_MARK_BYTES = 8;
const FIXED_BYTES = CLUSTER_OFFSET + CLUSTER_MARK_BYTES;
export const HEADER_BYTES_MAX = FIXED_BYTES + 2 * 33;
export const FRAGMENTS_MAX = 0xffff;

export interface FrameHeader {
  readonly kind: WireKind;
  readonly sender: NodeName;
  readonly senderBoot: number;
  readonly receiver: NodeName | typeof EVERYBODY;
  readonly receiverBoot: number;
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

export function writeHeader(header: FrameHeader, tag: Uint8Array): Buffer {
  const receiver = header.receiver === EVERYBODY ? '' : header.receiver;
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + 2 + header.sender.length + receiver.length);
  bytes[0] = FRAME_VERSION;
  bytes[1] = CODES.get(header.kind) ?? 0;
  bytes.set(tag, 2);
  writeSafeInteger(bytes, header.senderBoot, 10);
  writeSafeInteger(bytes, header.receiverBoot, 18);
  writeSafeInteger(bytes, header.counter, 26);
  bytes.writeUInt16BE(header.fragment, 34);
  bytes.writeUInt16BE(header.fragments, 36);
  bytes.set(header.cluster, CLUSTER_OFFSET);
  let offset = FIXED_BYTES;
  for (const name of [header.sender, receiver]) {
    bytes[offset] = name.length;
    offset += 1 + bytes.write(name, offset + 1, 'latin1');
  }
  return bytes;
}

/** The header at the start of a frame, or `undefined` for anything that is none. */
export function parseHeader(bytes: Buffer): ParsedHeader | undefined {
  if (bytes.length < FIXED_BYTES + 2 || bytes[0] !== FRAME_VERSION) return undefined;
  const kind = KINDS[bytes[1] ?? 0];
  const senderBoot = readSafeInteger(bytes, 10);
  const receiverBoot = readSafeInteger(bytes, 18);
  const counter = readSafeInteger(bytes, 26);
  const fragment = bytes.readUInt16BE(34);
  const fragments = bytes.readUInt16BE(36);
  const sender = readName(bytes, FIXED_BYTES);
  if (sender === undefined || !isNodeName(sender)) return undefined;
  const receiver = readName(bytes, FIXED_BYTES + 1 + sender.length);
  if (kind === undefined || receiver === undefined || (receiver !== '' && !isNodeName(receiver))) return undefined;
  if (![senderBoot, receiverBoot, counter].every(Number.isSafeInteger) || fragment >= fragments) return undefined;
  return {
    kind,
    sender,
    senderBoot,
    receiver: receiver === '' ? EVERYBODY : receiver,
    receiverBoot,
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

const readSafeInteger = (bytes: Buffer, offset: number): number =>
  bytes.readUInt32BE(offset) * TWO_32 + bytes.readUInt32BE(offset + 4);
