import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { isSessionId } from '../protocol/ids.ts';
import { assertLength } from './bytes.ts';
import type { SessionId } from '../protocol/ids.ts';
import type { RandomBytes } from './random.ts';

/** An access or refresh secret: the client draws it and shows nodes only its hash until it is used. */
export interface SessionSecret {
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

const SECRET_BYTES = 32;
const GRANT = /^g1\.([A-Za-z0-9_-]{43})$/;
const TOKEN = /^p1\.(S[a-z2-7]{26})\.([A-Za-z0-9_-]{43})$/;

export function createSessionSecret(random: RandomBytes): SessionSecret {
  const secret = random(SECRET_BYTES);
  return { secret, hash: sessionSecretHash(secret) };
}

/** SHA-256. The secret has full entropy, so a plain hash is enough. */
export function sessionSecretHash(secret: Uint8Array): Uint8Array {
  assertLength(secret, SECRET_BYTES, 'A session secret');
  return sha256(secret);
}

/** The text of an access token: `p1.<sessionId>.<base64url secret>`. */
export function formatAccessToken(session: SessionId, secret: Uint8Array): string {
  assertLength(secret, SECRET_BYTES, 'A session secret');
  return `p1.${session}.${toBase64Url(secret)}`;
}

/** The text of a grant, which lets its holder enrol a device: `g1.<base64url secret>`. */
export function formatGrantToken(secret: Uint8Array): string {
  assertLength(secret, SECRET_BYTES, 'A grant');
  return `g1.${toBase64Url(secret)}`;
}

/** @returns the 32 secret bytes, null for anything but the one form of a grant */
export function parseGrantToken(text: string): Uint8Array | null {
  const [, encoded] = GRANT.exec(text) ?? [];
  return encoded === undefined ? null : secretIn(encoded);
}

/** @returns null for anything but the one form of a token */
export function parseAccessToken(text: string): { readonly session: SessionId; readonly secret: Uint8Array } | null {
  const [, session, encoded] = TOKEN.exec(text) ?? [];
  if (session === undefined || encoded === undefined || !isSessionId(session)) return null;
  const secret = secretIn(encoded);
  return secret === null ? null : { session, secret };
}

function secretIn(encoded: string): Uint8Array | null {
  try {
    return fromBase64Url(encoded);
  } catch {
    return null; // the last character has bits that no byte holds
  }
}
