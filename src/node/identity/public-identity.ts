import type { Brand } from '../../protocol/ids.ts';

/**
 * Who a node is to the others: its X25519 key (Noise) and its Ed25519 key, 128 hex digits. One for each incarnation: it
 * is made with the data directory, and lost with it.
 */
export type PublicIdentity = Brand<string, 'PublicIdentity'>;

const KEY_BYTES = 32;
export const IDENTITY_BYTES = 2 * KEY_BYTES;

export function publicIdentityOf(agreementKey: Uint8Array, signingKey: Uint8Array): PublicIdentity {
  return Buffer.concat([agreementKey, signingKey]).toString('hex') as PublicIdentity;
}

export function identityBytes(identity: PublicIdentity): Uint8Array {
  return new Uint8Array(Buffer.from(identity, 'hex'));
}

export const agreementKeyOf = (identity: PublicIdentity): Uint8Array => identityBytes(identity).slice(0, KEY_BYTES);
export const signingKeyOf = (identity: PublicIdentity): Uint8Array => identityBytes(identity).slice(KEY_BYTES);

export function isPublicIdentity(value: unknown): value is PublicIdentity {
  return typeof value === 'string' && /^[0-9a-f]{128}$/.test(value);
}
