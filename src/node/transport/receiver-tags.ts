import { strict as assert } from 'node:assert';
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Pair } from './pair.ts';

/**
 * Everybody in the ring can seal what is for everybody. So what has to be one node's own word ends, behind the seal, with
 * a tag for each receiver: `name of its end of the session (8) ‖ HMAC-SHA256 of all before (16)`, then their number (1).
 */

const NAME_BYTES = 8;
const MAC_BYTES = 16;
const ENTRY_BYTES = NAME_BYTES + MAC_BYTES;
const TAGGED_MAX = 64;
export const TAGS_BYTES_MAX = 1 + TAGGED_MAX * ENTRY_BYTES;

/** @param receivers those that have a session now; at most `TAGGED_MAX` */
export function withTags(sealed: Buffer, receivers: readonly Pair[]): Buffer {
  assert(receivers.length <= TAGGED_MAX, 'too many receivers');
  const digest = hash('sha256', sealed, 'buffer');
  const parts: Uint8Array[] = [sealed];
  let count = 0;
  for (const { current } of receivers) {
    if (current === undefined) continue;
    parts.push(current.sendStream.subarray(0, NAME_BYTES), macOf(digest, current.tagSendKey));
    count += 1;
  }
  parts.push(Uint8Array.of(count));
  return Buffer.concat(parts);
}

/**
 * What the tags were put behind, when one of them is for this node and its sender's.
 * @returns null when none is for this node, undefined when the one that is was not made by its sender
 */
export function withoutTags(frame: Buffer, sender: Pair): Buffer | null | undefined {
  const count = frame.at(-1) ?? 0;
  const end = frame.length - 1 - count * ENTRY_BYTES;
  if (end < 0) return undefined;
  const sealed = frame.subarray(0, end);
  for (let at = end; at < frame.length - 1; at += ENTRY_BYTES) {
    const name = frame.subarray(at, at + NAME_BYTES);
    const session = sender.sessions.find(({ stream }) => name.equals(stream.subarray(0, NAME_BYTES)));
    if (session === undefined) continue;
    const expected = macOf(hash('sha256', sealed, 'buffer'), session.tagReceiveKey);
    return timingSafeEqual(expected, frame.subarray(at + NAME_BYTES, at + ENTRY_BYTES)) ? sealed : undefined;
  }
  return null;
}

const macOf = (digest: Buffer, key: Uint8Array): Buffer =>
  createHmac('sha256', key).update(digest).digest().subarray(0, MAC_BYTES);
