import { isOpenForm } from '../protocol/envelope.ts';
import { equalBytes } from './bytes.ts';
import { CONTENT_SALT_BYTES, contentTagOf } from './content-tag.ts';
import { openSignedBytes } from './open-seal.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { OpenInput, OpenResult } from './conversation.ts';
import type { Ed25519Provider } from './ed25519.ts';

/** Of an envelope that is in its one proper encoding, and of the room and sender that are expected. */
export function openOpen(
  { purpose, sender }: Pick<OpenInput, 'purpose' | 'sender'>,
  envelope: Envelope,
  ed25519: Ed25519Provider,
): OpenResult {
  const { header, ciphertext, signature } = envelope;
  if (!isOpenForm(envelope)) return { ok: false, reason: 'malformed' };
  const message = openSignedBytes(purpose, envelope);
  if (!ed25519.verify({ publicKey: sender.signingKey, message, signature })) {
    return { ok: false, reason: 'bad_signature' };
  }
  const r = ciphertext.subarray(0, CONTENT_SALT_BYTES);
  const content = ciphertext.subarray(CONTENT_SALT_BYTES);
  const fits = r.length === CONTENT_SALT_BYTES && equalBytes(contentTagOf(r, content), header.contentTag);
  return fits ? { ok: true, content, r, header } : { ok: false, reason: 'tag_mismatch' };
}
