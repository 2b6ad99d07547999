import type { DeviceRecord } from './device-record.ts';
import type { AccountId, AccountName, DeviceId, StampMs, TxnId } from './ids.ts';

/** A user's vault as nodes keep it: sealed by a key that they do not have, in copies for those who may. */
export interface VaultRecord {
  /** Grows by exactly one with each change. */
  readonly version: number;
  /** Ed25519 key that belongs to the recovery code: proves to nodes that somebody has it. */
  readonly recoveryKey: Uint8Array;
  /** The vault's key, sealed for whoever holds the user signing key, */
  readonly userWrap: Uint8Array;
  /** for whoever has the recovery code, */
  readonly recoveryWrap: Uint8Array;
  /** and, where that is wished, for whoever knows the password. */
  readonly passwordWrap: Uint8Array | null;
  readonly sealed: Uint8Array;
}

/**
 * Commands about logging in. What changes how one may log in carries a signature of the user key: to hold a session is
 * not enough.
 */
export interface LoginCommandBodies {
  /** Keys of the nodes for OPAQUE, sealed to them. Versions count from 1, without gaps. */
  'login.add-setup': { readonly version: number; readonly sealed: Uint8Array };
  /**
   * Counts an attempt before it is answered, whether there is such an account or not.
   * `address`: a keyed hash of whence it came.
   */
  'login.start': { readonly name: AccountName; readonly address: Uint8Array };
  /** The node has checked that the password was right. */
  'login.finish': {
    readonly account: AccountId;
    /** Of the registration that it was checked against. */
    readonly passwordId: TxnId;
    /** Spent by this: one start, one finish. */
    readonly loginId: Uint8Array;
    readonly loginExpiresAt: StampMs;
    /** The step whose code was given, 0 for a code that is none of the time; null without a code. */
    readonly totpStep: number | null;
    /** SHA-256 of the secret with which the client goes on. */
    readonly grantHash: Uint8Array;
  };
  /** The node has checked a signature of the recovery key. */
  'login.recover': {
    readonly account: AccountId;
    readonly recoveryKey: Uint8Array;
    readonly challengeId: Uint8Array;
    readonly challengeExpiresAt: StampMs;
    readonly grantHash: Uint8Array;
  };
  /** Who has proved a password or a recovery code, and opened the vault, enrols a device. */
  'device.enrol': { readonly grantHash: Uint8Array; readonly record: DeviceRecord };
  'password.set': { readonly record: Uint8Array; readonly setup: number; readonly signature: Uint8Array };
  'password.remove': { readonly signature: Uint8Array };
  'vault.put': VaultRecord & { readonly signature: Uint8Array };
  /** `step`: that of the code which showed that the phone has the secret. */
  'totp.enable': {
    readonly sealed: Uint8Array;
    readonly secretHash: Uint8Array;
    readonly step: number;
    readonly signature: Uint8Array;
  };
  'totp.disable': { readonly signature: Uint8Array };
}

export interface LoginCommandValues {
  'login.add-setup': { readonly version: number };
  /** The same whether there is such an account or not. */
  'login.start': { readonly counted: true };
  'login.finish': { readonly account: AccountId; readonly expiresAt: StampMs };
  'login.recover': { readonly account: AccountId; readonly expiresAt: StampMs };
  'device.enrol': { readonly device: DeviceId };
  'password.set': { readonly setup: number };
  'password.remove': { readonly account: AccountId };
  'vault.put': { readonly version: number };
  'totp.enable': { readonly account: AccountId };
  'totp.disable': { readonly account: AccountId };
}
