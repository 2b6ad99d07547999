import {
  FactorReply,
  FactorsReply,
  GrantReply,
  LoginStartReply,
  PasswordReply,
  PasswordStartReply,
  RecoveryChallengeReply,
  VaultPutReply,
  VaultReply,
} from '../protocol/http/login.ts';
import { isBase64Url, fromBase64Url } from '../protocol/base64url.ts';
import { decoderOf } from './answers.ts';
import type { SignedVault } from '../crypto/vault.ts';
import type { VaultReplyT } from '../protocol/http/login.ts';

/** What nodes answer about logging in; see `answers.ts`. */

export const loginStarted = decoderOf(LoginStartReply, ({ response, state }) => areBytes(response, state));
export const granted = decoderOf(GrantReply);
export const recoveryChallenge = decoderOf(RecoveryChallengeReply, ({ challenge }) => isBase64Url(challenge));
export const vaultShown = decoderOf(VaultReply, (vault) =>
  areBytes(
    vault.recoveryKey,
    vault.userWrap,
    vault.recoveryWrap,
    vault.passwordWrap ?? '',
    vault.sealed,
    vault.userKey,
  ),
);
export const vaultPut = decoderOf(VaultPutReply);
export const factors = decoderOf(FactorsReply);
export const passwordStarted = decoderOf(PasswordStartReply, ({ response }) => isBase64Url(response));
export const passwordSet = decoderOf(PasswordReply);
export const factorChanged = decoderOf(FactorReply);

const areBytes = (...texts: readonly string[]): boolean => texts.every((text) => isBase64Url(text));

/** Of an answer that was checked. */
export function vaultIn(json: Omit<VaultReplyT, 'accountId' | 'userKey'>): SignedVault {
  return {
    version: json.version,
    recoveryKey: fromBase64Url(json.recoveryKey),
    userWrap: fromBase64Url(json.userWrap),
    recoveryWrap: fromBase64Url(json.recoveryWrap),
    passwordWrap: json.passwordWrap === null ? null : fromBase64Url(json.passwordWrap),
    sealed: fromBase64Url(json.sealed),
    signature: fromBase64Url(json.signature),
  };
}
