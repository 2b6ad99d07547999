import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { nobleAes128Gcm, nobleChaCha20Poly1305 } from './aead.ts';
import { nobleEd25519 } from './ed25519.ts';
import { nobleHkdf } from './hkdf.ts';
import { nodeAes128Gcm, nodeChaCha20Poly1305 } from './node-aead.ts';
import { nodeEd25519 } from './node-ed25519.ts';
import { nodeHkdf } from './node-hkdf.ts';
import { nodeX25519 } from './node-x25519.ts';
import { nobleX25519 } from './x25519.ts';
import type { Aead } from './aead.ts';
import type { Ed25519Provider } from './ed25519.ts';
import type { HkdfSha256 } from './hkdf.ts';
import type { X25519Provider } from './x25519.ts';

/**
 * The vectors of C2SP/wycheproof. They are not part of this repository: `$PARLEY_VECTORS/wycheproof`, or the folder
 * `shared/vectors/wycheproof` beside the checkout. A file's kind is what it says inside, whatever its name.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = resolve(process.env['PARLEY_VECTORS'] ?? resolve(root, '../shared/vectors'), 'wycheproof');

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly [field: string]: unknown;
}
interface Group {
  readonly tests: readonly Vector[];
  readonly publicKey?: { readonly curve?: string; readonly pk: string };
  readonly curve?: string;
  /** Of AES-GCM, in bits. */
  readonly keySize?: number;
  readonly ivSize?: number;
}
interface VectorFile {
  readonly name: string;
  readonly algorithm: string;
  readonly testGroups: readonly Group[];
}
type Kind = 'Ed25519' | 'X25519' | 'ChaCha20-Poly1305' | 'XChaCha20-Poly1305' | 'AES-GCM' | 'HKDF-SHA-256' | 'other';

function kindOf({ algorithm, testGroups: [group] }: VectorFile): Kind {
  if (algorithm === 'EDDSA' && group?.publicKey?.curve === 'edwards25519') return 'Ed25519';
  if (algorithm === 'XDH' && group?.curve === 'curve25519') return 'X25519';
  if (algorithm === 'CHACHA20-POLY1305') return 'ChaCha20-Poly1305';
  if (algorithm === 'AES-GCM' || algorithm === 'HKDF-SHA-256') return algorithm;
  return algorithm === 'XCHACHA20-POLY1305' ? 'XChaCha20-Poly1305' : 'other';
}

const files: readonly VectorFile[] = (existsSync(folder) ? readdirSync(folder) : [])
  .filter((name) => name.endsWith('.json'))
  .map((name) => Object.assign(JSON.parse(readFileSync(resolve(folder, name), 'utf8')) as VectorFile, { name }));
const ofKind = (...kinds: Kind[]): readonly VectorFile[] => files.filter((file) => kinds.includes(kindOf(file)));
for (const { name, algorithm } of ofKind('other')) {
  process.stderr.write(`SKIPPED: ${name} has vectors of ${algorithm}, which nothing here uses\n`);
}
if (files.length === 0) process.stderr.write(`SKIPPED: no Wycheproof vectors in ${folder}; set PARLEY_VECTORS\n`);

const providers = [
  {
    name: 'noble',
    ed25519: nobleEd25519,
    x25519: nobleX25519,
    hkdf: nobleHkdf,
    chaCha20Poly1305: nobleChaCha20Poly1305,
    aes128Gcm: nobleAes128Gcm,
  },
  {
    name: 'node',
    ed25519: nodeEd25519,
    x25519: nodeX25519,
    hkdf: nodeHkdf,
    chaCha20Poly1305: nodeChaCha20Poly1305,
    aes128Gcm: nodeAes128Gcm,
  },
];
const xChaCha20Poly1305: Aead = {
  keyBytes: 32,
  seal: (key, nonce, aad, plaintext) => xchacha20poly1305(key, nonce, aad).encrypt(plaintext),
  open: (key, nonce, aad, ciphertext) => xchacha20poly1305(key, nonce, aad).decrypt(ciphertext),
};
const withProviders = (kind: Kind): { file: VectorFile; provider: (typeof providers)[number] }[] =>
  ofKind(kind).flatMap((file) => providers.map((provider) => ({ file, provider })));
const allVectors = (file: VectorFile): readonly Vector[] => file.testGroups.flatMap(({ tests }) => tests);
const bytes = (vector: Vector, field: string): Uint8Array => hexToBytes(vector[field] as string);
const nameOf = (vector: Vector): string => `#${vector.tcId} ${vector.comment} [${vector.flags.join(',')}]`;

