import { labelled } from './labelled.ts';
import type { AccountId, AccountName, ClusterId, TxnId } from './ids.ts';
import type { LoginCommandBodies, VaultRecord } from './login-commands.ts';

/** What is signed, or authenticated, about logging in. Numbers stand as decimal text. */

interface Change {
  readonly account: AccountId;
  /** Makes an old statement useless: what it changed once it does not change again. */
  readonly txnId: TxnId;
}

/** The user key signs: this is my password's record. */
export function passwordSetBytes(
  { account, txnId }: Change,
  body: Pick<LoginCommandBodies['password.set'], 'record' | 'setup'>,
): Uint8Array {
  return labelled('password-set', account, txnId, `${body.setup}`, body.record);
}

/** The user key signs: from now on there is no such factor. */
export function factorRemovalBytes({ account, txnId }: Change, factor: 'password' | 'totp'): Uint8Array {
  return labelled('factor-removal', account, txnId, factor);
}

/** The user key signs: codes are made from the secret with this SHA-256. */
export function totpEnableBytes({ account, txnId }: Change, secretHash: Uint8Array): Uint8Array {
  return labelled('totp-enable', account, txnId, secretHash);
}

/** The user key signs: this is version so-and-so of my vault. */
export function vaultBytes(account: AccountId, vault: VaultRecord): Uint8Array {
  const { version, recoveryKey, userWrap, recoveryWrap, passwordWrap, sealed } = vault;
  const wraps = [userWrap, recoveryWrap, passwordWrap ?? new Uint8Array(0)];
  return labelled('vault', account, `${version}`, recoveryKey, ...wraps, sealed);
}

/** What the session key of OPAQUE authenticates, so that nobody between can put a grant of their own in its place. */
export interface LoginBinding {
  readonly cluster: ClusterId;
  readonly origin: string;
  readonly name: AccountName;
  readonly grantHash: Uint8Array;
  readonly txnId: TxnId;
}

export function loginProofBytes({ cluster, origin, name, grantHash, txnId }: LoginBinding): Uint8Array {
  return labelled('password-login', cluster, origin, name, grantHash, txnId);
}

/** The recovery key signs: whoever sends this has the code. */
export function recoveryProofBytes(binding: LoginBinding & { readonly challenge: Uint8Array }): Uint8Array {
  const { cluster, origin, name, grantHash, txnId, challenge } = binding;
  return labelled('recovery', cluster, origin, name, grantHash, txnId, challenge);
}
