import { createHash } from 'node:crypto';
import { ulid } from './ulid.ts';
import { createInterimConversation } from '../../src/crypto/conversation-interim.ts';
import { nodeEd25519 } from '../../src/crypto/node-ed25519.ts';
import { nodeRandom } from '../../src/crypto/node-random.ts';
import { nodeX25519 } from '../../src/crypto/node-x25519.ts';
import { fromBase64Url, toBase64Url } from '../../src/protocol/base64url.ts';
import { encodeContent } from '../../src/protocol/content.ts';
import type { Person } from './person.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';
import type { DeviceId, RoomId, TxnId } from '../../src/protocol/ids.ts';

const conversation = createInterimConversation({ random: nodeRandom, ed25519: nodeEd25519, x25519: nodeX25519 });

/** A message ready to be sent, as often as it takes. */
export interface SealedText {
  readonly room: RoomId;
  readonly txnId: TxnId;
  /** base64url, as frames and bodies carry it. */
  readonly envelope: string;
  /** SHA-256 of the envelope, hex. */
  readonly hash: string;
}

/** Encrypts a text for everybody in the room, for real. */
export function sealText(person: Person, room: RoomDetailJson, text: string, counter: number): SealedText {
  const txnId = ulid();
  const recipients = room.members.flatMap((member) =>
    member.devices.map(({ device, sealingKey }) => ({
      device: device as DeviceId,
      sealingKey: fromBase64Url(sealingKey),
    })),
  );
  const envelope = conversation.seal({
    purpose: 'message',
    cluster: person.cluster,
    room: room.room as RoomId,
    rosterVersion: room.rosterVersion,
    sender: { device: person.keys.device, signingSecret: person.keys.signing.secretKey },
    txnId,
    recipients,
    content: encodeContent({ type: 'text', text }),
    r: nodeRandom(32),
    senderCounter: counter,
  });
  return { room: room.room as RoomId, txnId, envelope: toBase64Url(envelope), hash: hashEnvelope(envelope) };
}

/** The name of an open room, as its owner writes it. */
export function sealOpenName(person: Person, room: RoomId, name: string): string {
  return toBase64Url(
    conversation.seal({
      purpose: 'room-meta',
      cluster: person.cluster,
      room,
      rosterVersion: 0,
      sender: { device: person.keys.device, signingSecret: person.keys.signing.secretKey },
      txnId: ulid(),
      recipients: [],
      content: encodeContent({ type: 'room-meta', name }),
      r: nodeRandom(32),
      senderCounter: 0,
    }),
  );
}

export function hashEnvelope(envelope: Uint8Array): string {
  return createHash('sha256').update(envelope).digest('hex').slice(0, 32);
}

/** A text of exactly this many bytes that differs from every other one. */
export function paddedText(label: string, bytes: number): string {
  return label.padEnd(bytes, '.').slice(0, bytes);
}
