import { expect, it } from 'vitest';
import { ClusterSecret } from './cluster-secret.ts';
import { DerivedSeal } from './node-seal.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it('opens on every node of the cluster, for the same context alone, unchanged alone', () => {
  const [one, other] = [0, 0].map(() => new DerivedSeal(new ClusterSecret(bytes('a secret of this cluster of nodes'))));
  const sealed = one!.seal(bytes('totp ann'), bytes('secret'));
  expect(Buffer.from(other!.open(bytes('totp ann'), sealed)!).toString()).toBe('secret');
  expect(other!.open(bytes('totp bob'), sealed)).toBeNull();
  expect(
    new DerivedSeal(new ClusterSecret(bytes('that of another cluster of nodes !'))).open(bytes('totp ann'), sealed),
  ).toBeNull();
  for (let i = 0; i < sealed.length; i++) {
    const altered = Uint8Array.from(sealed);
    altered[i]! ^= 1;
    expect(one!.open(bytes('totp ann'), altered)).toBeNull();
  }
  expect(one!.open(bytes('totp ann'), new Uint8Array(5))).toBeNull();
});

it('gives the same for the same, and nothing alike for anything else', () => {
  const seal = new DerivedSeal(new ClusterSecret(bytes('a secret of this cluster of nodes')));
  const sealed = seal.seal(bytes('a'), bytes('x'));
  expect(seal.seal(bytes('a'), bytes('x'))).toEqual(sealed);
  for (const another of [seal.seal(bytes('a'), bytes('y')), seal.seal(bytes('b'), bytes('x'))]) {
    expect(Buffer.from(another.subarray(0, 24)).equals(sealed.subarray(0, 24))).toBe(false);
  }
});
