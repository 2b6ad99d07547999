import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { accountIdOf, clusterIdOf, groupRoomIdOf } from '../protocol/derive-ids.ts';
import { decodeEnvelope, encodeEnvelope, encodeEnvelopeHeader } from '../protocol/envelope.ts';
import { CONTENT_LIMITS } from '../protocol/content.ts';
import { labelled } from '../protocol/labelled.ts';
import { ENVELOPE_EXTENSIONS_BYTES_MAX } from '../protocol/envelope-extensions.ts';
import { LIMITS } from '../protocol/limits.ts';
import { contentTagOf } from './content-tag.ts';
import { createInterimConversation } from './conversation-interim.ts';
import { hpkeSeal } from './hpke-single-shot.ts';
import { createDeviceKeys } from './identity.ts';
import { nodeEd25519 } from './node-ed25519.ts';
import { nodeRandom } from './node-random.ts';
import { nodeX25519 } from './node-x25519.ts';
import type { Envelope, EnvelopeHeader } from '../protocol/envelope.ts';
import type { TxnId } from '../protocol/ids.ts';
import type { ContentPurpose, OpenInput, OpenResult, SealInput } from './conversation.ts';
import type { DeviceKeys } from './identity.ts';

const native = createInterimConversation({ random: nodeRandom, ed25519: nodeEd25519, x25519: nodeX25519 });
const pure = createInterimConversation({ random: nodeRandom });

const cluster = clusterIdOf(Uint8Array.of(1));
const otherCluster = clusterIdOf(Uint8Array.of(2));
const txnId = '01JABCDEFGHJKMNPQRSTVWXYZ0' as TxnId;
const room = groupRoomIdOf(accountIdOf(new Uint8Array(32)), txnId);
const otherRoom = groupRoomIdOf(accountIdOf(new Uint8Array(32)), '01JABCDEFGHJKMNPQRSTVWXYZ1' as TxnId);
const [alice, bob, carol, mallory] = Array.from({ length: 4 }, () => createDeviceKeys(nodeRandom)) as [
  DeviceKeys,
  DeviceKeys,
  DeviceKeys,
  DeviceKeys,
];
const content = utf8ToBytes('meet me at the mill');

function recipientOf(keys: DeviceKeys): SealInput['recipients'][number] {
  return { device: keys.device, sealingKey: keys.sealing.publicKey };
}

function sealInput(changes: Partial<SealInput> = {}): SealInput {
  return {
    purpose: 'message',
    cluster,
    room,
    rosterVersion: 7,
    sender: { device: alice.device, signingSecret: alice.signing.secretKey },
    txnId,
    recipients: [alice, bob, carol].map(recipientOf),
    content,
    r: new Uint8Array(32).fill(5),
    senderCounter: 1,
    ...changes,
  };
}

function openInput(envelopeBytes: Uint8Array, changes: Partial<OpenInput> = {}): OpenInput {
  return {
    purpose: 'message',
    cluster,
    room,
    envelopeBytes,
    own: { device: bob.device, sealing: bob.sealing },
    sender: { device: alice.device, signingKey: alice.signing.publicKey },
    ...changes,
  };
}

function reasonOf(result: OpenResult): string {
  return result.ok ? 'opened' : result.reason;
}

const reasonWith = (bytes: Uint8Array, changes: Partial<OpenInput> = {}): string =>
  reasonOf(native.open(openInput(bytes, changes)));

