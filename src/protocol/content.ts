import { Packr } from 'msgpackr';
import { ParleyError } from './errors.ts';

/** What people write, as it stands inside an envelope. Clients only: nodes never see these bytes. */
export type Content = TextContent | RoomMetaContent;

export interface TextContent {
  readonly type: 'text';
  /** 1 to `CONTENT_LIMITS.textBytesMax` bytes of UTF-8. */
  readonly text: string;
}

export interface RoomMetaContent {
  readonly type: 'room-meta';
  /** 1 to `CONTENT_LIMITS.nameBytesMax` bytes of UTF-8. */
  readonly name: string;
  /** Up to `CONTENT_LIMITS.topicBytesMax` bytes of UTF-8. */
  readonly topic?: string;
}

/**
 * An envelope for 256 devices must fit `LIMITS.envelopeBytesMax` = 65,536. Its largest forms: 63 bytes in the header
 * (device id 28, key hash 34, array 1) and 82 (wrap 80, length 2) beside it per device, 256 × 145 = 37,120; the rest
 * of the header 202; nonce, signature, r, tag, version and lengths 151. That leaves 28,063 for content (tested). A
 * text may have 24 KiB = 24,576 of them; what remains is room for fields that a later version adds.
 */
export const CONTENT_LIMITS = {
  contentBytesMax: 28_063,
  textBytesMax: 24 * 1024,
  nameBytesMax: 256,
  topicBytesMax: 1024,
} as const;

export type DecodedContent =
  | { readonly ok: true; readonly content: Content }
  /** `unsupported`: a newer program wrote it. `malformed`: nobody should have. */
  | { readonly ok: false; readonly reason: 'unsupported' | 'malformed' };

/** Of the whole format, the first element on the wire: a change that old programs would misread raises it. */
const CONTENT_VERSION = 1;
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

/**
 * `[version, type, {field: value}]` as msgpack.
 * @throws ParleyError `payload_too_large` or `invalid_field` when a text is empty, too long or not well-formed
 */
export function encodeContent(content: Content): Uint8Array {
  const { type, ...fields } = content;
  for (const [name, rule] of Object.entries(FIELDS[type])) {
    const problem = problemOf((fields as Record<string, unknown>)[name], rule);
    if (problem === 'too long') {
      throw new ParleyError('payload_too_large', `The ${name} has at most ${rule.bytesMax} bytes.`);
    }
    if (problem !== null) throw new ParleyError('invalid_field', `The ${name} is ${problem}.`);
  }
  return Uint8Array.from(packr.pack([CONTENT_VERSION, type, withoutUndefined(fields)]));
}

/** Never throws: what others wrote may be anything. */
export function decodeContent(bytes: Uint8Array): DecodedContent {
  if (bytes.length > CONTENT_LIMITS.contentBytesMax) return MALFORMED;
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch {
    return MALFORMED;
  }
  if (!Array.isArray(value) || typeof value[0] !== 'number') return MALFORMED;
  const [version, type, fields] = value as [number, unknown, unknown];
  if (version !== CONTENT_VERSION) return Number.isSafeInteger(version) ? UNSUPPORTED : MALFORMED;
  if (value.length !== 3 || typeof type !== 'string' || !isPlainObject(fields)) return MALFORMED;
  if (!Object.hasOwn(FIELDS, type)) return UNSUPPORTED;
  const rules: Record<string, FieldRule> = FIELDS[type as Content['type']];
  // A field that this program does not know may change the meaning of those that it does.
  if (Object.keys(fields).some((name) => !Object.hasOwn(rules, name))) return UNSUPPORTED;
  for (const [name, rule] of Object.entries(rules)) {
    const present = Object.hasOwn(fields, name);
    if (problemOf(present ? fields[name] : undefined, rule) !== null) return MALFORMED;
    if (present && fields[name] === undefined) return MALFORMED;
  }
  return { ok: true, content: { type, ...fields } as unknown as Content };
}

const MALFORMED: DecodedContent = { ok: false, reason: 'malformed' };
const UNSUPPORTED: DecodedContent = { ok: false, reason: 'unsupported' };

interface FieldRule {
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly optional: boolean;
}

const FIELDS = {
  text: { text: { bytesMin: 1, bytesMax: CONTENT_LIMITS.textBytesMax, optional: false } },
  'room-meta': {
    name: { bytesMin: 1, bytesMax: CONTENT_LIMITS.nameBytesMax, optional: false },
    topic: { bytesMin: 0, bytesMax: CONTENT_LIMITS.topicBytesMax, optional: true },
  },
} as const satisfies Record<Content['type'], Record<string, FieldRule>>;

function problemOf(value: unknown, rule: FieldRule): 'missing' | 'empty' | 'too long' | 'not well-formed text' | null {
  if (value === undefined) return rule.optional ? null : 'missing';
  if (typeof value !== 'string') return 'not well-formed text';
  const bytes = utf8Length(value);
  if (bytes === null) return 'not well-formed text';
  if (bytes < rule.bytesMin) return 'empty';
  return bytes > rule.bytesMax ? 'too long' : null;
}

/** Length in UTF-8, or null for a surrogate without its other half, which UTF-8 cannot hold. */
function utf8Length(text: string): number | null {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (point >= 0xd800 && point <= 0xdfff) return null;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
