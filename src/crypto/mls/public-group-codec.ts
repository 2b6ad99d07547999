import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { readExtensions, writeExtensions } from './extension.ts';
import { readSender, writeSender } from './framed-content.ts';
import { readGroupContext, writeGroupContext } from './group-context.ts';
import { readProposal, writeProposal } from './proposal.ts';
import { publicGroupOf } from './public-group.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { ReInit } from './proposal.ts';
import type { PublicGroup } from './public-group.ts';
import type { RatchetTree } from './ratchet-tree.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** A group without its tree, for durable state; the tree is in records of its own. */
export function writePublicGroup(writer: TlsWriter, group: PublicGroup): void {
  writer.uint32(group.tree.leafCount);
  writeGroupContext(writer, group.context);
  writer.opaque(group.confirmationTag);
  writer.vector(group.proposals, (inner, [reference, { proposal, sender }]) => {
    inner.opaque(hexToBytes(reference));
    writeSender(inner, sender);
    writeProposal(inner, proposal);
  });
  writer.optional(group.reinit, writeReInit);
}

/** @param readTree gives the tree, when told how many leaves it has */
export function readPublicGroup(
  reader: TlsReader,
  suite: Pick<PublicSuite, 'hash'>,
  readTree: (leafCount: number) => RatchetTree,
): PublicGroup {
  const tree = readTree(reader.uint32());
  const context = readGroupContext(reader);
  const group = publicGroupOf(suite, { context, tree, confirmationTag: reader.opaque() });
  const proposals = reader.vector((inner) => {
    const reference = bytesToHex(inner.opaque());
    const sender = readSender(inner);
    return [reference, { sender, proposal: readProposal(inner) }] as const;
  });
  return { ...group, proposals: new Map(proposals), reinit: reader.optional(readReInit) };
}

function writeReInit(writer: TlsWriter, { groupId, version, cipherSuite, extensions }: ReInit): void {
  writeExtensions(writer.opaque(groupId).uint16(version).uint16(cipherSuite), extensions);
}

function readReInit(reader: TlsReader): ReInit {
  return {
    groupId: reader.opaque(),
    version: reader.uint16(),
    cipherSuite: reader.uint16(),
    extensions: readExtensions(reader),
  };
}