describe('an envelope', () => {
  it.each([
    [native, native],
    [native, pure],
    [pure, native],
  ])('is read by each recipient, the sender included (%#)', (sealing, opening) => {
    const bytes = sealing.seal(sealInput());
    for (const keys of [alice, bob, carol]) {
      const opened = opening.open(openInput(bytes, { own: { device: keys.device, sealing: keys.sealing } }));
      if (!opened.ok) throw new Error(opened.reason);
      expect(opened.content).toEqual(content);
      expect(opened.r).toEqual(new Uint8Array(32).fill(5));
      expect(opened.header).toMatchObject({ cluster, room, rosterVersion: 7, sender: alice.device, txnId });
      expect(opened.header.recipients.map(({ device }) => device)).toEqual(
        [alice.device, bob.device, carol.device].toSorted(),
      );
      expect(opened.header.contentTag).toEqual(contentTagOf(opened.r, content));
    }
  });

  it('carries any content, for any roster', () => {
    const devices = Array.from({ length: 12 }, () => createDeviceKeys(nodeRandom));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000, size: 'max' }),
        fc.shuffledSubarray(devices, { minLength: 1 }),
        fc.nat(),
        (content, roster, counter) => {
          const bytes = native.seal(
            sealInput({ content, recipients: roster.map(recipientOf), senderCounter: counter, rosterVersion: counter }),
          );
          const reader = roster[counter % roster.length]!;
          const opened = native.open(openInput(bytes, { own: { device: reader.device, sealing: reader.sealing } }));
          expect(opened).toMatchObject({ ok: true, header: { senderCounter: counter } });
          expect(opened.ok && opened.content).toEqual(content);
          for (const other of devices.filter((device) => !roster.includes(device))) {
            expect(reasonWith(bytes, { own: { device: other.device, sealing: other.sealing } })).toBe('before_device');
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('has the same content tag when a retry is encrypted again, and nothing else in common', () => {
    const [first, second] = [1, 2].map((senderCounter) =>
      decodeEnvelope(native.seal(sealInput({ senderCounter, rosterVersion: 7 + senderCounter }))),
    ) as [Envelope, Envelope];
    expect(second.header.contentTag).toEqual(first.header.contentTag);
    expect(second.header.keyCommitment).not.toEqual(first.header.keyCommitment);
    expect(second.ciphertext).not.toEqual(first.ciphertext);
    expect(second.nonce).not.toEqual(first.nonce);
  });

  it('is refused with any one bit flipped', () => {
    const bytes = native.seal(sealInput());
    expect(reasonWith(bytes)).toBe('opened');
    const reasons = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Uint8Array.from(bytes);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      reasons.add(reasonWith(altered));
    }
    expect([...reasons].toSorted()).toEqual([
      'bad_signature',
      'malformed',
      // A flipped bit of the header's version reads as a newer one.
      'unsupported',
      'wrong_cluster',
      'wrong_room',
      'wrong_sender',
    ]);
  });

  it('is refused cut short, extended, or as other bytes altogether', () => {
    const bytes = native.seal(sealInput());
    for (let length = 0; length < bytes.length; length += 13) {
      expect(reasonWith(bytes.subarray(0, length))).toBe('malformed');
    }
    expect(reasonWith(concatBytes(bytes, Uint8Array.of(0)))).toBe('malformed');
    expect(reasonWith(new Uint8Array(LIMITS.envelopeBytesMax + 1))).toBe('malformed');
    expect(reasonWith(new Uint8Array(60_000).fill(0x91))).toBe('malformed');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => reasonWith(garbage) === 'malformed'),
      { numRuns: 300 },
    );
  });
});

describe('an envelope out of its place is refused', () => {
  const bytes = native.seal(sealInput());

  it.each<[string, Partial<OpenInput>]>([
    ['wrong_cluster', { cluster: otherCluster }],
    ['wrong_room', { room: otherRoom }],
    ['wrong_sender', { sender: { device: mallory.device, signingKey: mallory.signing.publicKey } }],
    ['bad_signature', { sender: { device: alice.device, signingKey: mallory.signing.publicKey } }],
    ['bad_signature', { purpose: 'room-meta' }],
    ['before_device', { own: { device: mallory.device, sealing: mallory.sealing } }],
    ['wrong_key', { own: { device: bob.device, sealing: mallory.sealing } }],
    ['bad_wrap', { own: { device: bob.device, sealing: { ...bob.sealing, secretKey: mallory.sealing.secretKey } } }],
  ])('%s (%#)', (reason, changes) => {
    expect(reasonWith(bytes, changes)).toBe(reason);
  });

  it('in the other purpose too', () => {
    const meta = native.seal(sealInput({ purpose: 'room-meta' }));
    expect(reasonWith(meta, { purpose: 'room-meta' })).toBe('opened');
    expect(reasonWith(meta)).toBe('bad_signature');
  });

  it('signed by another device under the name of the first', () => {
    const forged = native.seal(
      sealInput({ sender: { device: alice.device, signingSecret: mallory.signing.secretKey } }),
    );
    expect(reasonWith(forged)).toBe('bad_signature');
  });
});

/** Parts of an envelope, to be put together wrongly; whoever does not hold the sender's key stops at the signature. */
interface Parts {
  contentKey: Uint8Array;
  wrappedKey: Uint8Array;
  plaintext: Uint8Array;
  header: EnvelopeHeader;
  purpose: ContentPurpose;
}

function partsOf(changes: Partial<Parts> = {}): Parts {
  const contentKey = nodeRandom(32);
  const r = new Uint8Array(32).fill(9);
  const header: EnvelopeHeader = {
    cluster,
    room,
    rosterVersion: 7,
    sender: alice.device,
    txnId,
    contentTag: contentTagOf(r, content),
    recipients: [bob, carol]
      .map(({ device, sealing }) => ({ device, keyHash: sha256(sealing.publicKey) }))
      .toSorted((a, b) => (a.device < b.device ? -1 : 1)),
    keyCommitment: sha256(concatBytes(utf8ToBytes('key'), contentKey)),
    senderCounter: 1,
  };
  return {
    contentKey,
    wrappedKey: contentKey,
    plaintext: concatBytes(r, content),
    header,
    purpose: 'message',
    ...changes,
  };
}

