import { nodeAes128Gcm, nodeChaCha20Poly1305 } from './node-aead.ts';
import { nodeEd25519 } from './node-ed25519.ts';
import { nodeHkdf } from './node-hkdf.ts';
import { nodeX25519 } from './node-x25519.ts';
import { nobleMlKem768 } from './ml-kem.ts';
import type { MlsPrimitives } from './mls/member/primitives.ts';

/** Node's native implementations (OpenSSL), as far as it has them. */
export const nodePrimitives: MlsPrimitives = {
  aes128Gcm: nodeAes128Gcm,
  chaCha20Poly1305: nodeChaCha20Poly1305,
  hkdf: nodeHkdf,
  x25519: nodeX25519,
  ed25519: nodeEd25519,
  mlKem768: nobleMlKem768,
};
