import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { decodeEnvelope, encodeEnvelope, encodeEnvelopeHeader } from '../protocol/envelope.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { labelled } from '../protocol/labelled.ts';
import { LIMITS } from '../protocol/limits.ts';
import { assertLength, equalBytes } from './bytes.ts';
import { CONTENT_SALT_BYTES, contentTagOf } from './content-tag.ts';
import { openOpen } from './conversation-open.ts';
import { nobleEd25519 } from './ed25519.ts';
import { hpkeOpen, hpkeSeal } from './hpke-single-shot.ts';
import { sealOpen } from './open-seal.ts';
import { nobleX25519 } from './x25519.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type {
  ContentPurpose,
  Conversation,
  OpenFailure,
  OpenInput,
  OpenResult,
  Recipient,
  SealInput,
} from './conversation.ts';
import type { Ed25519Provider } from './ed25519.ts';
import type { RandomBytes } from './random.ts';
import type { X25519Provider } from './x25519.ts';

/** Providers default to noble, which runs everywhere; `node-ed25519.ts` and `node-x25519.ts` are faster on Node. */
export interface ConversationPrimitives {
  readonly random: RandomBytes;
  readonly ed25519?: Ed25519Provider;
  readonly x25519?: X25519Provider;
}

/**
 * The interim scheme, in use until MLS (RFC 9420) takes over; for open rooms `conversation-open.ts`.
 *
 * Per message: one random content key; XChaCha20-Poly1305 over r ‖ content with the header as associated data; the
 * key wrapped by HPKE once per recipient device, bound to the header's hash; SHA-256("key" ‖ contentKey) in the
 * header; one Ed25519 signature of the sending device over the label of the purpose, header, nonce, ciphertext and
 * all wraps.
 *
 * It gives: only the listed devices read the content; each of them knows which device wrote it, for which cluster,
 * room, purpose, roster version and transaction, and that all of them were sent the same content (the commitment
 * leaves no second key that opens the ciphertext to something else). A node can neither read nor alter it, nor move
 * it elsewhere.
 *
 * It does not give: forward secrecy or healing (who gets hold of a device's key reads every envelope that was ever
 * sealed to it), deniability (envelopes are signed), hidden metadata (the header is in clear: sender, recipients,
 * time, size), or protection against a node that withholds, delays or replays envelopes (the client engine notices
 * replays by (device, txnId)). It has not been audited.
 */
export function createInterimConversation(primitives: ConversationPrimitives): Conversation {
  const { random, ed25519 = nobleEd25519, x25519 = nobleX25519 } = primitives;
  return {
    seal: (input) => (isOpenRoom(input.room) ? sealOpen(input, ed25519) : seal(input, random, ed25519, x25519)),
    open: (input) => open(input, ed25519, x25519),
  };
}

const CONTENT_KEY_BYTES = 32;
const NONCE_BYTES = 24;

function seal(input: SealInput, random: RandomBytes, ed25519: Ed25519Provider, x25519: X25519Provider): Uint8Array {
  const recipients = sortedRecipients(input.recipients);
  const contentKey = random(CONTENT_KEY_BYTES);
  const nonce = random(NONCE_BYTES);
  const headerBytes = encodeEnvelopeHeader({
    cluster: input.cluster,
    room: input.room,
    rosterVersion: input.rosterVersion,
    sender: input.sender.device,
    txnId: input.txnId,
    contentTag: contentTagOf(input.r, input.content),
    recipients: recipients.map(({ device, sealingKey }) => ({ device, keyHash: sha256(sealingKey) })),
    keyCommitment: commitmentOf(contentKey),
    senderCounter: input.senderCounter,
    ...input.extensions,
  });
  const ciphertext = xchacha20poly1305(contentKey, nonce, headerBytes).encrypt(concatBytes(input.r, input.content));
  const info = wrapInfo(headerBytes);
  const wraps = recipients.map(({ device, sealingKey }) => {
    const wrap = hpkeSeal(sealingKey, contentKey, { info }, random, x25519);
    if (wrap === null) throw new ParleyError('invalid_field', `The key of device ${device} cannot be sealed to.`);
    return wrap;
  });
  contentKey.fill(0);
  const unsigned = { headerBytes, nonce, ciphertext, wraps };
  const signature = ed25519.sign(input.sender.signingSecret, signedBytes(input.purpose, unsigned));
  const bytes = Uint8Array.from(encodeEnvelope({ ...unsigned, signature }));
  if (bytes.length > LIMITS.envelopeBytesMax) {
    const detail = `The sealed message has ${bytes.length} bytes; an envelope has at most ${LIMITS.envelopeBytesMax}.`;
    throw new ParleyError('payload_too_large', detail);
  }
  if (typeof parse(bytes) === 'string') throw new Error('An envelope was sealed from ids or counters that are none.');
  return bytes;
}

