import { Packr } from 'msgpackr';
import { ParleyError } from './errors.ts';
import { isAccountId, isBlobId } from './ids.ts';

/** What people write, as it stands inside an envelope. Clients only: nodes never see these bytes. */
export type Content = TextContent | FileContent | EditContent | ReactionContent | RoomMetaContent;

export interface TextContent {
  readonly type: 'text';
  /** 1 to `CONTENT_LIMITS.textBytesMax` bytes of UTF-8. */
  readonly text: string;
  /** The message that this one answers. */
  readonly replyTo?: number;
  /** The message that began the thread to which this one belongs. */
  readonly thread?: number;
  /** Account ids of those whom it is to reach most of all, each once, at most `CONTENT_LIMITS.mentionsMax`. */
  readonly mentions?: readonly string[];
}

/** A file, and what is said of it. Its bytes are a blob of the cluster; only this tells how to read them. */
export interface FileContent {
  readonly type: 'file';
  /** The blob's id: the hash of the ciphertext. */
  readonly blob: string;
  /** The file's own key, `CONTENT_LIMITS.fileKeyBytes` long; see `crypto/file-cipher.ts`. */
  readonly key: Uint8Array;
  /** Of the plaintext; 32 bytes. */
  readonly sha256: Uint8Array;
  /** Of the plaintext. */
  readonly sizeBytes: number;
  /** As the sender calls it: 1 to `CONTENT_LIMITS.nameBytesMax` bytes of UTF-8. Nothing that a path may be made of. */
  readonly name: string;
  readonly mediaType: string;
  /** 1 to `CONTENT_LIMITS.captionBytesMax` bytes of UTF-8. */
  readonly text?: string;
  /** A small picture of it, and that one's media type. */
  readonly preview?: Uint8Array;
  readonly previewType?: string;
  readonly replyTo?: number;
  readonly thread?: number;
  readonly mentions?: readonly string[];
}

/** The whole new text of the message that the envelope's header names. */
export interface EditContent {
  readonly type: 'edit';
  readonly text: string;
  readonly mentions?: readonly string[];
}

