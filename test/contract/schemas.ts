import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonSchema } from '../../src/api/docs/json-schema.ts';

export type Check = (value: unknown) => readonly string[];

/**
 * Whether values are what a schema of the description says, and nothing that it does not say: what nobody described is
 * a mistake in an answer too.
 *
 * @param document what `$ref`s of the schema lead into
 * @returns what is wrong, a line each
 */
export function checkerOf(schema: JsonSchema, document: object): Check {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile({
    ...(closed(schema) as object),
    components: (document as { components?: object }).components,
  });
  return (value) => {
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      return `${instancePath} ${message} ${JSON.stringify(params)}`;
    });
  };
}

/** Objects have the fields that they are said to have, and no others. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) copy[key] = closed(value);
  if ('properties' in copy && copy['type'] === 'object' && !('additionalProperties' in copy)) {
    copy['additionalProperties'] = false;
  }
  return copy;
}
