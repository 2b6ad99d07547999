import { MlsError } from './error.ts';
import { readExtensions, writeExtensions } from './extension.ts';
import { readKeyPackage, writeKeyPackage } from './key-package.ts';
import { readLeafNode, writeLeafNode } from './leaf-node.ts';
import { readPreSharedKeyId, writePreSharedKeyId } from './psk.ts';
import type { Extension } from './extension.ts';
import type { KeyPackage } from './key-package.ts';
import type { LeafNode } from './leaf-node.ts';
import type { PreSharedKeyId } from './psk.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** RFC 9420 section 12.1. */
export type Proposal =
  | { readonly type: 'add'; readonly keyPackage: KeyPackage }
  | { readonly type: 'update'; readonly leafNode: LeafNode }
  | { readonly type: 'remove'; readonly removed: number }
  | { readonly type: 'psk'; readonly psk: PreSharedKeyId }
  | ({ readonly type: 'reinit' } & ReInit)
  | { readonly type: 'external_init'; readonly kemOutput: Uint8Array }
  | { readonly type: 'group_context_extensions'; readonly extensions: readonly Extension[] };
export type ProposalType = Proposal['type'];

/** The parameters of the group that follows this one (section 12.1.5). */
export interface ReInit {
  readonly groupId: Uint8Array;
  readonly version: number;
  readonly cipherSuite: number;
  readonly extensions: readonly Extension[];
}

/** The ProposalType registry (section 17.4); all of these are default types. */
export const PROPOSAL_TYPES: Readonly<Record<ProposalType, number>> = {
  add: 1,
  update: 2,
  remove: 3,
  psk: 4,
  reinit: 5,
  external_init: 6,
  group_context_extensions: 7,
};

export function writeProposal(writer: TlsWriter, proposal: Proposal): void {
  writer.uint16(PROPOSAL_TYPES[proposal.type]);
  switch (proposal.type) {
    case 'add':
      return writeKeyPackage(writer, proposal.keyPackage);
    case 'update':
      return writeLeafNode(writer, proposal.leafNode);
    case 'remove':
      writer.uint32(proposal.removed);
      return;
    case 'psk':
      return writePreSharedKeyId(writer, proposal.psk);
    case 'reinit':
      writer.opaque(proposal.groupId).uint16(proposal.version).uint16(proposal.cipherSuite);
      return writeExtensions(writer, proposal.extensions);
    case 'external_init':
      writer.opaque(proposal.kemOutput);
      return;
    case 'group_context_extensions':
      return writeExtensions(writer, proposal.extensions);
  }
}

const READERS: Readonly<Record<number, (reader: TlsReader) => Proposal>> = {
  1: (reader) => ({ type: 'add', keyPackage: readKeyPackage(reader) }),
  2: (reader) => ({ type: 'update', leafNode: readLeafNode(reader) }),
  3: (reader) => ({ type: 'remove', removed: reader.uint32() }),
  4: (reader) => ({ type: 'psk', psk: readPreSharedKeyId(reader) }),
  5: (reader) => ({
    type: 'reinit',
    groupId: reader.opaque(),
    version: reader.uint16(),
    cipherSuite: reader.uint16(),
    extensions: readExtensions(reader),
  }),
  6: (reader) => ({ type: 'external_init', kemOutput: reader.opaque() }),
  7: (reader) => ({ type: 'group_context_extensions', extensions: readExtensions(reader) }),
};

export function readProposal(reader: TlsReader): Proposal {
  const type = reader.uint16();
  const read = READERS[type];
  if (read === undefined) throw new MlsError('malformed', `Proposals of type ${type} are not supported.`);
  return read(reader);
}
