import { signingKeyPairOf, type SigningKeyPair } from '../../crypto/ed25519.ts';
import { nodeEd25519 } from '../../crypto/node-ed25519.ts';
import { nodeX25519 } from '../../crypto/node-x25519.ts';
import type { RandomBytes } from '../../crypto/random.ts';
import { sealingKeyPairOf, type SealingKeyPair } from '../../crypto/x25519.ts';
import { publicIdentityOf, type PublicIdentity } from './public-identity.ts';

/** A node's own keys. */
export interface NodeIdentity {
  readonly public: PublicIdentity;
  /** For agreeing on secrets with another node (X25519). */
  readonly agreement: SealingKeyPair;
  /** For signing what all nodes are to know to be this one's word (Ed25519). */
  readonly signing: SigningKeyPair;
}

/** @param secrets 32 bytes each */
export function identityOf(secrets: { readonly agreement: Uint8Array; readonly signing: Uint8Array }): NodeIdentity {
  const agreement = sealingKeyPairOf(secrets.agreement, nodeX25519);
  const signing = signingKeyPairOf(secrets.signing, nodeEd25519);
  return { public: publicIdentityOf(agreement.publicKey, signing.publicKey), agreement, signing };
}

export function generateIdentity(random: RandomBytes): NodeIdentity {
  return identityOf({ agreement: random(32), signing: random(32) });
}
