import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import type { Aead } from '../../crypto/aead.ts';
import type { FileCipherProvider } from '../../crypto/file-cipher.ts';
import type { MlsPrimitives } from '../../crypto/mls/member/primitives.ts';
import type { WycheproofGroup, WycheproofKind, WycheproofVector } from './wycheproof.ts';

export interface CheckedPrimitives extends MlsPrimitives {
  readonly fileCipher: FileCipherProvider;
}

/** Whether the primitives do what a vector says. */
type Check = (primitives: CheckedPrimitives, vector: WycheproofVector, group: WycheproofGroup) => boolean;

const bytes = (vector: WycheproofVector, field: string): Uint8Array => hexToBytes(vector[field] as string);
const isSame = (computed: Uint8Array | null, expected: unknown): boolean =>
  computed !== null && bytesToHex(computed) === expected;

/** Null where it throws: for input of lengths that no caller may hand over. */
function orNull(compute: () => Uint8Array | null): Uint8Array | null {
  try {
    return compute();
  } catch {
    return null;
  }
}

function isAeadRight({ seal, open }: Pick<Aead, 'seal' | 'open'>, vector: WycheproofVector): boolean {
  const [key, iv, aad] = [bytes(vector, 'key'), bytes(vector, 'iv'), bytes(vector, 'aad')];
  const sealed = `${vector['ct'] as string}${vector['tag'] as string}`;
  const opened = orNull(() => open(key, iv, aad, hexToBytes(sealed)));
  if (vector.result === 'invalid') return opened === null;
  return isSame(opened, vector['msg']) && isSame(seal(key, iv, aad, bytes(vector, 'msg')), sealed);
}

function isMlKemRight({ mlKem768 }: CheckedPrimitives, vector: WycheproofVector): boolean {
  if (vector['m'] !== undefined) {
    const made = (): { ciphertext: Uint8Array; sharedSecret: Uint8Array } =>
      mlKem768.encapsulate(bytes(vector, 'ek'), bytes(vector, 'm'));
    if (vector.result === 'invalid') return orNull(() => made().sharedSecret) === null;
    const { ciphertext, sharedSecret } = made();
    return isSame(ciphertext, vector['c']) && isSame(sharedSecret, vector['K']);
  }
  const pair = (): ReturnType<typeof mlKem768.keyPairOf> => mlKem768.keyPairOf(bytes(vector, 'seed'));
  if (vector['c'] === undefined) {
    return isSame(pair().publicKey, vector['ek']) && isSame(pair().secretKey, vector['dk']);
  }
  const opened = orNull(() => mlKem768.decapsulate(pair().secretKey, bytes(vector, 'c')));
  if (vector.result === 'invalid') return opened === null;
  return isSame(pair().publicKey, vector['ek']) && isSame(opened, vector['K']);
}

const CHECKS: Readonly<Record<WycheproofKind, Check>> = {
  Ed25519({ ed25519 }, vector, group) {
    const publicKey = hexToBytes((group.publicKey ?? group.key)!.pk);
    const isVerified = ed25519.verify({ publicKey, message: bytes(vector, 'msg'), signature: bytes(vector, 'sig') });
    return isVerified === (vector.result === 'valid');
  },
  X25519({ x25519 }, vector) {
    const shared = x25519.agree(bytes(vector, 'private'), bytes(vector, 'public'));
    return shared === null ? /^0*$/.test(vector['shared'] as string) : isSame(shared, vector['shared']);
  },
  'ChaCha20-Poly1305': ({ chaCha20Poly1305 }, vector) => isAeadRight(chaCha20Poly1305, vector),
  'AES-128-GCM': ({ aes128Gcm }, vector) => isAeadRight(aes128Gcm, vector),
  'XChaCha20-Poly1305': ({ fileCipher }, vector) =>
    isAeadRight(
      {
        seal: (key, nonce, aad, plaintext) => fileCipher.seal(key, nonce, plaintext, aad),
        open: (key, nonce, aad, sealed) => fileCipher.open(key, nonce, sealed, aad),
      },
      vector,
    ),
  'HKDF-SHA-256'({ hkdf }, vector) {
    const output = orNull(() => {
      const key = hkdf.extract(bytes(vector, 'salt'), bytes(vector, 'ikm'));
      return hkdf.expand(key, bytes(vector, 'info'), vector['size'] as number);
    });
    return vector.result === 'invalid' ? output === null : isSame(output, vector['okm']);
  },
  'HMAC-SHA-256'({ hkdf }, vector, { tagSize }) {
    const tag = hkdf.mac(bytes(vector, 'key'), bytes(vector, 'msg')).subarray(0, tagSize! / 8);
    return isSame(tag, vector['tag']) === (vector.result === 'valid');
  },
  'ML-KEM-768': isMlKemRight,
};

/** The vectors of these groups that the primitives do not fulfil. */
export function failingVectors(
  kind: WycheproofKind,
  groups: readonly WycheproofGroup[],
  primitives: CheckedPrimitives,
): readonly string[] {
  return groups.flatMap((group) =>
    group.tests
      .filter((vector) => !CHECKS[kind](primitives, vector, group))
      .map(({ tcId, comment = '', flags = [] }) => `#${tcId} ${comment} [${flags.join(',')}]`),
  );
}
