import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { clusterIdOf, deviceIdOf, groupRoomIdOf } from './derive-ids.ts';
import { decodeEnvelope, encodeEnvelope, encodeEnvelopeHeader } from './envelope.ts';
import { LIMITS } from './limits.ts';
import { makeTxnId } from './txn-id.ts';
import type { Envelope, EnvelopeHeader } from './envelope.ts';
import type { ParleyError } from './errors.ts';
import type { AccountId } from './ids.ts';

const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });
const fill = (length: number, value = 1) => new Uint8Array(length).fill(value);
const txnId = makeTxnId(1_700_000_000_000, fill(10));
const deviceOf = (n: number) => deviceIdOf(Uint8Array.from([n >> 8, n & 255]));
const recipientsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ device: deviceOf(i), keyHash: fill(32, i) })).toSorted((a, b) =>
    a.device < b.device ? -1 : 1,
  );

function headerOf(count: number, changes: Partial<EnvelopeHeader> = {}): EnvelopeHeader {
  return {
    cluster: clusterIdOf(fill(16)),
    room: groupRoomIdOf('A' as AccountId, txnId),
    rosterVersion: 3,
    sender: deviceOf(0),
    txnId,
    contentTag: fill(32, 2),
    recipients: recipientsOf(count),
    keyCommitment: fill(32, 3),
    senderCounter: 1,
    ...changes,
  };
}

function envelopeOf(header: EnvelopeHeader, changes: Partial<Envelope> = {}): Uint8Array {
  return encodeEnvelope({
    headerBytes: encodeEnvelopeHeader(header),
    nonce: fill(24),
    ciphertext: fill(40),
    wraps: header.recipients.map(() => fill(80)),
    signature: fill(64),
    ...changes,
  });
}

const refusal = (code: string) => expect.objectContaining({ code });

describe('envelopes', () => {
  it('come back as they were, with the header bytes that are signed', () => {
    for (const count of [0, 1, 2, 256]) {
      const header = headerOf(count);
      const decoded = decodeEnvelope(envelopeOf(header));
      expect(Buffer.from(decoded.headerBytes)).toEqual(Buffer.from(encodeEnvelopeHeader(header)));
      expect(Buffer.from(encodeEnvelopeHeader(decoded.header))).toEqual(Buffer.from(decoded.headerBytes));
      expect(decoded.header).toMatchObject({ room: header.room, rosterVersion: 3, sender: header.sender, txnId });
      expect(decoded.wraps).toHaveLength(count);
    }
  });

  it('above the limit are too large', () => {
    const overhead = envelopeOf(headerOf(0), { ciphertext: fill(60_000) }).length - 60_000;
    const largest = LIMITS.envelopeBytesMax - overhead;
    expect(() => decodeEnvelope(envelopeOf(headerOf(0), { ciphertext: fill(largest) }))).not.toThrow();
    expect(() => decodeEnvelope(envelopeOf(headerOf(0), { ciphertext: fill(largest + 1) }))).toThrow(
      refusal('payload_too_large'),
    );
  });

  it.each([
    ['a nonce of another length', { nonce: fill(23) }],
    ['a ciphertext without tag', { ciphertext: fill(15) }],
    ['a signature of another length', { signature: fill(63) }],
    ['a wrap too few', { wraps: [fill(80)] }],
    ['a wrap of another length', { wraps: [fill(80), fill(79)] }],
    ['an empty header', { headerBytes: new Uint8Array(0) }],
    ['a header that is no msgpack', { headerBytes: fill(5, 0xc1) }],
  ])('with %s are refused', (_what, changes) => {
    expect(() => decodeEnvelope(envelopeOf(headerOf(2), changes))).toThrow(refusal('invalid_envelope'));
  });

  it('with any header field out of form are refused', () => {
    const fields = packr.unpack(encodeEnvelopeHeader(headerOf(2))) as unknown[];
    const wrap = (changed: unknown[]) => envelopeOf(headerOf(2), { headerBytes: packr.pack(changed) });
    expect(() => decodeEnvelope(wrap(fields))).not.toThrow();
    for (const wrong of [null, true, -1, 1.5, 'x', fill(31), [], [[deviceOf(1), fill(31)]], { a: 1 }]) {
      for (let i = 0; i < fields.length; i++) {
        const changed = fields.map((field, j) => (i === j ? wrong : field));
        expect(() => decodeEnvelope(wrap(changed))).toThrow(refusal('invalid_envelope'));
      }
    }
    expect(() => decodeEnvelope(wrap(fields.slice(0, -1)))).toThrow(refusal('invalid_envelope'));
    expect(() => decodeEnvelope(wrap([...fields, 1]))).toThrow(refusal('invalid_envelope'));
  });

  it('whose recipients are not sorted, named twice, or too many are refused', () => {
    const [a, b] = recipientsOf(2) as [EnvelopeHeader['recipients'][0], EnvelopeHeader['recipients'][0]];
    for (const recipients of [[b, a], [a, a], recipientsOf(257)]) {
      expect(() => decodeEnvelope(envelopeOf(headerOf(0, { recipients })))).toThrow(refusal('invalid_envelope'));
    }
  });

  it('never crash the decoder: any bytes, any flipped bit, any truncation', () => {
    const refuses = (bytes: Uint8Array): void => {
      try {
        decodeEnvelope(bytes);
      } catch (error) {
        expect(['invalid_envelope', 'unsupported_version']).toContain((error as ParleyError).code);
      }
    };
    const good = envelopeOf(headerOf(2));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), refuses));
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const flipped = Uint8Array.from(good);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      refuses(flipped);
    }
    for (let length = 0; length < good.length; length += 1) {
      expect(() => decodeEnvelope(good.slice(0, length))).toThrow(refusal('invalid_envelope'));
    }
    refuses(fill(60_000, 0x91));
  });
});
