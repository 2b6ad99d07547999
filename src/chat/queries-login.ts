import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { toBase64Url } from '../protocol/base64url.ts';
import { waitMs } from './attempts.ts';
import { KEYS } from './keys.ts';
import { attemptsCodec, grantCodec, passwordCodec, totpCodec, vaultCodec } from './login-rows.ts';
import { accountIdByName } from './queries-accounts.ts';
import { readRow } from './queries-rows.ts';
import { countCodec } from './rows.ts';
import type { AccountId, AccountName, StampMs } from '../protocol/ids.ts';
import type { GrantRow, PasswordRow, TotpRow, VaultRow } from './login-rows.ts';
import type { StateReader } from './ports.ts';

/** A vault as its owner put it last; sealed. */
export type VaultInfo = VaultRow;

/** How many versions of the nodes' keys for OPAQUE there are: the newest has this number, 0 is none. */
export function loginSetupCount(reader: StateReader): number {
  return readRow(reader, KEYS.loginSetupCount, countCodec) ?? 0;
}

/** One of them, as it was sealed. */
export function sealedLoginSetup(reader: StateReader, version: number): Uint8Array | undefined {
  return reader.get(KEYS.loginSetup(version));
}

export function passwordOf(reader: StateReader, account: AccountId): PasswordRow | undefined {
  return readRow(reader, KEYS.password(account), passwordCodec);
}

export function totpOf(reader: StateReader, account: AccountId): TotpRow | undefined {
  return readRow(reader, KEYS.totp(account), totpCodec);
}

export function vaultOf(reader: StateReader, account: AccountId): VaultInfo | undefined {
  return readRow(reader, KEYS.vault(account), vaultCodec);
}

/** Undefined for one that is over by `stampMs`, too. */
export function grantOf(reader: StateReader, grantHash: Uint8Array, stampMs: StampMs): GrantRow | undefined {
  const row = readRow(reader, KEYS.grant(grantHash), grantCodec);
  return row === undefined || row.expiresAt <= stampMs ? undefined : row;
}

/**
 * How long an attempt on this name, from this address, would have to wait by `stampMs`, as this node knows it: what the
 * log would refuse need not enter it.
 */
export function loginWaitMs(
  reader: StateReader,
  attempt: { readonly name: AccountName; readonly address: Uint8Array },
  stampMs: StampMs,
): number {
  const who = accountIdByName(reader, attempt.name) ?? toBase64Url(sha256(utf8ToBytes(attempt.name)));
  const keys = [KEYS.nameAttempts(who), KEYS.addressAttempts(attempt.address)];
  return Math.max(...keys.map((key) => waitMs(readRow(reader, key, attemptsCodec), stampMs)));
}
