import { fromPublic, fromSeed } from 'nkeys.js';
import { describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { nodeNkey } from './node-nkey.ts';

const n1 = 'n1' as NodeName;
const keys = new ClusterKeys(new Uint8Array(32).fill(3));

describe('nodeNkey', () => {
  it('is a valid user key pair, the same at every start', () => {
    const { publicKey, seed } = nodeNkey(keys, n1);
    expect(publicKey).toMatch(/^U[A-Z2-7]{55}$/);
    expect(nodeNkey(new ClusterKeys(new Uint8Array(32).fill(3)), n1).publicKey).toBe(publicKey);
    const challenge = new TextEncoder().encode('nonce');
    expect(fromPublic(publicKey).verify(challenge, fromSeed(seed).sign(challenge))).toBe(true);
  });

  it('differs between nodes and between clusters', () => {
    const other = new ClusterKeys(new Uint8Array(32).fill(4));
    const all = [nodeNkey(keys, n1), nodeNkey(keys, 'n2' as NodeName), nodeNkey(other, n1)];
    expect(new Set(all.map(({ publicKey }) => publicKey)).size).toBe(3);
  });

  it('refuses a secret that is too short to be one', () => {
    expect(() => new ClusterKeys(new Uint8Array(15))).toThrow(/too short/);
  });
});
