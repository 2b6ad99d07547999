import { describe, expect, it } from 'vitest';
import { CRYPTO_VECTOR_CHECKS } from '../../testing/mls/vector-checks-crypto.ts';
import { GROUP_VECTOR_CHECKS } from '../../testing/mls/vector-checks-group.ts';
import { TREE_VECTOR_CHECKS } from '../../testing/mls/vector-checks-tree.ts';
import { haveMlsVectors, mlsVectorKinds, mlsVectors, mlsVectorsWithProviders } from '../../testing/mls/vectors.ts';
import { noblePrimitives } from './member/primitives.ts';
import type { VectorChecks } from '../../testing/mls/vector-types.ts';
import type { MlsVectorKind } from '../../testing/mls/vectors.ts';
import type { MlsPrimitives } from './member/primitives.ts';

type Check = (vector: unknown, primitives: MlsPrimitives) => void;
const entries = (checks: VectorChecks): [MlsVectorKind, Check][] => Object.entries(checks) as [MlsVectorKind, Check][];
const withSecrets = entries({ ...CRYPTO_VECTOR_CHECKS, ...GROUP_VECTOR_CHECKS });
const inPublic = entries(TREE_VECTOR_CHECKS);

/** A group of thousands of commits takes a minute by itself. */
const TIMEOUT_MS = 600_000;

describe.skipIf(!haveMlsVectors)('MLS vectors', () => {
  it('are there of every kind, and every kind is checked', () => {
    expect(mlsVectorKinds.filter((kind) => mlsVectors(kind).length === 0)).toEqual([]);
    expect([...withSecrets, ...inPublic].map(([kind]) => kind).toSorted()).toEqual(mlsVectorKinds.toSorted());
  });

  describe.each(withSecrets)('%s', (kind, check) => {
    it.each(mlsVectorsWithProviders(kind))('$provider: $name', { timeout: TIMEOUT_MS }, ({ vector, primitives }) => {
      expect(() => check(vector, primitives)).not.toThrow();
    });
  });

  describe.each(inPublic)('%s', (kind, check) => {
    it('all', () => {
      for (const { vector } of mlsVectors(kind)) expect(() => check(vector, noblePrimitives)).not.toThrow();
    });
  });
});

/** Who sends a proposal matters for updates only, and the vector is none. */
const TELLS_NOTHING = '/proposal_sender';

/** A bound on time: this many fields of one vector of each kind. */
const FIELDS_MAX = 40;

interface Field {
  readonly path: string;
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/** Every hex string and number in a vector. */
function fieldsOf(value: unknown, path = ''): Field[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = `${path}/${key}`;
    if (typeof inner === 'object' && inner !== null) return fieldsOf(inner, at);
    return [{ path: at, holder: value as Record<string, unknown>, key }];
  });
}

/** Another number; a hex string with its first or last digit changed, or cut: not every byte of each matters. */
function altered(value: unknown): unknown[] {
  if (typeof value === 'number') return [value + 1];
  if (typeof value !== 'string' || value.length === 0) return ['00'];
  const other = (digit: string): string => (Number.parseInt(digit, 16) ^ 1).toString(16);
  return [other(value[0]!) + value.slice(1), value.slice(0, -1) + other(value.at(-1)!), value.slice(0, -2)];
}

function isNoticed(run: () => void): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

describe.skipIf(!haveMlsVectors)('an altered MLS vector', () => {
  const smallestOf = (kind: MlsVectorKind): unknown =>
    mlsVectors(kind)
      .map(({ vector }) => vector as unknown)
      .toSorted((a, b) => JSON.stringify(a).length - JSON.stringify(b).length)[0];

  it.each([...withSecrets, ...inPublic])('fails: %s', (kind, check) => {
    const vector = structuredClone(smallestOf(kind));
    check(vector, noblePrimitives);
    const all = fieldsOf(vector).filter(({ path }) => path !== TELLS_NOTHING);
    const step = Math.max(1, Math.ceil(all.length / FIELDS_MAX));
    const unnoticed: string[] = [];
    for (const field of all.filter((_, i) => i % step === 0)) {
      const { holder, key, path } = field;
      const before = holder[key];
      const noticed = altered(before).filter((value) => {
        holder[key] = value;
        return isNoticed(() => check(vector, noblePrimitives));
      });
      holder[key] = before;
      if (noticed.length === 0) unnoticed.push(path);
    }
    expect(unnoticed).toEqual([]);
  });
});
