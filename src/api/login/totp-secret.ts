import { labelled } from '../../protocol/labelled.ts';
import type { AccountId } from '../../protocol/ids.ts';

/** For what the secret behind an account's codes is sealed to the nodes. */
export function totpSealedFor(account: AccountId): Uint8Array {
  return labelled('totp-secret', account);
}
