import { MLS_10 } from './cipher-suite.ts';
import { verify } from './error.ts';
import { readExtensions, writeExtensions } from './extension.ts';
import type { Extension } from './extension.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** What all members agree on in an epoch (RFC 9420 section 8.1). */
export interface GroupContext {
  readonly cipherSuite: number;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly treeHash: Uint8Array;
  readonly confirmedTranscriptHash: Uint8Array;
  readonly extensions: readonly Extension[];
}

export function writeGroupContext(writer: TlsWriter, context: GroupContext): void {
  writer.uint16(MLS_10).uint16(context.cipherSuite).opaque(context.groupId).uint64(context.epoch);
  writer.opaque(context.treeHash).opaque(context.confirmedTranscriptHash);
  writeExtensions(writer, context.extensions);
}

export function readGroupContext(reader: TlsReader): GroupContext {
  verify(reader.uint16() === MLS_10, 'malformed', 'The group is of another protocol version.');
  return {
    cipherSuite: reader.uint16(),
    groupId: reader.opaque(),
    epoch: reader.uint64(),
    treeHash: reader.opaque(),
    confirmedTranscriptHash: reader.opaque(),
    extensions: readExtensions(reader),
  };
}
