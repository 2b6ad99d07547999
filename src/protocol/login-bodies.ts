import {
  account,
  accountName,
  bytesOf,
  challengeId,
  codec,
  hash,
  key,
  numberFrom,
  orNil,
  record,
  recordFields,
  recordOf,
  signature,
  text,
  time,
} from './body-codec.ts';
import { isTxnId } from './ids.ts';
import { LOGIN_LIMITS } from './login-limits.ts';
import type { BodyCodec } from './body-codec.ts';
import type { LoginCommandBodies } from './login-commands.ts';

const ADDRESS_HASH_BYTES = 16;
/** What sealing alone takes: nonce and tag. */
const SEAL_BYTES = 24 + 16;

const addressHash = bytesOf(ADDRESS_HASH_BYTES);
const setup = numberFrom(1, LOGIN_LIMITS.setupsMax);
const txn = text(isTxnId);
const totpStep = numberFrom(0);
const passwordRecord = bytesOf(LOGIN_LIMITS.passwordRecordBytes);
const wrap = bytesOf(LOGIN_LIMITS.vaultWrapBytes);

/** See `command-bodies.ts`. */
export const loginBodyCodecs: { readonly [K in keyof LoginCommandBodies]: BodyCodec<LoginCommandBodies[K]> } = {
  'login.add-setup': codec(
    [setup, bytesOf(SEAL_BYTES, LOGIN_LIMITS.sealedSetupBytesMax)],
    (it) => [it.version, it.sealed],
    (version, sealed) => ({ version, sealed }),
  ),
  'login.start': codec(
    [accountName, addressHash],
    (it) => [it.name, it.address],
    (name, address) => ({ name, address }),
  ),
  'login.finish': codec(
    [account, txn, challengeId, time, orNil(totpStep), hash],
    (it) => [it.account, it.passwordId, it.loginId, it.loginExpiresAt, it.totpStep, it.grantHash],
    (who, passwordId, loginId, loginExpiresAt, step, grantHash) => ({
      account: who,
      passwordId,
      loginId,
      loginExpiresAt,
      totpStep: step,
      grantHash,
    }),
  ),
  'login.recover': codec(
    [account, key, challengeId, time, hash],
    (it) => [it.account, it.recoveryKey, it.challengeId, it.challengeExpiresAt, it.grantHash],
    (who, recoveryKey, challenge, challengeExpiresAt, grantHash) => ({
      account: who,
      recoveryKey,
      challengeId: challenge,
      challengeExpiresAt,
      grantHash,
    }),
  ),
  'device.enrol': codec(
    [hash, record],
    (it) => [it.grantHash, recordFields(it.record)],
    (grantHash, fields) => ({ grantHash, record: recordOf(fields) }),
  ),
  'password.set': codec(
    [passwordRecord, setup, signature],
    (it) => [it.record, it.setup, it.signature],
    (registered, version, signed) => ({ record: registered, setup: version, signature: signed }),
  ),
  'password.remove': codec(
    [signature],
    (it) => [it.signature],
    (signed) => ({ signature: signed }),
  ),
  'vault.put': codec(
    [numberFrom(1), key, wrap, wrap, orNil(wrap), bytesOf(SEAL_BYTES, LOGIN_LIMITS.vaultBytesMax), signature],
    (it) => [it.version, it.recoveryKey, it.userWrap, it.recoveryWrap, it.passwordWrap, it.sealed, it.signature],
    (version, recoveryKey, userWrap, recoveryWrap, passwordWrap, sealed, signed) => ({
      version,
      recoveryKey,
      userWrap,
      recoveryWrap,
      passwordWrap,
      sealed,
      signature: signed,
    }),
  ),
  'totp.enable': codec(
    [bytesOf(SEAL_BYTES, LOGIN_LIMITS.sealedTotpBytesMax), hash, totpStep, signature],
    (it) => [it.sealed, it.secretHash, it.step, it.signature],
    (sealed, secretHash, step, signed) => ({ sealed, secretHash, step, signature: signed }),
  ),
  'totp.disable': codec(
    [signature],
    (it) => [it.signature],
    (signed) => ({ signature: signed }),
  ),
};