function sortedRecipients(recipients: readonly Recipient[]): readonly Recipient[] {
  if (recipients.length > LIMITS.devicesPerRoomMax) throw new ParleyError('room_too_large');
  for (const { sealingKey } of recipients) assertLength(sealingKey, 32, 'A sealing key');
  return [...recipients].sort((a, b) => (a.device < b.device ? -1 : 1));
}

function open(input: OpenInput, ed25519: Ed25519Provider, x25519: X25519Provider): OpenResult {
  const envelope = parse(input.envelopeBytes);
  if (typeof envelope === 'string') return failed(envelope);
  const { header, headerBytes, nonce, ciphertext, wraps, signature } = envelope;
  if (header.cluster !== input.cluster) return failed('wrong_cluster');
  if (header.room !== input.room) return failed('wrong_room');
  if (header.sender !== input.sender.device) return failed('wrong_sender');
  if (isOpenRoom(input.room)) return openOpen(input, envelope, ed25519);
  const message = signedBytes(input.purpose, envelope);
  if (!ed25519.verify({ publicKey: input.sender.signingKey, message, signature })) return failed('bad_signature');

  const index = header.recipients.findIndex(({ device }) => device === input.own.device);
  if (index === -1) return failed('before_device');
  if (!equalBytes(header.recipients[index]!.keyHash, sha256(input.own.sealing.publicKey))) return failed('wrong_key');
  const contentKey = hpkeOpen(input.own.sealing, wraps[index]!, { info: wrapInfo(headerBytes) }, x25519);
  if (contentKey === null || contentKey.length !== CONTENT_KEY_BYTES) return failed('bad_wrap');
  if (!equalBytes(commitmentOf(contentKey), header.keyCommitment)) return failed('bad_commitment');

  let plaintext: Uint8Array;
  try {
    plaintext = xchacha20poly1305(contentKey, nonce, headerBytes).decrypt(ciphertext);
  } catch {
    return failed('bad_ciphertext');
  } finally {
    contentKey.fill(0);
  }
  if (plaintext.length < CONTENT_SALT_BYTES) return failed('tag_mismatch');
  const r = plaintext.subarray(0, CONTENT_SALT_BYTES);
  const content = plaintext.subarray(CONTENT_SALT_BYTES);
  if (!equalBytes(contentTagOf(r, content), header.contentTag)) return failed('tag_mismatch');
  return { ok: true, content, r, header };
}

const failed = (reason: OpenFailure): OpenResult => ({ ok: false, reason });

/** One message has one form: a re-encoding that a codec would read alike is refused. */
function parse(bytes: Uint8Array): Envelope | 'malformed' | 'unsupported' {
  try {
    const envelope = decodeEnvelope(bytes);
    const canonical =
      equalBytes(encodeEnvelopeHeader(envelope.header), envelope.headerBytes) &&
      equalBytes(encodeEnvelope(envelope), bytes);
    return canonical ? envelope : 'malformed';
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    return error.code === 'unsupported_version' ? 'unsupported' : 'malformed';
  }
}

function signedBytes(
  purpose: ContentPurpose,
  envelope: Pick<Envelope, 'headerBytes' | 'nonce' | 'ciphertext' | 'wraps'>,
): Uint8Array {
  const { headerBytes, nonce, ciphertext, wraps } = envelope;
  return labelled(`envelope/${purpose}`, headerBytes, nonce, ciphertext, ...wraps);
}

const wrapInfo = (headerBytes: Uint8Array): Uint8Array => sha256(headerBytes);

const commitmentOf = (contentKey: Uint8Array): Uint8Array => sha256(concatBytes(utf8ToBytes('key'), contentKey));
