import { AEAD_NONCE_BYTES } from '../../aead.ts';
import { expandWithLabel } from './labelled-crypto.ts';
import type { MessageKey } from './hash-ratchet.ts';
import type { MemberSuite } from './primitives.ts';

const EMPTY = new Uint8Array(0);

/** `welcome_key` and `welcome_nonce` (RFC 9420 section 12.4.3.1). */
export function welcomeKey(suite: MemberSuite, welcomeSecret: Uint8Array): MessageKey {
  return {
    key: expandWithLabel(suite, welcomeSecret, { label: 'key', context: EMPTY }, suite.aead.keyBytes),
    nonce: expandWithLabel(suite, welcomeSecret, { label: 'nonce', context: EMPTY }, AEAD_NONCE_BYTES),
  };
}
