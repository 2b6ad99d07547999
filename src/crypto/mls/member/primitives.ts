import { nobleAes128Gcm, nobleChaCha20Poly1305 } from '../../aead.ts';
import { nobleEd25519 } from '../../ed25519.ts';
import { nobleHkdf } from '../../hkdf.ts';
import { dhKemX25519 } from '../../dhkem-x25519.ts';
import { nobleMlKem768 } from '../../ml-kem.ts';
import { nobleX25519 } from '../../x25519.ts';
import { xWing } from '../../x-wing.ts';
import { assertSupportedSuite, HYBRID_SUITE } from '../cipher-suite.ts';
import type { Aead } from '../../aead.ts';
import type { Ed25519Provider } from '../../ed25519.ts';
import type { HkdfSha256 } from '../../hkdf.ts';
import type { HpkeSuite } from '../../hpke.ts';
import type { Kem } from '../../kem.ts';
import type { MlKem768Provider } from '../../ml-kem.ts';
import type { X25519Provider } from '../../x25519.ts';
import type { CipherSuiteId, PublicSuite } from '../cipher-suite.ts';

/** The one with ChaCha20-Poly1305; the others have AES-128-GCM. */
const CHACHA20_POLY1305_SUITE = 3;

/** The primitives of all cipher suites. Every provider gives the same results (tested). */
export interface MlsPrimitives {
  readonly aes128Gcm: Aead;
  readonly chaCha20Poly1305: Aead;
  readonly hkdf: HkdfSha256;
  readonly x25519: X25519Provider;
  readonly ed25519: Ed25519Provider;
  /** Of the hybrid suite only. */
  readonly mlKem768: MlKem768Provider;
}

/** In JavaScript; runs in every browser. */
export const noblePrimitives: MlsPrimitives = {
  aes128Gcm: nobleAes128Gcm,
  chaCha20Poly1305: nobleChaCha20Poly1305,
  hkdf: nobleHkdf,
  x25519: nobleX25519,
  ed25519: nobleEd25519,
  mlKem768: nobleMlKem768,
};

/** A cipher suite (RFC 9420 section 5.1) with everything that members need. */
export interface MemberSuite extends PublicSuite {
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  readonly kem: Kem;
  readonly hpke: HpkeSuite;
  readonly ed25519: Ed25519Provider;
}

/** @throws MlsError (`wrong_group`) for a suite that is not supported */
export function memberSuite(id: number, primitives: MlsPrimitives): MemberSuite {
  assertSupportedSuite(id);
  const { hkdf, ed25519 } = primitives;
  const kem = kemOf(id, primitives);
  const [aead, aeadId] = id === CHACHA20_POLY1305_SUITE ? [primitives.chaCha20Poly1305, 3] : [primitives.aes128Gcm, 1];
  return {
    id,
    aead,
    hkdf,
    kem,
    hpke: { kem, aeadId, aead, hkdf },
    ed25519,
    hash: (data) => hkdf.hash(data),
    verify: (signed) => ed25519.verify(signed),
  };
}

function kemOf(id: CipherSuiteId, { hkdf, x25519, mlKem768 }: MlsPrimitives): Kem {
  return id === HYBRID_SUITE ? xWing(mlKem768, x25519) : dhKemX25519(hkdf, x25519);
}
