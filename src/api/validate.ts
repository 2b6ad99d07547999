import { TypeCompiler } from '@sinclair/typebox/compiler';
import { Value } from '@sinclair/typebox/value';
import type { Static, TSchema } from '@sinclair/typebox';
import type { TypeCheck } from '@sinclair/typebox/compiler';
import type { ValueError } from '@sinclair/typebox/errors';
import type { FastifySchemaCompiler } from 'fastify';
import { ParleyError } from '../protocol/errors.ts';

/**
 * One validator for requests and frames, compiled from the schemas that also make the API description. Nothing is
 * coerced or dropped in bodies and frames: a field that the schema does not know is refused by name.
 */
export type Validator<T extends TSchema> = (value: unknown) => Static<T>;

/** @returns a function that gives the value back, typed, or throws ParleyError `invalid_field` naming the field */
export function validatorOf<T extends TSchema>(schema: T): Validator<T> {
  const check = TypeCompiler.Compile(schema);
  return (value) => {
    if (check.Check(value)) return value;
    throw firstError(check, value);
  };
}

/** The validators of fastify's routes. In paths and queries everything is text, so there numbers are converted. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = TypeCompiler.Compile(schema);
  return (raw: unknown) => {
    const value = httpPart === 'body' ? raw : Value.Convert(schema, raw);
    return check.Check(value) ? { value } : { error: firstError(check, value) };
  };
};

function firstError(check: TypeCheck<TSchema>, value: unknown): ParleyError {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new ParleyError('invalid_field', 'A JSON object is expected.', { data: { field: '' } });
  }
  const errors = firstErrors(check, value);
  // That there are too many fields, or too few, helps nobody who gave one that is wrong.
  const error = errors.find(({ path }) => path !== '') ?? errors[0];
  if (error?.path === '') return wrongNumberOfFields(error.schema);
  const field = (error?.path ?? '').slice(1).replaceAll('/', '.');
  const reason = error === undefined ? 'not valid' : explain(error.message, error.schema.description);
  return new ParleyError('invalid_field', `${field}: ${reason}.`, { data: { field } });
}

/** There may be very many. */
function firstErrors(check: TypeCheck<TSchema>, value: unknown): ValueError[] {
  const errors: ValueError[] = [];
  for (const error of check.Errors(value)) {
    errors.push(error);
    if (errors.length === ERRORS_LOOKED_AT_MAX) break;
  }
  return errors;
}

const ERRORS_LOOKED_AT_MAX = 8;

function wrongNumberOfFields(schema: TSchema): ParleyError {
  const { properties = {}, required = [] } = schema as { properties?: object; required?: readonly string[] };
  const choice = Object.keys(properties).filter((name) => !required.includes(name));
  const many = 'maxProperties' in schema ? 'exactly one' : 'at least one';
  return new ParleyError('invalid_field', `Give ${many} of ${choice.join(', ')}.`, { data: { field: '' } });
}

/** TypeBox's words; what the field is says more than the text of a pattern. */
function explain(message: string, description: string | undefined): string {
  if (message === 'Unexpected property') return 'unknown field';
  const what = description === undefined ? '' : ` (${description.replace(/\.$/, '')})`;
  if (message === 'Expected required property' || message === 'Required property') return `missing${what}`;
  if (message.startsWith('Expected string to match')) return `not in its proper form${what}`;
  return message.charAt(0).toLowerCase() + message.slice(1) + what;
}
