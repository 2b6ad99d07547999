import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { blobIdOf } from './blobs.ts';
import { clusterIdOf, deviceIdOf, groupRoomIdOf } from './derive-ids.ts';
import { decodeEnvelope, encodeEnvelope, encodeEnvelopeHeader } from './envelope.ts';
import { ENVELOPE_EXTENSIONS_BYTES_MAX } from './envelope-extensions.ts';
import { LIMITS } from './limits.ts';
import { makeTxnId } from './txn-id.ts';
import type { EnvelopeHeader } from './envelope.ts';
import type { AccountId, Seq } from './ids.ts';

const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });
const fill = (length: number, value = 1) => new Uint8Array(length).fill(value);
const txnId = makeTxnId(1_700_000_000_000, fill(10));

const HEADER: EnvelopeHeader = {
  cluster: clusterIdOf(fill(16)),
  room: groupRoomIdOf('A' as AccountId, txnId),
  rosterVersion: 3,
  sender: deviceIdOf(fill(1)),
  txnId,
  contentTag: fill(32, 2),
  recipients: [],
  keyCommitment: fill(32, 3),
  senderCounter: 1,
};
const BLOBS = Array.from({ length: LIMITS.blobsPerMessageMax }, (_, i) => blobIdOf(5, fill(32, i))).toSorted();
const EDIT: EnvelopeHeader = { ...HEADER, relation: { type: 'edit', seq: 7 as Seq } };

const envelopeOf = (headerBytes: Uint8Array): Uint8Array =>
  encodeEnvelope({ headerBytes, nonce: fill(24), ciphertext: fill(40), wraps: [], signature: fill(64) });
const decodedHeader = (headerBytes: Uint8Array) => decodeEnvelope(envelopeOf(headerBytes)).header;
/** A header with this version and these elements behind the ten that every header has. */
const headerBytesOf = (version: unknown, ...extensions: readonly unknown[]): Uint8Array => {
  const [, ...fields] = packr.unpack(encodeEnvelopeHeader(HEADER)) as unknown[];
  return packr.pack([version, ...fields, ...extensions]);
};

describe('header extensions', () => {
  it.each<Partial<EnvelopeHeader>>([
    { relation: { type: 'edit', seq: 1 as Seq } },
    { relation: { type: 'reaction', seq: Number.MAX_SAFE_INTEGER as Seq } },
    { ttlMs: LIMITS.messageTtlMsMin },
    { relation: { type: 'edit', seq: 9 as Seq }, ttlMs: LIMITS.messageTtlMsMax },
    { blobs: [BLOBS[0]!] },
    { blobs: BLOBS },
  ])('come back as they were (%#)', (extensions) => {
    const header = { ...HEADER, ...extensions };
    const bytes = encodeEnvelopeHeader(header);
    expect(decodedHeader(bytes)).toMatchObject({ txnId, ...extensions });
    expect(Buffer.from(encodeEnvelopeHeader(decodedHeader(bytes)))).toEqual(Buffer.from(bytes));
  });

  it('leave the header of a plain message as it was before there were any', () => {
    const wire = packr.unpack(encodeEnvelopeHeader(HEADER)) as unknown[];
    expect([wire[0], wire.length]).toEqual([1, 10]);
    expect((packr.unpack(encodeEnvelopeHeader(EDIT)) as unknown[])[0]).toBe(2);
  });

  it('take no more room than is kept for them', () => {
    const widest = {
      relation: { type: 'edit', seq: Number.MAX_SAFE_INTEGER as Seq },
      ttlMs: LIMITS.messageTtlMsMax,
      blobs: BLOBS,
    } as const;
    const plain = encodeEnvelopeHeader(HEADER).length;
    expect(encodeEnvelopeHeader({ ...HEADER, ...widest }).length - plain).toBeLessThanOrEqual(
      ENVELOPE_EXTENSIONS_BYTES_MAX,
    );
  });

  it.each([
    ['none', [2, []]],
    ['no list', [2, null]],
    ['a tag without value', [2, [1]]],
    ['a tag twice', [2, [1, [0, 1], 1, [0, 2]]]],
    ['tags in another order', [2, [2, 5_000, 1, [0, 1]]]],
    ['a tag that is no number', [2, ['1', [0, 1]]]],
    ['a relation of an unknown type', [2, [1, [2, 1]]]],
    ['a relation whose type is a name', [2, [1, ['length', 1]]]],
    ['a relation to nothing', [2, [1, [0, 0]]]],
    ['a relation with more', [2, [1, [0, 1, 1]]]],
    ['a time to live that is too short', [2, [2, LIMITS.messageTtlMsMin - 1]]],
    ['a time to live that is too long', [2, [2, LIMITS.messageTtlMsMax + 1]]],
    ['a list of no files', [2, [3, []]]],
    ['files that are no list', [2, [3, BLOBS[0]]]],
    ['a file that is none', [2, [3, ['B']]]],
    ['files in another order', [2, [3, [BLOBS[1], BLOBS[0]]]]],
    ['a file twice', [2, [3, [BLOBS[0], BLOBS[0]]]]],
    ['a file too many', [2, [3, [...BLOBS, `B${'z'.repeat(51)}q`]]]],
    ['a version that is none', [0]],
    ['more than version 1 has', [1, [1, [0, 1]]]],
    ['less than version 2 has', [2]],
  ])('are refused: %s', (_what, [version, ...rest]) => {
    expect(() => decodedHeader(headerBytesOf(version, ...rest))).toThrow(
      expect.objectContaining({ code: 'invalid_envelope' }),
    );
  });

  it.each([
    ['an unknown tag', [2, [99, true]]],
    ['a newer version', [3, { relation: 'edit' }]],
  ])('are told to be newer: %s', (_what, [version, ...rest]) => {
    expect(() => decodedHeader(headerBytesOf(version, ...rest))).toThrow(
      expect.objectContaining({ code: 'unsupported_version' }),
    );
  });
});