/** To the message that the envelope's header names. Taking it back is deleting it. */
export interface ReactionContent {
  readonly type: 'reaction';
  /** One emoji, or a short text: 1 to `CONTENT_LIMITS.reactionBytesMax` bytes of UTF-8. */
  readonly reaction: string;
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
 * of the header 202, its extensions up to 1,024; nonce, signature, r, tag, version and lengths 151. That leaves 27,039
 * for content (tested). A text may have 24 KiB = 24,576 of them, mentions 64 × 28; what remains is room for fields that
 * a later version adds.
 */
export const CONTENT_LIMITS = {
  contentBytesMax: 27_039,
  textBytesMax: 24 * 1024,
  reactionBytesMax: 64,
  captionBytesMax: 8 * 1024,
  previewBytesMax: 12 * 1024,
  mediaTypeBytesMax: 127,
  fileKeyBytes: 32,
  fileHashBytes: 32,
  mentionsMax: 64,
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
 * @throws ParleyError `payload_too_large` or `invalid_field` for a field that is missing, too long or not well-formed
 */
export function encodeContent(content: Content): Uint8Array {
  const { type, ...fields } = content;
  for (const [name, rule] of Object.entries(FIELDS[type])) {
    const problem = problemOf((fields as Record<string, unknown>)[name], rule);
    if (problem === TOO_LONG) {
      const most =
        rule.is === 'text' || rule.is === 'bytes' ? `${rule.bytesMax} bytes` : `${CONTENT_LIMITS.mentionsMax} entries`;
      throw new ParleyError('payload_too_large', `The ${name} has at most ${most}.`);
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

type FieldRule =
  | { readonly is: 'text'; readonly bytesMin: number; readonly bytesMax: number; readonly optional: boolean }
  | { readonly is: 'bytes'; readonly bytesMin: number; readonly bytesMax: number; readonly optional: boolean }
  | { readonly is: 'seq' | 'accounts' | 'size' | 'blob'; readonly optional: boolean };

const textOf = (bytesMax: number, optional = false) => ({ is: 'text', bytesMin: 1, bytesMax, optional }) as const;
const bytesOf = (bytesMin: number, bytesMax: number, optional = false) =>
  ({ is: 'bytes', bytesMin, bytesMax, optional }) as const;

const BODY = { is: 'text', bytesMin: 1, bytesMax: CONTENT_LIMITS.textBytesMax, optional: false } as const;
const SEQ = { is: 'seq', optional: true } as const;
const MENTIONS = { is: 'accounts', optional: true } as const;

const FIELDS = {
  text: { text: BODY, replyTo: SEQ, thread: SEQ, mentions: MENTIONS },
  file: {
    blob: { is: 'blob', optional: false },
    key: bytesOf(CONTENT_LIMITS.fileKeyBytes, CONTENT_LIMITS.fileKeyBytes),
    sha256: bytesOf(CONTENT_LIMITS.fileHashBytes, CONTENT_LIMITS.fileHashBytes),
    sizeBytes: { is: 'size', optional: false },
    name: textOf(CONTENT_LIMITS.nameBytesMax),
    mediaType: textOf(CONTENT_LIMITS.mediaTypeBytesMax),
    text: textOf(CONTENT_LIMITS.captionBytesMax, true),
    preview: bytesOf(1, CONTENT_LIMITS.previewBytesMax, true),
    previewType: textOf(CONTENT_LIMITS.mediaTypeBytesMax, true),
    replyTo: SEQ,
    thread: SEQ,
    mentions: MENTIONS,
  },
  edit: { text: BODY, mentions: MENTIONS },
  reaction: { reaction: { is: 'text', bytesMin: 1, bytesMax: CONTENT_LIMITS.reactionBytesMax, optional: false } },
  'room-meta': {
    name: { is: 'text', bytesMin: 1, bytesMax: CONTENT_LIMITS.nameBytesMax, optional: false },
    topic: { is: 'text', bytesMin: 0, bytesMax: CONTENT_LIMITS.topicBytesMax, optional: true },
  },
} as const satisfies Record<Content['type'], Record<string, FieldRule>>;

/** @returns null for a value that keeps the rule, else what it is */
function problemOf(value: unknown, rule: FieldRule): string | null {
  if (value === undefined) return rule.optional ? null : 'missing';
  switch (rule.is) {
    case 'text':
      return textProblem(value, rule);
    case 'bytes':
      return bytesProblem(value, rule);
    case 'size':
      return Number.isSafeInteger(value) && (value as number) >= 0 ? null : 'not a number of bytes';
    case 'blob':
      return typeof value === 'string' && isBlobId(value) ? null : 'not the id of a file';
    case 'seq':
      return Number.isSafeInteger(value) && (value as number) >= 1 ? null : 'not the number of a message';
    case 'accounts':
      break;
  }
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string' && isAccountId(item));
  if (!isList || value.length === 0 || new Set(value).size !== value.length) return 'not a list of account ids';
  return value.length > CONTENT_LIMITS.mentionsMax ? TOO_LONG : null;
}

const TOO_LONG = 'too long';

function bytesProblem(value: unknown, rule: { readonly bytesMin: number; readonly bytesMax: number }): string | null {
  if (!(value instanceof Uint8Array) || value.length < rule.bytesMin) return 'not bytes of its length';
  return value.length > rule.bytesMax ? TOO_LONG : null;
}

function textProblem(value: unknown, rule: { readonly bytesMin: number; readonly bytesMax: number }): string | null {
  if (typeof value !== 'string') return 'not well-formed text';
  const bytes = utf8Length(value);
  if (bytes === null) return 'not well-formed text';
  if (bytes < rule.bytesMin) return 'empty';
  return bytes > rule.bytesMax ? TOO_LONG : null;
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
