import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import type { DeviceRecord, PublicDeviceKeys } from '../protocol/device-record.ts';
import type { AccountJsonT } from '../protocol/http/schemas.ts';
import type { DeviceId } from '../protocol/ids.ts';

/** Devices as the API shows them. */

type RecordJson = AccountJsonT['devices'][number];
type KeysJson = Omit<RecordJson, 'signature'>;

export function deviceKeysJson(keys: PublicDeviceKeys): KeysJson {
  return {
    device: keys.device,
    signingKey: toBase64Url(keys.signingKey),
    sealingKey: toBase64Url(keys.sealingKey),
  };
}

export function deviceRecordJson(record: DeviceRecord): RecordJson {
  return { ...deviceKeysJson(record), signature: toBase64Url(record.signature) };
}

/** Of an answer that was checked. */
export function deviceKeysIn(json: KeysJson): PublicDeviceKeys {
  return {
    device: json.device as DeviceId,
    signingKey: fromBase64Url(json.signingKey),
    sealingKey: fromBase64Url(json.sealingKey),
  };
}
