import { describe, expect, it } from 'vitest';
import { mlsProviders } from '../testing/mls/providers.ts';
import { asMlsVectors } from '../testing/mls/vectors.ts';
import { announce, readVectorFiles, vectorFolder } from '../testing/vectors/vector-folder.ts';
import { failingVectors } from '../testing/vectors/wycheproof-checks.ts';
import { asWycheproof, wycheproofSets } from '../testing/vectors/wycheproof.ts';
import { nobleFileCipher } from './file-cipher.ts';
import { nodeFileCipher } from './node-file-cipher.ts';
import type { WycheproofKind, WycheproofSet, WycheproofVector } from '../testing/vectors/wycheproof.ts';

for (const file of readVectorFiles()) {
  const isKnown = asMlsVectors(file) !== null || asWycheproof(file) !== null;
  if (!isKnown) announce(`${file.name} is of no kind of vectors that is known here`);
}
const providers = mlsProviders.map(({ provider, primitives }) => {
  const fileCipher = provider === 'node' ? nodeFileCipher : nobleFileCipher;
  return { provider, primitives: { ...primitives, fileCipher } };
});
const withProviders = wycheproofSets.flatMap((set) => providers.map((of) => ({ ...set, ...of })));
const countOf = (kind: WycheproofKind): number =>
  wycheproofSets
    .filter((set) => set.kind === kind)
    .flatMap(({ groups }) => groups)
    .reduce((count, { tests }) => count + tests.length, 0);

/** What a primitive gives: changed, no honest implementation gives it. */
const RESULTS: Readonly<Record<WycheproofKind, readonly string[]>> = {
  Ed25519: ['sig', 'msg'],
  X25519: ['shared'],
  'ChaCha20-Poly1305': ['tag', 'aad', 'key'],
  'XChaCha20-Poly1305': ['tag', 'aad', 'key'],
  'AES-128-GCM': ['tag', 'aad', 'key'],
  'HKDF-SHA-256': ['okm'],
  'HMAC-SHA-256': ['tag', 'msg'],
  'ML-KEM-768': ['K', 'c', 'ek', 'dk'],
};

/** With the last digit of this field changed in every valid vector that has it. */
function altered({ groups }: WycheproofSet, field: string): WycheproofSet['groups'] {
  const change = (vector: WycheproofVector): WycheproofVector => {
    const value = vector[field] as string;
    return { ...vector, [field]: value.slice(0, -1) + (Number.parseInt(value.at(-1)!, 16) ^ 1).toString(16) };
  };
  const hasField = ({ [field]: value, result }: WycheproofVector): boolean =>
    result === 'valid' && typeof value === 'string' && value !== '';
  return groups.map((group) => ({ ...group, tests: group.tests.filter(hasField).slice(0, 3).map(change) }));
}

describe.skipIf(wycheproofSets.length === 0)(`Wycheproof vectors in ${vectorFolder}`, () => {
  it('are there for signatures, key agreement and encryption', () => {
    for (const kind of ['Ed25519', 'X25519', 'ChaCha20-Poly1305'] as const) expect(countOf(kind)).toBeGreaterThan(100);
  });

  it.each(withProviders)('$kind of $provider: $name', ({ kind, groups, primitives }) => {
    expect(failingVectors(kind, groups, primitives)).toEqual([]);
  });

  it.each(withProviders)('fail when they are altered: $kind of $provider: $name', (set) => {
    for (const field of RESULTS[set.kind]) {
      const groups = altered(set, field);
      const count = groups.reduce((sum, { tests }) => sum + tests.length, 0);
      expect(`${field}: ${failingVectors(set.kind, groups, set.primitives).length}`).toBe(`${field}: ${count}`);
    }
  });
});
