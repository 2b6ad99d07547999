import { readEnum } from './tls-reader.ts';
import { encode } from './tls-writer.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

export type ResumptionPskUsage = 'application' | 'reinit' | 'branch';

/** PreSharedKeyID (RFC 9420 section 8.4). */
export type PreSharedKeyId =
  | { readonly type: 'external'; readonly id: Uint8Array; readonly nonce: Uint8Array }
  | {
      readonly type: 'resumption';
      readonly usage: ResumptionPskUsage;
      readonly groupId: Uint8Array;
      readonly epoch: bigint;
      readonly nonce: Uint8Array;
    };

const TYPES = { 1: 'external', 2: 'resumption' } as const;
const USAGES = { application: 1, reinit: 2, branch: 3 } as const;
const USAGE_NAMES = { 1: 'application', 2: 'reinit', 3: 'branch' } as const;

export function writePreSharedKeyId(writer: TlsWriter, psk: PreSharedKeyId): void {
  if (psk.type === 'external') writer.uint8(1).opaque(psk.id);
  else writer.uint8(2).uint8(USAGES[psk.usage]).opaque(psk.groupId).uint64(psk.epoch);
  writer.opaque(psk.nonce);
}

export function readPreSharedKeyId(reader: TlsReader): PreSharedKeyId {
  const type = readEnum(reader, TYPES, 'type of pre-shared keys');
  if (type === 'external') return { type, id: reader.opaque(), nonce: reader.opaque() };
  const usage = readEnum(reader, USAGE_NAMES, 'usage of resumption keys');
  return { type, usage, groupId: reader.opaque(), epoch: reader.uint64(), nonce: reader.opaque() };
}

/** PSKLabel (section 8.4): binds a key to its place in the list. */
export function pskLabel(psk: PreSharedKeyId, index: number, count: number): Uint8Array {
  return encode((writer) => {
    writePreSharedKeyId(writer, psk);
    writer.uint16(index).uint16(count);
  }, null);
}
