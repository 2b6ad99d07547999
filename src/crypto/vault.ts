import { labelled } from '../protocol/labelled.ts';
import { vaultBytes } from '../protocol/login-statements.ts';
import { nobleHkdf } from './hkdf.ts';
import { openBytes, sealBytes } from './sealed-bytes.ts';
import { nobleEd25519 } from './ed25519.ts';
import { recoverySigningKey, recoveryWrappingKey } from './vault-recovery-code.ts';
import { verifyUserSignature } from './verify.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { VaultRecord } from '../protocol/login-commands.ts';
import type { UserKey } from './identity.ts';
import type { RandomBytes } from './random.ts';

/** Who may open a vault, beside whoever holds the user key. */
export interface VaultOpeners {
  /** 32 bytes behind the recovery code. */
  readonly recoverySecret: Uint8Array;
  /** 32 bytes from the password (`passwordWrappingKey`), where that is wished. */
  readonly passwordKey: Uint8Array | null;
}

export interface SignedVault extends VaultRecord {
  /** Of the user key, 64 bytes. */
  readonly signature: Uint8Array;
}

const KEY_BYTES = 32;

/**
 * A version of the vault. Its key is drawn anew each time, so that who could open an earlier version (an old recovery
 * code, an old password) cannot open this one.
 */
export function sealVault(
  user: UserKey,
  version: number,
  contents: Uint8Array,
  { recoverySecret, passwordKey }: VaultOpeners,
  random: RandomBytes,
): SignedVault {
  const { account } = user;
  const key = random(KEY_BYTES);
  const wrap = (by: Opener, wrapping: Uint8Array): Uint8Array =>
    sealBytes(wrapping, wrapContext(by, account, version), key, random);
  const record: VaultRecord = {
    version,
    recoveryKey: recoverySigningKey(recoverySecret).publicKey,
    userWrap: wrap('user', userWrappingKey(user)),
    recoveryWrap: wrap('recovery', recoveryWrappingKey(recoverySecret)),
    passwordWrap: passwordKey === null ? null : wrap('password', passwordKey),
    sealed: sealBytes(key, labelled('vault-contents', account, `${version}`), contents, random),
  };
  return { ...record, signature: nobleEd25519.sign(user.signing.secretKey, vaultBytes(account, record)) };
}

export type VaultOpening =
  | { readonly by: 'user'; readonly user: UserKey }
  | { readonly by: 'recovery'; readonly recoverySecret: Uint8Array }
  | { readonly by: 'password'; readonly passwordKey: Uint8Array };
type Opener = VaultOpening['by'];

/** @returns the contents; null for a vault that is not this account's, is no version of it, or opens with another key */
export function openVault(account: AccountId, vault: VaultRecord, opening: VaultOpening): Uint8Array | null {
  const { version, sealed } = vault;
  const [wrap, wrapping] = wrapFor(vault, opening);
  const key = wrap === null ? null : openBytes(wrapping, wrapContext(opening.by, account, version), wrap);
  if (key === null || key.length !== KEY_BYTES) return null;
  return openBytes(key, labelled('vault-contents', account, `${version}`), sealed);
}

/** Whether the account's user key vouches for this version. */
export function isVaultOf(account: AccountId, userKey: Uint8Array, { signature, ...vault }: SignedVault): boolean {
  return verifyUserSignature(userKey, vaultBytes(account, vault), signature);
}

/** From OPAQUE's export key, which only the password gives. 32 bytes. @param exportKey 64 bytes */
export function passwordWrappingKey(exportKey: Uint8Array): Uint8Array {
  return nobleHkdf.expand(nobleHkdf.extract(new Uint8Array(0), exportKey), labelled('password-wrapping-key'), 32);
}

function wrapFor(vault: VaultRecord, opening: VaultOpening): [Uint8Array | null, Uint8Array] {
  if (opening.by === 'user') return [vault.userWrap, userWrappingKey(opening.user)];
  if (opening.by === 'recovery') return [vault.recoveryWrap, recoveryWrappingKey(opening.recoverySecret)];
  return [vault.passwordWrap, opening.passwordKey];
}

/** So that every device to which the user key was handed opens the vault. */
function userWrappingKey({ signing }: UserKey): Uint8Array {
  const extracted = nobleHkdf.extract(new Uint8Array(0), signing.secretKey);
  return nobleHkdf.expand(extracted, labelled('user-wrapping-key'), 32);
}

function wrapContext(by: Opener, account: AccountId, version: number): Uint8Array {
  return labelled('vault-key', by, account, `${version}`);
}
