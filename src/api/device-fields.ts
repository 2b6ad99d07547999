import { bytesOfField, exactBytesOfField } from './bytes.ts';
import type { Static } from '@sinclair/typebox';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { DeviceJson } from '../protocol/http/schemas.ts';
import type { DeviceId } from '../protocol/ids.ts';

/** @throws ParleyError `invalid_field` */
export function deviceKeysOf(json: {
  device: string;
  signingKey: string;
  sealingKey: string;
}): Omit<DeviceRecord, 'signature'> {
  return {
    device: json.device as DeviceId,
    signingKey: exactBytesOfField(json.signingKey, 'signingKey', 32),
    sealingKey: exactBytesOfField(json.sealingKey, 'sealingKey', 32),
  };
}

/** @throws ParleyError `invalid_field` */
export function deviceRecordOf(json: Static<typeof DeviceJson>): DeviceRecord {
  return { ...deviceKeysOf(json), signature: exactBytesOfField(json.signature, 'signature', 64) };
}

/** @throws ParleyError `invalid_field` */
export function sealedMetaOf(text: string | undefined): { readonly sealedMeta?: Uint8Array } {
  return text === undefined ? {} : { sealedMeta: bytesOfField(text, 'sealedMeta') };
}
