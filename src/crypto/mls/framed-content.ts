import { readCommit, writeCommit } from './commit.ts';
import { readProposal, writeProposal } from './proposal.ts';
import { readEnum } from './tls-reader.ts';
import type { Commit } from './commit.ts';
import type { Proposal } from './proposal.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** RFC 9420 section 6. */
export type Sender =
  | { readonly type: 'member'; readonly leafIndex: number }
  | { readonly type: 'external'; readonly senderIndex: number }
  | { readonly type: 'new_member_proposal' }
  | { readonly type: 'new_member_commit' };

export type Content =
  | { readonly type: 'application'; readonly data: Uint8Array }
  | { readonly type: 'proposal'; readonly proposal: Proposal }
  | { readonly type: 'commit'; readonly commit: Commit };
export type ContentType = Content['type'];

/** The content of a message and what it is bound to (RFC 9420 section 6). */
export interface FramedContent {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly authenticatedData: Uint8Array;
  readonly content: Content;
}

const SENDER_TYPES = { member: 1, external: 2, new_member_proposal: 3, new_member_commit: 4 } as const;
const SENDER_NAMES = { 1: 'member', 2: 'external', 3: 'new_member_proposal', 4: 'new_member_commit' } as const;
export const CONTENT_TYPES: Readonly<Record<ContentType, number>> = { application: 1, proposal: 2, commit: 3 };
const CONTENT_NAMES = { 1: 'application', 2: 'proposal', 3: 'commit' } as const;

export const readContentType = (reader: TlsReader): ContentType => readEnum(reader, CONTENT_NAMES, 'type of content');

export function writeSender(writer: TlsWriter, sender: Sender): void {
  writer.uint8(SENDER_TYPES[sender.type]);
  if (sender.type === 'member') writer.uint32(sender.leafIndex);
  if (sender.type === 'external') writer.uint32(sender.senderIndex);
}

export function readSender(reader: TlsReader): Sender {
  const type = readEnum(reader, SENDER_NAMES, 'type of sender');
  if (type === 'member') return { type, leafIndex: reader.uint32() };
  return type === 'external' ? { type, senderIndex: reader.uint32() } : { type };
}

/** Without its type, as in PrivateMessageContent (section 6.3.1). */
export function writeContent(writer: TlsWriter, content: Content): void {
  switch (content.type) {
    case 'application':
      writer.opaque(content.data);
      return;
    case 'proposal':
      return writeProposal(writer, content.proposal);
    case 'commit':
      return writeCommit(writer, content.commit);
  }
}

export function readContent(reader: TlsReader, type: ContentType): Content {
  if (type === 'application') return { type, data: reader.opaque() };
  return type === 'proposal' ? { type, proposal: readProposal(reader) } : { type, commit: readCommit(reader) };
}

export function writeFramedContent(writer: TlsWriter, framed: FramedContent): void {
  writer.opaque(framed.groupId).uint64(framed.epoch);
  writeSender(writer, framed.sender);
  writer.opaque(framed.authenticatedData).uint8(CONTENT_TYPES[framed.content.type]);
  writeContent(writer, framed.content);
}

export function readFramedContent(reader: TlsReader): FramedContent {
  return {
    groupId: reader.opaque(),
    epoch: reader.uint64(),
    sender: readSender(reader),
    authenticatedData: reader.opaque(),
    content: readContent(reader, readContentType(reader)),
  };
}