function sealingKeyOf(header: EnvelopeHeader, index: number): Uint8Array {
  return [bob, carol].find(({ device }) => device === header.recipients[index]!.device)!.sealing.publicKey;
}

function assemble(parts: Parts, alter: (unsigned: Omit<Envelope, 'signature'>) => Partial<Envelope> = () => ({})) {
  const { header, contentKey, wrappedKey, plaintext, purpose } = parts;
  const headerBytes = encodeEnvelopeHeader(header);
  const nonce = nodeRandom(24);
  const unsigned = {
    header,
    headerBytes,
    nonce,
    ciphertext: xchacha20poly1305(contentKey, nonce, headerBytes).encrypt(plaintext),
    wraps: header.recipients.map((_, i) =>
      hpkeSeal(sealingKeyOf(header, i), wrappedKey, { info: sha256(headerBytes) }, nodeRandom)!,
    ),
  };
  const altered = { ...unsigned, ...alter(unsigned) };
  const message = labelled(
    `envelope/${purpose}`,
    altered.headerBytes,
    altered.nonce,
    altered.ciphertext,
    ...altered.wraps,
  );
  return encodeEnvelope({ ...altered, signature: nodeEd25519.sign(alice.signing.secretKey, message) });
}

const flipped = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 0 ? byte ^ 1 : byte));

describe('an envelope that its own sender made wrongly is refused', () => {
  it('but not when made rightly', () => {
    expect(reasonWith(assemble(partsOf()))).toBe('opened');
  });

  it('with a header changed after wrapping', () => {
    const withHeader = (changes: Partial<EnvelopeHeader>): Uint8Array =>
      assemble(partsOf(), ({ header }) => ({ headerBytes: encodeEnvelopeHeader({ ...header, ...changes }) }));
    expect(reasonWith(withHeader({ rosterVersion: 8 }))).toBe('bad_wrap');
    expect(reasonWith(withHeader({ txnId: '01JABCDEFGHJKMNPQRSTVWXYZ2' as TxnId }))).toBe('bad_wrap');
    expect(reasonWith(withHeader({ keyCommitment: new Uint8Array(32) }))).toBe('bad_wrap');
  });

  it('with two wraps swapped', () => {
    expect(reasonWith(assemble(partsOf(), ({ wraps }) => ({ wraps: wraps.toReversed() })))).toBe('bad_wrap');
  });

  it('with a wrap taken from another envelope', () => {
    const other = decodeEnvelope(assemble(partsOf()));
    expect(reasonWith(assemble(partsOf(), () => ({ wraps: other.wraps })))).toBe('bad_wrap');
  });

  it('with a recipient left out or added', () => {
    const parts = partsOf();
    const withoutBob = parts.header.recipients.filter(({ device }) => device !== bob.device);
    expect(reasonWith(assemble({ ...parts, header: { ...parts.header, recipients: withoutBob } }))).toBe(
      'before_device',
    );
    const unsorted = [...parts.header.recipients].toReversed();
    expect(reasonWith(assemble({ ...parts, header: { ...parts.header, recipients: unsorted } }))).toBe('malformed');
    const oneWrapLess = assemble(partsOf(), ({ wraps }) => ({ wraps: wraps.slice(1) }));
    expect(reasonWith(oneWrapLess)).toBe('malformed');
  });

  it('with the hash of another key for a recipient', () => {
    const parts = partsOf();
    const recipients = parts.header.recipients.map(({ device }) => ({ device, keyHash: new Uint8Array(32) }));
    expect(reasonWith(assemble({ ...parts, header: { ...parts.header, recipients } }))).toBe('wrong_key');
  });

  it('with another content key than it commits to', () => {
    expect(reasonWith(assemble(partsOf({ wrappedKey: nodeRandom(32) })))).toBe('bad_commitment');
    const parts = partsOf();
    const header = { ...parts.header, keyCommitment: sha256(parts.contentKey) };
    expect(reasonWith(assemble({ ...parts, header }))).toBe('bad_commitment');
  });

  it('with an altered ciphertext or nonce', () => {
    const ciphertext = assemble(partsOf(), (unsigned) => ({ ciphertext: flipped(unsigned.ciphertext) }));
    expect(reasonWith(ciphertext)).toBe('bad_ciphertext');
    expect(reasonWith(assemble(partsOf(), ({ nonce }) => ({ nonce: flipped(nonce) })))).toBe('bad_ciphertext');
  });

  it('with a tag of other content, or no r', () => {
    const other = concatBytes(new Uint8Array(32).fill(9), utf8ToBytes('meet me at the moor'));
    expect(reasonWith(assemble(partsOf({ plaintext: other })))).toBe('tag_mismatch');
    expect(reasonWith(assemble(partsOf({ plaintext: concatBytes(new Uint8Array(32), content) })))).toBe('tag_mismatch');
    expect(reasonWith(assemble(partsOf({ plaintext: new Uint8Array(31) })))).toBe('tag_mismatch');
  });

  it('under a label of another purpose', () => {
    expect(reasonWith(assemble(partsOf({ purpose: 'room-meta' })))).toBe('bad_signature');
  });

  it('in an encoding that is not the one', () => {
    const envelope = decodeEnvelope(native.seal(sealInput()));
    const packr = new Packr({ useRecords: false, moreTypes: false });
    const { headerBytes, nonce, ciphertext, wraps, signature } = envelope;
    const rest = [headerBytes, nonce, ciphertext, wraps, signature];
    const proper = packr.pack([1, ...rest]);
    expect(reasonWith(proper)).toBe('opened');
    const versionInTwoBytes = concatBytes(proper.subarray(0, 1), Uint8Array.of(0xcc), proper.subarray(1));
    expect(decodeEnvelope(versionInTwoBytes).header).toEqual(envelope.header);
    expect(reasonWith(versionInTwoBytes)).toBe('malformed');
    const looseHeader = assemble(partsOf(), ({ headerBytes: bytes }) => ({
      headerBytes: concatBytes(bytes.subarray(0, 1), Uint8Array.of(0xcc), bytes.subarray(1)),
    }));
    expect(decodeEnvelope(looseHeader).header.sender).toBe(alice.device);
    expect(reasonWith(looseHeader)).toBe('malformed');
  });
});

