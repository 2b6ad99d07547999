import { AEAD_NONCE_BYTES } from '../../aead.ts';
import { equalBytes } from '../../bytes.ts';
import { HASH_BYTES } from '../../hkdf.ts';
import { framedContentTbs, readAuthData, writeAuthData } from '../authenticated-content.ts';
import { MlsError, verify } from '../error.ts';
import { readContent, writeContent } from '../framed-content.ts';
import { privateContentAad, senderDataAad } from '../private-message.ts';
import { contentOfPublicMessage } from '../public-message.ts';
import { decode, TlsReader } from '../tls-reader.ts';
import { encode } from '../tls-writer.ts';
import { expandWithLabel, signWithLabel } from './labelled-crypto.ts';
import type { AuthData, AuthenticatedContent, HandshakeWireFormat } from '../authenticated-content.ts';
import type { FramedContent } from '../framed-content.ts';
import type { GroupContext } from '../group-context.ts';
import type { PrivateMessage } from '../private-message.ts';
import type { PublicMessage } from '../public-message.ts';
import type { MessageKey } from './hash-ratchet.ts';
import type { MemberSuite } from './primitives.ts';
import type { RatchetType } from './secret-tree.ts';

const REUSE_GUARD_BYTES = 4;

/** The signature of RFC 9420 section 6.1. */
export function signFramedContent(
  suite: MemberSuite,
  secretKey: Uint8Array,
  { wireFormat, content, context }: FramedInContext,
): Uint8Array {
  return signWithLabel(suite, secretKey, 'FramedContentTBS', framedContentTbs(wireFormat, content, context));
}

export interface FramedInContext {
  readonly wireFormat: HandshakeWireFormat;
  readonly content: FramedContent;
  /** Of the epoch the message is made in. */
  readonly context: GroupContext;
}

/** Section 6.2. */
export interface MembershipKey {
  readonly membershipKey: Uint8Array;
  readonly context: GroupContext;
}

export function protectPublic(
  suite: MemberSuite,
  { content, auth }: AuthenticatedContent,
  key: MembershipKey,
): PublicMessage {
  const membershipTag = content.sender.type === 'member' ? membershipTagOf(suite, { content, auth }, key) : null;
  return { content, auth, membershipTag };
}

/** Section 6.2. @throws MlsError (`bad_membership_tag`); the signature is for the caller to check */
export function unprotectPublic(suite: MemberSuite, message: PublicMessage, key: MembershipKey): AuthenticatedContent {
  const { membershipTag } = message;
  if (message.content.sender.type === 'member') {
    const isTagged = membershipTag !== null && equalBytes(membershipTag, membershipTagOf(suite, message, key));
    verify(isTagged, 'bad_membership_tag', 'The membership tag is not valid.');
  }
  return contentOfPublicMessage(message);
}

/** AuthenticatedContentTBM (section 6.2). */
function membershipTagOf(
  { hkdf }: MemberSuite,
  { content, auth }: { readonly content: FramedContent; readonly auth: AuthData },
  { membershipKey, context }: MembershipKey,
): Uint8Array {
  const tbm = encode((writer) => {
    writer.raw(framedContentTbs('public_message', content, context));
    writeAuthData(writer, auth);
  }, null);
  return hkdf.mac(membershipKey, tbm);
}

export interface SenderData {
  readonly leafIndex: number;
  readonly generation: number;
  readonly reuseGuard: Uint8Array;
}

export interface PrivateProtection {
  readonly senderDataSecret: Uint8Array;
  readonly messageKey: MessageKey;
  readonly generation: number;
  /** Four fresh random bytes. */
  readonly reuseGuard: Uint8Array;
  /** Zero bytes to append to the content. */
  readonly paddingBytes: number;
}

