import type { ApiDescription, Operation } from '../../../src/api/docs/operations.ts';
import { operationsOf } from '../../../src/api/docs/operations.ts';
import type { JsonSchema } from '../../../src/api/docs/json-schema.ts';
import type { Dice } from './dice.ts';
import { damaged, oddText, valueFor } from './values.ts';
import type { Known } from './values.ts';

/** A request as it goes over the wire. */
export interface HttpInput {
  readonly method: string;
  /** Path and query, as they are: characters that HTTP forbids were escaped. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: JsonSchema;
}
type RawPaths = Record<string, Record<string, { readonly parameters?: readonly Parameter[] }>>;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'TRACE'];
const TYPES = ['application/json', 'application/json; charset=utf-8', 'text/plain', 'application/octet-stream', ''];
const ODD_HEADERS = ['x-forwarded-for', 'origin', 'range', 'last-event-id', 'if-none-match', 'expect', 'te', 'cookie'];
/** It has no end, and so no answer to wait for. */
const ENDLESS = new Set(['GET /v1/events']);

/** Makes requests that are nearly right, from the description of the API. */
export class HttpInputs {
  readonly #operations: readonly Operation[];
  readonly #paths: RawPaths;

  constructor(description: ApiDescription) {
    const all = operationsOf(description);
    this.#operations = all.filter(({ method, path }) => !ENDLESS.has(`${method} ${path}`));
    this.#paths = description.paths as unknown as RawPaths;
  }

  next(dice: Dice, known: Known, tokens: readonly string[]): HttpInput {
    const operation = dice.pick(this.#operations);
    const method = dice.oneIn(25) ? dice.pick(METHODS) : operation.method;
    return {
      method,
      path: this.#pathOf(operation, dice, known),
      headers: this.#headersOf(operation, dice, tokens),
      body: method === 'GET' || method === 'HEAD' || method === 'TRACE' ? null : bodyOf(operation, dice, known),
    };
  }

  #pathOf({ method, path }: Operation, dice: Dice, known: Known): string {
    if (dice.oneIn(60)) return `/${escaped(oddText(dice))}`;
    const parameters = this.#paths[path]?.[method.toLowerCase()]?.parameters ?? [];
    let filled = path;
    const queries: string[] = [];
    for (const { name, in: where, schema } of parameters) {
      if (where === 'query' && dice.oneIn(2)) continue;
      const value = escaped(textOf(valueFor(schema, name, dice, known)));
      if (where === 'path') filled = filled.replace(`{${name}}`, value);
      else queries.push(`${name}=${value}`);
    }
    if (dice.oneIn(20)) queries.push(`${escaped(oddText(dice))}=1`);
    const whole = queries.length === 0 ? filled : `${filled}?${queries.join('&')}`;
    return dice.oneIn(40) ? damaged(whole, dice).replaceAll(/[^!-~]/g, escaped) : whole;
  }

  #headersOf({ body, contentType }: Operation, dice: Dice, tokens: readonly string[]): Record<string, string> {
    const headers: Record<string, string> = {};
    if (!dice.oneIn(20)) {
      const token = dice.pick(tokens);
      headers['authorization'] = dice.oneIn(15) ? latin(damaged(`Bearer ${token}`, dice)) : `Bearer ${token}`;
    }
    if (body !== undefined) headers['content-type'] = dice.oneIn(20) ? dice.pick(TYPES) : (contentType ?? TYPES[0]!);
    if (dice.oneIn(10)) headers['idempotency-key'] = latin(oddText(dice));
    if (dice.oneIn(15)) headers[dice.pick(ODD_HEADERS)] = latin(oddText(dice));
    return headers;
  }
}

function bodyOf({ body, contentType }: Operation, dice: Dice, known: Known): string | null {
  if (body === undefined) return dice.oneIn(10) ? '{}' : null;
  if (contentType === 'application/octet-stream') return dice.text('ab\u0080', dice.below(2_000));
  const json = JSON.stringify(valueFor(body, '', dice, known));
  return dice.oneIn(12) ? damaged(json, dice) : json;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
/** Half a surrogate pair cannot be escaped. */
const escaped = (text: string): string => encodeURIComponent(text.replaceAll(/[\ud800-\udfff]/g, '?'));
/** What Node lets out as the value of a header. */
const latin = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').trim();
