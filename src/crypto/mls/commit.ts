import { readProposal, writeProposal } from './proposal.ts';
import { readEnum } from './tls-reader.ts';
import { readUpdatePath, writeUpdatePath } from './update-path.ts';
import type { Proposal } from './proposal.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';
import type { UpdatePath } from './update-path.ts';

/** A proposal by value, or the hash of the message that carried it. */
export type ProposalOrRef =
  | { readonly type: 'proposal'; readonly proposal: Proposal }
  | { readonly type: 'reference'; readonly reference: Uint8Array };

/** RFC 9420 section 12.4. */
export interface Commit {
  readonly proposals: readonly ProposalOrRef[];
  readonly path: UpdatePath | null;
}

const TYPES = { 1: 'proposal', 2: 'reference' } as const;

export function writeCommit(writer: TlsWriter, { proposals, path }: Commit): void {
  writer.vector(proposals, (inner, item) => {
    if (item.type === 'proposal') writeProposal(inner.uint8(1), item.proposal);
    else inner.uint8(2).opaque(item.reference);
  });
  writer.optional(path, writeUpdatePath);
}

export function readCommit(reader: TlsReader): Commit {
  const proposals = reader.vector((inner): ProposalOrRef => {
    const type = readEnum(inner, TYPES, 'type of ProposalOrRef');
    return type === 'proposal' ? { type, proposal: readProposal(inner) } : { type, reference: inner.opaque() };
  });
  return { proposals, path: reader.optional(readUpdatePath) };
}
