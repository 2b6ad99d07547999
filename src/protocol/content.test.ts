import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { CONTENT_LIMITS, decodeContent, encodeContent } from './content.ts';
import { accountIdOf } from './derive-ids.ts';
import { blobIdOf } from './blobs.ts';
import type { Content, FileContent } from './content.ts';

const packr = new Packr({ useRecords: false, moreTypes: false });
const [ANN, BOB] = [accountIdOf(new Uint8Array(32)), accountIdOf(new Uint8Array(32).fill(1))];
const MANY = Array.from({ length: CONTENT_LIMITS.mentionsMax + 1 }, (_, i) => accountIdOf(new Uint8Array(32).fill(i)));
const FILE: FileContent = {
  type: 'file',
  blob: blobIdOf(5, new Uint8Array(32)),
  key: new Uint8Array(32).fill(1),
  sha256: new Uint8Array(32).fill(2),
  sizeBytes: 0,
  name: 'a.txt',
  mediaType: 'text/plain',
};
const MALFORMED = { ok: false, reason: 'malformed' };
const UNSUPPORTED = { ok: false, reason: 'unsupported' };

describe('content', () => {
  it.each<Content>([
    { type: 'text', text: 'hello' },
    { type: 'text', text: 'x' },
    { type: 'text', text: 'x'.repeat(CONTENT_LIMITS.textBytesMax) },
    { type: 'text', text: '\u{1F409}'.repeat(CONTENT_LIMITS.textBytesMax / 4) },
    { type: 'text', text: '\0\uFEFF\uFFFD\u202E' },
    { type: 'text', text: 'yes', replyTo: 7, thread: 3, mentions: [ANN, BOB] },
    { type: 'edit', text: 'better' },
    { type: 'edit', text: 'better', mentions: [ANN] },
    { type: 'reaction', reaction: '\u{1F44D}\u{1F3FD}' },
    FILE,
    { ...FILE, text: 'look', preview: new Uint8Array(9), previewType: 'image/png', replyTo: 7 },
    {
      ...FILE,
      sizeBytes: Number.MAX_SAFE_INTEGER,
      name: 'x'.repeat(CONTENT_LIMITS.nameBytesMax),
      mediaType: 'x'.repeat(CONTENT_LIMITS.mediaTypeBytesMax),
      text: 'x'.repeat(CONTENT_LIMITS.captionBytesMax),
      preview: new Uint8Array(CONTENT_LIMITS.previewBytesMax),
      previewType: 'x'.repeat(CONTENT_LIMITS.mediaTypeBytesMax),
      mentions: MANY.slice(1),
    },
    { type: 'room-meta', name: 'The mill' },
    { type: 'room-meta', name: 'The mill', topic: '' },
    { type: 'room-meta', name: 'é'.repeat(128), topic: '水'.repeat(341) },
  ])('comes back as it was (%#)', (content) => {
    const bytes = encodeContent(content);
    expect(bytes.length).toBeLessThanOrEqual(CONTENT_LIMITS.contentBytesMax);
    expect(decodeContent(bytes)).toEqual({ ok: true, content });
  });

  it('comes back whatever people write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (text) => {
        expect(decodeContent(encodeContent({ type: 'text', text }))).toEqual({
          ok: true,
          content: { type: 'text', text },
        });
      }),
    );
  });

  it.each<[string, Content]>([
    ['invalid_field', { type: 'text', text: '' }],
    ['invalid_field', { type: 'text', text: 'half a \ud83d' }],
    ['invalid_field', { type: 'text', text: '\udc09 the other half' }],
    ['payload_too_large', { type: 'text', text: 'x'.repeat(CONTENT_LIMITS.textBytesMax + 1) }],
    ['payload_too_large', { type: 'text', text: '\u{1F409}'.repeat(CONTENT_LIMITS.textBytesMax / 4 + 1) }],
    ['invalid_field', { type: 'text', text: 'x', replyTo: 0 }],
    ['invalid_field', { type: 'text', text: 'x', thread: 1.5 }],
    ['invalid_field', { type: 'text', text: 'x', mentions: [] }],
    ['invalid_field', { type: 'text', text: 'x', mentions: ['ann'] }],
    ['invalid_field', { type: 'text', text: 'x', mentions: [ANN, ANN] }],
    ['payload_too_large', { type: 'text', text: 'x', mentions: MANY }],
    ['invalid_field', { type: 'reaction', reaction: '' }],
    ['payload_too_large', { type: 'reaction', reaction: 'x'.repeat(65) }],
    ['invalid_field', { type: 'room-meta', name: '' }],
    ['payload_too_large', { type: 'room-meta', name: 'é'.repeat(129) }],
    ['payload_too_large', { type: 'room-meta', name: 'n', topic: 'x'.repeat(1025) }],
  ])('is not written with a text out of bounds: %s (%#)', (code, content) => {
    expect(() => encodeContent(content)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['a newer version', [2, 'text', { text: 'hello' }]],
    ['a newer version of another shape', [2, 'text', { text: 'hello' }, 4]],
    ['an unknown type', [1, 'poll', { question: 'why?' }]],
    ['a type that is the name of something in every object', [1, 'constructor', {}]],
    ['an unknown field', [1, 'text', { text: 'hello', expiresAt: 5 }]],
  ])('is unsupported: %s', (_what, value) => {
    expect(decodeContent(packr.pack(value))).toEqual(UNSUPPORTED);
  });

  it.each([
    ['a map', { version: 1 }],
    ['an empty array', []],
    ['no version', ['text', { text: 'hello' }]],
    ['a broken version', [1.5, 'text', { text: 'hello' }]],
    ['an element too many', [1, 'text', { text: 'hello' }, null]],
    ['no fields', [1, 'text']],
    ['fields that are null', [1, 'text', null]],
    ['fields in an array', [1, 'text', ['hello']]],
    ['a type that is no text', [1, 7, {}]],
    ['a missing text', [1, 'text', {}]],
    ['an empty text', [1, 'text', { text: '' }]],
    ['a text that is a number', [1, 'text', { text: 5 }]],
    ['a text that is null', [1, 'text', { text: null }]],
    ['a text that is bytes', [1, 'text', { text: Uint8Array.of(65) }]],
    ['a text that is too long', [1, 'text', { text: 'x'.repeat(CONTENT_LIMITS.textBytesMax + 1) }]],
    ['a reply to nothing', [1, 'text', { text: 'x', replyTo: 0 }]],
    ['a reply to a text', [1, 'text', { text: 'x', replyTo: '1' }]],
    ['a mention that is no list', [1, 'text', { text: 'x', mentions: ANN }]],
    ['a mention of nobody', [1, 'text', { text: 'x', mentions: ['A'] }]],
    ['a mention of somebody twice', [1, 'edit', { text: 'x', mentions: [ANN, ANN] }]],
    ['a file without key', [1, 'file', { ...withoutType(FILE), key: undefined }]],
    ['a file with a short key', [1, 'file', { ...withoutType(FILE), key: new Uint8Array(31) }]],
    ['a file with a key that is text', [1, 'file', { ...withoutType(FILE), key: 'x'.repeat(32) }]],
    ['a file of another size', [1, 'file', { ...withoutType(FILE), sizeBytes: -1 }]],
    ['a file that is no blob', [1, 'file', { ...withoutType(FILE), blob: '../x' }]],
    ['a file without name', [1, 'file', { ...withoutType(FILE), name: '' }]],
    ['a preview that is too large', [1, 'file', { ...withoutType(FILE), preview: new Uint8Array(13_000) }]],
    ['a reaction without one', [1, 'reaction', {}]],
    ['a name that is missing', [1, 'room-meta', { topic: 'x' }]],
    ['a topic that is null', [1, 'room-meta', { name: 'x', topic: null }]],
    ['a topic that is too long', [1, 'room-meta', { name: 'x', topic: 'x'.repeat(1025) }]],
  ])('is malformed: %s', (_what, value) => {
    expect(decodeContent(packr.pack(value))).toEqual(MALFORMED);
  });

  it('is never a surprise', () => {
    expect(decodeContent(new Uint8Array(0))).toEqual(MALFORMED);
    expect(decodeContent(new Uint8Array(CONTENT_LIMITS.contentBytesMax + 1))).toEqual(MALFORMED);
    expect(decodeContent(new Uint8Array(20_000).fill(0x91))).toEqual(MALFORMED);
    const good = encodeContent({ type: 'room-meta', name: 'The mill', topic: 'grain' });
    for (let length = 0; length < good.length; length++) {
      expect(decodeContent(good.subarray(0, length))).toEqual(MALFORMED);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => !decodeContent(garbage).ok));
  });
});

function withoutType({ type: _type, ...fields }: FileContent): object {
  return fields;
}
