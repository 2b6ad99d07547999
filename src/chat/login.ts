import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { toBase64Url } from '../protocol/base64url.ts';
import { LOGIN_LIMITS } from '../protocol/login-limits.ts';
import { countAttempt, forgottenAt, waitMs } from './attempts.ts';
import { audit, STRANGER } from './audit.ts';
import { CHALLENGE_AHEAD_MS_MAX } from './bounds.ts';
import { KEYS } from './keys.ts';
import { countRefused } from './refused-logins.ts';
import { accept, reject } from './results.ts';
import { sameBytes } from './roster.ts';
import { timeCodec } from './rows.ts';
import { checkAdmin } from './server-admin.ts';
import { checkAdmission } from './sessions.ts';
import type { AccountId, AccountName, StampMs } from '../protocol/ids.ts';
import type { AttemptsRow } from './login-rows.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/**
 * The nodes' keys for OPAQUE, made by whichever node needs them first; which of two that do at once is decided here.
 * An admin adds a further one; those before it stay for who registered with them.
 */
export const addLoginSetup: Handler<'login.add-setup'> = (work, command) => {
  const { version, sealed } = command.body;
  const newest = work.loginSetupCount.get('count') ?? 0;
  const isFirst = newest === 0 && command.actor === null;
  const refusal = isFirst ? undefined : checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  if (version !== newest + 1) return reject('invalid_field', `The next setup is ${newest + 1}.`);
  work.view.put(KEYS.loginSetup(version), sealed);
  work.loginSetupCount.put('count', version);
  audit(work, 'server.login-setup-added', { value: `${version}` });
  return accept<'login.add-setup'>({ version });
};

/**
 * Counts an attempt, on this name and from this address, before any node answers it: the same for names that nobody
 * has. One that comes too early is refused and counts for nothing, so that nobody can lengthen somebody else's wait.
 */
export const startLogin: Handler<'login.start'> = (work, { txnId, body, source }) => {
  const account = work.names.get(body.name);
  const nameKey = nameAttemptsKey(work, body.name, account);
  const addressKey = KEYS.addressAttempts(body.address);
  const ofName = work.attempts.get(nameKey);
  if (ofName?.txnId === txnId) return accept<'login.start'>({ counted: true });
  const ofAddress = work.attempts.get(addressKey);
  const retryAfterMs = Math.max(waitMs(ofName, work.stampMs), waitMs(ofAddress, work.stampMs));
  if (retryAfterMs > 0) return reject('login_delayed', undefined, { retryAfterMs });
  // The one before led to nothing, else it was forgotten.
  if (ofName?.source) {
    const { node, address } = ofName.source;
    countRefused(work, { account: account ?? null, code: 'password_wrong', address: address ?? '', count: 1 }, node);
  }
  const { nameDelays, addressDelays } = LOGIN_LIMITS;
  putAttempts(work, nameKey, countAttempt(ofName, work.stampMs, { txnId, source }, nameDelays));
  putAttempts(work, addressKey, countAttempt(ofAddress, work.stampMs, { txnId }, addressDelays));
  return accept<'login.start'>({ counted: true });
};

/**
 * The password was right. A start is finished once: also by a code that is wrong, so that each guess of a code is
 * counted as an attempt.
 */
export const finishLogin: Handler<'login.finish'> = (work, { body }) => {
  const { account, passwordId, loginId, loginExpiresAt, totpStep, grantHash } = body;
  const refusal = checkAdmission(work, account) ?? checkFresh(work, loginId, loginExpiresAt);
  if (refusal !== undefined) return refusal;
  if (work.passwords.get(account)?.id !== passwordId) return reject('challenge_invalid');
  const totp = work.totps.get(account);
  if (totp !== undefined && totpStep === null) return reject('totp_required');

  spend(work, loginId, loginExpiresAt);
  if (totp !== undefined && !isCurrentStep(work, totpStep!, totp.lastStep)) return reject('totp_wrong');
  if (totp !== undefined) work.totps.put(account, { ...totp, lastStep: totpStep! });
  dropAttempts(work, KEYS.nameAttempts(account));
  return grant(work, account, grantHash, 'password');
};

