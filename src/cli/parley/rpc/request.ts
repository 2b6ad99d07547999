import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ParleyError } from '../../../protocol/errors.ts';

const Id = Type.Union([Type.String({ maxLength: 128 }), Type.Integer()]);
const Call = Type.Object(
  { id: Id, verb: Type.Array(Type.String(), { minItems: 1, maxItems: 1_000 }) },
  { additionalProperties: false },
);
const Cancel = Type.Object({ id: Id, cancel: Id }, { additionalProperties: false });

export type RequestId = Static<typeof Id>;
/** What a program asks for: a verb with its arguments, or the end of an earlier request. */
export type RpcRequest = Static<typeof Call> | Static<typeof Cancel>;

/** @throws ParleyError `malformed_json`, `usage` */
export function parseRequest(line: string): RpcRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (cause) {
    throw new ParleyError('malformed_json', 'This line is not JSON.', { cause });
  }
  if (Value.Check(Call, request) || Value.Check(Cancel, request)) return request;
  throw new ParleyError('usage', 'A request is {"id": ID, "verb": [VERB, ARGUMENT, …]} or {"id": ID, "cancel": ID}.');
}

/** The id that a line which is no request names all the same, so that its sender can tell; null when it has none. */
export function idIn(line: string): RequestId | null {
  try {
    const { id } = JSON.parse(line) as { id?: unknown };
    return Value.Check(Id, id) ? id : null;
  } catch {
    return null;
  }
}
