import type { JsonSchema } from '../../src/api/docs/json-schema.ts';
import type { GoodRequest } from './route-case.ts';

/** A request that has to be refused, with one of these codes, and a word about the field where one is to blame. */
export interface WrongRequest {
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  /** Null: none is sent. */
  readonly token?: string | null;
  readonly codes: readonly string[];
  readonly field?: string;
}

interface Described {
  readonly path: string;
  readonly body: JsonSchema | undefined;
  readonly contentType: string | undefined;
  readonly queries: readonly { readonly name: string; readonly schema: JsonSchema }[];
}

const STRANGE_FIELD = 'fieldThatNobodyKnows';
const NO_PARAMETER = '!';

/** All that is wrong with a body, path or query in itself, made from the description of the route. */
export function wrongRequests(route: Described, good: GoodRequest): WrongRequest[] {
  return [...wrongBodies(route, good), ...wrongParameters(route, good), ...wrongQueries(route, good)];
}

function wrongBodies({ body, contentType }: Described, { path, json }: GoodRequest): WrongRequest[] {
  if (body === undefined) return [];
  const type = contentType ?? 'application/json';
  if (json === undefined) {
    return [
      { what: 'another content type', path, body: 'x', contentType: 'text/html', codes: ['unsupported_media_type'] },
    ];
  }
  const withBody = (what: string, value: unknown, field: string): WrongRequest => ({
    what,
    path,
    body: JSON.stringify(value),
    contentType: type,
    codes: ['invalid_field'],
    field,
  });
  const wrong: WrongRequest[] = [
    { what: 'no JSON', path, body: '{"', contentType: type, codes: ['malformed_json'] },
    { what: 'another content type', path, body: '{}', contentType: 'text/html', codes: ['unsupported_media_type'] },
    withBody('an array', [], ''),
  ];
  if (body.additionalProperties === false) {
    wrong.push(withBody('an unknown field', { ...json, [STRANGE_FIELD]: 1 }, STRANGE_FIELD));
  }
  for (const name of body.required ?? []) {
    const { [name]: _gone, ...rest } = json as Record<string, unknown>;
    wrong.push(withBody(`without ${name}`, rest, name));
  }
  for (const name of Object.keys(body.properties ?? {})) {
    if (!Object.hasOwn(json, name)) continue;
    wrong.push(withBody(`${name} of another type`, { ...json, [name]: { no: 'such thing' } }, name));
  }
  return wrong;
}

/** Each part of the path that is a parameter, as none can be. */
function wrongParameters(route: Described, { path, json, bytes }: GoodRequest): WrongRequest[] {
  const [bare = '', query = ''] = path.split('?');
  const parts = bare.split('/');
  return route.path.split('/').flatMap((part, place) => {
    if (!part.startsWith('{')) return [];
    const changed = parts.with(place, NO_PARAMETER).join('/');
    return [
      {
        what: `no ${part}`,
        path: query === '' ? changed : `${changed}?${query}`,
        ...bodyOf(json, bytes),
        codes: ['invalid_field'],
        field: part.slice(1, -1),
      },
    ];
  });
}

function wrongQueries({ queries }: Described, { path, json, bytes }: GoodRequest): WrongRequest[] {
  if (queries.length === 0) return [];
  const more = (name: string, value: string): string => {
    const [bare = '', query = ''] = path.split('?');
    const given = new URLSearchParams(query);
    given.set(name, value);
    return `${bare}?${given.toString()}`;
  };
  const wrong = [STRANGE_FIELD, ...queries.filter(({ schema }) => isParticular(schema)).map(({ name }) => name)];
  return wrong.map((name) => ({
    what: `?${name}=`,
    path: more(name, '!'),
    ...bodyOf(json, bytes),
    codes: ['invalid_field'],
    field: name,
  }));
}

/** Whether not every text will do. */
function isParticular({ type, pattern, anyOf }: JsonSchema): boolean {
  return type === 'integer' || type === 'number' || type === 'boolean' || anyOf !== undefined || isNarrow(pattern);
}

const isNarrow = (pattern: string | undefined): boolean => pattern !== undefined && !new RegExp(pattern).test('!');

export function bodyOf(
  json: object | undefined,
  bytes: Uint8Array | undefined,
): { body?: string | Uint8Array; contentType?: string } {
  if (bytes !== undefined) return { body: bytes, contentType: 'application/octet-stream' };
  return json === undefined ? {} : { body: JSON.stringify(json), contentType: 'application/json' };
}