describe('sealing', () => {
  const full = Array.from({ length: LIMITS.devicesPerRoomMax }, () => createDeviceKeys(nodeRandom));
  const widest = { recipients: full.map(recipientOf), rosterVersion: 2 ** 40, senderCounter: 2 ** 40 };

  it('fits the longest content for the largest room into an envelope, beside all extensions', () => {
    const bytes = native.seal(
      sealInput({ ...widest, content: new Uint8Array(CONTENT_LIMITS.contentBytesMax).fill(0x61) }),
    );
    expect(bytes.length).toBe(LIMITS.envelopeBytesMax - ENVELOPE_EXTENSIONS_BYTES_MAX);
    const [reader] = full as [DeviceKeys];
    expect(reasonWith(bytes, { own: { device: reader.device, sealing: reader.sealing } })).toBe('opened');
    const tooLong = new Uint8Array(CONTENT_LIMITS.contentBytesMax + ENVELOPE_EXTENSIONS_BYTES_MAX + 1);
    expect(() => native.seal(sealInput({ ...widest, content: tooLong }))).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  it('refuses more devices than a room may have', () => {
    const recipients = [...widest.recipients, recipientOf(bob)];
    expect(() => native.seal(sealInput({ recipients }))).toThrow(expect.objectContaining({ code: 'room_too_large' }));
  });

  it('names the device whose key nothing can be sealed to', () => {
    const recipients = [recipientOf(bob), { device: carol.device, sealingKey: new Uint8Array(32) }];
    expect(() => native.seal(sealInput({ recipients }))).toThrow(carol.device);
    expect(() => pure.seal(sealInput({ recipients }))).toThrow(expect.objectContaining({ code: 'invalid_field' }));
  });

  it('stops on a mistake of the caller', () => {
    expect(() => native.seal(sealInput({ recipients: [recipientOf(bob), recipientOf(bob)] }))).toThrow('ids');
    expect(() => native.seal(sealInput({ txnId: 'x' as TxnId }))).toThrow('ids');
    expect(() => native.seal(sealInput({ senderCounter: -1 }))).toThrow('ids');
    expect(() => native.seal(sealInput({ r: new Uint8Array(31) }))).toThrow('32 bytes');
  });

  it('draws key, nonce and one ephemeral key per recipient, and nothing else decides the envelope', () => {
    const drawn: number[] = [];
    const counting = (length: number): Uint8Array => {
      drawn.push(length);
      return new Uint8Array(length).fill(drawn.length);
    };
    const bytes = createInterimConversation({ random: counting }).seal(sealInput());
    expect(drawn).toEqual([32, 24, 32, 32, 32]);
    let count = 0;
    const again = createInterimConversation({ random: (length) => new Uint8Array(length).fill(++count) });
    expect(again.seal(sealInput())).toEqual(bytes);
  });
});
