import { nodeAes256Gcm, nodeChaCha20Poly1305 } from './node-aead.ts';
import { nodeHkdf } from './node-hkdf.ts';
import { nodeX25519 } from './node-x25519.ts';
import { aesGcmSuite, chaChaPolySuite } from './noise/noise-suite.ts';

const native = { hkdf: nodeHkdf, x25519: nodeX25519 };
export const nodeAesGcmSuite = aesGcmSuite({ ...native, aead: nodeAes256Gcm });
export const nodeChaChaPolySuite = chaChaPolySuite({ ...native, aead: nodeChaCha20Poly1305 });
