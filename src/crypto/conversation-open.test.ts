import { describe, expect, it } from 'vitest';
import { decodeEnvelope, encodeEnvelope, encodeEnvelopeHeader, isOpenForm } from '../protocol/envelope.ts';
import { clusterIdOf, groupRoomIdOf, openRoomIdOf } from '../protocol/derive-ids.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { createInterimConversation } from './conversation-interim.ts';
import { createDeviceKeys } from './identity.ts';
import { nodeRandom } from './node-random.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { OpenInput, SealInput } from './conversation.ts';

const conversation = createInterimConversation({ random: nodeRandom });
const sender = createDeviceKeys(nodeRandom);
const reader = createDeviceKeys(nodeRandom);
const cluster = clusterIdOf(new Uint8Array(16));
const txnId = makeTxnId(1, new Uint8Array(10));
const account = `A${'a'.repeat(26)}` as AccountId;
const room = openRoomIdOf(account, txnId);
const content = new TextEncoder().encode('for everybody');

const sealing: SealInput = {
  purpose: 'message',
  cluster,
  room,
  rosterVersion: 7,
  sender: { device: sender.device, signingSecret: sender.signing.secretKey },
  txnId,
  recipients: [{ device: reader.device, sealingKey: reader.sealing.publicKey }],
  content,
  r: new Uint8Array(32).fill(5),
  senderCounter: 3,
};
const opening = (envelopeBytes: Uint8Array): OpenInput => ({
  purpose: 'message',
  cluster,
  room,
  envelopeBytes,
  own: { device: reader.device, sealing: reader.sealing },
  sender: { device: sender.device, signingKey: sender.signing.publicKey },
});
const reasonOf = (input: OpenInput): string => {
  const opened = conversation.open(input);
  return opened.ok ? 'ok' : opened.reason;
};

describe('an envelope of an open room', () => {
  const bytes = conversation.seal(sealing);

  it('is for nobody in particular, and read by anybody', () => {
    const envelope = decodeEnvelope(bytes);
    expect(isOpenForm(envelope)).toBe(true);
    expect(Buffer.from(bytes).includes('for everybody')).toBe(true);
    const opened = conversation.open(opening(bytes));
    expect(opened).toMatchObject({ ok: true, header: { room, senderCounter: 3, recipients: [] } });
    expect(opened.ok && Buffer.from(opened.content).toString()).toBe('for everybody');
  });

  it('is refused whichever byte of it is changed', () => {
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i]! ^= 1;
      expect([i, reasonOf(opening(changed))]).not.toEqual([i, 'ok']);
    }
  });

  it('is bound to its room, purpose and sender', () => {
    expect(reasonOf({ ...opening(bytes), purpose: 'room-meta' })).toBe('bad_signature');
    expect(reasonOf({ ...opening(bytes), room: openRoomIdOf(account, makeTxnId(2, new Uint8Array(10))) })).toBe(
      'wrong_room',
    );
    const other = { device: sender.device, signingKey: reader.signing.publicKey };
    expect(reasonOf({ ...opening(bytes), sender: other })).toBe('bad_signature');
  });

  it('is never taken for one of an encrypted room, nor such a one for it', () => {
    const group = groupRoomIdOf(account, txnId);
    const { header, ...rest } = decodeEnvelope(bytes);
    const moved = encodeEnvelope({ ...rest, headerBytes: encodeEnvelopeHeader({ ...header, room: group }) });
    expect(reasonOf({ ...opening(moved), room: group })).toBe('bad_signature');
    const sealed = conversation.seal({ ...sealing, room: group });
    expect(isOpenForm(decodeEnvelope(sealed))).toBe(false);
    const { header: sealedHeader, ...sealedRest } = decodeEnvelope(sealed);
    const opened = encodeEnvelope({ ...sealedRest, headerBytes: encodeEnvelopeHeader({ ...sealedHeader, room }) });
    expect(reasonOf(opening(opened))).toBe('malformed');
  });
});
