import { ParleyError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { isBlobId } from './ids.ts';
import type { BlobId, Seq } from './ids.ts';

/** All extensions in their largest form, with what surrounds them. */
export const ENVELOPE_EXTENSIONS_BYTES_MAX = 1_024;

/** What an envelope does to a message that stands before it in the room, instead of being one itself. */
export interface Relation {
  readonly type: 'edit' | 'reaction';
  /** The message. */
  readonly seq: Seq;
}

/** What nodes must know of an envelope beyond where it belongs; all of it signed and bound to the ciphertext. */
export interface EnvelopeExtensions {
  /** Missing for a message: only those count as unread. */
  readonly relation?: Relation;
  /** Nodes remove the envelope so many milliseconds after they took it. */
  readonly ttlMs?: number;
  /** The files that this message refers to, sorted, each once: nodes keep them for as long as the envelope. */
  readonly blobs?: readonly BlobId[];
}

/**
 * On the wire: `[tag, value, tag, value, …]`, tags ascending, at least one. A tag that is not known here may change
 * the meaning of all else, so it is refused as something newer.
 */
interface Extension<Name extends keyof EnvelopeExtensions> {
  readonly tag: number;
  readonly toWire: (value: NonNullable<EnvelopeExtensions[Name]>) => unknown;
  /** @returns undefined for what `toWire` does not make */
  readonly fromWire: (raw: unknown) => EnvelopeExtensions[Name] | undefined;
}

const RELATION_TYPES: readonly Relation['type'][] = ['edit', 'reaction'];

const EXTENSIONS: { readonly [Name in keyof EnvelopeExtensions]-?: Extension<Name> } = {
  relation: {
    tag: 1,
    toWire: ({ type, seq }) => [RELATION_TYPES.indexOf(type), seq],
    fromWire: (raw) => {
      if (!Array.isArray(raw) || raw.length !== 2) return undefined;
      const [number, seq] = raw as [unknown, unknown];
      const type = isCount(number) ? RELATION_TYPES[number] : undefined;
      return type === undefined || !isCount(seq) || seq < 1 ? undefined : { type, seq: seq as Seq };
    },
  },
  ttlMs: {
    tag: 2,
    toWire: (ttlMs) => ttlMs,
    fromWire: (raw) =>
      isCount(raw) && raw >= LIMITS.messageTtlMsMin && raw <= LIMITS.messageTtlMsMax ? raw : undefined,
  },
  blobs: {
    tag: 3,
    toWire: (blobs) => blobs,
    fromWire: (raw) => {
      if (!Array.isArray(raw) || raw.length === 0 || raw.length > LIMITS.blobsPerMessageMax) return undefined;
      const items = raw as readonly unknown[];
      const areBlobs = items.every((item): item is BlobId => typeof item === 'string' && isBlobId(item));
      return areBlobs && items.every((item, i) => i === 0 || items[i - 1]! < item) ? items : undefined;
    },
  },
};
/** In the order of their tags. */
const ORDER = (Object.keys(EXTENSIONS) as (keyof EnvelopeExtensions)[]).toSorted(
  (a, b) => EXTENSIONS[a].tag - EXTENSIONS[b].tag,
);

/** @returns the flat list, empty for what has none */
export function encodeExtensions(header: EnvelopeExtensions): unknown[] {
  return ORDER.flatMap((name) => {
    const value = header[name];
    const { tag, toWire } = EXTENSIONS[name] as { readonly tag: number; readonly toWire: (given: unknown) => unknown };
    return value === undefined ? [] : [tag, toWire(value)];
  });
}

/** @throws ParleyError `invalid_envelope`, `unsupported_version` */
export function decodeExtensions(raw: unknown): EnvelopeExtensions {
  if (!Array.isArray(raw) || raw.length === 0 || raw.length % 2 !== 0) throw malformed();
  const extensions: Record<string, unknown> = {};
  let before = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const tag: unknown = raw[i];
    if (!isCount(tag) || tag <= before) throw malformed();
    before = tag;
    const name = ORDER.find((known) => EXTENSIONS[known].tag === tag);
    if (name === undefined) throw new ParleyError('unsupported_version', 'A newer program wrote this envelope.');
    const value = EXTENSIONS[name].fromWire(raw[i + 1]);
    if (value === undefined) throw malformed();
    extensions[name] = value;
  }
  return extensions;
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(): ParleyError {
  return new ParleyError('invalid_envelope', "The envelope's extensions are not in their proper form.");
}