/** By the recovery code, in place of password and phone. */
export const recoverLogin: Handler<'login.recover'> = (work, { body }) => {
  const { account, recoveryKey, challengeId, challengeExpiresAt, grantHash } = body;
  const refusal = checkAdmission(work, account) ?? checkFresh(work, challengeId, challengeExpiresAt);
  if (refusal !== undefined) return refusal;
  const vault = work.vaults.get(account);
  if (vault === undefined || !sameBytes(vault.recoveryKey, recoveryKey)) return reject('recovery_refused');
  spend(work, challengeId, challengeExpiresAt);
  return grant(work, account, grantHash, 'recovery code');
};

function grant(
  work: Work,
  account: AccountId,
  grantHash: Uint8Array,
  value: string,
): ReturnType<typeof recoverLogin> & ReturnType<typeof finishLogin> {
  const expiresAt = (work.stampMs + LOGIN_LIMITS.grantTtlMs) as StampMs;
  work.grants.put(grantHash, { account, expiresAt, device: null });
  work.expireAt(expiresAt, KEYS.grant(grantHash));
  audit(work, 'login.proved', { accounts: [account], value }, { ...STRANGER, by: account });
  return accept<'login.finish'>({ account, expiresAt });
}

/** Codes of this time, one step off at most, and each only once. */
function isCurrentStep(work: Work, step: number, lastStep: number): boolean {
  const now = Math.floor(work.stampMs / LOGIN_LIMITS.totpStepMs);
  return step > lastStep && Math.abs(step - now) <= LOGIN_LIMITS.totpStepsOff;
}

function checkFresh(work: Work, id: Uint8Array, expiresAt: StampMs): Rejection | undefined {
  if (expiresAt <= work.stampMs || expiresAt > work.stampMs + CHALLENGE_AHEAD_MS_MAX) {
    return reject('challenge_invalid');
  }
  return work.view.get(KEYS.challenge(id)) === undefined ? undefined : reject('challenge_replayed');
}

function spend(work: Work, id: Uint8Array, expiresAt: StampMs): void {
  const key = KEYS.challenge(id);
  work.view.put(key, timeCodec.encode(expiresAt));
  work.expireAt(expiresAt, key);
}

/** Names that nobody has stand as hashes; when there are too many of them, the further ones are counted together. */
function nameAttemptsKey(work: Work, name: AccountName, account: AccountId | undefined): string {
  if (account !== undefined) return KEYS.nameAttempts(account);
  const key = KEYS.nameAttempts(toBase64Url(sha256(utf8ToBytes(name))));
  if (work.attempts.get(key) !== undefined) return key;
  return strangerNames(work) < LOGIN_LIMITS.strangerNamesMax ? key : KEYS.nameAttempts('');
}

const strangerNames = (work: Work): number => work.strangerNames.get('count') ?? 0;
const isStranger = (key: string): boolean => key.startsWith(KEYS.nameAttempts('')) && !/\/A[a-z2-7]{26}$/.test(key);

function putAttempts(work: Work, key: string, row: AttemptsRow): void {
  const before = work.attempts.get(key);
  if (before !== undefined) work.cancelExpiry(forgottenAt(before), key);
  else if (isStranger(key)) work.strangerNames.put('count', strangerNames(work) + 1);
  work.attempts.put(key, row);
  work.expireAt(forgottenAt(row), key);
}

function dropAttempts(work: Work, key: string): void {
  const row = work.attempts.get(key);
  if (row === undefined) return;
  work.cancelExpiry(forgottenAt(row), key);
  if (isStranger(key)) work.strangerNames.put('count', strangerNames(work) - 1);
  work.attempts.delete(key);
}

/** @returns whether nothing is left of it */
export function expireAttempts(work: Work, key: string): boolean {
  const row = work.attempts.get(key);
  if (row !== undefined && forgottenAt(row) > work.stampMs) return false;
  dropAttempts(work, key);
  return true;
}

/** What is left of an account that is deleted. */
export function dropLogin(work: Work, account: AccountId): void {
  work.passwords.delete(account);
  work.totps.delete(account);
  work.vaults.delete(account);
  dropAttempts(work, KEYS.nameAttempts(account));
}
