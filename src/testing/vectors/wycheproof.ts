import { announce, readVectorFiles, tally } from './vector-folder.ts';
import type { VectorFile } from './vector-folder.ts';

/** The vectors of C2SP/wycheproof, of what this project uses. */

export interface WycheproofVector {
  readonly tcId: number;
  readonly comment?: string;
  readonly flags?: readonly string[];
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly [field: string]: unknown;
}

export interface WycheproofGroup {
  readonly type?: string;
  readonly tests: readonly WycheproofVector[];
  /** Of signatures; `key` in older files. */
  readonly publicKey?: { readonly curve?: string; readonly pk: string };
  readonly key?: { readonly curve?: string; readonly pk: string };
  /** Of key agreement. */
  readonly curve?: string;
  /** Of symmetric ciphers and MACs, in bits. */
  readonly keySize?: number;
  readonly ivSize?: number;
  readonly tagSize?: number;
  /** Of ML-KEM. */
  readonly parameterSet?: string;
}

export interface WycheproofFile {
  readonly name: string;
  readonly algorithm: string;
  readonly testGroups: readonly WycheproofGroup[];
}

/** Null for a file of something else. */
export function asWycheproof({ name, content }: VectorFile): WycheproofFile | null {
  if (typeof content !== 'object' || content === null) return null;
  if (!Object.hasOwn(content, 'algorithm') || !Object.hasOwn(content, 'testGroups')) return null;
  return { ...(content as Omit<WycheproofFile, 'name'>), name };
}

/** By algorithm: whether this project uses what a group is about, and what to call it. */
const KINDS: Readonly<Record<string, (group: WycheproofGroup) => WycheproofKind | null>> = {
  EDDSA: (group) => ((group.publicKey ?? group.key)?.curve === 'edwards25519' ? 'Ed25519' : null),
  XDH: ({ curve, tests }) => {
    const isPlain = curve === 'curve25519' && tests.every((vector) => isHex(vector['public']));
    return isPlain ? 'X25519' : null; // others are keys inside ASN.1, PEM or JSON
  },
  'CHACHA20-POLY1305': () => 'ChaCha20-Poly1305',
  'XCHACHA20-POLY1305': () => 'XChaCha20-Poly1305',
  'AES-GCM': ({ keySize, ivSize }) => (keySize === 128 && ivSize === 96 ? 'AES-128-GCM' : null),
  'HKDF-SHA-256': () => 'HKDF-SHA-256',
  HMACSHA256: () => 'HMAC-SHA-256',
  'ML-KEM': ({ parameterSet, tests }) => {
    // A secret key is a seed here: there is nothing that takes an expanded one.
    const isOfSeeds = tests.every((vector) => isHex(vector['seed']) || isHex(vector['m']));
    return parameterSet === 'ML-KEM-768' && isOfSeeds ? 'ML-KEM-768' : null;
  },
};
export type WycheproofKind =
  | 'Ed25519'
  | 'X25519'
  | 'ChaCha20-Poly1305'
  | 'XChaCha20-Poly1305'
  | 'AES-128-GCM'
  | 'HKDF-SHA-256'
  | 'HMAC-SHA-256'
  | 'ML-KEM-768';

const isHex = (value: unknown): boolean => typeof value === 'string' && /^([0-9a-f]{2})*$/.test(value);

export interface WycheproofSet {
  readonly name: string;
  readonly kind: WycheproofKind;
  readonly groups: readonly WycheproofGroup[];
}

const files = readVectorFiles()
  .map(asWycheproof)
  .filter((file) => file !== null);

/** Every file with what of it is of use here; what is not, is said aloud. */
export const wycheproofSets: readonly WycheproofSet[] = files.flatMap(({ name, algorithm, testGroups }) => {
  const kindOf = (group: WycheproofGroup): WycheproofKind | null => KINDS[algorithm]?.(group) ?? null;
  const skipped = testGroups.filter((group) => kindOf(group) === null).flatMap(({ tests }) => tests);
  if (skipped.length > 0) announce(`${name}: ${tally(skipped.map(() => algorithm))} vectors of what nothing here uses`);
  const kinds = [...new Set(testGroups.map(kindOf))].filter((kind) => kind !== null);
  return kinds.map((kind) => ({ name, kind, groups: testGroups.filter((group) => kindOf(group) === kind) }));
});
