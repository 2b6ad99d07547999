import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { LOGIN_LIMITS } from '../protocol/login-limits.ts';

/** One-time codes by time (RFC 6238), as authenticator apps make them: HMAC-SHA-1, six digits, steps of 30 s. */

export const TOTP_SECRET_BYTES = 20;
const DIGITS = 6;
const HASHES = { sha1, sha256, sha512 };

/** The code of one step (RFC 4226 section 5.3). */
export function totpCode(
  secret: Uint8Array,
  step: number,
  { hash = 'sha1', digits = DIGITS }: { readonly hash?: keyof typeof HASHES; readonly digits?: number } = {},
): string {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(step));
  const mac = hmac(HASHES[hash], secret, counter);
  const offset = mac.at(-1)! & 0xf;
  const number = new DataView(mac.buffer, mac.byteOffset).getUint32(offset) & 0x7fff_ffff;
  return (number % 10 ** digits).toString().padStart(digits, '0');
}

export function totpStepAt(timeMs: number): number {
  return Math.floor(timeMs / LOGIN_LIMITS.totpStepMs);
}

/** The step near this time that the code belongs to, 0 for none. All of them are tried, whatever matches. */
export function totpStepOf(secret: Uint8Array, code: string, timeMs: number): number {
  const now = totpStepAt(timeMs);
  let found = 0;
  for (let step = now - LOGIN_LIMITS.totpStepsOff; step <= now + LOGIN_LIMITS.totpStepsOff; step++) {
    if (totpCode(secret, step) === code) found = step;
  }
  return found;
}
