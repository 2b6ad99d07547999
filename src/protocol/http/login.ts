import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { LOGIN_LIMITS } from '../login-limits.ts';
import {
  AccountIdField,
  bytesField,
  ClusterIdField,
  Hash32,
  Key32,
  NameField,
  Signature64,
  strict,
  TimeField,
  TxnIdField,
} from './fields.ts';
import { DeviceJson } from './schemas.ts';

/** Passwords (OPAQUE, RFC 9807), second factors, recovery codes and vaults. */

const OriginField = Type.String({ maxLength: 256, description: 'The URL that the client believes it talks to.' });
const SetupField = Type.Integer({ minimum: 1, maximum: LOGIN_LIMITS.setupsMax });
const StateField = bytesField(1, 512, 'Sealed to the nodes; goes back as it came');

// POST /v1/login/start (no login). Every one is counted, cluster-wide, before it is answered.
export const LoginStartBody = Type.Object({ account: NameField, request: bytesField(96, 96, 'KE1 of OPAQUE') }, strict);
export const LoginStartReply = Type.Object({
  cluster: ClusterIdField,
  response: bytesField(320, 320, 'KE2 of OPAQUE'),
  state: StateField,
  expiresAt: TimeField,
});
// POST /v1/login/finish (no login), at whichever node. The client makes the grant's secret and sends its hash.
export const LoginFinishBody = Type.Object(
  {
    state: StateField,
    finish: bytesField(64, 64, 'KE3 of OPAQUE'),
    origin: OriginField,
    grantHash: Hash32,
    proof: bytesField(32, 32, 'HMAC-SHA-256 under the session key of OPAQUE over what this request asks for'),
    totp: Type.Optional(Type.String({ pattern: '^[0-9]{6}$' })),
    txnId: TxnIdField,
  },
  strict,
);
export const GrantReply = Type.Object({
  account: NameField,
  accountId: AccountIdField,
  expiresAt: TimeField,
  /** The nodes have newer keys than the password was registered with: it is to be set again. */
  renew: Type.Boolean(),
});

// POST /v1/recovery/challenge (no login): the same answer whether there is such an account or not.
export const RecoveryChallengeBody = Type.Object({ account: NameField }, strict);
export const RecoveryChallengeReply = Type.Object({
  cluster: ClusterIdField,
  challenge: bytesField(32, 256, 'Challenge'),
  expiresAt: TimeField,
});
// POST /v1/recovery (no login).
export const RecoveryBody = Type.Object(
  {
    account: NameField,
    challenge: bytesField(32, 256, 'Challenge'),
    origin: OriginField,
    grantHash: Hash32,
    signature: Signature64,
    txnId: TxnIdField,
  },
  strict,
);

// POST /v1/devices (grant): enrols one device that the user key has signed.
export const EnrolBody = Type.Object({ record: DeviceJson, txnId: TxnIdField }, strict);

const Wrap = bytesField(LOGIN_LIMITS.vaultWrapBytes, LOGIN_LIMITS.vaultWrapBytes, 'The vault’s key, sealed');
const vaultFields = {
  version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  recoveryKey: Key32,
  userWrap: Wrap,
  recoveryWrap: Wrap,
  passwordWrap: Type.Union([Wrap, Type.Null()]),
  sealed: bytesField(40, LOGIN_LIMITS.vaultBytesMax, 'What the vault holds, sealed'),
  signature: Signature64,
};
// GET /v1/vault (login or grant). PUT /v1/vault (login): `version` is one more than the one before.
export const VaultReply = Type.Object({ ...vaultFields, accountId: AccountIdField, userKey: Key32 });
export const VaultBody = Type.Object({ ...vaultFields, txnId: TxnIdField }, strict);
export const VaultPutReply = Type.Object({ version: vaultFields.version });

// GET /v1/login (login): what the own account may log in with.
export const FactorsReply = Type.Object({
  password: Type.Union([Type.Object({ setAt: TimeField, renew: Type.Boolean() }), Type.Null()]),
  totp: Type.Boolean(),
  vault: Type.Union([vaultFields.version, Type.Null()]),
});
// POST /v1/password/start (login).
export const PasswordStartBody = Type.Object({ request: bytesField(32, 32, 'Registration request of OPAQUE') }, strict);
export const PasswordStartReply = Type.Object({
  response: bytesField(64, 64, 'Registration response of OPAQUE'),
  setup: SetupField,
});
// PUT /v1/password (login). DELETE removes it (query signature=, txnId=), and the second factor with it.
export const PasswordBody = Type.Object(
  {
    record: bytesField(LOGIN_LIMITS.passwordRecordBytes, LOGIN_LIMITS.passwordRecordBytes, 'Registration record'),
    setup: SetupField,
    signature: Signature64,
    txnId: TxnIdField,
  },
  strict,
);
export const PasswordReply = Type.Object({ setup: SetupField });
// PUT /v1/totp (login): RFC 6238 with SHA-1, six digits, 30 s. DELETE as above.
export const TotpBody = Type.Object(
  {
    secret: bytesField(20, 20, 'Secret'),
    code: Type.String({ pattern: '^[0-9]{6}$' }),
    signature: Signature64,
    txnId: TxnIdField,
  },
  strict,
);
export const FactorReply = Type.Object({ accountId: AccountIdField });
export const FactorRemovalQuery = Type.Object({ signature: Signature64, txnId: TxnIdField }, strict);

// POST /v1/admin/login-setups (admin): new keys of the nodes for OPAQUE; people register with them as they log in.
export const LoginSetupBody = Type.Object({ txnId: TxnIdField }, strict);
export const LoginSetupReply = Type.Object({ version: SetupField });

export type VaultReplyT = Static<typeof VaultReply>;
export type FactorsReplyT = Static<typeof FactorsReply>;
