import { CLIENT_FRAMES } from '../../protocol/http/frames.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { parseJson } from '../json-body.ts';
import { validatorOf } from '../validate.ts';
import type { ClientFrameJson } from '../../protocol/http/frames.ts';
import type { ApiLimits } from '../config.ts';

type ClientType = keyof typeof CLIENT_FRAMES;

/** By type, so that an error names the field of the frame that was meant. */
const VALIDATORS: Readonly<Record<string, (value: unknown) => ClientFrameJson>> = Object.fromEntries(
  Object.entries(CLIENT_FRAMES).map(([type, schema]) => [
    type,
    validatorOf<(typeof CLIENT_FRAMES)[ClientType]>(schema),
  ]),
);

/** @throws ParleyError `payload_too_large`, `malformed_json`, `invalid_field`, `bad_request` for an unknown type */
export function parseClientFrame(
  data: Buffer,
  limits: Pick<ApiLimits, 'bodyBytesMax' | 'jsonDepthMax'>,
): ClientFrameJson {
  if (data.length > limits.bodyBytesMax) throw new ParleyError('payload_too_large');
  const value = parseJson(data.toString('utf8'), limits.jsonDepthMax);
  const type = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined;
  const validate = typeof type === 'string' && Object.hasOwn(VALIDATORS, type) ? VALIDATORS[type] : undefined;
  if (validate === undefined) throw new ParleyError('bad_request', 'There is no such type of frame.');
  return validate(value);
}
