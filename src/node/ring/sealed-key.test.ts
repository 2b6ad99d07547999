import { describe, expect, it } from 'vitest';
import { nodeRandom } from '../../crypto/node-random.ts';
import { testIdentity } from '../../testing/test-identity.ts';
import { isKeyOf, openSealedKey, sealNewKey, type SealingEnv } from './sealed-key.ts';
import type { ClusterId } from '../../protocol/ids.ts';

const CLUSTER = `C${'a'.repeat(26)}` as ClusterId;
const env = (name: string, cluster = CLUSTER): SealingEnv => ({
  ...{ cluster, identity: testIdentity(name), random: nodeRandom },
});
const members = ['n1', 'n2', 'n3'].map((name) => testIdentity(name).public);

describe('a key of the ring in the log', () => {
  it('is opened by each node that it was sealed to, and is the same for all', () => {
    const sealed = sealNewKey(env('n1'), members);
    const opened = ['n1', 'n2', 'n3'].map((name) => openSealedKey(env(name), sealed)!);
    for (const { key, keyHash, author } of opened) {
      expect(key).toEqual(opened[0]!.key);
      expect(isKeyOf(key!, keyHash)).toBe(true);
      expect(author).toBe(members[0]);
    }
    expect(isKeyOf(new Uint8Array(32), opened[0]!.keyHash)).toBe(false);
  });

  it('tells others its hash, and nothing more', () => {
    const sealed = sealNewKey(env('n1'), members);
    expect(openSealedKey(env('n9'), sealed)).toMatchObject({ key: null });
    const { key } = openSealedKey(env('n2'), sealed)!;
    expect(Buffer.from(sealed).includes(Buffer.from(key!))).toBe(false);
  });

  it('is nobody’s when anything of it is changed, or when it is another cluster’s', () => {
    const sealed = sealNewKey(env('n1'), members);
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Uint8Array.from(sealed);
      altered[at]! ^= 1;
      expect(openSealedKey(env('n2'), altered)?.key ?? null).toBeNull();
    }
    expect(openSealedKey(env('n2', `C${'b'.repeat(26)}` as ClusterId), sealed)).toBeUndefined();
    expect(openSealedKey(env('n2'), Uint8Array.of(1, 2, 3))).toBeUndefined();
  });
});
