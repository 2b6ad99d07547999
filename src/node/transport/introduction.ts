import { createHmac, timingSafeEqual } from 'node:crypto';
import { nodeEd25519 } from '../../crypto/node-ed25519.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { IDENTITY_BYTES, publicIdentityOf, signingKeyOf, type PublicIdentity } from '../identity/public-identity.ts';
import { readSafeInteger, writeSafeInteger } from './frame-header.ts';

/**
 * How a node shows its keys: `identity (64) ‖ boot of whom it is for (8) ‖ content ‖ Ed25519 signature (64) ‖
 * HMAC-SHA256 (32)`. The signature shows that it holds the keys, the MAC that it holds the cluster's secret; both cover
 * the frame's header. Nothing else rests on it: who may do what is decided by whose keys the membership lists, and that
 * somebody lives who has them by the handshake that follows.
 */
export interface Introduction {
  readonly identity: PublicIdentity;
  /** The process that it answers to; 0 for whoever hears it. */
  readonly receiverBoot: number;
  /** The first message of a handshake, or nothing. */
  readonly content: Uint8Array;
}

const LABEL = Buffer.from('parley/v1/node-introduction');
const SIGNATURE_BYTES = 64;
const MAC_BYTES = 32;
const OVERHEAD_BYTES = IDENTITY_BYTES + 8 + SIGNATURE_BYTES + MAC_BYTES;

export function writeIntroduction(
  header: Buffer,
  own: NodeIdentity,
  { receiverBoot, content }: Omit<Introduction, 'identity'>,
  key: Uint8Array,
): Buffer {
  const boot = Buffer.alloc(8);
  writeSafeInteger(boot, receiverBoot, 0);
  const said = Buffer.concat([header, own.agreement.publicKey, own.signing.publicKey, boot, content]);
  const signature = nodeEd25519.sign(own.signing.secretKey, Buffer.concat([LABEL, said]));
  const signed = Buffer.concat([said, signature]);
  return Buffer.concat([signed, macOf(signed, key)]);
}

/** Undefined for what nobody made who holds the secret, and the keys that it shows. */
export function readIntroduction(frame: Buffer, headerBytes: number, key: Uint8Array): Introduction | undefined {
  if (frame.length < headerBytes + OVERHEAD_BYTES) return undefined;
  const signed = frame.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(macOf(signed, key), frame.subarray(-MAC_BYTES))) return undefined;
  const said = signed.subarray(0, -SIGNATURE_BYTES);
  const rest = said.subarray(headerBytes);
  const identity = publicIdentityOf(rest.subarray(0, 32), rest.subarray(32, IDENTITY_BYTES));
  const message = Buffer.concat([LABEL, said]);
  const signature = Uint8Array.from(signed.subarray(-SIGNATURE_BYTES));
  if (!nodeEd25519.verify({ publicKey: signingKeyOf(identity), message, signature })) return undefined;
  const receiverBoot = readSafeInteger(rest, IDENTITY_BYTES);
  return { identity, receiverBoot, content: Uint8Array.from(rest.subarray(IDENTITY_BYTES + 8)) };
}

const macOf = (bytes: Uint8Array, key: Uint8Array): Buffer => createHmac('sha256', key).update(bytes).digest();