/** Section 6.3. */
export function protectPrivate(
  suite: MemberSuite,
  { content, auth }: Pick<AuthenticatedContent, 'content' | 'auth'>,
  protection: PrivateProtection,
): PrivateMessage {
  const { sender, groupId, epoch, authenticatedData } = content;
  if (sender.type !== 'member') throw new MlsError('bad_sender', 'Only members can send private messages.');
  const header = { groupId, epoch, contentType: content.content.type, authenticatedData };
  const plaintext = encode((writer) => {
    writeContent(writer, content.content);
    writeAuthData(writer, auth);
    writer.raw(new Uint8Array(protection.paddingBytes));
  }, null);
  const { messageKey, generation, reuseGuard, senderDataSecret } = protection;
  const nonce = guardedNonce(messageKey.nonce, reuseGuard);
  const ciphertext = suite.aead.seal(messageKey.key, nonce, privateContentAad(header), plaintext);
  const senderData = encode((writer) => writer.uint32(sender.leafIndex).uint32(generation).raw(reuseGuard), null);
  const outer = senderDataKey(suite, senderDataSecret, ciphertext);
  const encryptedSenderData = suite.aead.seal(outer.key, outer.nonce, senderDataAad(header), senderData);
  return { ...header, encryptedSenderData, ciphertext };
}

/** Section 6.3.2: who sent it, and with which key. @throws MlsError (`undecryptable`) */
export function openSenderData(suite: MemberSuite, message: PrivateMessage, senderDataSecret: Uint8Array): SenderData {
  const { key, nonce } = senderDataKey(suite, senderDataSecret, message.ciphertext);
  const opened = suite.aead.open(key, nonce, senderDataAad(message), message.encryptedSenderData);
  if (opened === null) throw new MlsError('undecryptable', 'The sender data does not decrypt.');
  return decode(
    (reader) => ({
      leafIndex: reader.uint32(),
      generation: reader.uint32(),
      reuseGuard: reader.raw(REUSE_GUARD_BYTES),
    }),
    opened,
  );
}

/** Section 6.3.1. @throws MlsError (`undecryptable`, `malformed`); the signature is for the caller to check */
export function openPrivateContent(
  suite: MemberSuite,
  message: PrivateMessage,
  senderData: SenderData,
  messageKey: MessageKey,
): AuthenticatedContent {
  const nonce = guardedNonce(messageKey.nonce, senderData.reuseGuard);
  const plaintext = suite.aead.open(messageKey.key, nonce, privateContentAad(message), message.ciphertext);
  if (plaintext === null) throw new MlsError('undecryptable', 'The message does not decrypt.');
  const reader = new TlsReader(plaintext);
  const content = readContent(reader, message.contentType);
  const auth = readAuthData(reader, message.contentType);
  const isPaddedWithZeros = reader.rest().every((byte) => byte === 0);
  verify(isPaddedWithZeros, 'malformed', 'The padding is not all zero.');
  const { groupId, epoch, authenticatedData } = message;
  const sender = { type: 'member', leafIndex: senderData.leafIndex } as const;
  return { wireFormat: 'private_message', content: { groupId, epoch, sender, authenticatedData, content }, auth };
}

export function ratchetTypeOf({ contentType }: Pick<PrivateMessage, 'contentType'>): RatchetType {
  return contentType === 'application' ? 'application' : 'handshake';
}

/** Section 6.3.2, from a sample of the ciphertext. */
export function senderDataKey(suite: MemberSuite, senderDataSecret: Uint8Array, ciphertext: Uint8Array): MessageKey {
  const context = ciphertext.subarray(0, HASH_BYTES);
  return {
    key: expandWithLabel(suite, senderDataSecret, { label: 'key', context }, suite.aead.keyBytes),
    nonce: expandWithLabel(suite, senderDataSecret, { label: 'nonce', context }, AEAD_NONCE_BYTES),
  };
}

function guardedNonce(nonce: Uint8Array, reuseGuard: Uint8Array): Uint8Array {
  return nonce.map((byte, i) => byte ^ (reuseGuard[i] ?? 0));
}
