import { readAuthData, writeAuthData } from './authenticated-content.ts';
import { readFramedContent, writeFramedContent } from './framed-content.ts';
import type { AuthData, AuthenticatedContent } from './authenticated-content.ts';
import type { FramedContent } from './framed-content.ts';
import type { TlsReader } from './tls-reader.ts';
import type { TlsWriter } from './tls-writer.ts';

/** Signed, not encrypted (RFC 9420 section 6.2). */
export interface PublicMessage {
  readonly content: FramedContent;
  readonly auth: AuthData;
  /** Of members only; null for other senders. */
  readonly membershipTag: Uint8Array | null;
}

export function writePublicMessage(writer: TlsWriter, { content, auth, membershipTag }: PublicMessage): void {
  writeFramedContent(writer, content);
  writeAuthData(writer, auth);
  if (membershipTag !== null) writer.opaque(membershipTag);
}

export function readPublicMessage(reader: TlsReader): PublicMessage {
  const content = readFramedContent(reader);
  const auth = readAuthData(reader, content.content.type);
  return { content, auth, membershipTag: content.sender.type === 'member' ? reader.opaque() : null };
}

/** What it says, before anything is checked. */
export function contentOfPublicMessage({ content, auth }: PublicMessage): AuthenticatedContent {
  return { wireFormat: 'public_message', content, auth };
}