function failingSignatures(file: VectorFile, ed25519: Ed25519Provider): readonly string[] {
  return file.testGroups.flatMap(({ publicKey, tests }) => {
    const key = hexToBytes(publicKey!.pk);
    const verdict = (vector: Vector): boolean =>
      ed25519.verify({ publicKey: key, message: bytes(vector, 'msg'), signature: bytes(vector, 'sig') });
    return tests.filter((vector) => verdict(vector) !== (vector.result === 'valid')).map(nameOf);
  });
}

function failingAgreements(file: VectorFile, x25519: X25519Provider): readonly string[] {
  const isRight = (vector: Vector): boolean => {
    const expected = bytes(vector, 'shared');
    const shared = x25519.agree(bytes(vector, 'private'), bytes(vector, 'public'));
    return shared === null ? expected.every((byte) => byte === 0) : bytesToHex(shared) === bytesToHex(expected);
  };
  return allVectors(file)
    .filter((vector) => !isRight(vector))
    .map(nameOf);
}

function failingSeals(vectors: readonly Vector[], aead: Aead): readonly string[] {
  const isRight = (vector: Vector): boolean => {
    const [key, iv, aad] = [bytes(vector, 'key'), bytes(vector, 'iv'), bytes(vector, 'aad')];
    const sealed = hexToBytes(`${vector['ct'] as string}${vector['tag'] as string}`);
    let opened: Uint8Array | null;
    try {
      opened = aead.open(key, iv, aad, sealed);
    } catch {
      opened = null; // a nonce of the wrong length
    }
    if (vector.result === 'invalid') return opened === null;
    if (opened === null || bytesToHex(opened) !== vector['msg']) return false;
    return bytesToHex(aead.seal(key, iv, aad, opened)) === bytesToHex(sealed);
  };
  return vectors.filter((vector) => !isRight(vector)).map(nameOf);
}

function failingExpansions(file: VectorFile, hkdf: HkdfSha256): readonly string[] {
  const isRight = (vector: Vector): boolean => {
    let output: string | null;
    try {
      const key = hkdf.extract(bytes(vector, 'salt'), bytes(vector, 'ikm'));
      output = bytesToHex(hkdf.expand(key, bytes(vector, 'info'), vector['size'] as number));
    } catch {
      output = null; // longer than HKDF can give
    }
    return vector.result === 'invalid' ? output === null : output === vector['okm'];
  };
  return allVectors(file)
    .filter((vector) => !isRight(vector))
    .map(nameOf);
}

describe('wycheproof', () => {
  it.skipIf(files.length === 0)(`finds vectors of each kind in ${folder}`, () => {
    expect(ofKind('Ed25519').flatMap(allVectors).length).toBeGreaterThan(100);
    expect(ofKind('X25519').flatMap(allVectors).length).toBeGreaterThan(100);
    expect(ofKind('ChaCha20-Poly1305').flatMap(allVectors).length).toBeGreaterThan(100);
  });

  it.each(withProviders('Ed25519'))('Ed25519 of $provider.name: $file.name', ({ file, provider }) =>
    expect(failingSignatures(file, provider.ed25519)).toEqual([]),
  );

  it.each(withProviders('X25519'))('X25519 of $provider.name: $file.name', ({ file, provider }) =>
    expect(failingAgreements(file, provider.x25519)).toEqual([]),
  );

  it.each(withProviders('ChaCha20-Poly1305'))('ChaCha20-Poly1305 of $provider.name: $file.name', ({ file, provider }) =>
    expect(failingSeals(allVectors(file), provider.chaCha20Poly1305)).toEqual([]),
  );

  it.each(ofKind('XChaCha20-Poly1305'))('XChaCha20-Poly1305: $name', (file) =>
    expect(failingSeals(allVectors(file), xChaCha20Poly1305)).toEqual([]),
  );

  it.each(withProviders('AES-GCM'))('AES-128-GCM of $provider.name: $file.name', ({ file, provider }) => {
    const groups = file.testGroups.filter(({ keySize, ivSize }) => keySize === 128 && ivSize === 96);
    const vectors = groups.flatMap(({ tests }) => tests);
    expect(vectors.length).toBeGreaterThan(10);
    expect(failingSeals(vectors, provider.aes128Gcm)).toEqual([]);
  });

  it.each(withProviders('HKDF-SHA-256'))('HKDF-SHA-256 of $provider.name: $file.name', ({ file, provider }) =>
    expect(failingExpansions(file, provider.hkdf)).toEqual([]),
  );
});
