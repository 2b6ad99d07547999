import { decodeContent } from './content.ts';
import { isOpenForm } from './envelope.ts';
import type { RoomMetaContent } from './content.ts';
import type { Envelope } from './envelope.ts';

/** Length of what stands before the content, and makes its tag unguessable in rooms that are not open. */
const SALT_BYTES = 32;

/** Name and topic of an open room, as anybody can read them; undefined for an envelope that says nothing of the kind. */
export function openMetaIn(envelope: Envelope): RoomMetaContent | undefined {
  if (!isOpenForm(envelope)) return undefined;
  const decoded = decodeContent(envelope.ciphertext.subarray(SALT_BYTES));
  return decoded.ok && decoded.content.type === 'room-meta' ? decoded.content : undefined;
}
