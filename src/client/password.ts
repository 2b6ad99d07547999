import { ParleyError } from '../protocol/errors.ts';
import { LOGIN_LIMITS } from '../protocol/login-limits.ts';

/**
 * A password in the one form in which it is used, whatever keyboard it was typed on: Unicode NFC, as RFC 8265 has it.
 * @throws ParleyError `password_weak` for one that is too short, or longer than anybody types
 */
export function checkedPassword(typed: string): string {
  const password = normalPassword(typed);
  if (Array.from(password).length < LOGIN_LIMITS.passwordCharactersMin) throw new ParleyError('password_weak');
  if (new TextEncoder().encode(password).length > LOGIN_LIMITS.passwordBytesMax) {
    throw new ParleyError('password_weak', `A password has at most ${LOGIN_LIMITS.passwordBytesMax} bytes.`);
  }
  return password;
}

/** The same for one that is tried. */
export function normalPassword(typed: string): string {
  return typed.normalize('NFC');
}
