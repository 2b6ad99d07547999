import { MLS_10, refHash, verifyWithLabel } from './cipher-suite.ts';
import { MlsError } from './error.ts';
import { readFramedContent, writeFramedContent } from './framed-content.ts';
import { writeGroupContext } from './group-context.ts';
import { encode } from './tls-writer.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { ContentType, FramedContent } from './framed-content.ts';
import type { GroupContext } from './group-context.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

export type HandshakeWireFormat = 'public_message' | 'private_message';

/** The WireFormat registry (RFC 9420 section 17.2). */
export const WIRE_FORMATS = {
  public_message: 1,
  private_message: 2,
  welcome: 3,
  group_info: 4,
  key_package: 5,
} as const;

/** FramedContentAuthData (section 6.1). */
export interface AuthData {
  readonly signature: Uint8Array;
  /** Of commits only; null for other content. */
  readonly confirmationTag: Uint8Array | null;
}

/** A message without the protection it travels in (section 6). */
export interface AuthenticatedContent {
  readonly wireFormat: HandshakeWireFormat;
  readonly content: FramedContent;
  readonly auth: AuthData;
}

export function writeAuthData(writer: TlsWriter, auth: AuthData): void {
  writer.opaque(auth.signature);
  if (auth.confirmationTag !== null) writer.opaque(auth.confirmationTag);
}

export function readAuthData(reader: TlsReader, type: ContentType): AuthData {
  const signature = reader.opaque();
  return { signature, confirmationTag: type === 'commit' ? reader.opaque() : null };
}

export function writeAuthenticatedContent(
  writer: TlsWriter,
  { wireFormat, content, auth }: AuthenticatedContent,
): void {
  writeFramedContent(writer.uint16(WIRE_FORMATS[wireFormat]), content);
  writeAuthData(writer, auth);
}

export function readAuthenticatedContent(reader: TlsReader): AuthenticatedContent {
  const format = reader.uint16();
  if (format !== WIRE_FORMATS.public_message && format !== WIRE_FORMATS.private_message) {
    throw new MlsError('malformed', `The wire format ${format} frames no content.`);
  }
  const content = readFramedContent(reader);
  const wireFormat = format === WIRE_FORMATS.public_message ? 'public_message' : 'private_message';
  return { wireFormat, content, auth: readAuthData(reader, content.content.type) };
}

/** FramedContentTBS (section 6.1). @param context of the epoch the message was made in */
export function framedContentTbs(
  wireFormat: HandshakeWireFormat,
  content: FramedContent,
  context: GroupContext,
): Uint8Array {
  return encode((writer) => {
    writeFramedContent(writer.uint16(MLS_10).uint16(WIRE_FORMATS[wireFormat]), content);
    const { type } = content.sender;
    if (type === 'member' || type === 'new_member_commit') writeGroupContext(writer, context);
  }, null);
}

export function hasValidContentSignature(
  suite: PublicSuite,
  { wireFormat, content, auth }: AuthenticatedContent,
  publicKey: Uint8Array,
  context: GroupContext,
): boolean {
  const tbs = framedContentTbs(wireFormat, content, context);
  return verifyWithLabel(suite, {
    publicKey,
    label: 'FramedContentTBS',
    content: tbs,
    signature: auth.signature,
  });
}

/** MakeProposalRef (section 5.2). */
export function proposalRef(suite: Pick<PublicSuite, 'hash'>, message: AuthenticatedContent): Uint8Array {
  return refHash(suite, 'MLS 1.0 Proposal Reference', encode(writeAuthenticatedContent, message));
}
