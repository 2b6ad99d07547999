import { concatBytes } from '@noble/hashes/utils.js';
import { encodeEnvelope, encodeEnvelopeHeader, isOpenForm } from '../protocol/envelope.ts';
import { ParleyError } from '../protocol/errors.ts';
import { labelled } from '../protocol/labelled.ts';
import { LIMITS } from '../protocol/limits.ts';
import { equalBytes } from './bytes.ts';
import { CONTENT_SALT_BYTES, contentTagOf } from './content-tag.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { ContentPurpose, OpenInput, OpenResult, SealInput } from './conversation.ts';
import type { Ed25519Provider } from './ed25519.ts';

const NONCE = new Uint8Array(24);
const NO_COMMITMENT = new Uint8Array(32);

/**
 * The scheme of open rooms: signed by the sending device for its cluster, room, purpose and transaction, and not
 * encrypted. Everybody can read it, nodes too; nobody can alter it, or put it elsewhere. The id of a room tells which
 * scheme is in use, so that no node can talk a client into writing in clear.
 */
export function sealOpen(input: SealInput, ed25519: Ed25519Provider): Uint8Array {
  const headerBytes = encodeEnvelopeHeader({
    cluster: input.cluster,
    room: input.room,
    rosterVersion: 0,
    sender: input.sender.device,
    txnId: input.txnId,
    contentTag: contentTagOf(input.r, input.content),
    recipients: [],
    keyCommitment: NO_COMMITMENT,
    senderCounter: input.senderCounter,
    ...input.extensions,
  });
  const unsigned = { headerBytes, nonce: NONCE, ciphertext: concatBytes(input.r, input.content), wraps: [] };
  const signature = ed25519.sign(input.sender.signingSecret, signedBytes(input.purpose, unsigned));
  const bytes = Uint8Array.from(encodeEnvelope({ ...unsigned, signature }));
  if (bytes.length <= LIMITS.envelopeBytesMax) return bytes;
  const detail = `The message has ${bytes.length} bytes; an envelope has at most ${LIMITS.envelopeBytesMax}.`;
  throw new ParleyError('payload_too_large', detail);
}

/** Of an envelope that is in its one proper encoding, and of the room and sender that are expected. */
export function openOpen(
  { purpose, sender }: Pick<OpenInput, 'purpose' | 'sender'>,
  envelope: Envelope,
  ed25519: Ed25519Provider,
): OpenResult {
  const { header, ciphertext, signature } = envelope;
  if (!isOpenForm(envelope)) return { ok: false, reason: 'malformed' };
  const message = signedBytes(purpose, envelope);
  if (!ed25519.verify({ publicKey: sender.signingKey, message, signature })) {
    return { ok: false, reason: 'bad_signature' };
  }
  const r = ciphertext.subarray(0, CONTENT_SALT_BYTES);
  const content = ciphertext.subarray(CONTENT_SALT_BYTES);
  const fits = r.length === CONTENT_SALT_BYTES && equalBytes(contentTagOf(r, content), header.contentTag);
  return fits ? { ok: true, content, r, header } : { ok: false, reason: 'tag_mismatch' };
}

function signedBytes(
  purpose: ContentPurpose,
  { headerBytes, nonce, ciphertext }: Pick<Envelope, 'headerBytes' | 'nonce' | 'ciphertext'>,
): Uint8Array {
  return labelled(`open-envelope/${purpose}`, headerBytes, nonce, ciphertext);
}
