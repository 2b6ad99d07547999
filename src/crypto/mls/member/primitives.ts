import { nobleAes128Gcm, nobleChaCha20Poly1305 } from '../../aead.ts';
import { nobleEd25519 } from '../../ed25519.ts';
import { nobleHkdf } from '../../hkdf.ts';
import { nobleX25519 } from '../../x25519.ts';
import { isSupportedSuite } from '../cipher-suite.ts';
import { MlsError } from '../error.ts';
import type { Aead } from '../../aead.ts';
import type { Ed25519Provider } from '../../ed25519.ts';
import type { HkdfSha256 } from '../../hkdf.ts';
import type { HpkeSuite } from '../../hpke.ts';
import type { X25519Provider } from '../../x25519.ts';
import type { PublicSuite } from '../cipher-suite.ts';

/** The primitives of both cipher suites. Every provider gives the same results (tested). */
export interface MlsPrimitives {
  readonly aes128Gcm: Aead;
  readonly chaCha20Poly1305: Aead;
  readonly hkdf: HkdfSha256;
  readonly x25519: X25519Provider;
  readonly ed25519: Ed25519Provider;
}

/** In JavaScript; runs in every browser. */
export const noblePrimitives: MlsPrimitives = {
  aes128Gcm: nobleAes128Gcm,
  chaCha20Poly1305: nobleChaCha20Poly1305,
  hkdf: nobleHkdf,
  x25519: nobleX25519,
  ed25519: nobleEd25519,
};

/** A cipher suite (RFC 9420 section 5.1) with everything that members need. */
export interface MemberSuite extends PublicSuite {
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  readonly hpke: HpkeSuite;
  readonly ed25519: Ed25519Provider;
}

/** @throws MlsError (`wrong_group`) for a suite that is not supported */
export function memberSuite(id: number, primitives: MlsPrimitives): MemberSuite {
  if (!isSupportedSuite(id)) throw new MlsError('wrong_group', `Cipher suite ${id} is not supported.`);
  const { hkdf, x25519, ed25519 } = primitives;
  const aead = id === 1 ? primitives.aes128Gcm : primitives.chaCha20Poly1305;
  return {
    id,
    aead,
    hkdf,
    hpke: { aeadId: id === 1 ? 1 : 3, aead, hkdf, x25519 },
    ed25519,
    hash: (data) => hkdf.hash(data),
    verify: (signed) => ed25519.verify(signed),
  };
}
