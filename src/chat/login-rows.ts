import { pack, unpack } from './pack.ts';
import type { RequestSource } from '../protocol/audit.ts';
import type { VaultRecord } from '../protocol/login-commands.ts';
import type { AccountId, DeviceId, StampMs, TxnId } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

/** A password as it was registered last. Nobody can tell it from this, nodes included, without guessing. */
export interface PasswordRow {
  /** The command that set it: tells one registration from the next. */
  readonly id: TxnId;
  /** OPAQUE's registration record. */
  readonly record: Uint8Array;
  /** Version of the nodes' keys that it was made with. */
  readonly setup: number;
  readonly setAt: StampMs;
}

export const passwordCodec: RowCodec<PasswordRow> = {
  encode: ({ id, record, setup, setAt }) => pack([V1, id, record, setup, setAt]),
  decode: (bytes) => {
    const [, id, record, setup, setAt] = unpack(bytes) as [number, TxnId, Uint8Array, number, StampMs];
    return { id, record, setup, setAt };
  },
};

/** Attempts that are remembered: `debtMs` shrinks as time goes by. */
export interface AttemptsRow {
  readonly debtMs: number;
  readonly countedAt: StampMs;
  /** The next one is not before. */
  readonly notBefore: StampMs;
  /** The last one, so that a repetition of its command counts once. */
  readonly txnId: TxnId;
  /** Whence the last one came: the audit log tells of it once it is known that it led to nothing. */
  readonly source: RequestSource | null;
}

export const attemptsCodec: RowCodec<AttemptsRow> = {
  encode: ({ debtMs, countedAt, notBefore, txnId, source }) =>
    pack([V1, debtMs, countedAt, notBefore, txnId, source && [source.node, source.address]]),
  decode: (bytes) => {
    const [, debtMs, countedAt, notBefore, txnId, from] = unpack(bytes) as [
      number,
      number,
      StampMs,
      StampMs,
      TxnId,
      [RequestSource['node'], RequestSource['address']] | null,
    ];
    return { debtMs, countedAt, notBefore, txnId, source: from && { node: from[0], address: from[1] } };
  },
};

/** Lets whoever holds its secret read the vault, and enrol one device. */
export interface GrantRow {
  readonly account: AccountId;
  readonly expiresAt: StampMs;
  /** The device that it was used for. */
  readonly device: DeviceId | null;
}

export const grantCodec: RowCodec<GrantRow> = {
  encode: ({ account, expiresAt, device }) => pack([V1, account, expiresAt, device]),
  decode: (bytes) => {
    const [, account, expiresAt, device] = unpack(bytes) as [number, AccountId, StampMs, DeviceId | null];
    return { account, expiresAt, device };
  },
};

export interface VaultRow extends VaultRecord {
  readonly signature: Uint8Array;
}

export const vaultCodec: RowCodec<VaultRow> = {
  encode: (row) =>
    pack([
      V1,
      row.version,
      row.recoveryKey,
      row.userWrap,
      row.recoveryWrap,
      row.passwordWrap,
      row.sealed,
      row.signature,
    ]),
  decode: (bytes) => {
    const [, version, recoveryKey, userWrap, recoveryWrap, passwordWrap, sealed, signature] = unpack(bytes) as [
      number,
      number,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array | null,
      Uint8Array,
      Uint8Array,
    ];
    return { version, recoveryKey, userWrap, recoveryWrap, passwordWrap, sealed, signature };
  },
};

export interface TotpRow {
  /** The secret, sealed to the nodes. */
  readonly sealed: Uint8Array;
  /** Codes of this step and all before it are spent. */
  readonly lastStep: number;
}

export const totpCodec: RowCodec<TotpRow> = {
  encode: ({ sealed, lastStep }) => pack([V1, sealed, lastStep]),
  decode: (bytes) => {
    const [, sealed, lastStep] = unpack(bytes) as [number, Uint8Array, number];
    return { sealed, lastStep };
  },
};
